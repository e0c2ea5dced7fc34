//! `inFlightReq`: requests are held at the server, the next one is refused, and those that end make room, however they end.

use std::time::Instant;

use http::Request;

use crate::support::protocol::{BOTH, Protocol};
use crate::support::{Backend, Gate, Gateway, Manifests, PATIENCE, Wire, http2, middleware, route};

fn objects(backend: &Backend, spec: &str) -> Manifests {
    route("r").rule("HostRegexp(`^[ab]$`)").middlewares(&["limit"]).to(backend)
        + route("chained").rule("Host(`chained`)").middlewares(&["chain"]).to(backend)
        + middleware("limit", spec)
        + middleware("chain", "chain: {middlewares: [{name: outer}, {name: limit}]}")
        + middleware("outer", "headers: {customResponseHeaders: {X-Outer: here}}")
}

/// A request that is at the server.
enum Held {
    Http1(Wire),
    Http2(h2::client::ResponseFuture),
}

async fn hold(protocol: Protocol, gateway: &Gateway, gate: &Gate, host: &str) -> Held {
    let held = match protocol {
        Protocol::Http1 => {
            let mut wire = gateway.connect().await;
            wire.say(&format!("GET / HTTP/1.1\nHost: {host}\n\n")).await.unwrap();
            Held::Http1(wire)
        }
        Protocol::Http2 => {
            let client = http2::connect(gateway).await;
            Held::Http2(http2::send(&client, Request::get(format!("http://{host}/")), true).await.0)
        }
    };
    gate.arrived().await;
    held
}

async fn status(held: Held) -> u16 {
    match held {
        Held::Http1(mut wire) => wire.reply().await.unwrap().status(),
        Held::Http2(answer) => http2::reply(answer).await.unwrap().head.status.as_u16(),
    }
}

#[tokio::test]
async fn one_more_than_may_be_is_429_until_another_ends() {
    let gate = Gate::new();
    let backend = Backend::behind(&gate, "done").await;
    let gateway = Gateway::start(objects(&backend, "inFlightReq: {amount: 2}")).await;
    for protocol in BOTH {
        for host in ["a", "chained"] {
            let mut held = vec![
                hold(Protocol::Http1, &gateway, &gate, host).await,
                hold(Protocol::Http2, &gateway, &gate, host).await,
            ];
            for _ in 0..3 {
                let refused = protocol.get(&gateway, host, "/").await;
                refused.assert_status(429).assert_body("max connections reached: 2");
                assert_eq!(refused.header("X-Outer"), (host == "chained").then_some("here"));
            }
            // Another host is another source, and another router counts for itself.
            let other = hold(protocol, &gateway, &gate, "b").await;
            for _ in 0..3 {
                gate.open();
            }
            assert_eq!(status(other).await, 200);
            for held in held.drain(..) {
                assert_eq!(status(held).await, 200);
            }
            let again = hold(protocol, &gateway, &gate, host).await;
            gate.open();
            assert_eq!(status(again).await, 200);
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_makes_room() {
    for protocol in BOTH {
        let gate = Gate::new();
        let backend = Backend::behind(&gate, "done").await;
        let gateway = Gateway::start(objects(&backend, "inFlightReq: {amount: 1}")).await;
        let held = hold(protocol, &gateway, &gate, "a").await;
        gateway.get("a", "/").await.assert_status(429);
        drop(held);
        // Those who come next find room once the gateway knows; the server has still to answer the first.
        let start = Instant::now();
        loop {
            let mut wire = gateway.connect().await;
            wire.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
            tokio::select! {
                refused = wire.reply() => assert_eq!(refused.unwrap().status(), 429),
                () = gate.arrived() => break,
            }
            assert!(start.elapsed() < PATIENCE, "{protocol:?}: the place is never free");
        }
    }
}

#[tokio::test]
async fn servers_that_fail_make_room() {
    let backend = Backend::serving(|mut wire, _| async move { wire.request().await.map(drop) }).await;
    let down = Backend::down();
    let gateway = Gateway::start(
        objects(&backend, "inFlightReq: {amount: 1}")
            + route("down").rule("Host(`down`)").middlewares(&["limit"]).to(&down),
    )
    .await;
    for protocol in BOTH {
        for host in ["a", "chained", "down"] {
            for _ in 0..3 {
                protocol.get(&gateway, host, "/").await.assert_status(502);
            }
        }
    }
}

#[tokio::test]
async fn sources_are_told_apart_by_what_is_asked_for() {
    let trusted = "entryPoints: {web: {forwardedHeaders: {insecure: true}}}";
    for (criterion, same, other) in [
        ("requestHeaderName: X-Tenant", ("X-Tenant", "1"), ("X-Tenant", "2")),
        ("ipStrategy: {depth: 1}", ("X-Forwarded-For", "1.1.1.1, 10.0.0.1"), ("X-Forwarded-For", "10.0.0.1, 1.1.1.1")),
        // What is no address is a source like another.
        ("ipStrategy: {depth: 1}", ("X-Forwarded-For", "garbage"), ("X-Forwarded-For", "other")),
        ("ipStrategy: {excludedIPs: [10.0.0.1]}", ("X-Forwarded-For", "é, 10.0.0.1"), ("X-Forwarded-For", "2.2.2.2")),
    ] {
        let gate = Gate::new();
        let backend = Backend::behind(&gate, "done").await;
        let spec = format!("inFlightReq: {{amount: 1, sourceCriterion: {{{criterion}}}}}");
        let gateway = Gateway::configured(trusted, objects(&backend, &spec)).await;
        let mut held = gateway.connect().await;
        held.say(&format!("GET / HTTP/1.1\nHost: a\n{}: {}\n\n", same.0, same.1)).await.unwrap();
        gate.arrived().await;
        for protocol in BOTH {
            // Its host doesn't make it another one.
            protocol.ask(&gateway, "GET", "b", "/", &[same], "").await.assert_status(429);
            gate.open();
            gate.open();
            protocol.ask(&gateway, "GET", "a", "/", &[other], "").await.assert_status(200);
            gate.arrived().await;
            assert_eq!(held.reply().await.unwrap().status(), 200);
            held.say(&format!("GET / HTTP/1.1\nHost: a\n{}: {}\n\n", same.0, same.1)).await.unwrap();
            gate.arrived().await;
        }
    }
}

#[tokio::test]
async fn none_lets_nobody_in() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(objects(&backend, "inFlightReq: {amount: 0}")).await;
    for protocol in BOTH {
        protocol.get(&gateway, "a", "/").await.assert_status(429).assert_body("max connections reached: 0");
        protocol.get(&gateway, "chained", "/").await.assert_status(429).assert_header("X-Outer", "here");
    }
    assert_eq!(backend.requests(), 0);
}
