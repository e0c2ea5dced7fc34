//! HTTPS and TCP routes that serve TLS on one entry point: who gets a connection, by its server name.

use crate::support::tls::Tls;
use crate::support::{Backend, Gateway, Manifests, object, route, tcp};

/// What the connection for a name comes to. The server of the TCP route speaks HTTP, too, and says its name.
async fn reached(gateway: &Gateway, name: &str) -> String {
    let connection = Tls::to(name).alpn(&["http/1.1"]).connect(gateway.web()).await.unwrap();
    let mut wire = connection.wire();
    wire.say(&format!("GET / HTTP/1.1\nHost: {name}\n\n")).await.unwrap();
    let head = wire.head().await.unwrap().unwrap();
    match head.header("X-Backend") {
        Some(backend) => backend.to_owned(),
        None => head.status().to_string(),
    }
}

fn http(name: &str, rule: &str, backend: &Backend) -> Manifests {
    route(name).rule(rule).tls("{}").to(backend).into()
}

fn raw_route(name: &str, rule: &str, backend: &Backend) -> Manifests {
    tcp(name).rule(rule).spec("{entryPoints: [web], tls: {}}").to(backend).into()
}

#[tokio::test]
async fn names_go_before_what_is_for_every_name_and_https_before_tcp() {
    let (web, tcp) = (Backend::named("web").await, Backend::named("tcp").await);
    let https_a = || http("a", "Host(`a.example`)", &web);
    for (objects, expected) in [
        (https_a() + raw_route("t", "HostSNI(`a.example`)", &tcp), [("a.example", "web"), ("b.example", "404")]),
        (
            http("any", "Host(`*`)", &web) + raw_route("t", "HostSNI(`a.example`)", &tcp),
            [("a.example", "tcp"), ("b.example", "web")],
        ),
        (
            http("any", "PathPrefix(`/`)", &web) + raw_route("t", "HostSNI(`a.example`)", &tcp),
            [("a.example", "tcp"), ("b.example", "web")],
        ),
        (
            http("any", "Host(`*`)", &web) + raw_route("t", "HostSNI(`*`)", &tcp),
            [("a.example", "web"), ("b.example", "web")],
        ),
        (
            http("any", "PathPrefix(`/`)", &web) + raw_route("t", "HostSNI(`*`)", &tcp),
            [("a.example", "web"), ("b.example", "web")],
        ),
        (https_a() + raw_route("t", "HostSNI(`*`)", &tcp), [("a.example", "web"), ("b.example", "tcp")]),
    ] {
        let text = objects.0.clone();
        let gateway = Gateway::start(objects).await;
        for (name, backend) in expected {
            assert_eq!(reached(&gateway, name).await, backend, "{name} with\n{text}");
        }
    }
}

#[tokio::test]
async fn options_of_a_route_for_every_host_are_those_of_every_name() {
    let backend = Backend::named("web").await;
    let old = object("TLSOption", "old", "{maxVersion: VersionTLS12}");
    let any = || route("any").rule("Host(`*`)").tls("{options: {name: old}}").to(&backend);
    let gateway = Gateway::start(any() + old.clone()).await;
    for name in ["a.example", "b.example", ""] {
        let client = Tls::to(name).connect(gateway.web()).await.unwrap();
        assert_eq!(client.version(), "TLSv1.2", "{name:?}");
        assert_eq!(client.get("c.example", "/").await, Ok(200), "{name:?}");
    }
    // Another route for every name asks for others: the default ones count for both.
    let other = route("other").rule("PathPrefix(`/other`)").tls("{}").to(&backend);
    let gateway = Gateway::start(any() + other + old).await;
    for path in ["/", "/other"] {
        let client = Tls::to("a.example").connect(gateway.web()).await.unwrap();
        assert_eq!((client.version(), client.get("a.example", path).await), ("TLSv1.3", Ok(200)), "{path}");
    }
    gateway.logs("has other TLS options in").await;
}
