//! How connections end: half by half, when a side breaks off, with a change, and with the process.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{all, echoes, named};
use crate::support::gateway::{exit, signal};
use crate::support::layer4::Layer4Route;
use crate::support::tls::Tls;
use crate::support::{Backend, Gateway, Wire, object, within};

const SHORT: Duration = Duration::from_millis(100);

/// Reads to the client's end, waits, answers, and closes.
async fn late(wait: Duration) -> Backend {
    Backend::serving(move |mut wire, _| async move {
        let question = wire.rest().await?;
        tokio::time::sleep(wait).await;
        wire.send([b"you said ", &question[..]].concat()).await
    })
    .await
}

/// Says something, ends its half, and reads what comes.
async fn half_closed(gateway: &Gateway) -> Vec<u8> {
    let mut tcp = TcpStream::connect(gateway.web()).await.unwrap();
    tcp.write_all(b"hello").await.unwrap();
    tcp.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = within("the end", tcp.read_to_end(&mut answer)).await;
    answer
}

#[tokio::test]
async fn a_server_can_answer_after_its_client_has_ended_its_half() {
    let backend = late(Duration::ZERO).await;
    let gateway = Gateway::start(all("r").to(&backend)).await;
    assert_eq!(half_closed(&gateway).await, b"you said hello");
}

#[tokio::test]
async fn it_has_the_termination_delay_for_it() {
    let backend = late(SHORT * 8).await;
    let route = |by: &str| -> Layer4Route { all("r").to(&backend).by(by) };
    for (route, transport, answered) in [
        // 100 ms by default.
        (route("weight: 1"), "dialTimeout: 1s", false),
        (route("terminationDelay: 20000"), "dialTimeout: 1s", true),
        (route("terminationDelay: 0"), "dialTimeout: 1s", false),
        (route("terminationDelay: -1"), "dialTimeout: 1s", true),
        (route("serversTransport: t"), "terminationDelay: 20s", true),
        (route("serversTransport: t"), "terminationDelay: 50ms", false),
    ] {
        let gateway = Gateway::start(route + object("ServersTransportTCP", "t", transport)).await;
        let start = Instant::now();
        let answer = half_closed(&gateway).await;
        assert_eq!(answer == b"you said hello", answered, "{transport} {answer:?}");
        assert!(answered || start.elapsed() < SHORT * 8, "{transport}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_client_can_speak_after_its_server_has_ended_its_half() {
    let backend = Backend::accepting(|mut tcp, _| async move {
        tcp.write_all(b"all that I say").await?;
        tcp.shutdown().await?;
        let mut heard = Vec::new();
        tcp.read_to_end(&mut heard).await?;
        assert_eq!(heard, b"and what I say");
        Ok(())
    })
    .await;
    let gateway = Gateway::start(all("r").to(&backend).by("terminationDelay: 20000")).await;
    let mut tcp = TcpStream::connect(gateway.web()).await.unwrap();
    let mut heard = Vec::new();
    within("the server's half", tcp.read_to_end(&mut heard)).await.unwrap();
    assert_eq!(heard, b"all that I say");
    tcp.write_all(b"and what I say").await.unwrap();
    tcp.shutdown().await.unwrap();
}

#[tokio::test]
async fn much_goes_both_ways_at_once() {
    let length = 8 << 20;
    let backend = Backend::accepting(move |tcp, _| async move {
        let (mut reader, mut writer) = tcp.into_split();
        tokio::io::copy(&mut reader, &mut writer).await?;
        writer.shutdown().await
    })
    .await;
    let gateway = Gateway::start(all("r").to(&backend).by("terminationDelay: 20000")).await;
    let (mut reader, mut writer) = TcpStream::connect(gateway.web()).await.unwrap().into_split();
    let sent: Vec<u8> = (0..length).map(|i: usize| (i % 251) as u8).collect();
    let expected = sent.clone();
    let sending = tokio::spawn(async move {
        writer.write_all(&sent).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    let mut heard = Vec::new();
    within("the end", reader.read_to_end(&mut heard)).await.unwrap();
    sending.await.unwrap();
    assert!(heard == expected, "{} of {length} bytes", heard.len());
}

#[tokio::test]
async fn a_side_that_breaks_off_ends_the_other() {
    let backend = Backend::accepting(|tcp, seen| async move {
        let mut wire = Wire::new(tcp);
        wire.bytes(5).await?;
        wire.assert_closed().await;
        seen.push(crate::support::Message::parse(b"GET /closed HTTP/1.1\r\n\r\n"));
        Ok(())
    })
    .await;
    let gateway = Gateway::start(all("r").to(&backend)).await;
    let mut wire = gateway.connect().await;
    wire.send("hello").await.unwrap();
    drop(wire);
    let closed = async {
        while backend.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the end at the server", closed).await;
}

/// Ends a connection with a reset instead of a farewell.
fn reset(tcp: TcpStream) {
    socket2::SockRef::from(&tcp).set_linger(Some(Duration::ZERO)).unwrap();
    drop(tcp);
}

#[tokio::test]
async fn a_reset_ends_the_other_side_too_and_what_was_said_before_arrives() {
    // Little, and so much that it goes another way through the process.
    for length in [10, 4 << 20] {
        let said: Vec<u8> = (0..length).map(|i: usize| (i % 251) as u8).collect();
        let words = said.clone();
        let backend = Backend::accepting(move |mut tcp, _| {
            let words = words.clone();
            async move {
                tcp.write_all(&words).await?;
                tcp.read_exact(&mut [0; 3]).await?;
                reset(tcp);
                Ok(())
            }
        })
        .await;
        // One half alone may last for ever; a connection that broke off has none.
        let clear = all("clear").to(&backend).by("terminationDelay: -1");
        let secure = all("secure").rule("HostSNI(`a`)").spec("tls: {}").to(&backend).by("terminationDelay: -1");
        let gateway = Gateway::start(clear + secure).await;
        let secure = Tls::to("a").connect(gateway.web()).await.unwrap().wire();
        let mut clear = gateway.connect().await;
        // TLS may come there, so the client has to begin.
        clear.send("w").await.unwrap();
        for (mut wire, more) in [(clear, "ho"), (secure, "who")] {
            assert!(wire.bytes(length).await.unwrap() == said);
            wire.send(more).await.unwrap();
            wire.assert_closed().await;
        }
    }
    // From the client.
    let backend = Backend::accepting(|mut tcp, seen| async move {
        tcp.write_all(b"all").await?;
        let mut heard = Vec::new();
        let _ = tcp.read_to_end(&mut heard).await;
        assert_eq!(heard, b"ok");
        seen.push(crate::support::Message::default());
        Ok(())
    })
    .await;
    let gateway = Gateway::start(all("r").to(&backend).by("terminationDelay: -1")).await;
    let mut tcp = TcpStream::connect(gateway.web()).await.unwrap();
    tcp.read_exact(&mut [0; 3]).await.unwrap();
    tcp.write_all(b"ok").await.unwrap();
    // A reset overtakes what nobody has read yet.
    tokio::time::sleep(SHORT).await;
    reset(tcp);
    let closed = async {
        while backend.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the end at the server", closed).await;
}

#[tokio::test]
async fn open_connections_survive_changes() {
    let [old, new] = &[named("old").await, named("new").await];
    let gateway = Gateway::start(all("r").to(old)).await;
    let mut wire = gateway.connect().await;
    assert_eq!(wire.bytes(5).await.unwrap(), "old\r\n");
    gateway.change(all("r").to(new));
    let change = async { while super::name(&gateway).await != "new" {} };
    within("the change", change).await;
    echoes(&mut wire, "still here").await;
    gateway.change("");
    tokio::time::sleep(SHORT).await;
    echoes(&mut wire, "and still").await;
}

#[tokio::test]
async fn the_end_waits_for_connections_and_then_cuts_them() {
    let backend = named("a").await;
    let config = "entryPoints: {web: {transport: {lifeCycle: {graceTimeOut: 2s}}}}";
    let mut gateway = Gateway::configured(config, all("r").to(&backend)).await;
    let mut wire = gateway.connect().await;
    wire.bytes(3).await.unwrap();
    let start = Instant::now();
    gateway.signal("TERM");
    gateway.logs("terminating").await;
    echoes(&mut wire, "still here").await;
    wire.assert_closed().await;
    assert!(start.elapsed() > Duration::from_millis(1900), "{:?}", start.elapsed());
    assert!(gateway.exit().await.success());
}

#[tokio::test]
async fn the_end_comes_with_the_last_connection() {
    let backend = named("a").await;
    let config = "entryPoints: {web: {transport: {lifeCycle: {graceTimeOut: 300s}}}}";
    let mut gateway = Gateway::configured(config, all("r").to(&backend)).await;
    let mut wire = gateway.connect().await;
    wire.bytes(3).await.unwrap();
    gateway.signal("TERM");
    gateway.logs("terminating").await;
    echoes(&mut wire, "still here").await;
    assert!(gateway.is_alive());
    drop(wire);
    let start = Instant::now();
    assert!(gateway.exit().await.success());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_new_process_takes_over_without_a_lost_connection() {
    let backend = named("a").await;
    let config = "{grace_period_seconds: 1, graceful_shutdown_timeout_seconds: 1}";
    let mut gateway = Gateway::configured(config, all("r").to(&backend)).await;
    let mut held = gateway.connect().await;
    held.bytes(3).await.unwrap();
    let mut old = gateway.succeed(&["--upgrade"]);
    // The new one asks for the sockets, and the old one gives them when it is told to.
    tokio::time::sleep(Duration::from_millis(500)).await;
    signal(old.id(), "QUIT");
    gateway.logs("listens on").await;
    echoes(&mut held, "still here").await;
    let mut connections = 0;
    while old.try_wait().unwrap().is_none() {
        assert_eq!(super::name(&gateway).await, "a");
        connections += 1;
    }
    assert!(exit(&mut old).await.success());
    assert_eq!(super::name(&gateway).await, "a");
    assert!(connections > 10, "{connections}");
}
