//! How servers are spoken to: clear text, TLS with its ways to trust, HTTP/2, and the whoami server itself.

use crate::support::backend::{CERTIFICATE, STRANGER};
use crate::support::{Backend, Gateway, Manifests, Whoami, Wire, http2, object, ports, route, secret};

const NAMED: &str = "serverName: backend.example";

/// Two routes of one service: with the transport, and with the default one.
fn secure(backend: &Backend, transport: &str) -> Manifests {
    let transport = object("ServersTransport", "t", transport);
    route("with").rule("Host(`a.example`)").to(backend).by("{scheme: https, serversTransport: t}") + transport
}

#[tokio::test]
async fn servers_may_speak_tls() {
    let backend = Backend::tls().await;
    let gateway = Gateway::start(secure(&backend, "insecureSkipVerify: true")).await;
    let seen = gateway.get("a.example", "/x").await.echoed();
    assert_eq!(seen.start, "GET /x HTTP/1.1");
    seen.assert_header("Host", "a.example").assert_header("X-Forwarded-Proto", "http");
    assert_eq!(backend.connections(), 1);
}

#[tokio::test]
async fn a_certificate_must_be_of_a_known_authority() {
    let backend = Backend::tls().await;
    let known = format!("{{{NAMED}, rootCAs: [{{secret: ca}}]}}");
    let gateway = Gateway::start(secure(&backend, &known) + secret("ca", "tls.ca", CERTIFICATE)).await;
    gateway.get("a.example", "/").await.echoed().assert_header("X-Sni", "backend.example");
    let gateway = Gateway::start(secure(&backend, &known) + secret("ca", "ca.crt", STRANGER)).await;
    gateway.get("a.example", "/").await.assert_status(502).assert_body("Bad Gateway");
    // Nobody vouches for it: not the system either.
    let gateway = Gateway::start(secure(&backend, &format!("{{{NAMED}}}"))).await;
    gateway.get("a.example", "/").await.assert_status(502).assert_body("Bad Gateway");
}

#[tokio::test]
async fn a_certificate_must_be_for_the_name() {
    let backend = Backend::tls().await;
    let other = "{serverName: other.example, rootCAs: [{secret: ca}]}";
    let gateway = Gateway::start(secure(&backend, other) + secret("ca", "tls.ca", CERTIFICATE)).await;
    gateway.get("a.example", "/").await.assert_status(502);
}

#[tokio::test]
async fn a_certificate_may_be_for_the_address() {
    let backend = Backend::tls().await;
    let gateway =
        Gateway::start(secure(&backend, "rootCAs: [{secret: ca}]") + secret("ca", "tls.ca", CERTIFICATE)).await;
    gateway.get("a.example", "/").await.assert_status(200);
}

#[tokio::test]
async fn transports_dont_share_connections() {
    // One skips the check: the other must not profit from its connection.
    let backend = Backend::tls().await;
    let gateway = Gateway::start(
        secure(&backend, "insecureSkipVerify: true")
            + route("strict")
                .rule("Host(`strict.example`)")
                .to(&backend)
                .by("{scheme: https, serversTransport: strict}")
            + object("ServersTransport", "strict", NAMED),
    )
    .await;
    gateway.get("a.example", "/").await.assert_status(200);
    gateway.get("strict.example", "/").await.assert_status(502);
    gateway.get("a.example", "/").await.assert_status(200);
}

#[tokio::test]
async fn h2c_servers_are_spoken_to_in_http2() {
    let backend = http2::backend().await;
    let gateway = Gateway::start(route("r").to(&backend).by("scheme: h2c")).await;
    let mut client: Wire = gateway.connect().await;
    for _ in 0..3 {
        let reply = client.ask("POST /x?y=1 HTTP/1.1\nHost: a.example\nContent-Length: 4\n\nbody").await;
        reply.assert_status(200).assert_header("x-backend", "h2");
        assert!(reply.text().ends_with("\r\nbody"), "{reply:?}");
    }
    let seen = backend.last();
    assert!(seen.start.starts_with("POST http://a.example/x?y=1 HTTP/2"), "{seen:?}");
    seen.assert_no_header("host").assert_no_header("connection").assert_header("x-forwarded-host", "a.example");
    assert_eq!(backend.connections(), 1, "requests share a connection");
}

#[tokio::test]
async fn an_h2c_server_that_has_its_own_host() {
    let backend = http2::backend().await;
    let gateway = Gateway::start(route("r").to(&backend).by("{scheme: h2c, passHostHeader: false}")).await;
    gateway.get("a.example", "/").await.assert_status(200);
    let seen = backend.last();
    assert!(seen.start.starts_with(&format!("GET http://{}/ HTTP/2", backend.address)), "{seen:?}");
}

#[tokio::test]
async fn whoami_answers() {
    let whoami = Whoami::start("one", ports::free()).await;
    let gateway = Gateway::start(route("r").rule("Host(`whoami.example`)").to(&whoami.backend)).await;
    let reply = gateway.get("whoami.example", "/x?y=1").await;
    let text = reply.assert_status(200).text();
    for line in [
        "Name: one",
        "GET /x?y=1 HTTP/1.1",
        "Host: whoami.example",
        "X-Forwarded-For: 127.0.0.1",
        "X-Real-Ip: 127.0.0.1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line:?} is not in:\n{text}");
    }
}
