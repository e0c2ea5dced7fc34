//! The first bytes of connections: in pieces, slow, broken, behind a balancer that speaks the PROXY protocol.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;

use crate::support::tls::Tls;
use crate::support::{Backend, Gateway, Wire, http2, route, within};

/// A connection whose first record, the ClientHello, leaves as many small ones, and every byte on its own.
async fn in_pieces(address: SocketAddr, size: usize) -> DuplexStream {
    let tcp = TcpStream::connect(address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let (mine, theirs) = tokio::io::duplex(1 << 16);
    let (mut from_client, mut to_client) = tokio::io::split(theirs);
    let (mut from_server, mut to_server) = tcp.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    tokio::spawn(async move {
        let mut bytes = vec![0; 1 << 16];
        let mut first = true;
        while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
            let mut sent = bytes[..length].to_vec();
            if std::mem::take(&mut first) {
                assert_eq!(sent[0], 22);
                let record = |part: &[u8]| [&[22, 3, 1, 0, u8::try_from(part.len()).unwrap()], part].concat();
                sent = sent[5..].chunks(size).flat_map(record).collect();
            }
            for byte in sent {
                if to_server.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
        }
    });
    mine
}

async fn secure(config: &str, backend: &Backend) -> Gateway {
    let objects = route("secure").entry_point("websecure").rule("Host(`a.example`)").tls("{}").to(backend)
        + route("plain").entry_point("web").rule("Host(`a.example`)").to(backend);
    Gateway::configured(config, objects).await
}

#[tokio::test]
async fn a_hello_in_pieces_is_a_hello() {
    let backend = Backend::echo().await;
    let gateway = secure("{entryPoints: {websecure: {}}}", &backend).await;
    for records in [7, 100, 255] {
        let pieces = in_pieces(gateway.address("websecure"), records).await;
        let client = Tls::to("a.example").alpn(&["http/1.1"]).over(pieces).await.unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(client.get("a.example", "/").await, Ok(200), "records of {records}");
    }
}

#[tokio::test]
async fn slow_and_broken_hellos_are_ended() {
    let backend = Backend::echo().await;
    let config = "entryPoints: {websecure: {transport: {respondingTimeouts: {readTimeout: 1s}}}}";
    let gateway = secure(config, &backend).await;
    let address = gateway.address("websecure");
    // Nothing, the beginning of a record, half a hello, half a PostgreSQL request, half a request.
    let half = [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[7; 99]].concat();
    for opening in [&b""[..], b"\x16", &half, b"\0\0\0\x08", b"GET / HTT"] {
        let mut wire = Wire::connect(address).await;
        wire.send(opening).await.unwrap();
        let start = Instant::now();
        wire.assert_closed().await;
        let taken = start.elapsed();
        assert!((Duration::from_millis(700)..Duration::from_secs(6)).contains(&taken), "{opening:?}: {taken:?}");
    }
    // A whole hello, and then no more: the handshake has a limit too.
    let tcp = TcpStream::connect(address).await.unwrap();
    let (mine, mut theirs) = tokio::io::duplex(1 << 16);
    let handshake = tokio::spawn(Tls::to("a.example").over(mine));
    let mut hello = vec![0; 1 << 16];
    let length = within("a hello", theirs.read(&mut hello)).await.unwrap();
    let mut wire = Wire::new(tcp);
    wire.send(&hello[..length]).await.unwrap();
    let answer = wire.rest().await.unwrap();
    assert_eq!(answer.first(), Some(&22), "{answer:?}");
    handshake.abort();

    for garbage in [&b"\x16\x03\x01\x00\x05hello"[..], b"\x16\x03\x01\xff\xff", b"\x16\x03\x03\x00\x04\x02\x00\x00\x00"]
    {
        let mut wire = Wire::connect(address).await;
        wire.send(garbage).await.unwrap();
        let answer = wire.rest().await.unwrap();
        assert_eq!(answer.first(), Some(&21), "an alert for {garbage:?}, not {answer:?}");
    }
    // And it serves on.
    let client = Tls::to("a.example").connect(address).await.unwrap();
    assert_eq!(client.get("a.example", "/").await, Ok(200));
}

#[tokio::test]
async fn a_huge_hello_is_a_hello_and_one_without_end_is_none() {
    let backend = Backend::echo().await;
    let config = "entryPoints: {websecure: {transport: {respondingTimeouts: {readTimeout: 2s}}}}";
    let gateway = secure(config, &backend).await;
    let address = gateway.address("websecure");
    // BoringSSL takes no message above 16 KiB.
    let count = if cfg!(feature = "boringssl") { 60 } else { 200 };
    let names: Vec<String> = (0..count).map(|n| format!("{n:0>250}")).collect();
    let mut offered: Vec<&str> = names.iter().map(String::as_str).collect();
    offered.push("http/1.1");
    let client = Tls::to("a.example").alpn(&offered).connect(address).await.unwrap();
    assert_eq!(client.alpn().as_deref(), Some("http/1.1"));
    assert_eq!(client.get("a.example", "/").await, Ok(200));

    // Longer than any may be, whether it says so or not.
    let announced = [&b"\x16\x03\x01\x40\x00\x01\xff\xff\xff"[..], &[3; 16_380]].concat();
    let record = [&b"\x16\x03\x01\x40\x00"[..], &[1; 16_384]].concat();
    let tiny = [&b"\x16\x03\x01\x00\x04\x01\x00\xff\xff"[..], &b"\x16\x03\x01\x00\x01x".repeat(14_000)].concat();
    for endless in [announced, record.repeat(5), tiny] {
        let mut wire = Wire::connect(address).await;
        // It may be closed before all is sent.
        let _ = wire.send(&endless).await;
        let answer = wire.rest().await.unwrap();
        assert!(answer.is_empty() || answer[0] == 21, "{answer:?}");
    }
    assert_eq!(backend.requests(), 1);
}

#[tokio::test]
async fn other_versions_of_records_are_refused_or_no_tls() {
    let backend = Backend::echo().await;
    let config = "entryPoints: {websecure: {transport: {respondingTimeouts: {readTimeout: 1s}}}}";
    let gateway = secure(config, &backend).await;
    let address = gateway.address("websecure");
    let (mine, mut theirs) = tokio::io::duplex(1 << 16);
    let handshake = tokio::spawn(Tls::to("a.example").over(mine));
    let mut hello = vec![0; 1 << 16];
    let length = within("a hello", theirs.read(&mut hello)).await.unwrap();
    hello.truncate(length);
    handshake.abort();
    // SSL 2 has records of its own; and TLS begins with 3.
    let ssl2 = b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10\x00\x00\x2f\x00\x00\x35".to_vec();
    let changed = |major: u8, minor: u8| [&[22, major, minor], &hello[3..]].concat();
    for (opening, answers) in [
        (hello.clone(), true),
        (changed(3, 0), true),
        (changed(2, 0), false),
        (changed(4, 1), false),
        (changed(0, 0), false),
        (ssl2, false),
    ] {
        let mut wire = Wire::connect(address).await;
        wire.send(&opening).await.unwrap();
        let answer = wire.rest().await.unwrap();
        assert_eq!(answer.first() == Some(&22), answers, "{:?}: {answer:?}", &opening[..5]);
    }
    assert_eq!(Tls::to("a.example").connect(address).await.unwrap().get("a.example", "/").await, Ok(200));
}

#[tokio::test]
async fn who_leaves_in_the_middle_of_a_hello_leaves_nothing_behind() {
    let backend = Backend::echo().await;
    let gateway = secure("{entryPoints: {websecure: {}}}", &backend).await;
    let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", gateway.pid())).unwrap().count();
    let client = Tls::to("a.example").connect(gateway.address("websecure")).await.unwrap();
    assert_eq!(client.get("a.example", "/").await, Ok(200));
    let before = descriptors();
    let half = [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[7; 99]].concat();
    for opening in [&b""[..], b"\x16", &half, b"\0\0\0\x08\x04", b"PRI * HTTP/2.0\r\n"] {
        for _ in 0..20 {
            let mut wire = Wire::connect(gateway.address("websecure")).await;
            wire.send(opening).await.unwrap();
        }
    }
    let gone = async {
        // Of two, one may be open for something else.
        while descriptors() > before + 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the end of all of them", gone).await;
}

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x08\xc6\x33\x64\x01\x12\x67\x01\xbb";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn a_trusted_balancer_says_who_its_client_is() {
    let backend = Backend::echo().await;
    let config = "
entryPoints:
  web: {proxyProtocol: {trustedIPs: [127.0.0.0/8]}}
  websecure: {proxyProtocol: {insecure: true}}
  others: {proxyProtocol: {trustedIPs: [192.0.2.1]}}
  none: {}";
    let objects = route("secure").entry_point("websecure").rule("Host(`a.example`)").tls("{}").to(&backend)
        + route("plain").rule("Host(`a.example`)").to(&backend);
    let gateway = Gateway::configured(config, objects).await;
    for (header, client) in [(V1, "192.0.2.7"), (V2, "192.0.2.8"), (LOCAL, "127.0.0.1"), (b"", "127.0.0.1")] {
        // In clear text, in one piece and byte by byte.
        for pieces in [1024, 1] {
            let mut wire = Wire::connect(gateway.web()).await;
            for piece in [header, REQUEST.as_bytes()].concat().chunks(pieces) {
                wire.send(piece).await.unwrap();
            }
            assert_eq!(wire.reply().await.unwrap().status(), 200);
            let seen = backend.last();
            seen.assert_header("X-Forwarded-For", client).assert_header("X-Real-Ip", client);
        }
        // Before TLS, HTTP/1 and HTTP/2.
        for alpn in ["http/1.1", "h2"] {
            let mut wire = Wire::connect(gateway.address("websecure")).await;
            wire.send(header).await.unwrap();
            let secure = Tls::to("a.example").alpn(&[alpn]).over(wire.into_stream()).await.unwrap();
            match alpn {
                "h2" => {
                    let client = http2::over(secure.wire()).await;
                    assert_eq!(http2::get(&client, "https://a.example/").await.head.status, 200);
                }
                _ => assert_eq!(secure.get("a.example", "/").await, Ok(200)),
            }
            backend.last().assert_header("X-Forwarded-For", client).assert_header("X-Forwarded-Proto", "https");
        }
    }
    // From others it is no header, and from nobody where it isn't asked for.
    for entry_point in ["others", "none"] {
        for header in [V1, V2] {
            let served = backend.requests();
            let mut wire = Wire::connect(gateway.address(entry_point)).await;
            wire.send([header, REQUEST.as_bytes()].concat()).await.unwrap();
            let answer = String::from_utf8_lossy(&wire.rest().await.unwrap()).into_owned();
            assert!(answer.starts_with("HTTP/1.1 400") || answer.is_empty(), "{entry_point}: {answer}");
            assert_eq!(backend.requests(), served);
        }
    }
    for broken in [&b"PROXY TCP4 nobody\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0"] {
        let mut wire = Wire::connect(gateway.web()).await;
        wire.send([broken, REQUEST.as_bytes()].concat()).await.unwrap();
        wire.assert_closed().await;
    }
}
