//! Both ways, halves that end, sides that break off, much and little.

#![allow(clippy::unwrap_used)]

use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpListener;

use super::*;

/// More than enough for what comes at once.
const LONG: Duration = Duration::from_secs(20);

impl Duplex for DuplexStream {
    fn plain(&self) -> Option<&TcpStream> {
        None
    }
}

async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (near, listener.accept().await.unwrap().0)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8).collect()
}

async fn both_ways(
    mut client: impl Duplex + Send + 'static,
    mut server: impl Duplex + Send + 'static,
    (mut client_end, mut server_end): (impl Duplex + Send + 'static, impl Duplex + Send + 'static),
    length: usize,
) {
    let relaying = tokio::spawn(async move { relay(&mut client, b"ahead", &mut server, Some(LONG)).await });
    let answering = tokio::spawn(async move {
        let mut asked = Vec::new();
        server_end.read_to_end(&mut asked).await.unwrap();
        server_end.write_all(&asked).await.unwrap();
        server_end.shutdown().await.unwrap();
    });
    let question = pattern(length);
    client_end.write_all(&question).await.unwrap();
    client_end.shutdown().await.unwrap();
    let mut answer = Vec::new();
    client_end.read_to_end(&mut answer).await.unwrap();
    assert!(answer == [b"ahead", &question[..]].concat(), "{length}: {} bytes", answer.len());
    assert_eq!(relaying.await.unwrap().unwrap(), End::Complete);
    answering.await.unwrap();
}

#[tokio::test]
async fn moves_everything_both_ways_and_passes_ends_on() {
    for length in [0, 1, 65_536, 65_537, 3 << 20] {
        let ((client_end, client), (server, server_end)) = (sockets().await, sockets().await);
        both_ways(client, server, (client_end, server_end), length).await;
        // What is no socket, and has little room.
        let ((client_end, client), (server, server_end)) = (tokio::io::duplex(1000), tokio::io::duplex(3));
        both_ways(client, server, (client_end, server_end), length.min(100_000)).await;
    }
}

#[tokio::test]
async fn the_other_half_has_its_delay() {
    for delay in [Duration::ZERO, Duration::from_millis(200)] {
        let ((mut client_end, mut client), (mut server, mut server_end)) = (sockets().await, sockets().await);
        let start = Instant::now();
        let relaying = tokio::spawn(async move { relay(&mut client, &[], &mut server, Some(delay)).await });
        client_end.shutdown().await.unwrap();
        assert_eq!(server_end.read(&mut [0; 8]).await.unwrap(), 0, "the end is told");
        // The server says nothing.
        assert_eq!(relaying.await.unwrap().unwrap(), End::Cut);
        assert!(start.elapsed() >= delay && start.elapsed() < LONG, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn without_a_delay_the_other_half_lasts() {
    let ((mut client_end, mut client), (mut server, mut server_end)) = (sockets().await, sockets().await);
    let relaying = tokio::spawn(async move { relay(&mut client, &[], &mut server, None).await });
    client_end.shutdown().await.unwrap();
    assert_eq!(server_end.read(&mut [0; 8]).await.unwrap(), 0);
    for _ in 0..5 {
        sleep(Duration::from_millis(50)).await;
        server_end.write_all(b"still").await.unwrap();
        client_end.read_exact(&mut [0; 5]).await.unwrap();
    }
    server_end.shutdown().await.unwrap();
    assert_eq!(relaying.await.unwrap().unwrap(), End::Complete);
}

#[tokio::test]
async fn what_was_said_before_a_side_broke_off_arrives() {
    let ((mut client_end, mut client), (mut server, server_end)) = (sockets().await, sockets().await);
    let relaying = tokio::spawn(async move { relay(&mut client, &[], &mut server, Some(LONG)).await });
    // It answers, and is gone before it has read what it is asked.
    client_end.write_all(b"question").await.unwrap();
    server_end.readable().await.unwrap();
    let mut server_end = server_end;
    server_end.write_all(b"answer").await.unwrap();
    drop(server_end);
    let mut answer = Vec::new();
    let _ = client_end.read_to_end(&mut answer).await;
    assert_eq!(answer, b"answer");
    drop(client_end);
    let _ = relaying.await.unwrap();
}
