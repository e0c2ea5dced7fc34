//! The last room: Pingora services that serve what the routing table says.
//! All TCP entry points live in one custom service, all UDP ones in another, of one Pingora `Server`.

mod another_server;
mod attempts;
mod chunks;
pub mod connection;
mod dispatch;
pub mod entry_point;
mod error;
mod forwarded;
mod framing;
mod hop_by_hop;
pub mod http;
mod http1;
mod http2;
mod internal;
pub mod life_cycle;
mod mirrors;
mod one_request;
pub mod peek;
mod request_head;
pub mod request_path;
mod tcp;
mod tls;
pub mod udp;
mod watchdog;

pub use entry_point::EntryPoints;
pub use http::Gateway;
pub use life_cycle::LifeCycle;
pub use udp::UdpEntryPoints;
