//! The integration tests, in one binary: linking Pingora takes longer than most of them run.
//! `e2e` starts the real binary and talks to it over sockets; `support` is what its tests are written with.
//! `cluster` does so with a real API server.
//! `golden`, `document`, `input` and `mutation` hold what manifests amount to: right, old, wrong and damaged ones;
//! `changes`, that one after the other amounts to the same.
//! `deploy` renders what clusters get, and holds its parts to each other. `layering` reads the sources and holds the
//! directions between the rooms.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod changes;
mod checking;
mod cluster;
mod deploy;
mod document;
mod e2e;
mod golden;
mod input;
mod layering;
mod mutation;
mod support;
