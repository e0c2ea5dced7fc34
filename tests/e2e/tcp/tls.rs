//! TCP routes by server name: passed through with the server's own certificate, or terminated; PostgreSQL's way of asking.

use std::pin::Pin;

use pingora::tls::ssl::{Ssl, SslConnector, SslMethod, SslVerifyMode};
use pingora::tls::tokio_ssl::SslStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{all, echoes, named};
use crate::support::{Backend, Gateway, Wire, route, within};

/// PostgreSQL's request to speak TLS.
const SSL_REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// The client's side of a handshake for a name, with protocols that it offers.
fn client(name: &str, protocols: &[&str]) -> Ssl {
    let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let offered: Vec<u8> = protocols.iter().flat_map(|p| [&[p.len() as u8][..], p.as_bytes()].concat()).collect();
    if !offered.is_empty() {
        connector.set_alpn_protos(&offered).unwrap();
    }
    let configuration = connector.build().configure().unwrap().verify_hostname(false);
    configuration.use_server_name_indication(!name.is_empty()).into_ssl(name).unwrap()
}

pub(super) async fn handshake(tcp: TcpStream, name: &str, protocols: &[&str]) -> std::io::Result<(Wire, String)> {
    let mut tls = SslStream::new(client(name, protocols), tcp).map_err(std::io::Error::other)?;
    within("a handshake", Pin::new(&mut tls).connect()).await.map_err(std::io::Error::other)?;
    let certificate = tls.ssl().peer_certificate();
    let names = certificate.and_then(|c| c.subject_alt_names()).into_iter().flatten();
    let names: Vec<String> = names.filter_map(|name| name.dnsname().map(str::to_owned)).collect();
    Ok((Wire::new(tls), names.join(",")))
}

/// A connection for a name, and the names of the certificate that was shown.
async fn connect(gateway: &Gateway, name: &str, protocols: &[&str]) -> std::io::Result<(Wire, String)> {
    handshake(TcpStream::connect(gateway.web()).await?, name, protocols).await
}

#[tokio::test]
async fn tls_is_passed_through_by_name() {
    let (tls, other) = (Backend::tls().await, named("terminated").await);
    let passed = all("p").rule("HostSNI(`pass.example`)").spec("tls: {passthrough: true}").to(&tls);
    let ended = all("t").rule("HostSNI(`*`)").spec("tls: {}").to(&other);
    let gateway = Gateway::start(passed + ended).await;

    let (mut wire, names) = connect(&gateway, "pass.example", &[]).await.unwrap();
    assert_eq!(names, "backend.example", "the server's own certificate");
    let reply = wire.ask("GET / HTTP/1.1\nHost: a\n\n").await;
    assert!(reply.text().contains("X-Sni: pass.example"), "{reply:?}");

    let (mut wire, names) = connect(&gateway, "other.example", &[]).await.unwrap();
    assert_ne!(names, "backend.example");
    assert_eq!(wire.bytes(12).await.unwrap(), "terminated\r\n");
    echoes(&mut wire, "hello").await;
}

#[tokio::test]
async fn names_and_protocols_decide() {
    let [a, wild, h2, all_others] = &[named("a").await, named("wild").await, named("h2").await, named("others").await];
    let tls = "tls: {}";
    let objects = all("a").rule("HostSNI(`a.example`)").spec(tls).to(a)
        + all("w").rule("HostSNI(`*.example`)").spec(tls).to(wild)
        + all("p").rule("HostSNI(`a.example`) && ALPN(`http/1.1`)").spec(tls).to(h2)
        + all("o").rule("HostSNIRegexp(`^.+\\.test$`)").spec(tls).to(all_others);
    let gateway = Gateway::start(objects).await;
    for (name, protocols, expected) in [
        ("a.example", &[][..], "a\r\n"),
        ("A.Example", &[], "a\r\n"),
        ("b.example", &[], "wild\r\n"),
        ("a.example", &["other", "http/1.1"], "h2\r\n"),
        ("deep.below.test", &[], "others\r\n"),
    ] {
        let (mut wire, _) = connect(&gateway, name, protocols).await.unwrap();
        assert_eq!(wire.bytes(expected.len()).await.unwrap(), expected, "{name} {protocols:?}");
    }
}

#[tokio::test]
async fn https_and_tcp_share_an_entry_point() {
    let [tcp, http] = &[named("tcp").await, Backend::named("http").await];
    let objects = all("t").rule("HostSNI(`tcp.example`)").spec("tls: {}").to(tcp)
        + route("h").rule("Host(`http.example`)").to(http)
        + "---\napiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: s, namespace: default}\nspec:\n  \
           tls: {}\n  routes:\n  - {match: Host(`http.example`), kind: Rule, services: [{name: h-0, port: 80}]}\n";
    let gateway = Gateway::start(objects).await;
    let (mut wire, _) = connect(&gateway, "http.example", &["http/1.1"]).await.unwrap();
    assert_eq!(wire.ask("GET / HTTP/1.1\nHost: http.example\n\n").await.backend(), "http");
    let (mut wire, _) = connect(&gateway, "tcp.example", &[]).await.unwrap();
    assert_eq!(wire.bytes(5).await.unwrap(), "tcp\r\n");
    // In clear text beside it.
    assert_eq!(gateway.get("http.example", "/").await.backend(), "http");
}

#[tokio::test]
async fn half_closed_connections_work_through_tls() {
    let backend = Backend::serving(|mut wire, _| async move {
        let question = wire.rest().await?;
        wire.send([b"you said ", &question[..]].concat()).await
    })
    .await;
    let route = all("t").rule("HostSNI(`a.example`)").spec("tls: {}").to(&backend).by("terminationDelay: 20000");
    let gateway = Gateway::start(route).await;
    let (wire, _) = connect(&gateway, "a.example", &[]).await.unwrap();
    let mut stream = wire.into_stream();
    stream.write_all(b"hello").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    within("the answer", stream.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer, b"you said hello");
}

/// As PostgreSQL's client does: asks for TLS, and begins with it when it is told `S`.
async fn postgres(gateway: &Gateway, name: &str) -> (Wire, String) {
    let mut tcp = TcpStream::connect(gateway.web()).await.unwrap();
    tcp.write_all(SSL_REQUEST).await.unwrap();
    assert_eq!(within("an answer", tcp.read_u8()).await.unwrap(), b'S');
    handshake(tcp, name, &[]).await.unwrap()
}

#[tokio::test]
async fn postgres_is_served_in_its_own_way() {
    // Its side of the protocol: asked for TLS, it says yes.
    let tls = Backend::tls().await;
    let inner = tls.address;
    let server = Backend::accepting(move |mut tcp, _| async move {
        let mut request = [0; 8];
        tcp.read_exact(&mut request).await?;
        assert_eq!(request, SSL_REQUEST);
        tcp.write_all(b"S").await?;
        let mut tls = TcpStream::connect(inner).await?;
        tokio::io::copy_bidirectional(&mut tcp, &mut tls).await.map(drop)
    })
    .await;
    let plain = named("plain").await;
    let objects = all("p").rule("HostSNI(`pass.example`)").spec("tls: {passthrough: true}").to(&server)
        + all("t").rule("HostSNI(`end.example`)").spec("tls: {}").to(&plain);
    let gateway = Gateway::start(objects).await;

    let (mut wire, names) = postgres(&gateway, "pass.example").await;
    assert_eq!(names, "backend.example");
    wire.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(200);

    let (mut wire, _) = postgres(&gateway, "end.example").await;
    assert_eq!(wire.bytes(7).await.unwrap(), "plain\r\n");
}
