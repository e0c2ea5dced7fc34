//! `contentType`: responses without a type get the one that their bodies look like, and stream as before.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use crate::support::protocol::{BOTH, Protocol};
use crate::support::{Backend, Gate, Gateway, Manifests, Message, Wire, http2, middleware, route, within};

/// A host for each way: alone, in a chain, switched off, and without the middleware.
const HOSTS: [&str; 5] = ["alone", "chained", "compressed", "off", "none"];

fn objects(backend: &Backend) -> Manifests {
    let to = |host: &str, names: &[&str]| route(host).rule(&format!("Host(`{host}`)")).middlewares(names).to(backend);
    to("alone", &["detect"])
        + to("chained", &["chain"])
        + to("compressed", &["compress", "detect"])
        + to("off", &["off"])
        + route("none").rule("Host(`none`)").to(backend)
        + middleware("detect", "contentType: {}")
        + middleware("off", "contentType: {autoDetect: false}")
        + middleware("compress", "compress: {minResponseBodyBytes: 1, encodings: [gzip]}")
        + middleware("headers", "headers: {customResponseHeaders: {X-Seen: here}}")
        + middleware("chain", "chain: {middlewares: [{name: headers}, {name: detect}, {name: headers}]}")
}

/// Whether types are found out for a host.
fn detects(host: &str) -> bool {
    host != "off" && host != "none"
}

#[tokio::test]
async fn a_type_is_found_for_what_has_none() {
    let chunks = |pieces: &[&str]| {
        let chunks: String = pieces.iter().map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len())).collect();
        format!("Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
    };
    let whole = |body: &str| format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let nul = "\0".repeat(600);
    let late = format!("{}<html>", " ".repeat(512));
    for (reply, found, body) in [
        (whole("<!doctype html><p>"), Some("text/html; charset=utf-8"), "<!doctype html><p>"),
        (whole("{\"a\": 1}"), Some("text/plain; charset=utf-8"), "{\"a\": 1}"),
        (whole("<?xml version='1.0'?><a/>"), Some("text/xml; charset=utf-8"), "<?xml version='1.0'?><a/>"),
        (whole("GIF89a..."), Some("image/gif"), "GIF89a..."),
        (whole("%PDF-1.7"), Some("application/pdf"), "%PDF-1.7"),
        (whole(&nul), Some("application/octet-stream"), &nul),
        // Only the first 512 bytes are looked at.
        (whole(&late), Some("text/plain; charset=utf-8"), &late),
        (chunks(&["<html>"]), Some("text/html; charset=utf-8"), "<html>"),
        // What comes at once is looked at together.
        (chunks(&["<", "ht", "ml>", "text"]), Some("text/html; charset=utf-8"), "<html>text"),
        (format!("Content-Type: a/b\r\n{}", whole("<html>")), Some("a/b"), "<html>"),
        (format!("Content-Type:\r\n{}", whole("<html>")), Some(""), "<html>"),
        (format!("Content-Encoding: br\r\n{}", whole("<html>")), None, "<html>"),
        (whole(""), None, ""),
        (chunks(&[]), None, ""),
    ] {
        let given = reply.contains("Content-Type");
        let answer = format!("HTTP/1.1 200 OK\r\n{reply}");
        let backend = Backend::answering(move |_| answer.clone()).await;
        let gateway = Gateway::start(objects(&backend)).await;
        for protocol in BOTH {
            for host in HOSTS {
                let answer = protocol.get(&gateway, host, "/").await;
                let expected = found.filter(|_| given || detects(host));
                assert_eq!(answer.header("Content-Type"), expected, "{protocol:?} {host} {reply:?}");
                answer.assert_status(200).assert_body(body);
                assert_eq!(answer.headers_named("X-Seen").len(), usize::from(host == "chained"));
                let length = reply.contains("Content-Length").then(|| body.len().to_string());
                if length.is_some() {
                    assert_eq!(answer.header("Content-Length").map(str::to_owned), length, "{host}");
                }
                let head = protocol.ask(&gateway, "HEAD", host, "/", &[], "").await;
                assert_eq!(head.header("Content-Type"), found.filter(|_| given), "HEAD: {host} {reply:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_compressed_further_out_is_looked_at_before() {
    let backend = Backend::replying("HTTP/1.1 200 OK\nContent-Length: 6\n\n<html>").await;
    let gateway = Gateway::start(objects(&backend)).await;
    for protocol in BOTH {
        let headers = [("Accept-Encoding", "gzip")];
        let reply = protocol.ask(&gateway, "GET", "compressed", "/", &headers, "").await;
        reply.assert_header("Content-Encoding", "gzip").assert_header("Content-Type", "text/html; charset=utf-8");
        assert_eq!(reply.body[..2], [0x1F, 0x8B]);
    }
}

#[tokio::test]
async fn answers_without_a_body_have_no_type() {
    for status in ["204 No Content", "304 Not Modified"] {
        let backend = Backend::replying(&format!("HTTP/1.1 {status}\nETag: x\n\n")).await;
        let gateway = Gateway::start(objects(&backend)).await;
        for protocol in BOTH {
            for host in HOSTS {
                let reply = protocol.get(&gateway, host, "/").await;
                assert_eq!(reply.status().to_string(), status[..3], "{host}");
                reply.assert_no_header("Content-Type").assert_header("ETag", "x").assert_body("");
            }
        }
    }
}

#[tokio::test]
async fn the_head_comes_with_the_first_bytes_and_the_rest_as_it_comes() {
    let gate = Gate::new();
    let at_gate = gate.clone();
    let backend = Backend::serving(move |mut wire, _| {
        let gate = at_gate.clone();
        async move {
            while wire.request().await?.is_some() {
                wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
                gate.pass().await;
                wire.send("6\r\n<html>\r\n").await?;
                gate.pass().await;
                wire.send("4\r\nmore\r\n").await?;
                gate.pass().await;
                wire.send("0\r\n\r\n").await?;
            }
            Ok(())
        }
    })
    .await;
    let gateway = Gateway::start(objects(&backend)).await;
    for host in ["alone", "chained"] {
        let mut client = gateway.connect().await;
        client.say(&format!("GET / HTTP/1.1\nHost: {host}\n\n")).await.unwrap();
        gate.arrived().await;
        gate.open();
        // The body goes on only when its beginning is here.
        let head = client.head().await.unwrap().unwrap();
        head.assert_header("Content-Type", "text/html; charset=utf-8");
        assert_eq!(client.chunk().await.unwrap().unwrap(), "<html>");
        gate.arrived().await;
        gate.open();
        assert_eq!(client.chunk().await.unwrap().unwrap(), "more");
        gate.arrived().await;
        gate.open();
        assert_eq!(client.chunk().await.unwrap(), None);

        let client = http2::connect(&gateway).await;
        let (response, _) = http2::send(&client, Request::get(format!("http://{host}/")), true).await;
        gate.arrived().await;
        gate.open();
        let response = within("the head", response).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        let mut body = response.into_body();
        for piece in ["<html>", "more"] {
            assert_eq!(within("a piece", body.data()).await.unwrap().unwrap(), piece);
            gate.arrived().await;
            gate.open();
        }
        while let Some(rest) = within("the end", body.data()).await {
            assert_eq!(rest.unwrap(), "");
        }
    }
}

#[tokio::test]
async fn large_bodies_and_bodies_of_requests_pass_whole() {
    let body: String = (0..200_000).map(|i| format!("{i} ")).collect();
    let expected = body.clone();
    let backend = Backend::answering(move |request: &Message| {
        format!("HTTP/1.1 200 OK\r\nX-Read: {}\r\nContent-Length: {}\r\n\r\n{body}", request.body.len(), body.len())
    })
    .await;
    let gateway = Gateway::start(objects(&backend)).await;
    for protocol in BOTH {
        for host in ["alone", "chained"] {
            let reply = protocol.ask(&gateway, "POST", host, "/", &[], &"x".repeat(100_000)).await;
            reply.assert_header("X-Read", "100000").assert_header("Content-Type", "text/plain; charset=utf-8");
            assert!(reply.text() == expected, "{protocol:?} {host}: {} bytes", reply.body.len());
        }
    }
}

#[tokio::test]
async fn answers_of_the_gateway_have_a_type_too() {
    let cut = Backend::serving(|mut wire, _| async move {
        wire.request().await?;
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n").await
    })
    .await;
    let down = Backend::down();
    let guarded = |host: &str| route(host).rule(&format!("Host(`{host}`)"));
    let gateway = Gateway::start(
        objects(&down)
            + guarded("cut").middlewares(&["detect"]).to(&cut)
            + guarded("limited").middlewares(&["detect", "limit"]).to(&down)
            + middleware("limit", "inFlightReq: {amount: 0}"),
    )
    .await;
    for protocol in BOTH {
        // Nothing is sent of a body that breaks off before it began.
        for (host, status, body) in
            [("alone", 502, "Bad Gateway"), ("cut", 502, "Bad Gateway"), ("limited", 429, "max connections reached: 0")]
        {
            let reply = protocol.get(&gateway, host, "/").await;
            reply.assert_status(status).assert_body(body).assert_header("Content-Type", "text/plain; charset=utf-8");
        }
        protocol.get(&gateway, "none", "/").await.assert_status(502).assert_no_header("Content-Type");
    }
}

#[tokio::test]
async fn trailers_and_other_protocols_pass() {
    let trailers = Backend::accepting(|tcp, _| async move {
        let mut connection = h2::server::handshake(tcp).await.map_err(std::io::Error::other)?;
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let mut send = respond.send_response(Response::new(()), false).unwrap();
            send.send_data(Bytes::from_static(b"<html>"), false).unwrap();
            let trailers = [(http::HeaderName::from_static("x-end"), "here".parse().unwrap())];
            send.send_trailers(trailers.into_iter().collect()).unwrap();
        }
        Ok(())
    })
    .await;
    let upgraded = Backend::serving(|mut wire: Wire, _| async move {
        wire.head().await?;
        // As a server with a network between: see docs/differences.md.
        tokio::time::sleep(Duration::from_millis(20)).await;
        wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n").await?;
        let hello = wire.bytes(5).await?;
        wire.send(hello).await
    })
    .await;
    let gateway = Gateway::start(
        route("h2c").rule("Host(`h2c`)").middlewares(&["detect"]).to(&trailers).by("scheme: h2c")
            + route("upgraded").rule("Host(`upgraded`)").middlewares(&["detect"]).to(&upgraded)
            + middleware("detect", "contentType: {}"),
    )
    .await;
    let client = http2::connect(&gateway).await;
    let reply = http2::get(&client, "http://h2c/").await;
    assert_eq!(reply.head.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!((reply.body.as_slice(), reply.trailers.unwrap()["x-end"].as_bytes()), (&b"<html>"[..], &b"here"[..]));
    Protocol::Http1.get(&gateway, "h2c", "/").await.assert_body("<html>");

    let mut client = gateway.connect().await;
    client.say("GET / HTTP/1.1\nHost: upgraded\nConnection: Upgrade\nUpgrade: echo\n\n").await.unwrap();
    client.head().await.unwrap().unwrap().assert_status(101).assert_no_header("Content-Type");
    client.send("hello").await.unwrap();
    assert_eq!(client.bytes(5).await.unwrap(), "hello");
}
