//! An element of the configuration whatever its section, for those who put them together from pieces.

use std::sync::Arc;

use super::{Configuration, Origin, Section, http, tcp, tls, udp};

macro_rules! elements {
    ($($section:ident($type:ty) in $($field:ident).+;)+) => {
        /// An element, shared with the configurations that it is in.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs)] // The variants are the sections.
        pub enum Element {
            $($section(Arc<$type>),)+
        }

        impl Element {
            /// Where it belongs.
            pub fn section(&self) -> Section {
                match self {
                    $(Element::$section(_) => Section::$section,)+
                }
            }

            /// Whether both are the same copy.
            pub fn same(&self, other: &Self) -> bool {
                match (self, other) {
                    $((Element::$section(a), Element::$section(b)) => Arc::ptr_eq(a, b),)+
                    _ => false,
                }
            }
        }

        impl Configuration {
            /// An element by its name.
            pub fn element(&self, section: Section, name: &str) -> Option<Element> {
                Some(match section {
                    $(Section::$section => Element::$section(self.$($field).+.get_shared(name)?.clone()),)+
                })
            }

            /// All elements with their names, by section and name.
            pub fn elements(&self) -> impl Iterator<Item = (&Arc<str>, Element)> {
                std::iter::empty()
                    $(.chain(self.$($field).+.iter_shared().map(|(name, e)| (name, Element::$section(e.clone())))))+
            }

            /// Puts an element in, with what it was made from.
            pub fn insert(&mut self, name: &Arc<str>, element: Element, origin: Arc<Origin>) {
                self.origins.insert(element.section(), name.clone(), origin);
                match element {
                    $(Element::$section(element) => drop(self.$($field).+.insert(name.clone(), element)),)+
                }
            }

            /// Takes an element out.
            pub fn remove(&mut self, section: Section, name: &str) {
                self.origins.remove(section, name);
                match section {
                    $(Section::$section => drop(self.$($field).+.remove(name)),)+
                }
            }
        }
    };
}

// In the order of `Section`.
elements! {
    HttpRouter(http::Router) in http.routers;
    HttpService(http::Service) in http.services;
    HttpMiddleware(http::Middleware) in http.middlewares;
    HttpServersTransport(http::ServersTransport) in http.servers_transports;
    TcpRouter(tcp::TcpRouter) in tcp.routers;
    TcpService(tcp::TcpService) in tcp.services;
    TcpMiddleware(tcp::TcpMiddleware) in tcp.middlewares;
    TcpServersTransport(tcp::TcpServersTransport) in tcp.servers_transports;
    UdpRouter(udp::UdpRouter) in udp.routers;
    UdpService(udp::UdpService) in udp.services;
    TlsOptions(tls::TlsOptions) in tls.options;
    TlsStore(tls::TlsStore) in tls.stores;
    Certificate(tls::CertAndStores) in tls.certificates;
}
