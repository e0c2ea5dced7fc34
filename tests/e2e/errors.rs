//! When servers, or clients, fail: what the others get to know.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::support::{Backend, Gate, Gateway, PATIENCE, object, route};

#[tokio::test]
async fn a_server_that_refuses_is_502() {
    let gateway = Gateway::start(route("r").to(&Backend::down())).await;
    let mut client = gateway.connect().await;
    client.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(502).assert_body("Bad Gateway");
    gateway.ask("HEAD / HTTP/1.1\nHost: a\n\n").await.assert_status(502).assert_body("");
    gateway.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody").await.assert_status(502);
}

#[tokio::test]
async fn a_server_that_closes_too_early_is_502() {
    for half in ["", "HTTP/1.1 200 OK\r\nContent-Le"] {
        let backend = Backend::serving(move |mut wire, seen| async move {
            if let Some(request) = wire.request().await? {
                seen.push(request);
                wire.send(half).await?;
            }
            Ok(())
        })
        .await;
        let gateway = Gateway::start(route("r").to(&backend)).await;
        gateway.get("a", "/").await.assert_status(502).assert_body("Bad Gateway");
        let post = gateway.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody").await;
        post.assert_status(502);
        // A request that a server may have begun to work on is not sent twice.
        assert_eq!(backend.requests(), 2, "after {half:?}");
    }
}

#[tokio::test]
async fn a_server_that_talks_nonsense_is_502() {
    let backend = Backend::replying("220 smtp.example ESMTP ready\n\n").await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    gateway.get("a", "/").await.assert_status(502).assert_body("Bad Gateway");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_mistaken_for_a_whole_one() {
    for (head, framing) in [("Content-Length: 100", "by length"), ("Transfer-Encoding: chunked", "by chunks")] {
        let backend = Backend::serving(move |mut wire, _| async move {
            wire.request().await?;
            wire.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n5\r\nhello\r\n")).await
        })
        .await;
        let gateway = Gateway::start(route("r").to(&backend)).await;
        let mut client = gateway.connect().await;
        client.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
        let reply = client.reply().await;
        assert!(reply.is_err(), "{framing}: {reply:?}");
    }
}

#[tokio::test]
async fn a_slow_server_is_504() {
    let gate = Gate::new();
    let backend = Backend::behind(&gate, "late").await;
    let gateway = Gateway::start(
        route("slow").rule("Host(`slow`)").to(&backend).by("serversTransport: impatient")
            + route("patient").rule("Host(`patient`)").to(&backend)
            + object("ServersTransport", "impatient", "forwardingTimeouts: {responseHeaderTimeout: 300ms}"),
    )
    .await;
    let start = Instant::now();
    gateway.get("slow", "/").await.assert_status(504).assert_body("Gateway Timeout");
    assert!(start.elapsed() >= Duration::from_millis(300) && start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
    // Without a timeout the same server is waited for.
    gate.arrived().await;
    gate.open();
    let mut client = gateway.connect().await;
    client.say("GET / HTTP/1.1\nHost: patient\n\n").await.unwrap();
    gate.arrived().await;
    assert!(client.is_silent(Duration::from_millis(500)).await);
    gate.open();
    client.reply().await.unwrap().assert_body("late");
}

#[tokio::test]
async fn the_header_timeout_is_not_for_the_body() {
    let backend = Backend::serving(|mut wire, _| async move {
        wire.request().await?;
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nearl").await?;
        // Longer than the timeout: what is tested here.
        tokio::time::sleep(Duration::from_millis(900)).await;
        wire.send("late").await
    })
    .await;
    let gateway = Gateway::start(
        route("r").to(&backend).by("serversTransport: impatient")
            + object("ServersTransport", "impatient", "forwardingTimeouts: {responseHeaderTimeout: 300ms}"),
    )
    .await;
    gateway.get("a", "/").await.assert_status(200).assert_body("earllate");
}

#[tokio::test]
async fn a_server_that_doesnt_accept_is_504() {
    // Its queue of connections is full, so the kernel doesn't answer any more.
    let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let mut filling = Vec::new();
    while let Ok(Ok(tcp)) =
        tokio::time::timeout(Duration::from_millis(200), tokio::net::TcpStream::connect(address)).await
    {
        filling.push(tcp);
        assert!(filling.len() < 100, "the queue is never full");
    }
    let gateway = Gateway::start(
        route("r").to(&Backend::at(address)).by("serversTransport: impatient")
            + object("ServersTransport", "impatient", "forwardingTimeouts: {dialTimeout: 300ms}"),
    )
    .await;
    let start = Instant::now();
    gateway.get("a", "/").await.assert_status(504).assert_body("Gateway Timeout");
    assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
    gateway.logs("504: the server took too long: Upstream ConnectTimedout").await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_request() {
    let gate = Gate::new();
    let bell = gate.clone();
    let backend = Backend::serving(move |mut wire, _| {
        let bell = bell.clone();
        async move {
            wire.head().await?;
            bell.ring();
            // Ends when the gateway closes the connection.
            wire.rest().await?;
            bell.ring();
            Ok(())
        }
    })
    .await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    client.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    gate.arrived().await;
    drop(client);
    gate.arrived().await;
}

#[tokio::test]
async fn a_client_that_leaves_within_its_body_ends_its_request() {
    let gate = Gate::new();
    let bell = gate.clone();
    let backend = Backend::serving(move |mut wire, _| {
        let bell = bell.clone();
        async move {
            wire.head().await?;
            bell.ring();
            assert!(wire.request().await.is_err() || wire.rest().await?.len() < 100);
            bell.ring();
            Ok(())
        }
    })
    .await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    client.say("POST / HTTP/1.1\nHost: a\nContent-Length: 100\n\nhalf of it").await.unwrap();
    gate.arrived().await;
    drop(client);
    gate.arrived().await;
}
