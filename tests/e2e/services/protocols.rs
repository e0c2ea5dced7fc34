//! What servers may speak: old HTTP, events, websockets behind weights, and refusals of bodies that weren't sent yet.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{accept_async, client_async};

use crate::support::{Backend, Gate, Gateway, http2, middleware, route, within};

#[tokio::test]
async fn servers_of_http_1_0_are_understood() {
    // One says how long its answer is, one ends it by closing.
    for (head, body) in [("Content-Length: 5\r\n", "known"), ("", "until the end")] {
        for connection in ["", "Connection: keep-alive\r\n"] {
            let backend = Backend::serving(move |mut wire, seen| async move {
                while let Some(request) = wire.request().await? {
                    seen.push(request);
                    wire.send(format!("HTTP/1.0 200 OK\r\n{head}{connection}\r\n{body}")).await?;
                    if head.is_empty() || connection.is_empty() {
                        break;
                    }
                }
                Ok(())
            })
            .await;
            let gateway = Gateway::start(
                route("r").rule("Host(`a`)").to(&backend)
                    + route("held").rule("Host(`held`)").middlewares(&["held"]).to(&backend)
                    + middleware("held", "buffering: {}"),
            )
            .await;
            let mut client = gateway.connect().await;
            for host in ["a", "held", "a"] {
                // The client's connection goes on, whatever becomes of the server's.
                let reply = client.ask(&format!("POST /x HTTP/1.1\nHost: {host}\nContent-Length: 4\n\nbody")).await;
                reply.assert_status(200).assert_body(body);
                assert!(reply.start.starts_with("HTTP/1.1 "), "{reply:?}");
                let seen = backend.last();
                assert_eq!((seen.start.as_str(), seen.body.as_slice()), ("POST /x HTTP/1.1", &b"body"[..]));
            }
            let over = http2::get(&http2::connect(&gateway).await, "http://a/").await;
            assert_eq!(over.body, body.as_bytes());
            // Nothing says where an old client's answer ends but the end, or its length.
            let mut old = gateway.connect().await;
            old.ask("GET / HTTP/1.0\nHost: a\n\n").await.assert_status(200).assert_body(body);
        }
    }
}

#[tokio::test]
async fn events_are_passed_on_one_by_one() {
    let gate = Gate::new();
    let pause = gate.clone();
    let backend = Backend::serving(move |mut wire, _| {
        let pause = pause.clone();
        async move {
            wire.request().await?;
            // As many servers of events do: no length, no chunks.
            wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n").await?;
            for n in 0..3 {
                pause.pass().await;
                wire.send(format!("data: {n}\n\n")).await?;
            }
            Ok(())
        }
    })
    .await;
    let gateway = Gateway::start(
        route("r").rule("Host(`a`)").to(&backend)
            + route("around").rule("Host(`around`)").middlewares(&["around"]).to(&backend)
            + middleware("around", "retry: {attempts: 2}"),
    )
    .await;
    for host in ["a", "around"] {
        let mut client = gateway.connect().await;
        client.say(&format!("GET /events HTTP/1.1\nHost: {host}\nAccept: text/event-stream\n\n")).await.unwrap();
        let head = client.head().await.unwrap().unwrap();
        head.assert_status(200).assert_header("Content-Type", "text/event-stream");
        for n in 0..3 {
            gate.arrived().await;
            gate.open();
            assert_eq!(client.chunk().await.unwrap().unwrap(), format!("data: {n}\n\n"));
        }
        assert_eq!(client.chunk().await.unwrap(), None);

        let client = http2::connect(&gateway).await;
        let (response, _) = http2::send(&client, http::Request::get(format!("http://{host}/events")), true).await;
        let mut events = within("a head", response).await.unwrap().into_body();
        for n in 0..3 {
            gate.arrived().await;
            gate.open();
            assert_eq!(within("an event", events.data()).await.unwrap().unwrap(), format!("data: {n}\n\n"));
        }
        // The end may come with a piece that is empty.
        assert!(within("the end", events.data()).await.is_none_or(|data| data.unwrap().is_empty()));
    }
}

/// Tells its name first, then echoes.
async fn talker(name: &'static str) -> Backend {
    Backend::accepting(move |tcp, _| async move {
        // Not at once: see docs/differences.md on upgrades.
        sleep(Duration::from_millis(20)).await;
        let mut socket = accept_async(tcp).await.map_err(std::io::Error::other)?;
        socket.send(Frame::text(name)).await.map_err(std::io::Error::other)?;
        while let Some(Ok(frame)) = socket.next().await {
            if frame.is_text() {
                socket.send(frame).await.map_err(std::io::Error::other)?;
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn websockets_are_shared_by_weight_and_stay_where_they_are() {
    let [a, b] = &[talker("a").await, talker("b").await];
    let gateway = Gateway::start(route("r").to(a).by("weight: 3").to(b).by("weight: 1")).await;
    let mut sockets = Vec::new();
    let mut names = Vec::new();
    for _ in 0..8 {
        let request = "ws://a.example/chat".into_client_request().unwrap();
        let stream = gateway.connect().await.into_stream();
        let (mut socket, _) = within("a websocket", client_async(request, stream)).await.unwrap();
        names.push(within("a name", socket.next()).await.unwrap().unwrap().into_text().unwrap().to_string());
        sockets.push(socket);
    }
    assert_eq!((names.iter().filter(|n| *n == "a").count(), names.len()), (6, 8), "{names:?}");
    // All are open at the same time.
    for round in 0..3 {
        for (n, socket) in sockets.iter_mut().enumerate() {
            let frame = Frame::text(format!("{round} of {n}"));
            socket.send(frame.clone()).await.unwrap();
            assert_eq!(within("an echo", socket.next()).await.unwrap().unwrap(), frame);
        }
    }
    assert_eq!((a.connections(), b.connections()), (6, 2));
}

/// Answers before it has read a body.
async fn refusing(status: u16, reason: &'static str) -> Backend {
    Backend::serving(move |mut wire, seen| async move {
        let Some(head) = wire.head().await? else { return Ok(()) };
        seen.push(head);
        wire.send(format!("HTTP/1.1 {status} {reason}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")).await?;
        let body = wire.rest().await?;
        assert!(body.is_empty(), "the server got {} bytes of the body", body.len());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_body_that_is_refused_before_it_is_sent_stays_with_the_client() {
    for (status, reason) in [(417, "Expectation Failed"), (401, "Unauthorized")] {
        let backend = refusing(status, reason).await;
        let gateway = Gateway::start(
            route("r").rule("Host(`a`)").to(&backend)
                + route("around").rule("Host(`around`)").middlewares(&["around"]).to(&backend)
                + middleware("around", "errors: {status: ['599'], query: /, service: {name: r-0, port: 80}}"),
        )
        .await;
        for host in ["a", "around"] {
            let mut client = gateway.connect().await;
            let head = "Content-Length: 1000\nExpect: 100-continue";
            client.say(&format!("PUT / HTTP/1.1\nHost: {host}\n{head}\n\n")).await.unwrap();
            // Without a 100 before it. What came next on the connection couldn't be told from the body.
            let reply = client.reply().await.unwrap();
            reply.assert_status(status).assert_body("no").assert_header("Connection", "close");
            backend.last().assert_header("Expect", "100-continue").assert_header("Content-Length", "1000");
        }
    }
}

#[tokio::test]
async fn curl_does_not_send_a_file_that_is_refused() {
    let backend = refusing(401, "Unauthorized").await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, vec![b'x'; 2 << 20]).unwrap();
    let curl = tokio::process::Command::new("curl")
        .args(["-sS", "--max-time", "20", "--expect100-timeout", "15", "-H", "Expect: 100-continue"])
        .args(["-w", "|%{http_code} %{size_upload}", "-T"])
        .arg(&file)
        .arg(format!("http://{}/", gateway.web()))
        .kill_on_drop(true)
        .output();
    let output = within("curl", curl).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "no|401 0", "{output:?}");
}
