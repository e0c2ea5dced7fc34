//! Handshakes with one certificate, and with ten thousand.

use crate::figures::knob;
use crate::handshakes::load;
use crate::peers::Peer;
use crate::support::certificates::Authority;
use crate::support::{Backend, Manifests, object, route};
use crate::table::compare;

pub async fn run() {
    let server = Peer::server().await;
    let many = knob("CERTIFICATES", 10_000);
    let authority = Authority::new("bench");
    let manifests = |count: usize| {
        let all: String = (0..count)
            .map(|n| {
                let host = if n == count / 2 { "bench.example".to_owned() } else { format!("r{n}.example") };
                let route =
                    route(&format!("r{n}")).rule(&format!("Host(`{host}`)")).tls(&format!("{{secretName: s{n}}}"));
                (route.to_service("server") + authority.issue(&[&host]).secret(&format!("s{n}"))).0
            })
            .collect();
        Manifests(all) + crate::support::manifests::service("server", &[&Backend::at(server.address)])
    };
    let peers = [
        Peer::ingora("ingora, 1 certificate", "{}", manifests(1)).await,
        Peer::ingora("ingora, many", "{}", manifests(many)).await,
    ];
    let title = format!("full handshakes with one certificate and with {many}");
    compare(&title, ("handshake", 1e6, "us"), &peers, |address| load(address, "bench.example")).await;
}
