//! Reads ahead on a new connection until it is clear what it is: TLS and for which name, PostgreSQL, or plain bytes.
//! Bounded in time and in size; nothing is consumed, whoever serves the connection gets the bytes again.

pub mod client_hello;
pub mod proxy_protocol;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

use client_hello::{ClientHello, Parsed};

/// What a read asks for: enough for a request's head, and for the ClientHello of a browser.
const READ: usize = 4096;
/// PostgreSQL's request to speak TLS: its length, 8, and the code 80877103.
pub(super) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// What the first bytes of a connection are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// A TLS handshake; one that can't be read is here too, without a name, for the TLS library to refuse.
    Tls(ClientHello),
    /// PostgreSQL's request to speak TLS.
    SslRequest,
    /// Anything else.
    Plain,
}

/// What bytes say so far; none where more are needed.
pub fn classify(bytes: &[u8]) -> Option<Opening> {
    match bytes.first()? {
        &client_hello::HANDSHAKE => match client_hello::parse(bytes) {
            Parsed::Incomplete => None,
            Parsed::Hello(hello) => Some(Opening::Tls(hello)),
            Parsed::Malformed => Some(Opening::Tls(ClientHello::default())),
            Parsed::NotTls => Some(Opening::Plain),
        },
        0 if bytes.starts_with(&SSL_REQUEST) => Some(Opening::SslRequest),
        0 if SSL_REQUEST.starts_with(bytes) => None,
        _ => Some(Opening::Plain),
    }
}

/// Reads into `ahead` until it is clear what comes; none where the client left or took too long.
pub(super) async fn peek(
    stream: &mut (impl AsyncRead + Unpin),
    ahead: &mut BytesMut,
    deadline: Instant,
) -> Option<Opening> {
    loop {
        if let Some(opening) = classify(ahead) {
            return Some(opening);
        }
        if !more(stream, ahead, deadline).await {
            return None;
        }
    }
}

/// Reads once; false where nothing more comes in time.
async fn more(stream: &mut (impl AsyncRead + Unpin), ahead: &mut BytesMut, deadline: Instant) -> bool {
    ahead.reserve(READ);
    matches!(timeout_at(deadline, stream.read_buf(ahead)).await, Ok(Ok(1..)))
}

#[cfg(test)]
mod tests;
