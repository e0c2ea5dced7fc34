//! From the signal to the exit: who is still served, who is cut off, and how soon the process ends.

use std::time::{Duration, Instant};

use http::Request;
use tokio::io::AsyncReadExt;

use crate::support::gateway::{exit, signal};
use crate::support::layer4::{Asker, Datagrams};
use crate::support::tls::Tls;
use crate::support::{Backend, Gate, Gateway, PATIENCE, Wire, http2, route, tcp, udp};

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

/// A host in clear text and over TLS on `web`, a TCP route with and without TLS on `raw`, one for datagrams on `dns`.
async fn all_kinds(config: &str, backend: &Backend, raw: &Backend, datagrams: &Datagrams) -> Gateway {
    let config = format!(
        "entryPoints: {{web: {{{config}}}, raw: {{{config}}}, dns: {{address: /udp, udp: {{timeout: 300ms}}, {config}}}}}"
    );
    let objects = route("clear").entry_point("web").rule("Host(`a`)").to(backend)
        + route("secure").entry_point("web").rule("Host(`a`)").tls("{}").to(backend)
        + tcp("raw").spec("entryPoints: [raw]").to(raw)
        + tcp("raw-secure").rule("HostSNI(`a`)").spec("{entryPoints: [raw], tls: {}}").to(raw)
        + udp("dns").at(&[datagrams.address]);
    Gateway::configured(&config, objects).await
}

/// Sends back what it is sent.
async fn echo() -> Backend {
    Backend::serving(|mut wire, _| async move {
        loop {
            let byte = wire.bytes(1).await?;
            wire.send(byte).await?;
        }
    })
    .await
}

async fn echoes(wire: &mut Wire) {
    wire.send("echo").await.unwrap();
    assert_eq!(wire.bytes(4).await.unwrap(), "echo");
}

/// A connection for HTTP/2 over TLS, to `web`.
async fn secure_http2(gateway: &Gateway) -> h2::client::SendRequest<bytes::Bytes> {
    http2::over(Tls::to("a").alpn(&["h2"]).connect(gateway.web()).await.unwrap().wire()).await
}

#[tokio::test]
async fn clients_of_every_kind_are_still_let_in_for_a_while() {
    const WHILE: Duration = Duration::from_secs(4);
    let (backend, raw, datagrams) = (Backend::echo().await, echo().await, Datagrams::named("u").await);
    let config = "transport: {lifeCycle: {requestAcceptGraceTimeout: 4s, graceTimeOut: 300s}}";
    let mut gateway = all_kinds(config, &backend, &raw, &datagrams).await;
    let (raw, dns) = (gateway.address("raw"), gateway.address("dns"));
    let old = (http2::connect(&gateway).await, secure_http2(&gateway).await);
    let mut old_raw = [Wire::connect(raw).await, Tls::to("a").connect(raw).await.unwrap().wire()];
    let start = Instant::now();
    gateway.signal("TERM");
    gateway.logs("terminating").await;
    for client in [&old.0, &old.1, &http2::connect(&gateway).await, &secure_http2(&gateway).await] {
        assert_eq!(http2::get(client, "http://a/").await.head.status, 200);
    }
    gateway.get("a", "/").await.assert_status(200);
    assert_eq!(Tls::to("a").connect(gateway.web()).await.unwrap().get("a", "/").await, Ok(200));
    let mut new_raw = [Wire::connect(raw).await, Tls::to("a").connect(raw).await.unwrap().wire()];
    for wire in old_raw.iter_mut().chain(&mut new_raw) {
        echoes(wire).await;
    }
    assert_eq!(Asker::of(dns).await.ask("x").await.server, "u");
    assert!(start.elapsed() < WHILE, "too slow to test anything: {:?}", start.elapsed());
    // What was let in goes on after it.
    gateway_closes(&old.0).await;
    gateway_closes(&old.1).await;
    for wire in old_raw.iter_mut().chain(&mut new_raw) {
        echoes(wire).await;
    }
    assert!(gateway.is_alive());
    drop((old_raw, new_raw));
    let status = gateway.exit().await;
    assert!(status.success(), "{status}");
    assert!(start.elapsed() >= WHILE, "{:?}", start.elapsed());
}

/// Waits until no request can be sent any more.
async fn gateway_closes(client: &h2::client::SendRequest<bytes::Bytes>) {
    let closed = async {
        while let Ok(mut ready) = client.clone().ready().await {
            if ready.send_request(Request::get("http://a/").body(()).unwrap(), true).is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    crate::support::within("the end of an HTTP/2 connection", closed).await;
}

#[tokio::test]
async fn idle_clients_of_every_kind_hold_nothing_up() {
    let (backend, raw, datagrams) = (Backend::echo().await, echo().await, Datagrams::named("u").await);
    let config = "transport: {lifeCycle: {graceTimeOut: 300s}}";
    let mut gateway = all_kinds(config, &backend, &raw, &datagrams).await;
    let clients = (http2::connect(&gateway).await, secure_http2(&gateway).await);
    for client in [&clients.0, &clients.1] {
        assert_eq!(http2::get(client, "http://a/").await.head.status, 200);
    }
    let mut wires = [gateway.connect().await, Tls::to("a").connect(gateway.web()).await.unwrap().wire()];
    for wire in &mut wires {
        wire.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(200);
    }
    // Some have not even said what they are.
    let mut begun = [gateway.connect().await, Wire::connect(gateway.address("raw")).await];
    for wire in &mut begun {
        wire.send(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
    }
    assert_eq!(Asker::of(gateway.address("dns")).await.ask("x").await.server, "u");
    let start = Instant::now();
    gateway.signal("TERM");
    for wire in wires.iter_mut().chain(&mut begun) {
        wire.assert_closed().await;
    }
    assert!(gateway.exit().await.success());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_holds_the_end_up_for_a_moment_only() {
    let backend = Backend::echo().await;
    let mut gateway = Gateway::configured(LONG, route("r").tls("{}").to(&backend)).await;
    let (mine, mut theirs) = tokio::io::duplex(1 << 16);
    let handshake = tokio::spawn(Tls::to("a").over(mine));
    let mut hello = vec![0; 1 << 16];
    let length = crate::support::within("a hello", theirs.read(&mut hello)).await.unwrap();
    handshake.abort();
    let mut silent = gateway.connect().await;
    silent.send(&hello[..length]).await.unwrap();
    assert_eq!(silent.bytes(1).await.unwrap()[0], 22, "the server's part of the handshake");
    let start = Instant::now();
    gateway.signal("TERM");
    assert!(gateway.exit().await.success());
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_does_not_end_is_cut_off_whatever_its_kind() {
    let gate = Gate::new();
    let (backend, raw) = (Backend::behind(&gate, "never").await, echo().await);
    let datagrams = Datagrams::named("u").await;
    let config = "transport: {lifeCycle: {graceTimeOut: 1s}}";
    let mut gateway = all_kinds(config, &backend, &raw, &datagrams).await;
    let clients = (http2::connect(&gateway).await, secure_http2(&gateway).await);
    let stuck = [
        http2::send(&clients.0, Request::get("http://a/"), true).await.0,
        http2::send(&clients.1, Request::get("http://a/"), true).await.0,
    ];
    let mut secure = Tls::to("a").connect(gateway.web()).await.unwrap().wire();
    secure.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    for _ in 0..3 {
        gate.arrived().await;
    }
    let raw = gateway.address("raw");
    let mut held = [Wire::connect(raw).await, Tls::to("a").connect(raw).await.unwrap().wire()];
    for wire in &mut held {
        echoes(wire).await;
    }
    let session = Asker::of(gateway.address("dns")).await;
    session.ask("x").await;
    let start = Instant::now();
    gateway.signal("TERM");
    gateway.logs("terminating").await;
    // A session that goes on doesn't keep the process either.
    let talk = async {
        loop {
            let _ = session.0.send(b"x").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let status = tokio::select! {
        status = gateway.exit() => status,
        () = talk => unreachable!("it never ends"),
    };
    assert!(status.success(), "{status}");
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(10), "{took:?}");
    for response in stuck {
        http2::reply(response).await.unwrap_err();
    }
    for wire in held.iter_mut().chain([&mut secure]) {
        wire.assert_closed().await;
    }
}
