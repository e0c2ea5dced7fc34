//! The integration tests, in one binary: linking Pingora takes longer than most of them run.
//! `e2e` starts the real binary and talks to it over sockets; `support` is what its tests are written with.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod e2e;
mod support;
