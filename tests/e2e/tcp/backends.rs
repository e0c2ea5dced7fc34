//! Which server gets a connection, and what it is told before the client's bytes.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

use super::{all, count, echoes, name, named};
use crate::support::backend::CERTIFICATE;
use crate::support::certificates::Authority;
use crate::support::layer4::{Asker, Datagrams};
use crate::support::{Backend, Gateway, Wire, object, secret};

fn counted(pairs: &[(&str, usize)]) -> BTreeMap<String, usize> {
    pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
}

#[tokio::test]
async fn a_server_may_speak_first() {
    let backend = named("first").await;
    let gateway = Gateway::start(all("r").to(&backend)).await;
    let mut wire = gateway.connect().await;
    assert_eq!(wire.bytes(7).await.unwrap(), "first\r\n");
    echoes(&mut wire, "hello").await;
}

#[tokio::test]
async fn servers_take_turns_and_services_have_weights() {
    let [a, b, c, never] = &[named("a").await, named("b").await, named("c").await, named("never").await];
    let both = all("w").at(&[a.address, b.address]).by("weight: 3").to(c).by("weight: 1").to(never).by("weight: 0");
    let gateway = Gateway::start(both).await;
    assert_eq!(count(&gateway, 40).await, counted(&[("a", 15), ("b", 15), ("c", 10)]));
}

#[tokio::test]
async fn who_does_not_answer_is_passed_over() {
    let [a, b] = &[named("a").await, named("b").await];
    let down = Backend::down();
    let gateway = Gateway::start(all("r").at(&[a.address, down.address, b.address])).await;
    let counts = count(&gateway, 20).await;
    assert_eq!(counts["a"] + counts["b"], 20, "{counts:?}");
    // In another service of the route, too.
    gateway.change(all("r").to(&down).to(a));
    let mut counts = count(&gateway, 1).await;
    while counts.contains_key("b") {
        counts = count(&gateway, 10).await;
    }
    assert!(!counts.contains_key("closed"), "{counts:?}");
}

#[tokio::test]
async fn without_a_server_connections_are_closed_at_once() {
    let down = Backend::down();
    let gateway = Gateway::start(all("r").to(&down)).await;
    for _ in 0..3 {
        gateway.connect().await.assert_closed().await;
    }
    gateway.logs("gets no server").await;
    // And it is asked again: it may be back.
    let listener = TcpListener::bind(down.address).await.unwrap();
    let mut wire = gateway.connect().await;
    let (tcp, _) = listener.accept().await.unwrap();
    let mut server = Wire::new(tcp);
    server.send("back").await.unwrap();
    assert_eq!(wire.bytes(4).await.unwrap(), "back");
}

#[tokio::test]
async fn a_service_without_endpoints_closes() {
    let config = "providers: {manifests: {allowEmptyServices: true}}";
    let gateway = Gateway::configured(config, all("r").at(&[])).await;
    gateway.connect().await.assert_closed().await;
}

#[tokio::test]
async fn servers_that_are_names_are_looked_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = "providers: {manifests: {allowExternalNameServices: true}}";
    let objects = format!(
        "
apiVersion: v1
kind: Service
metadata: {{name: far, namespace: default}}
spec: {{type: ExternalName, externalName: localhost, ports: [{{port: {port}}}]}}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRouteTCP
metadata: {{name: r, namespace: default}}
spec:
  entryPoints: [web]
  routes: [{{match: HostSNI(`*`), services: [{{name: far, port: {port}}}]}}]
"
    );
    let gateway = Gateway::configured(config, objects.as_str()).await;
    let mut wire = gateway.connect().await;
    let mut server = Wire::new(listener.accept().await.unwrap().0);
    wire.send("hello").await.unwrap();
    assert_eq!(server.bytes(5).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_proxy_header_tells_the_client() {
    for (transport, service, version) in [
        ("proxyProtocol: {version: 1}", "serversTransport: t", 1),
        ("proxyProtocol: {version: 2}", "serversTransport: t", 2),
        ("proxyProtocol: {}", "serversTransport: t", 2),
        ("dialTimeout: 5s", "proxyProtocol: {version: 1}", 1),
        ("dialTimeout: 5s", "proxyProtocol: {}", 2),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let route = all("r").at(&[listener.local_addr().unwrap()]).by(service);
        let gateway = Gateway::start(route + object("ServersTransportTCP", "t", transport)).await;
        let tcp = TcpStream::connect(gateway.web()).await.unwrap();
        let client = tcp.local_addr().unwrap();
        let mut wire = Wire::new(tcp);
        wire.send("hello").await.unwrap();
        let mut server = Wire::new(listener.accept().await.unwrap().0);
        let (from, to) = (client.port(), gateway.web().port());
        let expected = match version {
            1 => format!("PROXY TCP4 127.0.0.1 127.0.0.1 {from} {to}\r\nhello").into_bytes(),
            _ => [
                b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01",
                &from.to_be_bytes()[..],
                &to.to_be_bytes(),
                b"hello",
            ]
            .concat(),
        };
        assert_eq!(server.bytes(expected.len()).await.unwrap(), expected, "{transport} {service}");
    }
}

/// What comes of `GET /` to a server of TLS by a route with this transport.
async fn asked_over_tls(transport: &str) -> Option<String> {
    let backend = Backend::tls().await;
    let route = all("r").to(&backend).by("{tls: true, serversTransport: t}");
    let objects = route + object("ServersTransportTCP", "t", transport) + secret("ca", "ca.crt", CERTIFICATE);
    let gateway = Gateway::start(objects).await;
    let mut wire = gateway.connect().await;
    wire.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    let reply = wire.reply().await.ok()?;
    let sni = reply.text().lines().find_map(|line| line.strip_prefix("X-Sni: ").map(str::to_owned));
    Some(sni.unwrap_or_else(|| panic!("{reply:?}")))
}

#[tokio::test]
async fn servers_of_tls_are_verified() {
    for (transport, sni) in [
        ("tls: {insecureSkipVerify: true}", Some("")),
        ("tls: {insecureSkipVerify: true, serverName: other.example}", Some("other.example")),
        ("tls: {rootCAs: [{secret: ca}], serverName: backend.example}", Some("backend.example")),
        // The certificate is for its address, too.
        ("tls: {rootCAs: [{secret: ca}]}", Some("")),
        ("tls: {rootCAs: [{secret: ca}], serverName: other.example}", None),
        ("tls: {serverName: backend.example}", None),
        ("tls: {rootCAs: [{secret: ca}], peerCertURI: 'spiffe://a'}", None),
        ("tls: {insecureSkipVerify: true, rootCAs: [{secret: ca}], peerCertURI: 'spiffe://a'}", None),
        ("tls: {rootCAs: [{secret: ca}], peerCertSANs: [{type: DNSName, value: backend.example}]}", Some("")),
        ("tls: {rootCAs: [{secret: ca}], peerCertSANs: [{type: DNSName, value: other.example}]}", None),
    ] {
        assert_eq!(asked_over_tls(transport).await.as_deref(), sni, "{transport}");
    }
}

#[tokio::test]
async fn a_changed_route_goes_on_with_its_turns() {
    let [a, b] = &[named("a").await, named("b").await];
    let both = || all("r").at(&[a.address, b.address]);
    let gateway = Gateway::start(both()).await;
    let first = name(&gateway).await;
    gateway.change(both() + all("unrelated").rule("HostSNI(`u`)").spec("tls: {}").to(a));
    assert_ne!(name(&gateway).await, first);
}

#[tokio::test]
async fn a_certificate_is_shown_to_servers_that_want_one() {
    let (authority, stranger) = (Authority::new("ca"), Authority::new("stranger"));
    let backend = Backend::tls_with(authority.wanted()).await;
    for (certificates, shown) in [("[good]", true), ("[foreign]", false), ("[gone]", false)] {
        let transport = format!("tls: {{rootCAs: [{{secret: ca}}], certificatesSecrets: {certificates}}}");
        let objects = all("r").to(&backend).by("{tls: true, serversTransport: t}")
            + object("ServersTransportTCP", "t", &transport)
            + secret("ca", "ca.crt", CERTIFICATE)
            + authority.issue(&["gateway"]).secret("good")
            + stranger.issue(&["gateway"]).secret("foreign");
        let gateway = Gateway::start(objects).await;
        let mut wire = gateway.connect().await;
        let _ = wire.say("GET / HTTP/1.1\nHost: a\n\n").await;
        let reply = wire.reply().await.ok();
        assert_eq!(reply.is_some_and(|reply| reply.text().contains("X-Client: gateway")), shown, "{certificates}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    // Its queue is full: whoever else connects waits.
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&crate::support::ports::free().into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let _waiting = TcpStream::connect(address).await.unwrap();
    let objects =
        all("r").at(&[address]).by("serversTransport: t") + object("ServersTransportTCP", "t", "dialTimeout: 300ms");
    let gateway = Gateway::start(objects).await;
    let before = std::time::Instant::now();
    gateway.connect().await.assert_closed().await;
    assert!(before.elapsed() < std::time::Duration::from_secs(10));
}

#[tokio::test]
async fn services_may_be_dialled_themselves_or_by_their_nodes() {
    let (tcp, udp) = (named("tcp").await, Datagrams::named("udp").await);
    for (by_node, by_name) in [(false, false), (false, true), (true, false), (true, true)] {
        let (kind, lb) = if by_node { ("NodePort", "nodePortLB") } else { ("ClusterIP", "nativeLB") };
        let objects = |name: &str, protocol: &str, address: SocketAddr| {
            // What is dialled is the Service's own address and port, or a node's.
            let (ip, node_port) = (address.ip(), address.port());
            let port = if by_node { 80 } else { node_port };
            let wanted = if by_name { "main".to_owned() } else { port.to_string() };
            let rule = if protocol == "TCP" { "match: HostSNI(`*`)," } else { "" };
            format!(
                "---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default}}
spec: {{type: {kind}, clusterIP: {ip}, ports: [{{name: main, port: {port}, nodePort: {node_port}, protocol: {protocol}}}]}}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute{protocol}
metadata: {{name: r, namespace: default}}
spec: {{entryPoints: [{name}], routes: [{{{rule} services: [{{name: {name}, port: {wanted}, {lb}: true}}]}}]}}
---
apiVersion: v1
kind: Node
metadata: {{name: {name}}}
status: {{addresses: [{{type: InternalIP, address: {ip}}}]}}
"
            )
        };
        let config = "entryPoints: {raw: {}, datagrams: {address: /udp}}";
        for (name, protocol, address) in [("raw", "TCP", tcp.address), ("datagrams", "UDP", udp.address)] {
            let gateway = Gateway::configured(config, objects(name, protocol, address).as_str()).await;
            let said = match protocol {
                "TCP" => Wire::connect(gateway.address(name)).await.bytes(5).await.unwrap().to_vec(),
                _ => Asker::of(gateway.address(name)).await.ask("hello").await.server.into_bytes(),
            };
            assert!(said == b"tcp\r\n" || said == b"udp", "{lb}, {protocol}, by name: {by_name}: {said:?}");
        }
    }
}
