//! The dynamic configuration: plain data, between translation and routing, whose JSON is Traefik's.
//! Nothing here does IO or knows where the data came from, except for [`Origins`], which errors point back to.

pub mod http;
pub mod tcp;
pub mod tls;
pub mod udp;

use std::collections::BTreeMap;

pub use ingora_crds::secret::Secret;
use serde::Serialize;

use crate::diagnostic::ObjectRef;

/// Everything that the custom resources ask for. `http`, `tcp`, `udp` and `tls` are always present in JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Configuration {
    /// HTTP routers, services, middlewares and transports.
    pub http: http::HttpConfiguration,
    /// TCP routers, services, middlewares and transports.
    pub tcp: tcp::TcpConfiguration,
    /// UDP routers and services.
    pub udp: udp::UdpConfiguration,
    /// Certificates, TLS options and stores.
    pub tls: tls::TlsConfiguration,
    /// Which object each element was made from.
    #[serde(skip)]
    pub origins: Origins,
}

// === impl Configuration ===

impl Configuration {
    /// Gives back the memory that growing took: maps filled in order keep their nodes half empty.
    pub fn compact(&mut self) {
        fn rebuild<T>(map: &mut BTreeMap<String, T>) {
            *map = std::mem::take(map).into_iter().collect();
        }
        rebuild(&mut self.http.routers);
        rebuild(&mut self.http.services);
        self.origins.0.values_mut().for_each(rebuild);
    }
}

/// The section of the configuration that an element is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// `http.routers`
    HttpRouter,
    /// `http.services`
    HttpService,
    /// `http.middlewares`
    HttpMiddleware,
    /// `http.serversTransports`
    HttpServersTransport,
    /// `tcp.routers`
    TcpRouter,
    /// `tcp.services`
    TcpService,
    /// `tcp.middlewares`
    TcpMiddleware,
    /// `tcp.serversTransports`
    TcpServersTransport,
    /// `udp.routers`
    UdpRouter,
    /// `udp.services`
    UdpService,
    /// `tls.options`
    TlsOptions,
    /// `tls.stores`
    TlsStore,
}

/// Which object, and which field of it, each element of the configuration was made from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origins(BTreeMap<Section, BTreeMap<String, Origin>>);

/// The object and the path of the field, such as `spec.routes[0]`, that an element was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The object.
    pub object: ObjectRef,
    /// The field of it; may be empty for the whole object.
    pub path: String,
}

// === impl Origins ===

impl Origins {
    /// Notes where element `name` of `section` comes from; the last word counts.
    pub fn insert(&mut self, section: Section, name: &str, origin: Origin) {
        self.0.entry(section).or_default().insert(name.to_owned(), origin);
    }

    /// Where element `name` of `section` comes from.
    pub fn get(&self, section: Section, name: &str) -> Option<&Origin> {
        self.0.get(&section)?.get(name)
    }
}
