//! The TCP and UDP examples of the Traefik v2.3 document, with servers: the manifests of `tests/document`, served.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;

use tokio::net::TcpStream;

use super::tls::handshake;
use super::{named, named_at};
use crate::support::layer4::{Asker, Datagrams};
use crate::support::{Gateway, Wire};

/// Settings of such a cluster, and an entry point for each that the examples name.
const CONFIG: &str = "
entryPoints: {footcp: {}, foo: {}, tcpep: {}, fooudp: {address: /udp}}
providers: {manifests: {allowCrossNamespace: true, allowExternalNameServices: true}}
";

/// All objects of an example.
fn example(name: &str, replaced: &[(&str, String)]) -> String {
    objects(&format!("tests/document/{name}"), replaced)
}

fn objects(name: &str, replaced: &[(&str, String)]) -> String {
    let directory = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(directory).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let mut text = files.collect::<Vec<_>>().join("\n---\n");
    for (from, to) in replaced {
        assert!(text.contains(from), "{name}: {from}");
        text = text.replace(from, to);
    }
    text
}

async fn said(mut wire: Wire) -> String {
    let line = wire.bytes(5).await.unwrap();
    String::from_utf8_lossy(&line).trim_end().to_owned()
}

#[tokio::test]
async fn tcp_routes_are_served() {
    let [one, two] = &[named("one").await, named("two").await];
    let first = [("10.42.0.1", one.address.ip().to_string()), ("8080", one.address.port().to_string())];
    let second = [("10.42.0.2", two.address.ip().to_string()), ("8081", two.address.port().to_string())];
    for (name, replaced, servers) in [
        ("ingressroutetcp-attributes", first.to_vec(), &["one"][..]),
        ("declaring-an-ingressroutetcp", [&first[..], &second[..]].concat(), &["one", "two"]),
    ] {
        let gateway = Gateway::configured(CONFIG, example(name, &replaced).as_str()).await;
        let mut found = BTreeSet::new();
        for _ in 0..4 {
            let tcp = TcpStream::connect(gateway.address("footcp")).await.unwrap();
            found.insert(said(handshake(tcp, "a.example.net", &[]).await.unwrap().0).await);
        }
        assert_eq!(found, servers.iter().map(|s| (*s).to_owned()).collect(), "{name}");
    }
}

#[tokio::test]
async fn external_names_are_served() {
    let server = named_at("far", Ipv4Addr::LOCALHOST).await;
    let replaced =
        [("external.domain", "localhost".to_owned()), ("port: 80", format!("port: {}", server.address.port()))];
    for name in [
        "external-name-of-tcp-with-the-port-on-both-sides",
        "external-name-of-tcp-with-the-port-on-the-service",
        "external-name-with-the-port-on-the-ingressroutetcp",
    ] {
        let gateway = Gateway::configured(CONFIG, example(name, &replaced).as_str()).await;
        assert_eq!(said(Wire::connect(gateway.address("foo")).await).await, "far", "{name}");
    }
}

/// Those that `ingora quickstart` serves: the document's, and what it takes to try them.
#[tokio::test]
async fn the_quickstart_has_tcp_and_udp() {
    let tcp = named_at("tcp", Ipv4Addr::LOCALHOST).await;
    let udp = Datagrams::on("udp", Ipv4Addr::LOCALHOST.into()).await;
    let port = |server: std::net::SocketAddr| format!("port: {}", server.port());
    let replaced = [
        ("port: 8083", port(tcp.address)),
        ("port: 8084", port(tcp.address)),
        ("port: 8085", port(udp.address)),
        ("port: 8086", port(udp.address)),
    ];
    let gateway = Gateway::configured(CONFIG, objects("deploy/quickstart", &replaced).as_str()).await;
    // TLS may come there, too: the client has to begin.
    let mut plain = Wire::connect(gateway.address("tcpep")).await;
    plain.send("who?\n").await.unwrap();
    assert_eq!(said(plain).await, "tcp");
    let by_tls = TcpStream::connect(gateway.address("tcpep")).await.unwrap();
    assert_eq!(said(handshake(by_tls, "bar", &[]).await.unwrap().0).await, "tcp");
    assert_eq!(Asker::of(gateway.address("fooudp")).await.ask("WHO").await.server, "udp");
}

#[tokio::test]
async fn udp_routes_are_served() {
    let [one, two] = &[Datagrams::named("one").await, Datagrams::named("two").await];
    let at = |ip: &'static str, server: &Datagrams| (ip, server.address.ip().to_string());
    let on = |port: &'static str, server: &Datagrams| (port, server.address.port().to_string());
    // Both share a port there.
    let twin = Datagrams::beside(one, "twin").await;
    for (name, replaced, servers) in [
        ("ingressrouteudp-attributes", vec![at("10.42.0.1", one), on("8080", one)], &["one"][..]),
        (
            "declaring-an-ingressrouteudp",
            vec![at("10.42.0.1", one), on("8080", one), at("10.42.0.2", two), on("8081", two)],
            &["one", "two"],
        ),
        ("deploying-whoami", vec![at("10.42.0.5", one), at("10.42.0.6", &twin), on("8080", one)], &["one", "twin"]),
    ] {
        let gateway = Gateway::configured(CONFIG, example(name, &replaced).as_str()).await;
        let mut found = BTreeSet::new();
        for _ in 0..4 {
            found.insert(Asker::of(gateway.address("fooudp")).await.ask("WHO").await.server);
        }
        assert_eq!(found, servers.iter().map(|s| (*s).to_owned()).collect(), "{name}");
    }
}
