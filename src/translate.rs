//! The second room: objects in, dynamic configuration and diagnostics out.
//! Pure and total: no IO, no clock, never a panic; the same objects always give the same answer.

mod class;
mod context;
mod cycles;
mod endpoints;
#[cfg(test)]
mod fixture;
mod fragment;
mod health;
mod ingress_route;
mod ingress_route_tcp;
mod ingress_route_udp;
mod layers;
mod middleware;
mod middleware_tcp;
mod names;
mod reader;
mod reference;
mod secret;
mod selector;
mod servers_transport;
mod service;
mod tls;
mod traefik_service;
mod translation;
mod unit;

use crate::diagnostic::Diagnostic;
use crate::dynamic::Configuration;
use crate::objects::Snapshot;

pub use class::Filter;
pub use context::Options;
pub use translation::Translation;

/// Translates all objects of a snapshot. Findings come sorted by object; those of the snapshot are among them.
/// Who translates one snapshot after the other goes from [`Translation`] to [`Translation::next`], which gives the same.
pub fn translate(snapshot: &Snapshot, options: &Options) -> (Configuration, Vec<Diagnostic>) {
    let translation = Translation::default().next(snapshot, options);
    let diagnostics = translation.diagnostics();
    (translation.configuration().clone(), diagnostics)
}
