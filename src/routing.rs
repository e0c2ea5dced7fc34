//! The routing table: the dynamic configuration compiled for requests, immutable, swapped in one step.
//! Between `dynamic`, which it reads, and `proxy`, which asks it; does no IO.

pub mod compile;
pub mod explain;
mod filters;
pub mod index;
mod services;
pub mod table;

pub use compile::{Settings, compile};
pub use table::{Disabled, Internal, Route, Routes, Table, Target, TcpRoute};
