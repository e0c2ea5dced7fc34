//! Moves bytes both ways between a client and a server, until both have said all, or one did and the other takes too long.
//! A side that ends its half of the connection is heard by the other one at once.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::direction::Direction;

/// A stream with two ends.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin {
    /// The socket, where the bytes of the stream are those on the socket.
    fn plain(&self) -> Option<&TcpStream>;
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Both sides have said all.
    Complete,
    /// One side had said all, and the other one didn't in time.
    Cut,
}

impl Duplex for TcpStream {
    fn plain(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

/// Moves bytes both ways, `ahead` first, which the client has sent already. After one side has ended its half, the other
/// one has `delay` left; none is for ever.
///
/// # Errors
/// When a side breaks off.
pub(super) async fn relay(
    client: &mut impl Duplex,
    ahead: &[u8],
    server: &mut impl Duplex,
    delay: Option<Duration>,
) -> io::Result<End> {
    let (mut up, mut down) = (Direction::new(ahead), Direction::new(&[]));
    let mut last_words: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|cx: &mut Context<'_>| {
        let up_over = up.poll(cx, client, server)?.is_ready();
        let down_over = down.poll(cx, server, client)?.is_ready();
        match (up_over, down_over, delay) {
            (true, true, _) => Poll::Ready(Ok(End::Complete)),
            (false, false, _) | (_, _, None) => Poll::Pending,
            (_, _, Some(delay)) => {
                let wait = last_words.get_or_insert_with(|| Box::pin(sleep(delay)));
                wait.as_mut().poll(cx).map(|()| Ok(End::Cut))
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests;
