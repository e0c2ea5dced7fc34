//! HTTP/1 connections: waits for each request's whole head within limits, then hands it to the shared `HttpProxy`.
//! What Pingora leaves open is closed here: idle time, a deadline for the head, its size (431), pipelined requests.

use std::time::Duration;

use bytes::BytesMut;
use memchr::{memchr, memmem};
use pingora::apps::HttpServerApp;
use pingora::protocols::http::ServerSession;
use pingora::protocols::{Shutdown, Stream};
use pingora_timeout::{sleep, timeout};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::connection::Connection;
use super::entry_point::EntryPoint;
use super::life_cycle::turned;
use pingora::server::ShutdownWatch;

/// Go adds this to `maxHeaderBytes` before it answers 431.
const HEAD_SLACK: usize = 4096;
const FIRST_READ: usize = 4096;
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const TOO_LARGE: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\n\
    Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n431 Request Header Fields Too Large";

enum Head {
    /// The whole head of a request, and what follows it.
    Request(BytesMut, usize),
    /// The beginning of an HTTP/2 connection.
    Http2(BytesMut),
    TooLarge,
    /// Closed by the client, out of time, or the process ends.
    Gone,
}

/// Serves a connection until it closes.
pub(super) async fn serve(connection: Connection, entry_point: &EntryPoint, mut drain: ShutdownWatch) {
    let mut stream: Stream = Box::new(connection);
    let mut pipelined = BytesMut::new();
    let mut served = 0;
    let accepted = Instant::now();
    loop {
        let limits = &entry_point.limits;
        let patience = if served == 0 { limits.read_timeout } else { limits.idle_timeout };
        let head = tokio::select! {
            biased;
            head = read_head(&mut stream, std::mem::take(&mut pipelined), entry_point, patience) => head,
            () = turned(&mut drain) => Head::Gone,
        };
        let (mut head, end) = match head {
            Head::Request(head, end) => (head, end),
            Head::Http2(preface) if served == 0 => match rewound(stream, preface) {
                Some(connection) => return entry_point.serve_http2(connection, &drain).await,
                None => return,
            },
            Head::TooLarge => return refuse(stream).await,
            Head::Http2(_) | Head::Gone => return Shutdown::shutdown(&mut *stream).await,
        };
        if head.len() > end && !mentions_body(&head[..end]) {
            pipelined = head.split_off(end);
        }
        served += 1;
        let last = limits.keep_alive_max_requests.is_some_and(|max| served >= max)
            || limits.keep_alive_max_time.is_some_and(|max| accepted.elapsed() >= max);
        let mut session = ServerSession::new_http1(stream);
        // Any keep-alive but "off": the time between requests is measured by `read_head`.
        session.set_keepalive(if last { None } else { Some(0) });
        session.set_read_timeout(limits.read_timeout);
        session.set_write_timeout(limits.write_timeout);
        session.set_pipelined_prefix(head);
        stream = match entry_point.proxy.process_new_http(session, &drain).await {
            Some(reused) => reused.consume().0,
            None => return,
        };
    }
}

/// The connection under a stream, with bytes given back.
fn rewound(stream: Stream, bytes: BytesMut) -> Option<Box<Connection>> {
    let mut connection = stream.into_any().downcast::<Connection>().ok()?;
    connection.rewind(bytes);
    Some(connection)
}

/// Reads the head of one request: the first byte within `patience`, then the rest within the read timeout.
async fn read_head(
    stream: &mut Stream,
    mut head: BytesMut,
    entry_point: &EntryPoint,
    patience: Option<Duration>,
) -> Head {
    let limits = &entry_point.limits;
    let mut scan = 0;
    let mut deadline = None;
    if !head.is_empty() {
        deadline = limits.read_timeout.map(|t| Instant::now() + t);
    }
    loop {
        if let Some(end) = head_end(&head, &mut scan) {
            return match H2_PREFACE.starts_with(&head[..end]) {
                true => Head::Http2(head),
                false => Head::Request(head, end),
            };
        }
        if head.len() > limits.max_header_bytes + HEAD_SLACK {
            return Head::TooLarge;
        }
        let wait = if head.is_empty() { patience } else { deadline.map(|d| d - Instant::now()) };
        head.reserve(FIRST_READ);
        let read = match wait {
            Some(wait) => match timeout(wait, stream.read_buf(&mut head)).await {
                Ok(read) => read,
                Err(_) => return Head::Gone,
            },
            None => stream.read_buf(&mut head).await,
        };
        match read {
            Ok(1..) => {}
            Ok(0) | Err(_) => return Head::Gone,
        }
        if deadline.is_none() {
            deadline = limits.read_timeout.map(|t| Instant::now() + t);
        }
    }
}

/// The length of the head up to and with the empty line that ends it. `scan` is where the next search begins.
/// A bare LF ends a line too (RFC 9112 §2.2), and empty lines before the request line are skipped.
fn head_end(head: &[u8], scan: &mut usize) -> Option<usize> {
    loop {
        let line = head.get(*scan..)?;
        let newline = memchr(b'\n', line)?;
        let empty = newline == 0 || (newline == 1 && line[0] == b'\r');
        let begun = head[..*scan].iter().any(|b| !matches!(b, b'\r' | b'\n'));
        *scan += newline + 1;
        if empty && begun {
            return Some(*scan);
        }
    }
}

/// Whether a head says anything of a body or another protocol: then what follows belongs to it, and it isn't split.
fn mentions_body(head: &[u8]) -> bool {
    let lower = head.to_ascii_lowercase();
    [&b"content-length"[..], b"transfer-encoding", b"upgrade", b"connect "]
        .iter()
        .any(|word| memmem::find(&lower, word).is_some())
}

async fn refuse(mut stream: Stream) {
    if stream.write_all(TOO_LARGE).await.is_err() || stream.flush().await.is_err() {
        return;
    }
    Shutdown::shutdown(&mut *stream).await;
    // A close with unread bytes is a reset, and the client would lose the answer: read a little more first.
    let mut rest = [0; FIRST_READ];
    tokio::select! {
        () = async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} } => {}
        () = sleep(Duration::from_millis(500)) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_a_head() {
        for (text, end) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Some(27)),
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody", Some(27)),
            ("GET / HTTP/1.1\nHost: a\n\n", Some(24)),
            ("\r\n\r\nGET / HTTP/1.0\r\n\r\n", Some(22)),
            ("GET / HTTP/1.1\r\nHost: a\r\n", None),
            ("\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(head_end(text.as_bytes(), &mut 0), end, "{text:?}");
        }
    }

    #[test]
    fn finds_the_end_over_several_reads() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let mut scan = 0;
        for n in 0..text.len() {
            assert_eq!(head_end(&text[..n], &mut scan), None, "{n}");
        }
        assert_eq!(head_end(text, &mut scan), Some(text.len()));
    }

    #[test]
    fn splits_only_what_has_no_body() {
        assert!(!mentions_body(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(mentions_body(b"POST / HTTP/1.1\r\ncontent-Length: 3\r\n\r\n"));
        assert!(mentions_body(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));
    }
}
