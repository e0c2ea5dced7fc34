//! From a service to a connection with one of its servers: whoever doesn't answer is passed over for another one.
//! Then what must be said before the client's bytes: the PROXY header, PostgreSQL's request for TLS, TLS itself.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use log::debug;
use pingora::tls::tokio_ssl::SslStream;
use smallvec::SmallVec;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::proxy_header::header;
use crate::balance::layer4::Server;
use crate::balance::tcp::Transport;
use crate::routing::TcpTarget;

/// So many servers are asked for a connection.
const MOST_TRIES: usize = 16;
/// PostgreSQL's request to speak TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A connection with a server.
pub(super) enum Upstream {
    Plain(TcpStream),
    Tls(Box<SslStream<TcpStream>>),
}

/// What the server is told of the client.
pub(super) struct Introduction {
    pub client: SocketAddr,
    /// The address that the client connected to.
    pub destination: SocketAddr,
    /// Ask for TLS as PostgreSQL does.
    pub starttls: bool,
}

/// A connection with the server whose turn it is, or with another one where that doesn't answer; and how long one half of
/// it outlives the other.
pub(super) async fn dial(target: &TcpTarget, introduction: &Introduction) -> io::Result<(Upstream, Option<Duration>)> {
    let first = target.pick(&[]).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the service has no server"))?;
    let limit = first.transport.dial_timeout;
    within(limit, async {
        let (tcp, server) = connect(target, first).await?;
        let transport = &server.transport;
        let upstream = introduce(tcp, &server, introduction).await?;
        Ok((upstream, transport.termination_delay))
    })
    .await
}

/// Tries servers, the first one first, until one takes the connection.
async fn connect(target: &TcpTarget, first: Arc<Server<Transport>>) -> io::Result<(TcpStream, Arc<Server<Transport>>)> {
    let mut tried = SmallVec::<[SocketAddr; 4]>::new();
    let mut server = first;
    loop {
        let error = match open(&server).await {
            Ok(tcp) => {
                server.answered();
                return Ok((tcp, server));
            }
            Err(error) => error,
        };
        debug!("the server {} doesn't take a connection: {error}", server.address);
        server.failed();
        tried.push(server.address);
        server = match target.pick(&tried).filter(|_| tried.len() < MOST_TRIES) {
            Some(next) => next,
            None => return Err(error),
        };
    }
}

/// Opens a connection with one server. Where all the time runs out meanwhile, others are asked before it next time.
async fn open(server: &Server<Transport>) -> io::Result<TcpStream> {
    let socket = if server.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_nodelay(true)?;
    if let Some(interval) = server.transport.keep_alive {
        keep_alive(&socket, interval)?;
    }
    let mut silent = Silent(Some(server));
    let connected = socket.connect(server.address).await;
    silent.0 = None;
    connected
}

/// A server that was asked, and has said nothing so far.
struct Silent<'s>(Option<&'s Server<Transport>>);

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        if let Some(server) = self.0 {
            server.failed();
        }
    }
}

/// Has a connection probed when nothing is said.
pub(super) fn keep_alive<'s, S>(socket: &'s S, interval: Duration) -> io::Result<()>
where
    SockRef<'s>: From<&'s S>,
{
    let interval = interval.max(Duration::from_secs(1));
    SockRef::from(socket).set_tcp_keepalive(&TcpKeepalive::new().with_time(interval).with_interval(interval))
}

/// Says what comes before the client's bytes.
async fn introduce(
    mut tcp: TcpStream,
    server: &Server<Transport>,
    introduction: &Introduction,
) -> io::Result<Upstream> {
    let transport = &server.transport;
    if let Some(version) = transport.proxy_protocol {
        tcp.write_all(&header(version, introduction.client, introduction.destination)).await?;
    }
    if introduction.starttls {
        tcp.write_all(&SSL_REQUEST).await?;
        if tcp.read_u8().await? != b'S' {
            return Err(io::Error::other("the server does not speak TLS with PostgreSQL's clients"));
        }
    }
    if !server.tls {
        return Ok(Upstream::Plain(tcp));
    }
    let ssl = transport.handshake(&server.host).ok_or_else(|| io::Error::other("no TLS settings"))?;
    let mut stream = SslStream::new(ssl?, tcp).map_err(io::Error::other)?;
    Pin::new(&mut stream).connect().await.map_err(io::Error::other)?;
    if !transport.accepts(stream.ssl()) {
        return Err(io::Error::other("the server's certificate is not for the names that are asked for"));
    }
    Ok(Upstream::Tls(Box::new(stream)))
}

async fn within<T>(limit: Option<Duration>, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match limit {
        None => future.await,
        Some(limit) => timeout(limit, future).await.map_err(|_| io::ErrorKind::TimedOut)?,
    }
}
