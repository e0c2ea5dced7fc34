//! HTTP/2 with prior knowledge: concurrent streams, trailers, limits, and what HTTP/1.1 servers see of it.

use std::process::Stdio;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use tokio::process::Command;

use crate::support::http2::{self, connect, get, reply, send};
use crate::support::tls::Tls;
use crate::support::{Backend, Gate, Gateway, route, within};

#[tokio::test]
async fn an_http1_server_sees_a_plain_request() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").rule("Host(`a.example`)").to(&backend)).await;
    let client = connect(&gateway).await;
    let answer = get(&client, "http://a.example/x?q=1").await;
    assert_eq!(answer.head.status, 200);
    let seen = backend.last();
    assert_eq!(seen.start, "GET /x?q=1 HTTP/1.1");
    seen.assert_header("Host", "a.example").assert_header("X-Forwarded-Proto", "http");
    seen.assert_header("X-Forwarded-For", "127.0.0.1");
    let answer = get(&client, "http://nobody.example/").await;
    assert_eq!((answer.head.status.as_u16(), &answer.body[..]), (404, &b"404 page not found\n"[..]));
    assert!(!answer.head.headers.contains_key("connection"), "{answer:?}");
}

#[tokio::test]
async fn streams_are_served_at_the_same_time() {
    let gate = Gate::new();
    let backend = Backend::behind(&gate, "done").await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let client = connect(&gateway).await;
    let mut waiting = Vec::new();
    for n in 0..20 {
        waiting.push(send(&client, Request::get(format!("http://a/{n}")), true).await.0);
    }
    // All are at the server before the first is answered.
    for _ in 0..20 {
        gate.arrived().await;
    }
    for _ in 0..20 {
        gate.open();
    }
    for answer in join_all(waiting.into_iter().map(reply)).await {
        assert_eq!(answer.unwrap().body, b"done");
    }
}

#[tokio::test]
async fn responses_may_end_in_trailers() {
    // What gRPC lives on.
    let backend = http2::backend().await;
    let gateway = Gateway::start(route("r").to(&backend).by("scheme: h2c")).await;
    let client = connect(&gateway).await;
    let request =
        Request::post("http://a.example/grpc").header("te", "trailers").header("content-type", "application/grpc");
    let (response, mut body) = send(&client, request, false).await;
    body.send_data(Bytes::from_static(b"ping"), true).unwrap();
    let answer = reply(response).await.unwrap();
    assert_eq!(answer.head.status, 200);
    assert!(answer.body.ends_with(b"\r\nping"), "{answer:?}");
    assert_eq!(answer.trailers.unwrap_or_else(|| panic!("no trailers")).get("x-received").unwrap(), "0 trailers");
    let seen = backend.last();
    assert!(seen.start.starts_with("POST http://a.example/grpc HTTP/2"), "{seen:?}");
    seen.assert_header("te", "trailers").assert_header("x-forwarded-host", "a.example");
}

#[tokio::test]
async fn both_directions_flow_at_once() {
    // A bidirectional call: each message is answered before the next is sent.
    let backend = Backend::accepting(|tcp, _| async move {
        let mut connection = h2::server::handshake(tcp).await.map_err(std::io::Error::other)?;
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            tokio::spawn(async move {
                let mut body = request.into_body();
                let mut answer = respond.send_response(http::Response::new(()), false)?;
                while let Some(data) = body.data().await {
                    let data = data?;
                    body.flow_control().release_capacity(data.len())?;
                    answer.send_data(data, false)?;
                }
                answer.send_data(Bytes::new(), true)
            });
        }
        Ok(())
    })
    .await;
    let gateway = Gateway::start(route("r").to(&backend).by("scheme: h2c")).await;
    let client = connect(&gateway).await;
    let (response, mut body) = send(&client, Request::post("http://a/"), false).await;
    body.send_data(Bytes::from_static(b"0"), false).unwrap();
    let mut answers = within("the head", response).await.unwrap().into_body();
    for n in 0..5 {
        let data = within("an answer", answers.data()).await.unwrap().unwrap();
        assert_eq!(data, n.to_string());
        answers.flow_control().release_capacity(data.len()).unwrap();
        body.send_data(Bytes::from((n + 1).to_string()), n == 4).unwrap();
    }
}

#[tokio::test]
async fn a_reset_stream_leaves_the_others() {
    let gate = Gate::new();
    let backend = Backend::behind(&gate, "done").await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let client = connect(&gateway).await;
    let (kept, _) = send(&client, Request::get("http://a/kept"), true).await;
    gate.arrived().await;
    let (left, mut stream) = send(&client, Request::post("http://a/left"), false).await;
    stream.send_reset(h2::Reason::CANCEL);
    drop(left);
    // One more than is waited for: the reset request may have come so far, too.
    (0..3).for_each(|_| gate.open());
    assert_eq!(reply(kept).await.unwrap().body, b"done");
    assert_eq!(get(&client, "http://a/next").await.head.status, 200);
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let config = "entryPoints: {web: {transport: {respondingTimeouts: {idleTimeout: 1s}}}}";
    let gateway = Gateway::configured(config, "").await;
    let tcp = tokio::net::TcpStream::connect(gateway.web()).await.unwrap();
    let (client, connection) = h2::client::handshake(tcp).await.unwrap();
    let connection = tokio::spawn(connection);
    assert_eq!(get(&client, "http://a/").await.head.status, 404);
    let _ = within("the close of an idle connection", connection).await.unwrap();
}

#[tokio::test]
async fn h2load_sees_no_failure() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend) + route("s").tls("{}").to(&backend)).await;
    for (scheme, protocol) in [("http", "h2c"), ("https", "h2"), ("https", "http/1.1")] {
        let mut h2load = Command::new("h2load");
        h2load.args(["-n", "600", "-c", "3", "-m", if protocol == "h2" { "10" } else { "1" }]);
        if protocol == "http/1.1" {
            h2load.arg("--h1");
        }
        h2load.arg(format!("{scheme}://{}/", gateway.web())).stdin(Stdio::null()).kill_on_drop(true);
        let output = within("h2load", h2load.output()).await.expect("h2load is needed: .ci/deps");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("600 succeeded, 0 failed, 0 errored"), "{text}");
        assert!(text.contains("status codes: 600 2xx"), "{text}");
        assert!(text.contains(&format!("Application protocol: {protocol}")), "{text}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_ends_its_stream_and_no_other() {
    let backend = Backend::echo().await;
    let config = "entryPoints: {web: {transport: {respondingTimeouts: {readTimeout: 400ms}}}}";
    let slow = Gate::new();
    let patient = Backend::behind(&slow, "at last").await;
    let gateway = Gateway::configured(
        config,
        route("r").rule("Host(`a.example`)").to(&backend) + route("slow").rule("Host(`slow.example`)").to(&patient),
    )
    .await;
    let client = connect(&gateway).await;
    let (stalled, mut body) = send(&client, Request::post("http://a.example/"), false).await;
    body.send_data(Bytes::from_static(b"half"), false).unwrap();
    // A server may take its time, once the body is there.
    let (waited_for, mut whole) = send(&client, Request::post("http://slow.example/"), false).await;
    whole.send_data(Bytes::from_static(b"all"), true).unwrap();
    within("the end of the stream", stalled).await.unwrap_err();
    slow.arrived().await;
    slow.open();
    assert_eq!(reply(waited_for).await.unwrap().body, b"at last");
    assert_eq!(get(&client, "http://a.example/").await.head.status, 200);
}

#[tokio::test]
async fn a_client_that_agrees_on_http2_and_says_nothing_is_not_kept() {
    let backend = Backend::echo().await;
    let timeouts = "{readTimeout: 300ms, idleTimeout: 300ms}";
    let config = format!("entryPoints: {{web: {{transport: {{respondingTimeouts: {timeouts}}}}}}}");
    let mut gateway = Gateway::configured(&config, route("r").rule("Host(`a.example`)").tls("{}").to(&backend)).await;
    let silent = || async { Tls::to("a.example").alpn(&["h2"]).connect(gateway.web()).await.unwrap().wire() };
    let mut one = silent().await;
    within("its end", one.rest()).await.ok();
    // Nor does the process wait for one when it ends.
    let mut patient = Gateway::start(route("r").rule("Host(`a.example`)").tls("{}").to(&backend)).await;
    let waiting = Tls::to("a.example").alpn(&["h2"]).connect(patient.web()).await.unwrap().wire();
    patient.signal("TERM");
    assert!(within("the end of the process", patient.exit()).await.success());
    drop(waiting);
    gateway.signal("TERM");
    assert!(within("the end of the other", gateway.exit()).await.success());
}
