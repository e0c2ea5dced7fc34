//! ingora: Traefik's custom resources on Pingora's engine.
//!
//! Data flows one way: `objects` → `translate` → `dynamic` ← `routing` ← `proxy`; `control` ties them together.

pub mod diagnostic;
pub mod dynamic;
pub mod objects;
pub mod rule;
