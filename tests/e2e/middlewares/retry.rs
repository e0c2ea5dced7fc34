//! `retry`: what is tried again, with which body, how often, and what the client gets in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;

use crate::support::http2::{connect, reply, send};
use crate::support::{Backend, Gateway, Manifests, middleware, route, within};

/// Answers the first requests of each path with `bad`, and later ones with the number of the request and its body's size.
/// An empty answer closes the connection.
async fn failing(times: usize, bad: &str) -> Backend {
    let count = Arc::new(AtomicUsize::new(0));
    let bad = bad.replace('\n', "\r\n");
    Backend::serving(move |mut wire, seen| {
        let (count, bad) = (count.clone(), bad.clone());
        async move {
            while let Some(request) = wire.request().await? {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                let text = format!("{number}: {} {}", request.target(), request.body.len());
                seen.push(request);
                if number > times {
                    wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())).await?;
                } else if bad.is_empty() {
                    return Ok(());
                } else {
                    wire.send(bad.replace('#', &number.to_string())).await?;
                }
            }
            Ok(())
        }
    })
    .await
}

const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\nContent-Length: 1\n\n#";

fn one(backend: &Backend, options: &str) -> Manifests {
    route("r").middlewares(&["again"]).to(backend) + middleware("again", &format!("retry: {{{options}}}"))
}

fn post(body: &str) -> String {
    format!("POST / HTTP/1.1\nHost: a\nContent-Length: {}\n\n{body}", body.len())
}

#[tokio::test]
async fn as_often_as_it_may() {
    const GET: &str = "GET / HTTP/1.1\nHost: a\n\n";
    let post = post("body");
    let any = "attempts: 3, status: ['503'], retryNonIdempotentMethod: true";
    for (what, times, bad, options, request, status, requests) in [
        ("a server that closes", 2, "", "attempts: 3", GET, 200, 3),
        ("a server that closes too often", 2, "", "attempts: 2", GET, 502, 2),
        ("once is no retry", 2, "", "attempts: 1", GET, 502, 1),
        ("a POST that was sent is not sent twice", 1, "", "attempts: 3", &*post, 502, 1),
        ("a status that isn't listed", 2, UNAVAILABLE, "attempts: 3", GET, 503, 1),
        ("a status", 2, UNAVAILABLE, "attempts: 3, status: ['500-503']", GET, 200, 3),
        ("a status, too often", 9, UNAVAILABLE, "attempts: 3, status: ['503']", GET, 503, 3),
        ("a status for a POST", 2, UNAVAILABLE, "attempts: 3, status: ['503']", &*post, 503, 1),
        ("a status for a POST that may", 2, UNAVAILABLE, any, &*post, 200, 3),
        ("no network error", 1, "", "attempts: 3, status: ['500'], disableRetryOnNetworkError: true", GET, 502, 1),
        (
            "not after the time",
            9,
            UNAVAILABLE,
            "attempts: 9, status: ['503'], initialInterval: 10s, timeout: 1s",
            GET,
            503,
            1,
        ),
    ] {
        let backend = failing(times, bad).await;
        let gateway = Gateway::start(one(&backend, options)).await;
        let answer = gateway.ask(request).await;
        assert_eq!((answer.status(), backend.requests()), (status, requests), "{what}: {answer:?}");
        if status == 503 {
            // The last one's.
            answer.assert_body(&requests.to_string());
        }
        if request == post {
            assert_eq!(backend.last().text(), "body", "{what}");
        }
    }
}

#[tokio::test]
async fn bodies_are_sent_again_whole() {
    let body = "0123456789".repeat(150_000);
    for chunked in [false, true] {
        let backend = failing(2, UNAVAILABLE).await;
        let gateway = Gateway::start(one(&backend, "attempts: 3, status: ['503']")).await;
        let mut wire = gateway.connect().await;
        let head = "PUT /x HTTP/1.1\r\nHost: a\r\n";
        let (framing, end) = match chunked {
            true => (format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len()), "\r\n0\r\n\r\n"),
            false => (format!("Content-Length: {}\r\n\r\n", body.len()), ""),
        };
        wire.send(format!("{head}{framing}{body}{end}")).await.unwrap();
        wire.reply().await.unwrap().assert_status(200).assert_body("3: /x 1500000");
        assert!(backend.last().text() == body);
        backend.last().assert_header("Content-Length", "1500000").assert_no_header("Transfer-Encoding");
        // The connection is good for more.
        wire.ask("GET /y HTTP/1.1\nHost: a\n\n").await.assert_body("4: /y 0");
    }
}

#[tokio::test]
async fn over_http2_too() {
    let backend = failing(2, UNAVAILABLE).await;
    let gateway = Gateway::start(one(&backend, "attempts: 3, status: ['503']")).await;
    let client = connect(&gateway).await;
    let (response, mut body) = send(&client, Request::put("http://a/x"), false).await;
    body.send_data(Bytes::from_static(b"one "), false).unwrap();
    body.send_data(Bytes::from_static(b"two"), true).unwrap();
    let answer = reply(response).await.unwrap();
    assert_eq!((answer.head.status.as_u16(), &*answer.body), (200, &b"3: /x 7"[..]));
    assert_eq!(backend.last().text(), "one two");
}

#[tokio::test]
async fn bodies_that_are_too_large_to_keep_are_refused() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        route("kept").rule("Host(`kept`)").middlewares(&["kept"]).to(&backend)
            + route("streamed").rule("Host(`streamed`)").middlewares(&["streamed"]).to(&backend)
            + middleware("kept", "retry: {attempts: 2, status: ['503'], maxRequestBodyBytes: 5}")
            + middleware("streamed", "retry: {attempts: 2, maxRequestBodyBytes: 5}"),
    )
    .await;
    for (host, framing, status) in [
        ("kept", "Content-Length: 5\n\n12345", 200),
        ("kept", "Content-Length: 6\n\n123456", 413),
        ("kept", "Transfer-Encoding: chunked\n\n3\n123\n2\n45\n0\n\n", 200),
        ("kept", "Transfer-Encoding: chunked\n\n3\n123\n3\n456\n0\n\n", 413),
        // Without a status nothing is kept.
        ("streamed", "Content-Length: 6\n\n123456", 200),
    ] {
        let before = backend.requests();
        let answer = gateway.ask(&format!("PUT / HTTP/1.1\nHost: {host}\n{framing}")).await;
        answer.assert_status(status);
        assert_eq!(backend.requests() - before, usize::from(status == 200), "{framing}");
        if status == 413 {
            answer.assert_body("Request body too large\n");
        }
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_gets_it() {
    let backend = failing(1, UNAVAILABLE).await;
    let gateway = Gateway::start(one(&backend, "attempts: 2, status: ['503']")).await;
    let mut wire = gateway.connect().await;
    wire.say("PUT / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 4\n\n").await.unwrap();
    assert_eq!(wire.head().await.unwrap().unwrap().status(), 100);
    wire.send("body").await.unwrap();
    wire.reply().await.unwrap().assert_body("2: / 4");
    backend.last().assert_no_header("Expect");
}

#[tokio::test]
async fn another_server_gets_its_turn() {
    let bad = Backend::replying("HTTP/1.1 500 Oh\nContent-Length: 0\n\n").await;
    let good = Backend::named("good").await;
    let gateway = Gateway::start(
        route("r").middlewares(&["again"]).to_all(&[&bad, &good])
            + middleware("again", "retry: {attempts: 2, status: ['500']}"),
    )
    .await;
    let mut wire = gateway.connect().await;
    for _ in 0..6 {
        let answer = wire.ask("GET / HTTP/1.1\nHost: a\n\n").await;
        assert_eq!(answer.assert_status(200).backend(), "good");
    }
    assert!(bad.requests() >= 3, "{}", bad.requests());
}

#[tokio::test]
async fn filters_further_in_see_each_attempt_as_the_first() {
    let backend = failing(2, UNAVAILABLE).await;
    let gateway = Gateway::start(
        route("r").middlewares(&["add", "again", "strip", "head"]).to(&backend)
            + middleware("add", "addPrefix: {prefix: /api}")
            + middleware("again", "retry: {attempts: 3, status: ['503']}")
            + middleware("strip", "stripPrefix: {prefixes: [/api]}")
            + middleware("head", "headers: {customRequestHeaders: {X-New: '1'}, customResponseHeaders: {X-Out: '1'}}"),
    )
    .await;
    let answer = gateway.get("a", "/api/x").await;
    answer.assert_body("3: /api/x 0").assert_header("X-Out", "1");
    backend.last().assert_header("X-New", "1").assert_header("X-Forwarded-Prefix", "/api");
}

#[tokio::test]
async fn nothing_is_tried_again_once_the_client_has_some_of_it() {
    let backend = Backend::serving(|mut wire, seen| async move {
        if let Some(request) = wire.request().await? {
            seen.push(request);
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await?;
        }
        Ok(())
    })
    .await;
    let gateway = Gateway::start(one(&backend, "attempts: 3")).await;
    let mut wire = gateway.connect().await;
    wire.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    let answer = wire.reply().await;
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(backend.requests(), 1);
}

#[tokio::test]
async fn pauses_are_made() {
    let backend = failing(2, UNAVAILABLE).await;
    let gateway = Gateway::start(one(&backend, "attempts: 3, status: ['503'], initialInterval: 100ms")).await;
    let start = Instant::now();
    gateway.get("a", "/").await.assert_status(200);
    // A half of the first and of the second at least.
    assert!(start.elapsed() >= Duration::from_millis(120), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_pause_ends_when_the_client_leaves() {
    let backend = failing(9, UNAVAILABLE).await;
    let gateway = Gateway::start(
        route("r").middlewares(&["one", "again"]).to(&backend)
            + middleware("one", "inFlightReq: {amount: 1}")
            + middleware("again", "retry: {attempts: 9, status: ['503'], initialInterval: 1h}"),
    )
    .await;
    let mut wire = gateway.connect().await;
    wire.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    within("the first attempt", async {
        while backend.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(gateway.get("a", "/").await.status(), 429, "the request is in flight");
    drop(wire);
    // It is over an hour before its time: another one may be in flight.
    within("the end of the request", async {
        loop {
            let mut next = gateway.connect().await;
            next.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
            if next.is_silent(Duration::from_millis(300)).await {
                return;
            }
            next.reply().await.unwrap().assert_status(429);
        }
    })
    .await;
}
