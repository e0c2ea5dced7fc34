//! The routing table: the dynamic configuration compiled for requests, immutable, swapped in one step.
//! Between `dynamic`, which it reads, and `proxy`, which asks it; does no IO.

pub mod compile;
pub mod connections;
pub mod explain;
mod filters;
pub mod index;
mod services;
pub mod table;
mod tls;

pub use compile::{Settings, compile};
pub use connections::{Connections, TlsRoute};
pub use table::{Disabled, Internal, Route, Routes, Table, Target, TcpRoute};
