//! TLS with clients, prepared: certificates by name, and a context of the TLS library for each set of options.
//! Made from `dynamic` when a table is compiled; asked by `proxy` with each handshake, which parses nothing.

pub mod authorities;
mod backend;
mod certificate;
mod certificates;
pub mod client;
mod client_auth;
mod default_certificate;
mod profile;
mod suites;

pub use certificate::{KeyPair, parse};
pub use certificates::{Certificates, Choice};
pub use default_certificate::generated;
pub use profile::{Problem, Profile};
