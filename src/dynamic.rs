//! The dynamic configuration: plain data, between translation and routing, whose JSON is Traefik's.
//! Nothing here does IO or knows where the data came from, except for [`Origins`], which errors point back to.

mod element;
pub mod http;
mod named;
pub mod tcp;
pub mod tls;
pub mod udp;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use ingora_crds::secret::Secret;
use serde::Serialize;

pub use self::element::Element;
pub use self::named::Named;
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
    /// `tls.certificates`
    Certificate,
}

/// Which object, and which field of it, each element of the configuration was made from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origins(BTreeMap<Section, Named<Origin>>);

/// The object and the path of the field, such as `spec.routes[0]`, that an element was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The object.
    pub object: Arc<ObjectRef>,
    /// The field of it; may be empty for the whole object.
    pub path: String,
}

// === impl Origins ===

impl Origins {
    /// Notes where element `name` of `section` comes from; the last word counts.
    pub fn insert(&mut self, section: Section, name: impl Into<Arc<str>>, origin: impl Into<Arc<Origin>>) {
        self.0.entry(section).or_default().insert(name, origin);
    }

    /// Forgets where element `name` of `section` comes from.
    pub fn remove(&mut self, section: Section, name: &str) {
        let Some(origins) = self.0.get_mut(&section) else { return };
        origins.remove(name);
        if origins.is_empty() {
            self.0.remove(&section);
        }
    }

    /// Where element `name` of `section` comes from.
    pub fn get(&self, section: Section, name: &str) -> Option<&Origin> {
        self.0.get(&section)?.get(name)
    }

    /// The same, to be kept.
    pub fn get_shared(&self, section: Section, name: &str) -> Option<&Arc<Origin>> {
        self.0.get(&section)?.get_shared(name)
    }

    /// Where the elements of a section come from; `None` where there is none.
    pub fn of(&self, section: Section) -> Option<&Named<Origin>> {
        self.0.get(&section)
    }
}
