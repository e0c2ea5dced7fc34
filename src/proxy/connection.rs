//! The type of an accepted connection: what Pingora reads from and writes to, and what filters may know of it.
//! Made by the accept loop, carried through Pingora's sessions as a `Stream`.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use http::HeaderValue;
use pingora::protocols::l4::socket::SocketAddr as PeerAddr;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest, UniqueID,
    UniqueIDType,
};
use pingora_http::ResponseHeader;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::entry_point::EntryPoint;
use ingora_middleware::{Client, ClientTls};

/// Enough for the head of a response and a small body, so that both leave in one system call.
const WRITE_BUFFER: usize = 4096;
/// How long a client may still talk to a connection that is being closed.
const PARTING: Duration = Duration::from_millis(500);

/// A TCP connection with a small write buffer, and bytes that were read ahead of its reader.
#[derive(Debug)]
pub struct Connection {
    tcp: BufWriter<TcpStream>,
    ahead: BytesMut,
    client: SocketAddr,
    socket: Arc<SocketDigest>,
    /// Known only after a TLS handshake.
    facts: Option<Arc<ProxyDigest>>,
}

/// What is known of a connection before its first request; reaches `ProxyHttp` as the digest's user data.
pub struct Facts {
    /// The entry point that accepted it.
    pub entry_point: Arc<EntryPoint>,
    /// What filters may know.
    pub client: Client,
    /// The peer's address without port, as text; prepared once for all its requests.
    pub client_ip: HeaderValue,
    /// The forwarding fields that all its requests get, as text.
    pub fields: Vec<u8>,
    /// The name of the TLS options that its handshake was made with; none without TLS.
    pub tls_options: Option<Arc<str>>,
}

// === impl Facts ===

impl Facts {
    /// The facts of a connection that entered by `entry_point` from `client`, with its handshake and the name of the
    /// TLS options that it was made with.
    pub fn new(entry_point: Arc<EntryPoint>, client: SocketAddr, tls: Option<(ClientTls, Arc<str>)>) -> Self {
        let (tls, tls_options) = tls.map(|(handshake, options)| (Arc::new(handshake), options)).unzip();
        // The text of an address is always a valid header value.
        let client_ip = HeaderValue::try_from(client.ip().to_string()).unwrap_or(HeaderValue::from_static(""));
        let fields = entry_point.forwarded.of_connection(&client_ip, tls.is_some());
        Facts { entry_point, client: Client { peer: client, tls }, client_ip, fields, tls_options }
    }
}

// === impl Connection ===

impl Connection {
    /// Wraps an accepted socket of a client, which is not the socket's peer where a balancer speaks for it.
    pub fn new(tcp: TcpStream, client: SocketAddr) -> Self {
        let socket = SocketDigest::from_raw_fd(tcp.as_raw_fd());
        let _ = socket.peer_addr.set(Some(PeerAddr::Inet(client)));
        Connection {
            tcp: BufWriter::with_capacity(WRITE_BUFFER, tcp),
            ahead: BytesMut::new(),
            client,
            socket: Arc::new(socket),
            facts: None,
        }
    }

    /// Says what is known of the connection, before Pingora asks.
    pub fn introduce(&mut self, facts: Facts) -> std::io::Result<()> {
        // Pingora's digest wants a response header beside the user data; this one is never read.
        let header = ResponseHeader::build(200, Some(0)).map_err(std::io::Error::other)?;
        self.facts = Some(Arc::new(ProxyDigest::new(Box::new(header), Some(Box::new(facts)))));
        Ok(())
    }

    /// The client.
    pub fn client(&self) -> SocketAddr {
        self.client
    }

    /// The address that the client connected to.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.tcp.get_ref().local_addr().ok()
    }

    /// Closes after the last word. A close with unread bytes is a reset, and the client would lose that word: what it
    /// still says is read for a moment.
    pub async fn part(&mut self) {
        Shutdown::shutdown(self).await;
        let mut rest = [0; WRITE_BUFFER];
        tokio::select! {
            () = async { while matches!(self.tcp.get_mut().read(&mut rest).await, Ok(1..)) {} } => {}
            () = sleep(PARTING) => {}
        }
    }

    /// The socket, and the bytes that were read and given back. Nothing may have been written.
    pub fn into_parts(self) -> (TcpStream, BytesMut) {
        (self.tcp.into_inner(), self.ahead)
    }

    /// Gives bytes back that were read: the next reader gets them first.
    pub fn rewind(&mut self, bytes: BytesMut) {
        debug_assert!(self.ahead.is_empty(), "bytes are given back once, by the peek");
        self.ahead = bytes;
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(self.tcp.get_mut()).poll_read(cx, buf);
        }
        let n = buf.remaining().min(self.ahead.len());
        buf.put_slice(&self.ahead[..n]);
        self.ahead.advance(n);
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[async_trait]
impl Shutdown for Connection {
    async fn shutdown(&mut self) {
        // The peer may be gone already; there is nobody to tell.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for Connection {
    fn id(&self) -> UniqueIDType {
        self.tcp.get_ref().as_raw_fd()
    }
}

impl Ssl for Connection {}

// Peeking is done by the entry point before Pingora sees the connection.
impl Peek for Connection {}

impl GetTimingDigest for Connection {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Connection {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.facts.clone()
    }
}

impl GetSocketDigest for Connection {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(self.socket.clone())
    }
}
