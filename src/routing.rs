//! The routing table: the dynamic configuration compiled for requests, immutable, swapped in one step.
//! Between `dynamic`, which it reads, and `proxy`, which asks it; does no IO.

pub mod admission;
pub mod compile;
pub mod connections;
pub mod explain;
mod filters;
pub mod index;
mod layer4;
mod services;
pub mod table;
pub mod tcp_routes;
mod tls;

pub use admission::{Admission, Permit};
pub use compile::{Settings, compile};
pub use connections::{Connections, TlsRoute};
pub use table::{Disabled, Internal, Route, Routes, Table, Target, TcpRoute, TcpTarget, UdpRoute};
pub use tcp_routes::TcpRoutes;
