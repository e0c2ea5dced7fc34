//! The second room: objects in, dynamic configuration and diagnostics out.
//! Pure and total: no IO, no clock, never a panic; the same objects always give the same answer.

mod class;
mod context;
mod cycles;
mod endpoints;
#[cfg(test)]
mod fixture;
mod health;
mod ingress_route;
mod ingress_route_tcp;
mod ingress_route_udp;
mod layers;
mod middleware;
mod middleware_tcp;
mod names;
mod reference;
mod secret;
mod selector;
mod servers_transport;
mod service;
mod tls;
mod traefik_service;

use crate::diagnostic::Diagnostic;
use crate::dynamic::Configuration;
use crate::objects::Snapshot;

pub use class::Filter;
pub use context::Options;

/// Translates all objects of a snapshot. Findings come sorted by object; those of the snapshot are among them.
pub fn translate(snapshot: &Snapshot, options: &Options) -> (Configuration, Vec<Diagnostic>) {
    let mut cx = context::Context::new(snapshot, options);
    // Stores first: a certificate that a store and a route name is the store's.
    tls::translate(&mut cx);
    ingress_route::translate(&mut cx);
    ingress_route_tcp::translate(&mut cx);
    ingress_route_udp::translate(&mut cx);
    middleware::translate(&mut cx);
    middleware_tcp::translate(&mut cx);
    traefik_service::translate(&mut cx);
    servers_transport::translate(&mut cx);
    cx.finish()
}
