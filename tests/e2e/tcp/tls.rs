//! TCP routes by server name: passed through with the server's own certificate, or terminated.

use std::pin::Pin;
use std::time::Duration;

use pingora::tls::ssl::{Ssl, SslConnector, SslMethod, SslVerifyMode, SslVersion};
use pingora::tls::tokio_ssl::SslStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{all, echoes, named};
use crate::support::certificates::{Authority, EXPIRED, Key};
use crate::support::tls::Tls;
use crate::support::{Backend, Gateway, Wire, object, route, within};

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

/// A server that answers when its client has said all, and a gateway to it.
async fn answering_at_the_end() -> (Backend, Gateway) {
    let backend = Backend::serving(|mut wire, _| async move {
        let question = wire.rest().await?;
        wire.send([b"you said ", &question[..]].concat()).await
    })
    .await;
    let route = all("t").rule("HostSNI(`a.example`)").spec("tls: {}").to(&backend).by("terminationDelay: 20000");
    (backend, Gateway::start(route).await)
}

#[tokio::test]
async fn half_closed_connections_work_through_tls() {
    let (_backend, gateway) = answering_at_the_end().await;
    let (wire, _) = connect(&gateway, "a.example", &[]).await.unwrap();
    let mut stream = wire.into_stream();
    stream.write_all(b"hello").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    within("the answer", stream.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer, b"you said hello");
}

#[tokio::test]
async fn a_client_that_ends_without_a_farewell_hears_the_answer() {
    let (_backend, gateway) = answering_at_the_end().await;
    let tcp = TcpStream::connect(gateway.web()).await.unwrap();
    let mut tls = SslStream::new(client("a.example", &[]), tcp).unwrap();
    within("a handshake", Pin::new(&mut tls).connect()).await.unwrap();
    tls.write_all(b"hello").await.unwrap();
    tls.flush().await.unwrap();
    tls.get_mut().shutdown().await.unwrap();
    let mut answer = vec![0; 14];
    within("the answer", tls.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, b"you said hello");
}

#[tokio::test]
async fn a_hello_in_pieces_is_passed_on_as_it_came() {
    let backend = Backend::serving(|mut wire, _| async move {
        let hello = wire.bytes(300).await?;
        wire.send(hello).await
    })
    .await;
    let passed = all("p").rule("HostSNI(`pass.example`)").spec("tls: {passthrough: true}").to(&backend);
    let gateway = Gateway::start(passed).await;
    // What a client would send first.
    let (end, mut other_end) = tokio::io::duplex(1 << 16);
    let connecting = tokio::spawn(async move {
        let mut tls = SslStream::new(client("pass.example", &["h2"]), end).unwrap();
        Pin::new(&mut tls).connect().await
    });
    let mut hello = vec![0; 1 << 16];
    let length = other_end.read(&mut hello).await.unwrap();
    hello.truncate(length);
    connecting.abort();
    assert!(length > 300, "{length}");
    let mut tcp = TcpStream::connect(gateway.web()).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    for piece in hello.chunks(length / 7) {
        tcp.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut back = vec![0; 300];
    within("the echo", tcp.read_exact(&mut back)).await.unwrap();
    assert_eq!(back, hello[..300]);
}

#[tokio::test]
async fn options_count_for_tcp_routes() {
    let authority = Authority::new("ca");
    let backend = named("tcp").await;
    let tls = |name: &str| {
        let settings = format!("tls: {{secretName: site, options: {{name: {name}}}}}");
        all(name).rule(&format!("HostSNI(`{name}.example`)")).spec(&settings).to(&backend)
    };
    let objects = tls("old")
        + tls("asking")
        + tls("broken")
        + tls("gone")
        + all("any").rule("HostSNI(`*`)").spec("tls: {}").to(&backend)
        + object("TLSOption", "old", "{maxVersion: VersionTLS12}")
        + object(
            "TLSOption",
            "asking",
            "{clientAuth: {secretNames: [ca], clientAuthType: RequireAndVerifyClientCert}}",
        )
        + object("TLSOption", "broken", "{minVersion: VersionTLS99}")
        + authority.secret("ca")
        + authority.issue(&["old.example", "asking.example"]).secret("site");
    let gateway = Gateway::start(objects).await;
    let says_its_name = async |client: Tls, name: &str| {
        let client = client.connect(gateway.web()).await?;
        let mut wire = client.wire();
        let said = wire.bytes(5).await.map_err(|e| e.to_string())?;
        assert_eq!(said, "tcp\r\n", "{name}");
        Ok::<_, String>(())
    };
    let old = Tls::to("old.example").connect(gateway.web()).await.unwrap();
    assert_eq!((old.version(), old.subject().as_str()), ("TLSv1.2", "old.example"));
    says_its_name(Tls::to("old.example"), "old").await.unwrap();
    let refused = Tls::to("old.example").version(SslVersion::TLS1_3).connect(gateway.web()).await.err().unwrap();
    assert!(refused.contains("protocol version"), "{refused}");
    let good = authority.issue(&["client"]);
    says_its_name(Tls::to("asking.example").identity(&good), "asking").await.unwrap();
    let stranger = Authority::new("stranger").issue(&["client"]);
    let expired = authority.issue_with(&["client"], Key::Ecdsa, EXPIRED);
    for (client, alert) in [
        (Tls::to("asking.example"), "certificate required"),
        (Tls::to("asking.example").identity(&stranger), "unknown ca"),
        (Tls::to("asking.example").identity(&expired), "certificate expired"),
    ] {
        // OpenSSL's words; BoringSSL's are the same in capitals.
        let refused = says_its_name(client, "asking").await.unwrap_err().to_lowercase().replace('_', " ");
        assert!(refused.contains(alert), "{refused}, not {alert}");
    }
    // Options that can't be used close, and their names don't fall to the route for every name.
    for name in ["broken.example", "gone.example"] {
        let closed = Tls::to(name).connect(gateway.web()).await.err().unwrap();
        assert!(!closed.contains("alert"), "{name}: {closed}");
    }
    says_its_name(Tls::to("any.example"), "any").await.unwrap();
}

#[tokio::test]
async fn slow_servers_get_all_of_a_large_question() {
    const MUCH: usize = 24 << 20;
    let question = || (0..MUCH).map(|i| (i % 251) as u8).collect::<Vec<u8>>();
    async fn listen(stream: impl crate::support::wire::Duplex + 'static) -> std::io::Result<()> {
        let mut wire = Wire::new(stream);
        // Until the process can't write any more.
        tokio::time::sleep(Duration::from_millis(500)).await;
        for part in (0..MUCH).map(|i| (i % 251) as u8).collect::<Vec<u8>>().chunks(MUCH / 16) {
            assert!(wire.bytes(part.len()).await? == part);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        wire.send("heard").await
    }
    let clear = Backend::accepting(|tcp, _| listen(tcp)).await;
    let secure = Backend::handshaking(|_| {}, |tls, _| listen(tls)).await;
    let objects = all("clear").rule("HostSNI(`clear.example`)").spec("tls: {}").to(&clear)
        + all("secure")
            .rule("HostSNI(`secure.example`)")
            .spec("tls: {}")
            .to(&secure)
            .by("{tls: true, serversTransport: t}")
        + object("ServersTransportTCP", "t", "tls: {insecureSkipVerify: true}");
    let gateway = Gateway::start(objects).await;
    for name in ["clear.example", "secure.example"] {
        let (mut wire, _) = connect(&gateway, name, &[]).await.unwrap();
        wire.send(question()).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(wire.bytes(5).await.unwrap_or_else(|e| panic!("{name}: {e}")), "heard");
    }
}

#[tokio::test]
async fn much_goes_both_ways_at_once_through_tls() {
    async fn echo(stream: impl crate::support::wire::Duplex + 'static) -> std::io::Result<()> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        tokio::io::copy(&mut reader, &mut writer).await?;
        writer.shutdown().await
    }
    let clear = Backend::accepting(|tcp, _| echo(tcp)).await;
    let secure = Backend::handshaking(|_| {}, |tls, _| echo(tls)).await;
    let to = |name: &str, backend: &Backend, by: &str| {
        all(name).rule(&format!("HostSNI(`{name}.example`)")).spec("tls: {}").to(backend).by(by)
    };
    let objects = to("clear", &clear, "terminationDelay: 20000")
        + to("secure", &secure, "{tls: true, serversTransport: t}")
        + object("ServersTransportTCP", "t", "{terminationDelay: 20s, tls: {insecureSkipVerify: true}}");
    let gateway = Gateway::start(objects).await;
    let sent: Vec<u8> = (0..8 << 20).map(|i| (i % 251) as u8).collect();
    for name in ["clear.example", "secure.example"] {
        let (wire, _) = connect(&gateway, name, &[]).await.unwrap();
        let (mut reader, mut writer) = tokio::io::split(wire.into_stream());
        let mut heard = Vec::new();
        let sending = async {
            writer.write_all(&sent).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let both = async { tokio::join!(sending, reader.read_to_end(&mut heard)) };
        within("the end", both).await.1.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(heard == sent, "{name}: {} of {} bytes", heard.len(), sent.len());
    }
}
