//! `circuitBreaker`: refuses while its condition holds, tries again, and counts what it let through only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use crate::support::protocol::BOTH;
use crate::support::{Backend, Gateway, PATIENCE, middleware, route};

/// A server whose status the test sets.
async fn backend() -> (Backend, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(200));
    let told = status.clone();
    let backend = Backend::answering(move |_| {
        format!("HTTP/1.1 {} Told\r\nContent-Length: 4\r\n\r\nbody", told.load(Ordering::SeqCst))
    })
    .await;
    (backend, status)
}

#[tokio::test]
async fn it_opens_recovers_and_closes() {
    for protocol in BOTH {
        let (backend, status) = backend().await;
        let gateway = Gateway::start(
            route("r").middlewares(&["outer", "breaker"]).to(&backend)
                + middleware("outer", "headers: {customResponseHeaders: {X-Outer: here}}")
                + middleware(
                    "breaker",
                    "circuitBreaker: {expression: 'ResponseCodeRatio(500, 600, 0, 600) > 0.50', checkPeriod: 1ms, \
                     fallbackDuration: 300ms, recoveryDuration: 300ms, responseCode: 418}",
                ),
        )
        .await;
        let get = async || protocol.get(&gateway, "a", "/").await;
        get().await.assert_status(200);
        status.store(500, Ordering::SeqCst);
        get().await.assert_status(500).assert_body("body");
        // The breaker learns of an answer when it is over, which the client may know first.
        let began = Instant::now();
        let (refused, opened) = loop {
            let asked = Instant::now();
            let reply = get().await;
            if reply.status() != 500 {
                break (reply, asked);
            }
            assert!(began.elapsed() < PATIENCE);
        };
        refused.assert_status(418).assert_body("I'm a teapot").assert_header("X-Outer", "here");
        assert!(backend.requests() >= 3, "{}", backend.requests());
        status.store(200, Ordering::SeqCst);
        let mut refusals = 0;
        while get().await.status() != 200 {
            refusals += 1;
            assert!(opened.elapsed() < PATIENCE);
        }
        // Opened somewhat before the first refusal.
        assert!(refusals > 0 && opened.elapsed() >= Duration::from_millis(200), "{:?}", opened.elapsed());
        // After the recovery all are let through.
        while opened.elapsed() < Duration::from_millis(1500) {
            get().await;
        }
        for _ in 0..10 {
            get().await.assert_status(200);
        }
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_a_network_error() {
    let (backend, status) = backend().await;
    let breaker = "circuitBreaker: {expression: NetworkErrorRatio() > 0.30}";
    let gateway = Gateway::start(
        route("down").rule("Host(`down`)").middlewares(&["breaker"]).to(&Backend::down())
            + route("failing").rule("Host(`failing`)").middlewares(&["breaker"]).to(&backend)
            + middleware("breaker", breaker),
    )
    .await;
    gateway.get("down", "/").await.assert_status(502);
    gateway.until("down", "/", |reply| reply.status() == 503).await;
    gateway.get("down", "/").await.assert_status(503).assert_body("Service Unavailable");
    // Another router with the same middleware has a breaker of its own; 500 is no error of the network.
    status.store(500, Ordering::SeqCst);
    for _ in 0..3 {
        gateway.get("failing", "/").await.assert_status(500);
    }
    // It stays open through a change elsewhere.
    gateway.change_file("more.yaml", route("new").rule("Host(`new`)").to(&backend));
    gateway.until("new", "/", |reply| reply.status() == 500).await;
    gateway.get("down", "/").await.assert_status(503);
}

#[tokio::test]
async fn slow_answers_open_it() {
    let slow = Backend::serving(|mut wire, seen| async move {
        while let Some(request) = wire.request().await? {
            seen.push(request);
            tokio::time::sleep(Duration::from_millis(60)).await;
            wire.say("HTTP/1.1 200 OK\nContent-Length: 0\n\n").await?;
        }
        Ok(())
    })
    .await;
    let gateway = Gateway::start(
        route("r").middlewares(&["breaker"]).to(&slow)
            + middleware("breaker", "circuitBreaker: {expression: LatencyAtQuantileMS(50.0) > 50, checkPeriod: 1ms}"),
    )
    .await;
    gateway.get("a", "/").await.assert_status(200);
    gateway.until("a", "/", |reply| reply.status() == 503).await;
}

#[tokio::test]
async fn every_attempt_of_a_retry_counts() {
    let (backend, status) = backend().await;
    status.store(500, Ordering::SeqCst);
    let gateway = Gateway::start(
        route("r").middlewares(&["retry", "breaker"]).to(&backend)
            + middleware("retry", "retry: {attempts: 3, status: ['500']}")
            + middleware("breaker", "circuitBreaker: {expression: RequestThreshold() >= 3, checkPeriod: 1ns}"),
    )
    .await;
    gateway.get("a", "/").await.assert_status(500);
    gateway.until("a", "/", |reply| reply.status() == 503).await;
    // Three requests of three attempts each, if only requests counted.
    assert!(backend.requests() < 9, "{}", backend.requests());
}

#[tokio::test]
async fn a_wrong_expression_closes_the_route() {
    let (backend, _) = backend().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["breaker"]).to(&backend)
            + middleware("breaker", "circuitBreaker: {expression: NetworkErrorRatio() > 1}"),
    )
    .await;
    gateway.get("a", "/").await.assert_status(404);
    gateway.logs("a number with a point, such as 0.30, is accepted").await;
    assert_eq!(backend.requests(), 0);
}
