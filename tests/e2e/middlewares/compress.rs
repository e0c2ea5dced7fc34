//! `compress`: in all encodings, over both protocols; streams stay streams, and what is better let alone is let alone.

use std::io::Read;
use std::time::Duration;

use http::Request;

use crate::support::http2::{self, connect, send};
use crate::support::protocol::BOTH;
use crate::support::{Backend, Gate, Gateway, Message, Wire, middleware, route, within};

const LONG: usize = 300_000;

fn text(length: usize) -> String {
    (0..).flat_map(|n: u32| format!("line {n}\n").into_bytes()).take(length).map(char::from).collect()
}

fn decode(encoding: Option<&str>, body: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    match encoding {
        Some("gzip") => flate2::read::GzDecoder::new(body).read_to_end(&mut decoded).unwrap(),
        Some("br") => brotli::Decompressor::new(body, 4096).read_to_end(&mut decoded).unwrap(),
        Some("zstd") => zstd::stream::read::Decoder::new(body).unwrap().read_to_end(&mut decoded).unwrap(),
        Some(other) => panic!("{other}"),
        None => return body.to_vec(),
    };
    decoded
}

/// Answers `/<bytes>` with a body of that many bytes and a length, `/chunked/<bytes>` without one.
async fn backend() -> Backend {
    Backend::answering(|request| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: \"1\"\r\n";
        let path = request.target().trim_start_matches('/');
        match path.strip_prefix("chunked/") {
            Some(length) => {
                let text = text(length.parse().unwrap());
                let half = text.len() / 2;
                let (a, b) = text.split_at(half);
                let chunk = |part: &str| format!("{:x}\r\n{part}\r\n", part.len());
                format!("{head}Transfer-Encoding: chunked\r\n\r\n{}{}0\r\n\r\n", chunk(a), chunk(b))
            }
            None => {
                let text = text(path.parse().unwrap());
                format!("{head}Content-Length: {}\r\n\r\n{text}", text.len())
            }
        }
    })
    .await
}

async fn gateway(backend: &Backend) -> Gateway {
    Gateway::start(route("r").middlewares(&["c"]).to(backend) + middleware("c", "compress: {}")).await
}

async fn ask(wire: &mut Wire, target: &str, encoding: &str) -> Message {
    wire.ask(&format!("GET {target} HTTP/1.1\nHost: a\nAccept-Encoding: {encoding}\n\n")).await
}

#[tokio::test]
async fn bodies_come_out_as_they_went_in() {
    let backend = backend().await;
    let gateway = gateway(&backend).await;
    let mut wire = gateway.connect().await;
    let http2 = connect(&gateway).await;
    for encoding in ["gzip", "br", "zstd"] {
        for target in [format!("/{LONG}"), format!("/chunked/{LONG}"), "/1024".to_owned(), "/chunked/10".to_owned()] {
            // On one connection: where the framing is wrong the next reply isn't one.
            let reply = ask(&mut wire, &target, encoding).await;
            reply.assert_status(200).assert_header("Content-Encoding", encoding).assert_no_header("Content-Length");
            reply.assert_header("Vary", "Accept-Encoding").assert_header("ETag", "\"1\"");
            let length = target.rsplit('/').next().unwrap().parse().unwrap();
            assert_eq!(decode(Some(encoding), &reply.body), text(length).as_bytes(), "{encoding} {target}");
            assert!(length < LONG || reply.body.len() < length / 3, "{encoding} {target}: {} bytes", reply.body.len());

            let request = Request::get(format!("http://a{target}")).header("accept-encoding", encoding);
            let reply = http2::reply(send(&http2, request, true).await.0).await.unwrap();
            assert_eq!(reply.head.headers["content-encoding"], encoding);
            assert!(!reply.head.headers.contains_key("content-length"), "{reply:?}");
            assert_eq!(decode(Some(encoding), &reply.body), text(length).as_bytes(), "HTTP/2, {encoding} {target}");
        }
    }
    assert_eq!(backend.last().header("Accept-Encoding"), Some("zstd"), "the server may encode itself");
}

#[tokio::test]
async fn what_need_not_be_encoded_is_not_touched() {
    let backend = backend().await;
    let gateway = gateway(&backend).await;
    let mut wire = gateway.connect().await;
    for (target, encoding) in [("/1023", "gzip"), ("/5000", "identity"), ("/5000", "deflate"), ("/5000", "gzip;q=0")] {
        let reply = ask(&mut wire, target, encoding).await;
        reply.assert_no_header("Content-Encoding").assert_header("Content-Length", &target[1..]);
        assert_eq!(reply.text(), text(target[1..].parse().unwrap()));
    }
    wire.ask("GET /5000 HTTP/1.1\nHost: a\n\n").await.assert_no_header("Content-Encoding").assert_no_header("Vary");
    let head = wire.ask("HEAD /5000 HTTP/1.1\nHost: a\nAccept-Encoding: gzip\n\n").await;
    head.assert_no_header("Content-Encoding").assert_header("Content-Length", "5000");
}

#[tokio::test]
async fn clients_may_ask_in_any_words() {
    let backend = backend().await;
    let gateway = Gateway::start(
        route("a").rule("Host(`a`)").middlewares(&["c"]).to(&backend)
            + route("chained").rule("Host(`chained`)").middlewares(&["chain"]).to(&backend)
            + middleware("c", "compress: {}")
            + middleware("chain", "chain: {middlewares: [{name: c}]}"),
    )
    .await;
    for protocol in BOTH {
        for host in ["a", "chained"] {
            for (accepted, encoding) in [
                ("GZip", Some("gzip")),
                (" br ; q=1 ,", Some("br")),
                ("gzip;q=0.1, br;q=0.9", Some("br")),
                ("*", Some("gzip")),
                ("gzip;q=0, *", Some("br")),
                ("", None),
                (",,;;q=1", None),
                ("gzip;q=nonsense", None),
                ("gzip;q=-1", None),
                ("gzip;q=2", None),
                ("gzip;q=0", None),
                ("gzipp, x-gzip, deflate", None),
                ("identity", None),
            ] {
                let reply = protocol.ask(&gateway, "GET", host, "/3000", &[("Accept-Encoding", accepted)], "").await;
                assert_eq!(reply.header("Content-Encoding"), encoding, "{protocol:?} {host} {accepted:?}");
                assert_eq!(decode(encoding, &reply.body), text(3000).as_bytes(), "{accepted:?}");
                assert_eq!(reply.header("Vary"), encoding.map(|_| "Accept-Encoding"), "{accepted:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_old_client_gets_its_body_to_the_end() {
    let backend = backend().await;
    let gateway = gateway(&backend).await;
    for target in ["/5000", "/chunked/5000"] {
        let request = format!("GET {target} HTTP/1.0\nHost: a\nConnection: keep-alive\nAccept-Encoding: gzip\n\n");
        let reply = gateway.ask(&request).await;
        reply.assert_header("Content-Encoding", "gzip").assert_no_header("Transfer-Encoding");
        assert_eq!(decode(Some("gzip"), &reply.body), text(5000).as_bytes(), "{target}");
    }
}

#[tokio::test]
async fn events_are_seen_when_they_happen() {
    let gate = Gate::new();
    let to_backend = gate.clone();
    let backend = Backend::serving(move |mut wire, seen| {
        let gate = to_backend.clone();
        async move {
            while let Some(request) = wire.request().await? {
                seen.push(request);
                wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
                    .await?;
                for event in ["data: 1\n\n", "data: 2\n\n"] {
                    wire.send(format!("{:x}\r\n{event}\r\n", event.len())).await?;
                    gate.pass().await;
                }
                wire.send("0\r\n\r\n").await?;
            }
            Ok(())
        }
    })
    .await;
    let gateway = gateway(&backend).await;
    for encoding in ["gzip", "br", "zstd"] {
        let mut wire = gateway.connect().await;
        let request = format!("GET / HTTP/1.1\nHost: a\nAccept-Encoding: {encoding}\n\n");
        wire.say(&request).await.unwrap();
        wire.head().await.unwrap().unwrap().assert_header("Content-Encoding", encoding);
        let mut body = Vec::new();
        for seen in ["data: 1\n\n", "data: 1\n\ndata: 2\n\n"] {
            // The server waits at the gate: what comes now is all that it has said.
            gate.arrived().await;
            body.extend(wire.chunk().await.unwrap().unwrap());
            let mut decoded = vec![0; seen.len()];
            match encoding {
                "gzip" => flate2::read::GzDecoder::new(&body[..]).read_exact(&mut decoded).unwrap(),
                "br" => brotli::Decompressor::new(&body[..], 4096).read_exact(&mut decoded).unwrap(),
                _ => zstd::stream::read::Decoder::new(&body[..]).unwrap().read_exact(&mut decoded).unwrap(),
            }
            assert_eq!(decoded, seen.as_bytes(), "{encoding}");
            assert!(wire.is_silent(Duration::from_millis(20)).await);
            gate.open();
        }
        while let Some(chunk) = wire.chunk().await.unwrap() {
            body.extend(chunk);
        }
        assert_eq!(decode(Some(encoding), &body), b"data: 1\n\ndata: 2\n\n", "{encoding}");
    }

    // HTTP/2.
    let http2 = connect(&gateway).await;
    let request = Request::get("http://a/").header("accept-encoding", "gzip");
    let response = within("a head", send(&http2, request, true).await.0).await.unwrap();
    let mut stream = response.into_body();
    let mut body = within("the first event", stream.data()).await.unwrap().unwrap().to_vec();
    gate.arrived().await;
    let mut decoded = [0; 9];
    flate2::read::GzDecoder::new(&body[..]).read_exact(&mut decoded).unwrap();
    assert_eq!(&decoded, b"data: 1\n\n");
    gate.open();
    gate.open();
    while let Some(data) = within("the rest", stream.data()).await {
        body.extend(data.unwrap());
    }
    assert_eq!(decode(Some("gzip"), &body), b"data: 1\n\ndata: 2\n\n");
}

#[tokio::test]
async fn bodies_of_http2_servers_end_though_trailers_follow() {
    let backend = http2::backend().await;
    let gateway =
        Gateway::start(route("r").middlewares(&["c"]).to(&backend).by("scheme: h2c") + middleware("c", "compress: {}"))
            .await;
    let mut wire = gateway.connect().await;
    for _ in 0..2 {
        let reply = ask(&mut wire, "/x", "gzip").await;
        let body = String::from_utf8(decode(reply.header("Content-Encoding"), &reply.body)).unwrap();
        assert!(body.starts_with("GET http://a/x HTTP/2.0"), "{body}");
    }
}

#[tokio::test]
async fn replies_of_inner_filters_are_encoded_and_those_of_outer_ones_not() {
    let backend = backend().await;
    let refuse = "ipAllowList: {sourceRange: [192.0.2.1]}";
    let gateway = Gateway::start(
        route("inner").rule("Host(`inner`)").middlewares(&["c", "refuse"]).to(&backend)
            + route("outer").rule("Host(`outer`)").middlewares(&["refuse", "c"]).to(&backend)
            + middleware("c", "compress: {minResponseBodyBytes: 1}")
            + middleware("refuse", refuse),
    )
    .await;
    let mut wire = gateway.connect().await;
    for (host, encoding) in [("inner", Some("gzip")), ("outer", None)] {
        let reply = wire.ask(&format!("GET /1 HTTP/1.1\nHost: {host}\nAccept-Encoding: gzip\n\n")).await;
        reply.assert_status(403);
        assert_eq!(reply.header("Content-Encoding"), encoding, "{host}");
        assert_eq!(decode(encoding, &reply.body), b"Forbidden", "{host}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_mistaken_for_a_whole_one() {
    let backend = Backend::serving(|mut wire, _| async move {
        wire.request().await?;
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n{}", text(4000))).await
    })
    .await;
    let gateway = gateway(&backend).await;
    let mut wire = gateway.connect().await;
    wire.say("GET / HTTP/1.1\nHost: a\nAccept-Encoding: gzip\n\n").await.unwrap();
    let reply = wire.reply().await;
    assert!(reply.is_err(), "{reply:?}");
}
