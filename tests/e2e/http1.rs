//! HTTP/1.x as clients and servers speak it: bodies in both directions, pipelines, HEAD, 100-continue, old versions.

use std::process::Stdio;

use tokio::process::Command;

use crate::support::{Backend, Gate, Gateway, Wire, route, within};

const BIG: usize = 10 << 20;

#[tokio::test]
async fn http_1_0_is_closed_unless_it_asks_for_more() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    let reply = client.ask("GET /x HTTP/1.0\n\n").await;
    assert_eq!(reply.echoed().target(), "/x");
    client.assert_closed().await;
    let mut client = gateway.connect().await;
    client.ask("GET / HTTP/1.0\nConnection: keep-alive\nHost: a\n\n").await.assert_status(200);
    client.ask("GET / HTTP/1.0\nHost: a\n\n").await.assert_status(200);
    client.assert_closed().await;
}

#[tokio::test]
async fn http_1_0_gets_no_chunks() {
    let backend = Backend::replying("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n").await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let reply = gateway.ask("GET / HTTP/1.0\n\n").await;
    reply.assert_status(200).assert_no_header("Transfer-Encoding").assert_body("hello");
}

#[tokio::test]
async fn connection_close_is_honoured() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    let reply = client.ask("GET / HTTP/1.1\nHost: a\nConnection: close\n\n").await;
    assert!(reply.has_token("Connection", "close"), "{reply:?}");
    reply.echoed().assert_no_header("Connection");
    client.assert_closed().await;
}

#[tokio::test]
async fn a_server_that_closes_doesnt_close_its_client() {
    let backend = Backend::serving(|mut wire, _| async move {
        wire.request().await?;
        wire.send("HTTP/1.1 200 OK\r\nConnection: close\r\nKeep-Alive: timeout=5\r\n\r\nuntil the end").await
    })
    .await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    for _ in 0..3 {
        let reply = client.ask("GET / HTTP/1.1\nHost: a\n\n").await;
        reply.assert_status(200).assert_no_header("Keep-Alive").assert_body("until the end");
        assert!(!reply.has_token("Connection", "close"), "{reply:?}");
    }
}

#[tokio::test]
async fn responses_are_streamed() {
    let gate = Gate::new();
    let pause = gate.clone();
    let backend = Backend::serving(move |mut wire, _| {
        let pause = pause.clone();
        async move {
            wire.request().await?;
            wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
            for chunk in ["3\r\none\r\n", "3\r\ntwo\r\n", "0\r\n\r\n"] {
                pause.pass().await;
                wire.send(chunk).await?;
            }
            Ok(())
        }
    })
    .await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    client.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    // The head comes before any of the body, the first chunk before the second is written.
    client.head().await.unwrap().unwrap().assert_status(200).assert_header("Transfer-Encoding", "chunked");
    gate.open();
    assert_eq!(client.chunk().await.unwrap().as_deref(), Some(&b"one"[..]));
    gate.open();
    assert_eq!(client.chunk().await.unwrap().as_deref(), Some(&b"two"[..]));
    gate.open();
    assert_eq!(client.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn requests_are_streamed() {
    let gate = Gate::new();
    let bell = gate.clone();
    let backend = Backend::serving(move |mut wire, _| {
        let bell = bell.clone();
        async move {
            let head = wire.head().await?.unwrap();
            let mut body = format!("{:?}:", head.header("Transfer-Encoding"));
            while let Some(chunk) = wire.chunk().await? {
                body += &String::from_utf8_lossy(&chunk);
                bell.ring();
            }
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await
        }
    })
    .await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    client.say("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\none\n").await.unwrap();
    gate.arrived().await;
    client.say("3;extension=1\ntwo\n").await.unwrap();
    gate.arrived().await;
    client.say("0\n\n").await.unwrap();
    client.reply().await.unwrap().assert_status(200).assert_body("Some(\"chunked\"):onetwo");
}

#[tokio::test]
async fn a_reply_may_come_before_the_request_is_read() {
    let backend = Backend::serving(|mut wire, _| async move {
        wire.head().await?;
        wire.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!").await?;
        wire.rest().await.map(drop)
    })
    .await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    client.say("POST / HTTP/1.1\nHost: a\nContent-Length: 1000000\n\nthe beginning").await.unwrap();
    client.reply().await.unwrap().assert_status(413).assert_body("no!");
}

#[tokio::test]
async fn big_bodies_go_both_ways() {
    // Answers while it reads, so both directions are under way at once. It reads on while its answer is not taken: with
    // a server that doesn't, Pingora and the server can wait for one another (docs/differences.md).
    let backend = Backend::accepting(|tcp, _| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut read, mut write) = tcp.into_split();
        let (sender, mut parts) = tokio::sync::mpsc::channel::<Vec<u8>>(BIG);
        let writing = tokio::spawn(async move {
            write.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n").as_bytes()).await?;
            while let Some(part) = parts.recv().await {
                write.write_all(&part).await?;
            }
            Ok::<_, std::io::Error>(())
        });
        let (mut seen, mut body) = (Vec::new(), 0);
        while body < BIG {
            let mut part = vec![0; 64 << 10];
            let n = read.read(&mut part).await?;
            assert!(n > 0, "the body breaks off");
            part.truncate(n);
            if body == 0 {
                seen.extend_from_slice(&part);
                let Some(end) = seen.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
                part = seen.split_off(end + 4);
            }
            body += part.len();
            let _ = sender.send(part).await;
        }
        drop(sender);
        writing.await.map_err(std::io::Error::other)?
    })
    .await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let body = pattern(BIG);
    let address = gateway.web();
    let sender = Wire::connect(address).await.into_stream();
    let (read, mut write) = tokio::io::split(sender);
    let sent = body.clone();
    let sending = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        write.write_all(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BIG}\r\n\r\n").as_bytes()).await?;
        write.write_all(&sent).await?;
        Ok::<_, std::io::Error>(write)
    });
    let mut client = Wire::new(tokio::io::join(read, tokio::io::sink()));
    let reply = client.reply().await.unwrap();
    assert_eq!(reply.body.len(), BIG);
    assert!(reply.body == body, "the body changed on the way");
    within("the end of the upload", sending).await.unwrap().unwrap();
}

#[tokio::test]
async fn curl_uploads_with_expect_and_downloads() {
    let backend = Backend::serving(|mut wire, seen| async move {
        while let Some(head) = wire.head().await? {
            let length: usize = head.header("Content-Length").unwrap_or("0").parse().unwrap();
            let upload = head.method() == "PUT";
            seen.push(head);
            if upload {
                wire.send("HTTP/1.1 100 Continue\r\n\r\n").await?;
                let body = wire.bytes(length).await?;
                let answer = format!("{} {}", body.len(), body == pattern(length));
                wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len())).await?;
            } else {
                wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n")).await?;
                wire.send(pattern(BIG)).await?;
            }
        }
        Ok(())
    })
    .await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, pattern(BIG)).unwrap();
    let url = format!("http://{}/", gateway.web());
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let upload = curl(&[version, "--expect100-timeout", "10", "-H", "Expect: 100-continue", "-T"])
            .arg(&file)
            .arg(&url)
            .output();
        let upload = within("curl", upload).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&upload.stdout), format!("{BIG} true"), "{version} {upload:?}");
        let download = within("curl", curl(&[version, &url]).output()).await.unwrap();
        assert!(download.stdout == pattern(BIG), "{version}: {} bytes, {:?}", download.stdout.len(), download.status);
    }
}

#[tokio::test]
async fn a_client_that_expects_100_continue_gets_it() {
    let backend = Backend::serving(|mut wire, seen| async move {
        let head = wire.head().await?.unwrap();
        seen.push(head);
        wire.send("HTTP/1.1 100 Continue\r\n\r\n").await?;
        let body = wire.bytes(4).await?;
        wire.send([b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", &body[..]].concat()).await
    })
    .await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    client.say("POST / HTTP/1.1\nHost: a\nContent-Length: 4\nExpect: 100-continue\n\n").await.unwrap();
    client.reply().await.unwrap().assert_status(100);
    client.say("body").await.unwrap();
    client.reply().await.unwrap().assert_status(200).assert_body("body");
}

#[tokio::test]
async fn early_hints_reach_the_client() {
    let backend = Backend::replying(
        "HTTP/1.1 103 Early Hints\nLink: </a.css>; rel=preload\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    )
    .await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    client.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    client.reply().await.unwrap().assert_status(103).assert_header("Link", "</a.css>; rel=preload");
    client.reply().await.unwrap().assert_status(200).assert_body("ok");
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let backend = Backend::replying("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello").await;
    let gateway = Gateway::start(route("r").rule("Host(`a`)").to(&backend)).await;
    let mut client = gateway.connect().await;
    client.ask("HEAD / HTTP/1.1\nHost: a\n\n").await.assert_status(200).assert_header("Content-Length", "5");
    client.ask("HEAD / HTTP/1.1\nHost: nobody\n\n").await.assert_status(404).assert_body("");
    client.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(200).assert_body("hello");
    assert_eq!(backend.requests(), 2);
}

#[tokio::test]
async fn bodiless_statuses_have_no_body() {
    let backend = Backend::answering(|request| match request.target() {
        "/204" => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        _ => "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n".to_owned(),
    })
    .await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    client.ask("GET /204 HTTP/1.1\nHost: a\n\n").await.assert_status(204).assert_no_header("Transfer-Encoding");
    client.ask("GET /304 HTTP/1.1\nHost: a\n\n").await.assert_status(304).assert_header("ETag", "\"x\"");
    client.ask("GET /204 HTTP/1.1\nHost: a\n\n").await.assert_status(204).assert_body("");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    let request = |n| format!("GET /{n} HTTP/1.1\nHost: a\n\n");
    client.say(&(1..=5).map(request).collect::<String>()).await.unwrap();
    for n in 1..=5 {
        assert_eq!(client.reply().await.unwrap().echoed().target(), format!("/{n}"));
    }
}

#[tokio::test]
async fn a_request_behind_a_body_is_answered_too() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    let next = "GET /2 HTTP/1.1\nHost: a\n\n";
    client.say(&format!("POST /1 HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody{next}")).await.unwrap();
    for n in 1..=2 {
        assert_eq!(client.reply().await.unwrap().echoed().target(), format!("/{n}"));
    }
}

#[tokio::test]
async fn a_head_may_come_byte_by_byte() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    for byte in b"\r\nGET /slowly HTTP/1.1\r\nHost: a\r\n\r\n" {
        client.send([*byte]).await.unwrap();
    }
    assert_eq!(client.reply().await.unwrap().echoed().target(), "/slowly");
}

#[tokio::test]
async fn headers_keep_their_values() {
    let backend = Backend::replying(
        "HTTP/1.1 200 OK\nSet-Cookie: a=1\nSet-Cookie: b=2; Path=/\nX-Latin: caf\u{e9}\nContent-Length: 0\n\n",
    )
    .await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let reply = gateway.ask("GET / HTTP/1.1\nHost: a\nCookie: c=3; d=4\nX-Twice: 1\nX-Twice: 2\nX-Empty:\n\n").await;
    assert_eq!(reply.headers_named("Set-Cookie"), ["a=1", "b=2; Path=/"]);
    reply.assert_header("X-Latin", "caf\u{e9}").assert_no_header("Via").assert_no_header("Server");
    let seen = backend.last();
    assert_eq!(seen.headers_named("X-Twice"), ["1", "2"]);
    seen.assert_header("Cookie", "c=3; d=4").assert_header("X-Empty", "");
    seen.assert_no_header("User-Agent").assert_no_header("Via");
}

fn curl(arguments: &[&str]) -> Command {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "20"]).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as u8).collect()
}
