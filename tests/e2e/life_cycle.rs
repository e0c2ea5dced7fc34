//! From the signal to the exit: who is still served, who is cut off, and how soon the process ends.

use std::time::{Duration, Instant};

use http::Request;

use crate::support::gateway::{exit, signal};
use crate::support::{Backend, Gate, Gateway, PATIENCE, Wire, http2, route};

const ROUTES: usize = 1000;
/// Far more than any test waits: who ends by it, ends too late.
const LONG: &str = "entryPoints: {web: {transport: {lifeCycle: {graceTimeOut: 300s}}}}";

#[tokio::test]
async fn an_idle_process_ends_at_once() {
    let backend = Backend::echo().await;
    let mut gateway = Gateway::configured(LONG, route("r").to(&backend)).await;
    let mut idle = gateway.connect().await;
    idle.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(200);
    let mut fresh = gateway.connect().await;
    let start = Instant::now();
    gateway.signal("TERM");
    idle.assert_closed().await;
    fresh.assert_closed().await;
    let status = gateway.exit().await;
    assert!(status.success(), "{status}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn sigint_ends_it_too() {
    let mut gateway = Gateway::configured(LONG, "").await;
    gateway.signal("INT");
    let status = gateway.exit().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn requests_in_flight_are_finished() {
    let gate = Gate::new();
    let backend = Backend::behind(&gate, "done").await;
    let mut gateway = Gateway::configured(LONG, route("r").to(&backend)).await;
    let mut busy = gateway.connect().await;
    busy.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    gate.arrived().await;
    let mut idle = gateway.connect().await;
    gateway.signal("TERM");
    idle.assert_closed().await;
    // Nobody new is let in.
    let refused = async {
        while tokio::net::TcpStream::connect(gateway.web()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    crate::support::within("the end of accepting", refused).await;
    gate.open();
    let reply = busy.reply().await.unwrap();
    reply.assert_status(200).assert_body("done");
    assert!(reply.has_token("Connection", "close"), "the client must know: {reply:?}");
    busy.assert_closed().await;
    let status = gateway.exit().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn http2_streams_in_flight_are_finished() {
    let gate = Gate::new();
    let backend = Backend::behind(&gate, "done").await;
    let mut gateway = Gateway::configured(LONG, route("r").to(&backend)).await;
    let client = http2::connect(&gateway).await;
    let (response, _) = http2::send(&client, Request::get("http://a/"), true).await;
    gate.arrived().await;
    gateway.signal("TERM");
    gateway.logs("terminating").await;
    gate.open();
    assert_eq!(http2::reply(response).await.unwrap().body, b"done");
    let status = gateway.exit().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn ping_says_no_while_requests_are_still_accepted() {
    let backend = Backend::echo().await;
    let config = "
        entryPoints:
            web: {transport: {lifeCycle: {requestAcceptGraceTimeout: 2s, graceTimeOut: 300s}}}
            traefik: {transport: {lifeCycle: {requestAcceptGraceTimeout: 2s}}}";
    let mut gateway = Gateway::configured(config, route("r").to(&backend)).await;
    assert_eq!(gateway.ping().await, Some(200));
    let mut kept = gateway.connect().await;
    kept.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(200);
    let start = Instant::now();
    gateway.signal("TERM");
    while gateway.ping().await != Some(503) {
        assert!(start.elapsed() < PATIENCE, "/ping does not say 503");
    }
    gateway.get("a", "/").await.assert_status(200);
    kept.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(200);
    assert!(start.elapsed() < Duration::from_secs(2), "too slow to test anything: {:?}", start.elapsed());
    let status = gateway.exit().await;
    assert!(status.success(), "{status}");
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_stuck_request_is_cut_off() {
    let gate = Gate::new();
    let backend = Backend::behind(&gate, "never").await;
    let config = "entryPoints: {web: {transport: {lifeCycle: {graceTimeOut: 1s}}}}";
    let mut gateway = Gateway::configured(config, route("r").to(&backend)).await;
    let mut stuck = gateway.connect().await;
    stuck.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    gate.arrived().await;
    let start = Instant::now();
    gateway.signal("TERM");
    stuck.assert_closed().await;
    let status = gateway.exit().await;
    assert!(status.success(), "{status}");
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(6), "{took:?}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let gate = Gate::new();
    let backend = Backend::behind(&gate, "never").await;
    let mut gateway = Gateway::configured(LONG, route("r").to(&backend)).await;
    let mut stuck: Wire = gateway.connect().await;
    stuck.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    gate.arrived().await;
    gateway.signal("TERM");
    gateway.logs("terminating").await;
    assert!(gateway.is_alive());
    let start = Instant::now();
    gateway.signal("TERM");
    gateway.exit().await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_new_process_takes_over_without_a_failed_request() {
    let backend = Backend::echo().await;
    // The old one's own grace period, after it handed its sockets over.
    let config = "{grace_period_seconds: 1, graceful_shutdown_timeout_seconds: 1}";
    // So many that the first table takes the new process a while.
    let mut routes = route("r").to(&backend) + "";
    for n in 0..ROUTES {
        routes = routes + route(&format!("r{n}")).rule(&format!("Host(`{n}.example`)")).to_service("r-0");
    }
    let mut gateway = Gateway::configured(config, routes).await;
    let mut old = gateway.succeed(&["--upgrade"]);
    // The new one asks for the sockets, and the old one gives them when it is told to.
    tokio::time::sleep(Duration::from_millis(500)).await;
    signal(old.id(), "QUIT");
    let mut requests = 0;
    while old.try_wait().unwrap().is_none() {
        gateway.get("a", "/").await.assert_status(200);
        requests += 1;
        assert!(requests < 100_000, "the old process does not end");
    }
    let status = exit(&mut old).await;
    assert!(status.success(), "{status}");
    assert!(gateway.is_alive(), "{}", gateway.log());
    gateway.get("a", "/").await.assert_status(200);
    assert!(requests > 10, "too few requests to mean anything: {requests}");
}
