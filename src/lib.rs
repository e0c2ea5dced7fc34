//! ingora: Traefik's custom resources on Pingora's engine.
//!
//! Data flows one way: `objects` → `translate` → `dynamic` ← `routing` ← `proxy`; `control` ties them together.

pub mod balance;
pub mod cli;
pub mod config;
pub mod control;
pub mod diagnostic;
pub mod dynamic;
pub mod feedback;
pub mod objects;
pub mod observe;
pub mod persistent;
pub mod proxy;
pub mod routing;
pub mod rule;
pub mod tls;
pub mod translate;
