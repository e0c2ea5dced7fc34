//! The integration tests, in one binary: linking Pingora takes longer than most of them run.
//! `e2e` starts the real binary and talks to it over sockets; `support` is what its tests are written with.
//! `golden` holds what manifests amount to.
//! `layering` reads the sources and holds the directions between the rooms.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod checking;
mod e2e;
mod golden;
mod layering;
mod support;
