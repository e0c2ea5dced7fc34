//! A connection of HTTP/1 while one of its requests is served: Pingora gets the bytes of that request and no others.
//! What a client sends after them is the next request's, and waits here; Pingora would take it for a broken request.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::BytesMut;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::SslDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream, TimingDigest,
    UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::chunks::Chunks;

/// Bytes of later requests that wait at most; beyond them the client has to.
const MOST: usize = 64 * 1024;

/// A stream that ends where a request does.
#[derive(Debug)]
pub(super) struct OneRequest {
    stream: Stream,
    end: End,
    next: BytesMut,
}

/// Where the request that is served ends.
#[derive(Debug, PartialEq)]
pub(super) enum End {
    /// After so many bytes.
    After(usize),
    /// With its last chunk.
    Chunks(Chunks),
    /// Not known: with the connection, for all that is known here.
    Unknown,
}

// === impl OneRequest ===

impl OneRequest {
    /// All that comes, until it is told better.
    pub(super) fn new(stream: Stream) -> Self {
        OneRequest { stream, end: End::Unknown, next: BytesMut::new() }
    }

    /// Begins with a request, of which `end` is what still comes.
    pub(super) fn begin(&mut self, end: End) {
        self.end = end;
    }

    /// Ends it: what came of the next one.
    pub(super) fn finish(&mut self) -> BytesMut {
        self.end = End::Unknown;
        std::mem::take(&mut self.next)
    }

    /// What is underneath.
    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }

    /// Reads what comes early. Ready only when the client has left, or the connection is broken.
    fn look_ahead(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        while self.next.len() < MOST {
            let mut early = [MaybeUninit::uninit(); 4096];
            let mut early = ReadBuf::uninit(&mut early);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut early))?;
            if early.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.next.extend_from_slice(early.filled());
        }
        Poll::Pending
    }
}

// === impl End ===

impl End {
    /// How many of these bytes are the request's; the others are the next one's.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        match self {
            End::After(left) => {
                let own = bytes.len().min(*left);
                *left -= own;
                own
            }
            End::Chunks(chunks) => match chunks.end(bytes) {
                Some(own) => {
                    *self = End::After(0);
                    own
                }
                None => bytes.len(),
            },
            End::Unknown => bytes.len(),
        }
    }
}

impl AsyncRead for OneRequest {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if this.end == End::After(0) {
            return this.look_ahead(cx);
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let new = buf.filled().get(before..).unwrap_or_default();
        let own = this.end.take(new);
        if let Some(early) = new.get(own..).filter(|early| !early.is_empty()) {
            this.next.extend_from_slice(early);
            buf.set_filled(before + own);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for OneRequest {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[async_trait]
impl Shutdown for OneRequest {
    async fn shutdown(&mut self) {
        Shutdown::shutdown(&mut *self.stream).await;
    }
}

impl UniqueID for OneRequest {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

impl Ssl for OneRequest {
    fn get_ssl(&self) -> Option<&pingora::protocols::tls::TlsRef> {
        self.stream.get_ssl()
    }

    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.stream.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.stream.selected_alpn_proto()
    }
}

// Peeking is done by the entry point before Pingora sees the connection.
impl Peek for OneRequest {}

impl GetTimingDigest for OneRequest {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.stream.get_timing_digest()
    }
}

impl GetProxyDigest for OneRequest {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.stream.get_proxy_digest()
    }
}

impl GetSocketDigest for OneRequest {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.stream.get_socket_digest()
    }
}
