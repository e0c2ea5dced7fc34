//! HTTP/1 connections: waits for each request's whole head within limits, then hands it to the shared `HttpProxy`.
//! What Pingora leaves open is closed here: idle time, a deadline for the head, its size (431), the framing of the body,
//! pipelined requests.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use pingora::apps::HttpServerApp;
use pingora::protocols::http::ServerSession;
use pingora::protocols::{Shutdown, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, Sleep, sleep};

use super::connection::{Connection, Facts};
use super::entry_point::{EntryPoint, Limits};
use super::forwarded::Written;
use super::life_cycle::turned_on;
use super::one_request::OneRequest;
use super::request_head::{Fields, UNSUPPORTED_CODING, head_end, tidy_target};
use pingora::server::ShutdownWatch;

/// Go adds this to `maxHeaderBytes` before it answers 431.
const HEAD_SLACK: usize = 4096;
/// Pingora refuses larger heads with 400 (`MAX_HEADER_SIZE`).
const PINGORA_MOST: usize = 1_048_575;
const FIRST_READ: usize = 4096;
/// CR and LF before a request that are skipped.
const MOST_EMPTY_LINES: usize = 16;
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum Head {
    /// The whole head of a request, and what follows it.
    Request(BytesMut, usize),
    /// The beginning of an HTTP/2 connection.
    Http2(BytesMut),
    TooLarge,
    /// Closed by the client, out of time, or the process ends.
    Gone,
}

/// Serves a connection until it closes. `ahead` is what was read of it.
pub(super) async fn serve(stream: Stream, ahead: BytesMut, entry_point: &EntryPoint, mut drain: ShutdownWatch) {
    let digest = stream.get_proxy_digest();
    let Some(facts) = digest.as_ref().and_then(|d| d.user_data.as_ref()?.downcast_ref::<Facts>()) else { return };
    let limits = &entry_point.limits;
    let mut stream = Box::new(OneRequest::new(stream));
    let mut pipelined = ahead;
    let mut clock = Clock::new(limits.read_timeout);
    let mut served = 0;
    let accepted = Instant::now();
    loop {
        let patience = if served == 0 { limits.read_timeout } else { limits.idle_timeout };
        let head = tokio::select! {
            biased;
            head = read_head(&mut stream, std::mem::take(&mut pipelined), limits, patience, &mut clock) => head,
            () = turned_on(&mut drain, (served == 0).then_some(accepted)) => Head::Gone,
        };
        let (head, end) = match head {
            Head::Request(head, end) => (head, end),
            Head::Http2(preface) if served == 0 => match rewound(stream.into_stream(), preface) {
                Some(connection) => return entry_point.serve_http2(connection, &drain).await,
                None => return,
            },
            Head::TooLarge => return refuse(*stream, 431, "Request Header Fields Too Large").await,
            Head::Http2(_) | Head::Gone => return Shutdown::shutdown(&mut *stream).await,
        };
        let (mut head, end) = match tidy_target(head, end) {
            Ok(tidied) => tidied,
            Err(refusal) => return refuse(*stream, 400, &format!("Bad Request: {refusal}")).await,
        };
        let fields = Fields::of(&head[..end]);
        match fields.fault {
            Some(UNSUPPORTED_CODING) => {
                return refuse(*stream, 501, &format!("Not Implemented: {UNSUPPORTED_CODING}")).await;
            }
            Some(refusal) => return refuse(*stream, 400, &format!("Bad Request: {refusal}")).await,
            None => {}
        }
        let mut request_end = fields.request_end(&head[..end]);
        let own = request_end.take(&head[end..]);
        pipelined = head.split_off(end + own);
        let written = head.len() == end && entry_point.forwarded.write(&mut head, &fields, facts);
        served += 1;
        let last = limits.keep_alive_max_requests.is_some_and(|max| served >= max)
            || limits.keep_alive_max_time.is_some_and(|max| accepted.elapsed() >= max);
        stream.begin(request_end);
        let mut session = ServerSession::new_http1(stream);
        // Any keep-alive but "off": the time between requests is measured by `read_head`.
        session.set_keepalive(Some(0));
        session.set_keepalive_reuses_remaining(last.then_some(0));
        session.set_read_timeout(limits.read_timeout);
        session.set_write_timeout(limits.write_timeout);
        session.set_pipelined_prefix(head);
        if written {
            session.set_connection_user_context(Some(Box::new(Written)));
        }
        let Some(reused) = entry_point.proxy.process_new_http(session, &drain).await else { return };
        let Ok(reused) = reused.consume().0.into_any().downcast::<OneRequest>() else { return };
        stream = reused;
        pipelined.unsplit(stream.finish());
    }
}

/// One timer for all waits of a connection. It is set anew only when it has run down, or must ring earlier: a timer
/// per wait would be registered and taken back with each request.
struct Clock(Pin<Box<Sleep>>);

// === impl Clock ===

impl Clock {
    fn new(first: Option<Duration>) -> Self {
        Clock(Box::pin(sleep(first.unwrap_or(Duration::from_secs(3600)))))
    }

    /// What the future gives, or none if the deadline passes before.
    async fn until<T>(&mut self, deadline: Option<Instant>, future: impl Future<Output = T>) -> Option<T> {
        let Some(deadline) = deadline else { return Some(future.await) };
        if self.0.deadline() > deadline {
            self.0.as_mut().reset(deadline);
        }
        tokio::pin!(future);
        loop {
            tokio::select! {
                biased;
                done = &mut future => return Some(done),
                () = self.0.as_mut() => {
                    if Instant::now() >= deadline {
                        return None;
                    }
                    self.0.as_mut().reset(deadline);
                }
            }
        }
    }
}

/// The connection in clear text under a stream, with bytes given back: over TLS, HTTP/2 is agreed on before.
fn rewound(stream: Stream, bytes: BytesMut) -> Option<Box<Connection>> {
    let mut connection = stream.into_any().downcast::<Connection>().ok()?;
    connection.rewind(bytes);
    Some(connection)
}

/// Reads the head of one request: the first byte within `patience`, then the rest within the read timeout.
async fn read_head(
    stream: &mut OneRequest,
    mut head: BytesMut,
    limits: &Limits,
    patience: Option<Duration>,
    clock: &mut Clock,
) -> Head {
    let largest = limits.max_header_bytes.saturating_add(HEAD_SLACK).min(PINGORA_MOST);
    let in_time = |limit: Option<Duration>| limit.map(|limit| Instant::now() + limit);
    let mut begun = !head.is_empty();
    let mut deadline = in_time(if begun { limits.read_timeout } else { patience });
    let mut scan = 0;
    let mut empty_lines = 0;
    loop {
        // Empty lines before a request are to be skipped (RFC 9112 §2.2), but not for ever.
        while matches!(head.first(), Some(b'\r' | b'\n')) && empty_lines < MOST_EMPTY_LINES {
            head.advance(1);
            empty_lines += 1;
        }
        if empty_lines == MOST_EMPTY_LINES {
            return Head::Gone;
        }
        if let Some(end) = head_end(&head, &mut scan) {
            if end > largest {
                return Head::TooLarge;
            }
            return match H2_PREFACE.starts_with(&head[..end]) {
                true => Head::Http2(head),
                false => Head::Request(head, end),
            };
        }
        if head.len() > largest {
            return Head::TooLarge;
        }
        head.reserve(FIRST_READ);
        match clock.until(deadline, stream.read_buf(&mut head)).await {
            Some(Ok(1..)) => {}
            Some(Ok(0) | Err(_)) | None => return Head::Gone,
        }
        if !begun {
            begun = true;
            deadline = in_time(limits.read_timeout);
        }
    }
}

/// Answers as Go's server answers what it can't read, and closes.
async fn refuse(mut stream: OneRequest, status: u16, message: &str) {
    let reason = message.split(':').next().unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{status} {message}"
    );
    if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
        return;
    }
    Shutdown::shutdown(&mut stream).await;
    // A close with unread bytes is a reset, and the client would lose the answer: read a little more first.
    let mut rest = [0; FIRST_READ];
    tokio::select! {
        () = async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} } => {}
        () = sleep(Duration::from_millis(500)) => {}
    }
}
