//! `passTLSClientCert`: clients with a certificate and without one, over TLS in both versions of HTTP.

use std::pin::Pin;

use http::Request;
use pingora::tls::ssl::{SslConnector, SslFiletype, SslMethod, SslVerifyMode};
use pingora::tls::tokio_ssl::SslStream;
use tokio::net::TcpStream;

use crate::support::backend::CERTIFICATE;
use crate::support::manifests::service;
use crate::support::{Backend, Gateway, Manifests, Wire, http2, middleware, object, within};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/certificates");

/// A TLS connection to `web`, which shows `backend.crt` or nothing.
async fn connect(gateway: &Gateway, certificate: bool, protocol: &[u8]) -> SslStream<TcpStream> {
    let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    connector.set_alpn_protos(protocol).unwrap();
    if certificate {
        connector.set_certificate_file(format!("{DIRECTORY}/backend.crt"), SslFiletype::PEM).unwrap();
        connector.set_private_key_file(format!("{DIRECTORY}/backend.key"), SslFiletype::PEM).unwrap();
    }
    let settings = connector.build().configure().unwrap();
    let tcp = within("a connection", TcpStream::connect(gateway.web())).await.unwrap();
    let mut tls = SslStream::new(settings.into_ssl("a.example").unwrap(), tcp).unwrap();
    within("TLS", Pin::new(&mut tls).connect()).await.unwrap();
    tls
}

fn objects(backend: &Backend) -> Manifests {
    let route = "{routes: [{match: Host(`a.example`), kind: Rule, middlewares: [{name: pass}], \
                 services: [{name: s, port: 80}]}], tls: {options: {name: ask}}}";
    object("IngressRoute", "r", route)
        + service("s", &[backend])
        + object("TLSOption", "ask", "clientAuth: {clientAuthType: RequestClientCert}")
        + middleware(
            "pass",
            "passTLSClientCert: {pem: true, info: {subject: {commonName: true}, sans: true, notAfter: true}}",
        )
}

#[tokio::test]
async fn the_server_sees_the_certificate() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(objects(&backend)).await;
    let base64: String = CERTIFICATE.lines().filter(|line| !line.starts_with("-----")).collect();
    let info = "Subject%3D%22CN%3Dbackend.example%22%3BNA%3D%224949047289%22%3BSAN%3D%22backend.example%2C127.0.0.1%22";

    let mut client = Wire::new(connect(&gateway, true, b"\x08http/1.1").await);
    for _ in 0..2 {
        client.ask("GET / HTTP/1.1\nHost: a.example\n\n").await.assert_status(200);
        let seen = backend.last();
        seen.assert_header("X-Forwarded-Tls-Client-Cert", &base64);
        seen.assert_header("X-Forwarded-Tls-Client-Cert-Info", info);
    }

    let tls = connect(&gateway, true, b"\x02h2").await;
    let (client, connection) = within("HTTP/2", h2::client::handshake(tls)).await.unwrap();
    tokio::spawn(connection);
    let (response, _) = http2::send(&client, Request::get("https://a.example/"), true).await;
    assert_eq!(http2::reply(response).await.unwrap().head.status, 200);
    backend.last().assert_header("X-Forwarded-Tls-Client-Cert", &base64);
}

#[tokio::test]
async fn without_a_certificate_nothing_is_told_nor_believed() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(objects(&backend)).await;
    let mut client = Wire::new(connect(&gateway, false, b"\x08http/1.1").await);
    client.ask("GET / HTTP/1.1\nHost: a.example\nX-Forwarded-Tls-Client-Cert: eve\n\n").await.assert_status(200);
    backend.last().assert_no_header("X-Forwarded-Tls-Client-Cert").assert_no_header("X-Forwarded-Tls-Client-Cert-Info");
}
