//! What a load costs: handshakes, HTTP/2, TCP passed through and datagrams beside nginx and HAProxy; and beside less of the
//! same: 10,000 certificates, 10,000 endpoints, changes, a slow server, filters. `make bench-load` builds a release and runs it; it ends by itself.
//!
//! ROUNDS=3          rounds; every round starts with another proxy, ratios are taken within a round, medians are told
//! SECONDS=4         seconds of load in a round
//! PARTS='handshakes http2 tcp udp certificates services filters'
//! CERTIFICATES=10000
//! INGORA_BINARY     the binary; set by make
//!
//! Each proxy has one thread and CPU 0 for itself; clients and servers have CPU 1. The figure to trust is the processor
//! time of the proxy's process.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, dead_code, unused_imports)]

#[path = "../../tests"]
mod tests {
    pub(crate) mod support;
}

mod certificates;
mod figures;
mod filters;
mod handshakes;
mod http;
mod http2;
mod peers;
mod services;
mod table;
mod tcp;
mod udp;

pub(crate) use tests::support;

use std::time::Duration;

use figures::knob;
use peers::pin;

const PARTS: &str = "handshakes http2 tcp udp certificates services filters";

fn main() {
    // `cargo test --benches` has nothing to test here.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    pin(std::process::id(), 1);
    // One thread: a second one would only take the first one's place on CPU 1.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let parts = std::env::var("PARTS").unwrap_or_else(|_| PARTS.to_owned());
        for part in parts.split_whitespace() {
            match part {
                "handshakes" => handshakes::run().await,
                "http2" => http2::run().await,
                "tcp" => tcp::run().await,
                "udp" => udp::run().await,
                "certificates" => certificates::run().await,
                "services" => services::run().await,
                "filters" => filters::run().await,
                other => panic!("PARTS: {other}: choose of {PARTS}"),
            }
        }
    });
}

fn seconds() -> Duration {
    Duration::from_secs(knob("SECONDS", 4) as u64)
}
