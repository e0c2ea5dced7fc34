//! `buffering`: whole bodies both ways, their limits, the disk, and attempts that an expression asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Request;

use crate::support::http2::{self, connect, reply, send};
use crate::support::manifests::service;
use crate::support::{Backend, Gate, Gateway, Manifests, Message, middleware, route};

fn one(backend: &Backend, options: &str) -> Manifests {
    route("r").middlewares(&["hold"]).to(backend) + middleware("hold", &format!("buffering: {{{options}}}"))
}

/// Answers with the size of the body.
async fn measuring() -> Backend {
    Backend::answering(|request| {
        let text = request.body.len().to_string();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())
    })
    .await
}

fn chunked(pieces: &[&str]) -> String {
    pieces.iter().map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len())).collect::<String>() + "0\r\n\r\n"
}

#[tokio::test]
async fn the_server_sees_nothing_before_it_can_see_all() {
    let backend = measuring().await;
    let gateway = Gateway::start(one(&backend, "memRequestBodyBytes: 10")).await;
    let mut wire = gateway.connect().await;
    wire.say("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n5\nhello\n").await.unwrap();
    // Something else is served meanwhile, so the first piece is long there.
    gateway.get("a", "/").await.assert_status(200);
    assert_eq!(backend.requests(), 1);
    let rest = "x".repeat(3_000_000);
    wire.send(chunked(&[&rest])).await.unwrap();
    wire.reply().await.unwrap().assert_body("3000005");
    backend.last().assert_header("Content-Length", "3000005").assert_no_header("Transfer-Encoding");
    assert!(backend.last().text() == format!("hello{rest}"));
    wire.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody").await.assert_body("4");
    wire.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_body("0");
    backend.last().assert_no_header("Content-Length");
}

#[tokio::test]
async fn large_bodies_are_on_disk_without_a_name() {
    let gate = Gate::new();
    let backend = Backend::behind(&gate, "done").await;
    let gateway = Gateway::start(one(&backend, "memRequestBodyBytes: 100000")).await;
    let files = || {
        let directory = format!("/proc/{}/fd", gateway.pid());
        let open =
            std::fs::read_dir(directory).unwrap().filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        open.filter(|target| target.to_string_lossy().ends_with("(deleted)")).count()
    };
    for (size, expected) in [(100_000, 0), (100_001, 1)] {
        let mut wire = gateway.connect().await;
        let body = "x".repeat(size);
        wire.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n{body}")).await.unwrap();
        gate.arrived().await;
        assert_eq!(files(), expected, "{size}");
        gate.open();
        wire.reply().await.unwrap().assert_body("done");
        assert!(backend.last().text() == body);
    }
}

#[tokio::test]
async fn what_is_too_large_goes_nowhere() {
    let backend = measuring().await;
    let gateway = Gateway::start(one(&backend, "maxRequestBodyBytes: 10, memRequestBodyBytes: 4")).await;
    let exactly = chunked(&["12345", "67890"]);
    let more = chunked(&["12345", "678901"]);
    for (framing, good) in [
        ("Content-Length: 10\r\n\r\n1234567890".to_owned(), true),
        ("Content-Length: 11\r\n\r\n12345678901".to_owned(), false),
        // It isn't even waited for.
        ("Content-Length: 99999\r\n\r\n".to_owned(), false),
        (format!("Transfer-Encoding: chunked\r\n\r\n{exactly}"), true),
        (format!("Transfer-Encoding: chunked\r\n\r\n{more}"), false),
    ] {
        let before = backend.requests();
        let mut wire = gateway.connect().await;
        wire.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}")).await.unwrap();
        let answer = wire.reply().await.unwrap();
        match good {
            true => answer.assert_status(200).assert_body("10"),
            false => answer.assert_status(413).assert_body("Request Entity Too Large"),
        };
        assert_eq!(backend.requests() - before, usize::from(good), "{framing}");
    }
    // HTTP/2.
    let client = connect(&gateway).await;
    let (response, mut body) = send(&client, Request::post("http://a/"), false).await;
    body.send_data(Bytes::from_static(b"12345678901"), true).unwrap();
    assert_eq!(reply(response).await.unwrap().head.status, 413);
}

#[tokio::test]
async fn a_client_that_sends_too_much_hears_about_it() {
    let backend = measuring().await;
    let gateway = Gateway::start(one(&backend, "maxRequestBodyBytes: 10")).await;
    let mut wire = gateway.connect().await;
    let body = "x".repeat(400_000);
    // It sends all, as most clients do, before it reads.
    let _ = wire.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n{body}")).await;
    wire.reply().await.unwrap().assert_status(413);
    assert_eq!(backend.requests(), 0);
}

#[tokio::test]
async fn responses_are_held_and_measured() {
    let backend = Backend::answering(|request| {
        let size: usize = request.target().rsplit('/').next().unwrap().parse().unwrap();
        let text = "y".repeat(size);
        match request.target().starts_with("/chunked") {
            true => format!("HTTP/1.1 200 OK\r\nX: 1\r\nTransfer-Encoding: chunked\r\n\r\n{}", chunked(&[&text])),
            false => format!("HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: {size}\r\n\r\n{text}"),
        }
    })
    .await;
    let gateway = Gateway::start(one(&backend, "maxResponseBodyBytes: 1000000, memResponseBodyBytes: 1000")).await;
    let mut wire = gateway.connect().await;
    let client = connect(&gateway).await;
    for (target, size, good) in [
        ("/1000000", 1_000_000, true),
        ("/chunked/1000000", 1_000_000, true),
        ("/chunked/7", 7, true),
        ("/1000001", 0, false),
        ("/chunked/1000001", 0, false),
        ("/7", 7, true),
    ] {
        let answer = wire.ask(&format!("GET {target} HTTP/1.1\nHost: a\n\n")).await;
        match good {
            true => {
                answer.assert_status(200).assert_header("X", "1").assert_header("Content-Length", &size.to_string())
            }
            false => answer.assert_status(500).assert_no_header("X").assert_body("Internal Server Error"),
        };
        if good {
            assert_eq!(answer.body.len(), size, "{target}");
        }
        let over_http2 = http2::get(&client, &format!("http://a{target}")).await;
        assert_eq!(over_http2.head.status.as_u16(), answer.status(), "{target}");
        assert_eq!(over_http2.body, answer.body, "{target}");
    }
    let head = wire.ask("HEAD /5 HTTP/1.1\nHost: a\n\n").await;
    head.assert_status(200).assert_header("Content-Length", "5");
}

#[tokio::test]
async fn a_response_that_breaks_off_is_none() {
    let backend = Backend::serving(|mut wire, _| async move {
        wire.request().await?;
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await
    })
    .await;
    let gateway = Gateway::start(one(&backend, "")).await;
    gateway.get("a", "/").await.assert_status(502).assert_body("Bad Gateway");
}

#[tokio::test]
async fn an_expression_asks_for_more() {
    let bad = |status: u16| format!("HTTP/1.1 {status} Oh\r\nContent-Length: 0\r\n\r\n");
    for (expression, status, times, expected, requests) in [
        ("IsNetworkError() && Attempts() < 3", 502, 2, 200, 3),
        ("IsNetworkError() && Attempts() < 3", 502, 9, 502, 3),
        ("IsNetworkError() && Attempts() < 3", 503, 1, 503, 1),
        ("ResponseCode() == 503", 503, 99, 503, 11),
        ("ResponseCode() == 503 && RequestMethod() == \"GET\"", 503, 1, 503, 1),
    ] {
        let count = Arc::new(AtomicUsize::new(0));
        let answers = count.clone();
        let backend = Backend::answering(move |request| {
            if answers.fetch_add(1, Ordering::SeqCst) < times {
                return bad(status);
            }
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", request.body.len(), request.text())
        })
        .await;
        let gateway = Gateway::start(one(&backend, &format!("retryExpression: '{expression}'"))).await;
        let answer = gateway.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody").await;
        assert_eq!((answer.status(), backend.requests()), (expected, requests), "{expression}");
        assert_eq!(backend.last().text(), "body");
        if expected == 200 {
            answer.assert_body("body");
        }
    }
}

#[tokio::test]
async fn outer_filters_see_the_refusal_and_inner_ones_do_not() {
    let backend = measuring().await;
    let pages = Backend::replying("HTTP/1.1 200 OK\nContent-Length: 4\n\npage").await;
    let gateway = Gateway::start(
        route("r").middlewares(&["page", "head", "hold", "inner"]).to(&backend)
            + middleware("hold", "buffering: {maxRequestBodyBytes: 1}")
            + middleware("head", "headers: {customResponseHeaders: {X-Out: '1'}}")
            + middleware("inner", "headers: {customResponseHeaders: {X-In: '1'}}")
            + middleware("page", "errors: {status: ['500-599'], service: {name: pages, port: 80}}")
            + service("pages", &[&pages]),
    )
    .await;
    let answer: Message = gateway.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\nxx").await;
    answer.assert_status(413).assert_header("X-Out", "1").assert_no_header("X-In");
    let answer = gateway.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 1\n\nx").await;
    answer.assert_status(200).assert_header("X-Out", "1").assert_header("X-In", "1");
}
