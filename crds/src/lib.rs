//! Traefik's custom resources, typed: what the API server stores and manifests hold.
//! A leaf: knows nobody. Objects are decoded into these types, translation reads them; the filters' configuration
//! is made of the same types.

#[cfg(test)]
mod tests;

mod columns;
pub mod crd;
pub mod duration;
pub mod ingress_route;
pub mod ingress_route_tcp;
pub mod ingress_route_udp;
pub mod middleware;
pub mod middleware_tcp;
pub mod reference;
pub mod secret;
pub mod servers_transport;
pub mod servers_transport_tcp;
pub mod service;
pub mod status;
pub mod tls_option;
pub mod tls_store;
pub mod traefik_service;

pub use crd::yaml;
pub use ingress_route::{IngressRoute, IngressRouteSpec};
pub use ingress_route_tcp::{IngressRouteTCP, IngressRouteTCPSpec};
pub use ingress_route_udp::{IngressRouteUDP, IngressRouteUDPSpec};
pub use middleware::{Middleware, MiddlewareSpec};
pub use middleware_tcp::{MiddlewareTCP, MiddlewareTCPSpec};
pub use servers_transport::{ServersTransport, ServersTransportSpec};
pub use servers_transport_tcp::{ServersTransportTCP, ServersTransportTCPSpec};
pub use status::{RouteStatus, Status};
pub use tls_option::{TLSOption, TLSOptionSpec};
pub use tls_store::{TLSStore, TLSStoreSpec};
pub use traefik_service::{TraefikService, TraefikServiceSpec};

/// Whether a field says no more than its absence would; such fields are not written.
pub(crate) fn absent<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What the API server takes for a duration, in the fields where Traefik's CRDs check it.
pub(crate) const DURATION: &str = "^([0-9]+(ns|us|µs|ms|s|m|h)?)+$";

/// What the API server takes for HTTP status codes and ranges of them: `500`, `500-599`.
pub(crate) const STATUS: &str = "^([1-5][0-9]{2}[,-]?)+$";
