//! A connection with a full handshake and one request, again and again.

use std::cell::Cell;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Instant;

use futures_util::future::join_all;
use pingora::tls::ssl::{Ssl, SslContext, SslMethod, SslVerifyMode};
use pingora::tls::tokio_ssl::SslStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peers::{Peer, with_tls};
use crate::seconds;
use crate::support::certificates::{Authority, Key, VALID};
use crate::table::{Run, compare};

/// Connections at a time.
const AT_ONCE: usize = 32;

pub async fn run() {
    let authority = Authority::new("bench");
    let server = Peer::server().await;
    for (key, name) in [(Key::Ecdsa, "ECDSA P-256"), (Key::Rsa, "RSA-2048")] {
        let peers = with_tls(&server, &authority.issue_with(&["bench.example"], key, VALID)).await;
        let title = format!("full handshakes, {name}, X25519, {AT_ONCE} at a time, one request each");
        compare(&title, ("handshake", 1e6, "us"), &peers, |address| load(address, "bench.example")).await;
    }
}

/// Connects with full handshakes for a while.
pub async fn load(address: SocketAddr, host: &str) -> Run {
    let mut context = SslContext::builder(SslMethod::tls()).unwrap();
    context.set_verify(SslVerifyMode::NONE);
    // What all of them have; newer ones would put some at a disadvantage.
    #[cfg(feature = "boringssl")]
    context.set_curves_list("X25519").unwrap();
    #[cfg(not(feature = "boringssl"))]
    context.set_groups_list("X25519").unwrap();
    let context = context.build();
    let (start, length) = (Instant::now(), seconds());
    let (done, failed) = (Cell::new(0usize), Cell::new(0usize));
    join_all((0..AT_ONCE).map(|_| async {
        while start.elapsed() < length {
            match visit(address, &context, host).await {
                Ok(()) => done.set(done.get() + 1),
                Err(_) => failed.set(failed.get() + 1),
            }
        }
    }))
    .await;
    Run { done: done.get() as f64, failed: failed.get(), took: start.elapsed(), p99: None }
}

async fn visit(address: SocketAddr, context: &SslContext, host: &str) -> Result<(), Box<dyn std::error::Error>> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let mut ssl = Ssl::new(context)?;
    ssl.set_hostname(host)?;
    let mut stream = SslStream::new(ssl, tcp)?;
    Pin::new(&mut stream).connect().await?;
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::with_capacity(2048);
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => break,
            Ok(n) => answer.extend_from_slice(&buffer[..n]),
            // Whoever ends a connection without TLS's farewell has said all there was: the length is checked.
            Err(_) if answer.len() > 1024 => break,
            Err(error) => return Err(error.into()),
        }
    }
    if answer.starts_with(b"HTTP/1.1 200") && answer.len() > 1024 { Ok(()) } else { Err("another answer".into()) }
}
