//! What clients may not do: malformed heads, heads without end, connections that are held for nothing; and clean paths.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::support::{Backend, Gateway, Message, PATIENCE, route};

const TIMEOUT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn malformed_requests_are_400() {
    let mut wrong = String::new();
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    for request in [
        "GET / HTTP/1.1\n\n",
        "GET / HTTP/1.1\nHost: a b\n\n",
        "GET / HTTP/1.1\nHost: a/b\n\n",
        "GET / HTTP/1.1\nHost: a\nHost: b\n\n",
        "GET /a#b HTTP/1.1\nHost: a\n\n",
        // Not a path: servers would take it for the host.
        "GET x HTTP/1.1\nHost: a\n\n",
        "GET x:80 HTTP/1.1\nHost: a\n\n",
        "GET * HTTP/1.1\nHost: a\n\n",
        "GET http:///y HTTP/1.1\nHost: a\n\n",
        "GET /x  HTTP/1.1\nHost: a\n\n",
        "GET /\x01 HTTP/1.1\nHost: a\n\n",
        "GET /%zz HTTP/1.1\nHost: a\n\n",
        "GET /\n\n",
        "nonsense\n\n",
        "GET / HTTP/1.1\nHost: a\nno colon\n\n",
        "GET / HTTP/1.1\nHost: a\nbad name: x\n\n",
        "GET / HTTP/1.1\nHost: a\nX: 1\n folded\n\n",
        // Two lengths, or a length that is none: what smuggles requests.
        "POST / HTTP/1.1\nHost: a\nContent-Length: 4\nContent-Length: 5\n\nbody",
        "POST / HTTP/1.1\nHost: a\nContent-Length: four\n\nbody",
        "POST / HTTP/1.1\nHost: a\nContent-Length: -1\n\nbody",
        "POST / HTTP/1.1\nHost: a\nContent-Length: +4\n\nbody",
        "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip\n\nbody",
        "POST / HTTP/1.1\nHost: a\nTransfer-Encoding : chunked\n\n0\n\n",
    ] {
        let mut client = gateway.connect().await;
        client.say(request).await.unwrap();
        match client.reply().await {
            // 501 is what Go says to an unknown transfer coding.
            Ok(reply) if reply.status() == 400 || request.contains("gzip") && reply.status() == 501 => {
                client.assert_closed().await;
            }
            answer => wrong.push_str(&format!("{request:?}: {answer:?}\n")),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(backend.requests(), 0);
}

#[tokio::test]
async fn a_length_beside_chunks_smuggles_nothing() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    client
        .say("POST /first HTTP/1.1\nHost: a\nContent-Length: 44\nTransfer-Encoding: chunked\n\n0\n\nGET /smuggled HTTP/1.1\nHost: a\n\n")
        .await
        .unwrap();
    let reply = client.reply().await.unwrap();
    match reply.status() {
        400 => assert_eq!(backend.requests(), 0),
        // Chunks win, as in Go; then no length may reach the server.
        _ => {
            let seen = reply.echoed();
            assert_eq!(seen.target(), "/first");
            seen.assert_no_header("Content-Length");
        }
    }
}

#[tokio::test]
async fn http_1_0_needs_no_host() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    gateway.ask("GET / HTTP/1.0\n\n").await.assert_status(200);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let backend = Backend::echo().await;
    let config = "entryPoints: {web: {http: {maxHeaderBytes: 4096}}}";
    let gateway = Gateway::configured(config, route("r").to(&backend)).await;
    let head = |bytes: usize| format!("GET / HTTP/1.1\nHost: a\nX-Large: {}\n\n", "x".repeat(bytes));
    gateway.ask(&head(3000)).await.assert_status(200);
    let reply = gateway.ask(&head(64 << 10)).await;
    reply.assert_status(431).assert_body("431 Request Header Fields Too Large");
    gateway.ask(&head(4096 + 4096)).await.assert_status(431);
    // One that never ends is not read for ever.
    let mut client = gateway.connect().await;
    client.say("GET / HTTP/1.1\nHost: a\n").await.unwrap();
    for _ in 0..10_000 {
        if client.say("X-More: and more\n").await.is_err() {
            break;
        }
    }
    let answer = client.rest().await.unwrap();
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "), "{answer:?}");
    assert_eq!(backend.requests(), 1);
}

#[tokio::test]
async fn many_small_headers_are_fine() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let headers: String = (0..200).map(|n| format!("X-Header-{n}: {n}\n")).collect();
    let seen = gateway.ask(&format!("GET / HTTP/1.1\nHost: a\n{headers}\n")).await.echoed();
    seen.assert_header("X-Header-0", "0").assert_header("X-Header-199", "199");
}

#[tokio::test]
async fn a_head_has_to_come_in_time() {
    let gateway = with_timeouts("readTimeout: 1s").await;
    // Nothing at all, a beginning, and a drop now and then: none of them holds a connection.
    for (begin, drop) in [("", ""), ("GET / HTTP/1.1\r\nHost: a\r\n", ""), ("GET / HTTP/1.1\r\n", "X-Slow: 1\r\n")] {
        let start = Instant::now();
        let mut client = gateway.connect().await;
        client.send(begin).await.unwrap();
        while client.is_silent(TIMEOUT / 5).await {
            assert!(start.elapsed() < PATIENCE / 2, "{begin:?} is waited for");
            if client.send(drop).await.is_err() {
                break;
            }
        }
        let took = start.elapsed();
        assert!(took > TIMEOUT * 9 / 10, "{begin:?} was given only {took:?}");
    }
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let gateway = with_timeouts("idleTimeout: 1s").await;
    let mut client = gateway.connect().await;
    for _ in 0..3 {
        // Each request begins the time anew.
        sleep(TIMEOUT / 2).await;
        client.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(404);
    }
    let start = Instant::now();
    client.assert_closed().await;
    let took = start.elapsed();
    assert!(took > TIMEOUT * 9 / 10 && took < PATIENCE / 2, "closed after {took:?}");
}

#[tokio::test]
async fn a_slow_response_is_not_an_idle_connection() {
    let backend = Backend::serving(|mut wire, _| async move {
        wire.request().await?;
        // Longer than both timeouts: what is tested here.
        sleep(TIMEOUT * 2).await;
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").await
    })
    .await;
    let config = "entryPoints: {web: {transport: {respondingTimeouts: {readTimeout: 1s, idleTimeout: 1s}}}}";
    let gateway = Gateway::configured(config, route("r").to(&backend)).await;
    gateway.get("a", "/").await.assert_status(200).assert_body("done");
}

#[tokio::test]
async fn connections_are_closed_after_so_many_requests() {
    let backend = Backend::echo().await;
    let config = "entryPoints: {web: {transport: {keepAliveMaxRequests: 3}}}";
    let gateway = Gateway::configured(config, route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    for n in 1..=3 {
        let reply = client.ask("GET / HTTP/1.1\nHost: a\n\n").await;
        assert_eq!(reply.has_token("Connection", "close"), n == 3, "{n}: {reply:?}");
    }
    client.assert_closed().await;
}

#[tokio::test]
async fn connections_are_closed_at_an_age() {
    let backend = Backend::echo().await;
    let config = "entryPoints: {web: {transport: {keepAliveMaxTime: 1s}}}";
    let gateway = Gateway::configured(config, route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    let reply = client.ask("GET / HTTP/1.1\nHost: a\n\n").await;
    assert!(!reply.has_token("Connection", "close"), "{reply:?}");
    sleep(TIMEOUT + TIMEOUT / 10).await;
    let reply = client.ask("GET / HTTP/1.1\nHost: a\n\n").await;
    assert!(reply.has_token("Connection", "close"), "{reply:?}");
    client.assert_closed().await;
}

#[tokio::test]
async fn paths_are_cleaned_before_they_are_routed() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        route("public").rule("PathPrefix(`/public`)").to(&backend) + route("rest").rule("PathPrefix(`/`)").to(&backend),
    )
    .await;
    for (target, expected) in [
        ("/a/../b", "/b"),
        ("/a/%2e%2e/b", "/b"),
        ("/a/%2E./b", "/b"),
        ("//a///b/", "/a/b/"),
        ("/a/./b", "/a/b"),
        ("/a/..", "/"),
        ("/a/b/..", "/a"),
        ("/a/b/../", "/a/"),
        ("/\u{e9}<", "/%C3%A9%3C"),
        ("/../../etc/passwd", "/etc/passwd"),
        ("/%61%7e", "/a~"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%20b?c=%20d", "/a%20b?c=%20d"),
        ("/x?path=../y//z", "/x?path=../y//z"),
        ("/?a=1;b=2", "/?a=1&b=2"),
    ] {
        assert_eq!(seen(&gateway, target).await.target(), expected, "{target}");
    }
}

#[tokio::test]
async fn a_cleaned_path_cant_slip_past_a_rule() {
    let [guarded, open] = &[Backend::named("guarded").await, Backend::named("open").await];
    let gateway = Gateway::start(
        route("guarded").rule("PathPrefix(`/admin`)").to(guarded) + route("open").rule("PathPrefix(`/`)").to(open),
    )
    .await;
    for target in
        ["/admin", "//admin", "/x/../admin", "/%61dmin", "/./admin/", "/x/%2e%2e/admin", "http://h/x/../admin"]
    {
        assert_eq!(gateway.get("h", target).await.backend(), "guarded", "{target}");
    }
}

#[tokio::test]
async fn paths_stay_as_they_are_where_that_is_wanted() {
    let backend = Backend::echo().await;
    let config = "entryPoints: {web: {http: {sanitizePath: false, encodeQuerySemicolons: true}}}";
    let gateway = Gateway::configured(config, route("r").to(&backend)).await;
    for (target, expected) in [("/a/../b", "/a/../b"), ("//a", "//a"), ("/?a=1;b=2", "/?a=1%3Bb=2")] {
        assert_eq!(seen(&gateway, target).await.target(), expected, "{target}");
    }
}

#[tokio::test]
async fn encoded_characters_may_be_refused() {
    let backend = Backend::echo().await;
    let config = "entryPoints: {web: {http: {encodedCharacters: {allowEncodedSlash: false}}}}";
    let gateway = Gateway::configured(config, route("r").to(&backend)).await;
    gateway.get("a", "/a%2fb").await.assert_status(400);
    gateway.get("a", "/a%5Cb").await.assert_status(200);
}

#[tokio::test]
async fn underscores_may_be_refused_or_dropped() {
    let backend = Backend::echo().await;
    for (strategy, status) in [("keep", 200), ("delete", 200), ("reject", 400)] {
        let config = format!("entryPoints: {{web: {{http: {{underscoreHeadersStrategy: {strategy}}}}}}}");
        let gateway = Gateway::configured(&config, route("r").to(&backend)).await;
        let reply = gateway.ask("GET / HTTP/1.1\nHost: a\nX_Under: 1\n\n").await;
        reply.assert_status(status);
        if status == 200 {
            assert_eq!(reply.echoed().header("X_Under").is_some(), strategy == "keep", "{reply:?}");
        }
    }
}

#[tokio::test]
async fn an_absolute_target_is_its_host_and_path() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").rule("Host(`a.example`)").to(&backend)).await;
    let seen = gateway.get("a.example:81", "http://a.example:81/x/../y?z=1").await.echoed();
    assert_eq!(seen.start, "GET /y?z=1 HTTP/1.1");
    seen.assert_header("Host", "a.example:81");
    gateway.get("other.example", "http://other.example/").await.assert_status(404);
}

#[tokio::test]
async fn an_absolute_target_wins_over_host() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").rule("Host(`a.example`)").to(&backend)).await;
    let seen = gateway.get("other.example", "http://a.example/x").await.echoed();
    assert_eq!(seen.start, "GET /x HTTP/1.1");
    seen.assert_header("Host", "a.example");
    gateway.get("a.example", "http://other.example/").await.assert_status(404);
}

#[tokio::test]
async fn connect_is_not_for_us() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    client.say("CONNECT a.example:443 HTTP/1.1\nHost: a.example:443\n\n").await.unwrap();
    client.head().await.unwrap().unwrap().assert_status(501);
    assert_eq!(backend.connections(), 0);
}

#[tokio::test]
async fn options_for_the_whole_server_is_forwarded() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").rule("Host(`a.example`)").to(&backend)).await;
    let reply = gateway.ask("OPTIONS * HTTP/1.1\nHost: a.example\n\n").await;
    // Go's server answers it itself with 200; forwarding it is as good. Anything else is a bug.
    reply.assert_status(200);
}

async fn with_timeouts(timeouts: &str) -> Gateway {
    Gateway::configured(&format!("entryPoints: {{web: {{transport: {{respondingTimeouts: {{{timeouts}}}}}}}}}"), "")
        .await
}

async fn seen(gateway: &Gateway, target: &str) -> Message {
    let mut client = gateway.connect().await;
    client.ask(&format!("GET {target} HTTP/1.1\nHost: a\n\n")).await.echoed()
}

#[tokio::test]
async fn empty_lines_are_skipped_but_not_for_ever() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    gateway.ask("\n\nGET / HTTP/1.1\nHost: a\n\n").await.assert_status(200);
    let mut client = gateway.connect().await;
    // The process may close before all of it is sent.
    let _ = client.send("\n".repeat(900_000)).await;
    assert!(client.rest().await.unwrap_or_default().is_empty());
    gateway.get("a", "/").await.assert_status(200);
}

#[tokio::test]
async fn an_unanswered_upgrade_lifts_no_limit() {
    let backend = Backend::echo().await;
    let config = "entryPoints: {web: {transport: {respondingTimeouts: {readTimeout: 1s}}}}";
    let gateway = Gateway::configured(config, route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    client.say("POST / HTTP/1.1\nHost: a\nConnection: upgrade\nUpgrade: x\nContent-Length: 10\n\n1").await.unwrap();
    // 408, or a plain close: but no waiting beyond the limit.
    client.rest().await.unwrap();
}
