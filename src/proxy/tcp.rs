//! Connections of TCP routes, handed over by `dispatch`: what the client sends goes to a server of the route's service.

mod dial;
mod direction;
mod pipe;
mod proxy_header;
mod relay;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use log::{debug, warn};
use pingora::protocols::tls::SslStream;
use pingora::tls::tokio_ssl::SslStream as ServerTls;
use smallvec::SmallVec;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use self::dial::{Introduction, Upstream, dial, keep_alive};
use self::relay::{Duplex, End, relay};
use super::connection::Connection;
use crate::routing::{Permit, TcpRoute};

/// Between the probes of a client's connection, as in Traefik.
const CLIENT_KEEP_ALIVE: Duration = Duration::from_secs(180);
/// How long it may take to tell a client that its TLS connection ends.
const PARTING: Duration = Duration::from_secs(1);

/// A connection that a TCP route serves.
pub(super) struct Incoming {
    /// The client's bytes, from the first one on.
    pub stream: Downstream,
    /// The client, or whom a trusted balancer speaks for.
    pub client: SocketAddr,
    /// The address that the client connected to, where a trusted balancer told it; else the socket's own.
    pub destination: Option<SocketAddr>,
    /// The client has asked for TLS as PostgreSQL does, and was told yes: the server must be asked too, before the
    /// bytes that follow are passed through.
    pub starttls: bool,
}

/// What is passed on.
pub(super) enum Downstream {
    /// As it came: clear text, or TLS that the server terminates.
    Raw(Connection),
    /// What was in TLS, which ends here.
    Tls(Box<SslStream<Connection>>),
}

/// Serves a connection to its end. The route is let go of as soon as a server is found: connections may last for days.
pub(super) async fn serve(incoming: Incoming, route: Arc<TcpRoute>) {
    let client = incoming.client;
    let mut permits = SmallVec::<[Permit; 2]>::new();
    for admission in &route.admissions {
        match admission.admit(client.ip()) {
            Ok(permit) => permits.extend(permit),
            Err(why) => {
                debug!("{client} is not let in by the TCP route {}: {why}", route.name);
                return incoming.stream.close().await;
            }
        }
    }
    let destination = incoming.destination.or_else(|| incoming.stream.local_address()).unwrap_or(client);
    let introduction = Introduction { client, destination, starttls: incoming.starttls };
    let (server, delay) = match dial(&route.target, &introduction).await {
        Ok(dialled) => dialled,
        Err(e) => {
            warn!("TCP route {}: {client} gets no server: {e}", route.name);
            return incoming.stream.close().await;
        }
    };
    drop(route);
    match incoming.stream.relay(server, delay).await {
        Ok(End::Complete) => {}
        Ok(End::Cut) => debug!("{client} or its server didn't end its half in time"),
        Err(e) => debug!("{client} or its server broke off: {e}"),
    }
}

// === impl Downstream ===

impl Downstream {
    fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Downstream::Raw(connection) => connection.local_address(),
            Downstream::Tls(stream) => stream.get_ref().local_address(),
        }
    }

    /// Closes without a word but TLS's own.
    async fn close(self) {
        if let Downstream::Tls(mut stream) = self {
            let _ = timeout(PARTING, stream.shutdown()).await;
        }
    }

    /// Moves bytes between the client and a server until the connection ends.
    async fn relay(self, server: Upstream, delay: Option<Duration>) -> io::Result<End> {
        match (self, server) {
            (Downstream::Raw(connection), Upstream::Plain(mut server)) => {
                let (mut client, ahead) = plain(connection);
                relay(&mut client, &ahead, &mut server, delay).await
            }
            (Downstream::Raw(connection), Upstream::Tls(mut server)) => {
                let (mut client, ahead) = plain(connection);
                relay(&mut client, &ahead, &mut *server, delay).await
            }
            (Downstream::Tls(mut client), Upstream::Plain(mut server)) => {
                relay(&mut *client, &[], &mut server, delay).await
            }
            (Downstream::Tls(mut client), Upstream::Tls(mut server)) => {
                relay(&mut *client, &[], &mut *server, delay).await
            }
        }
    }
}

/// The socket, which is probed when nothing is said, and what was read of it already.
fn plain(connection: Connection) -> (TcpStream, BytesMut) {
    let (socket, ahead) = connection.into_parts();
    // An error means that the client is gone, which shows soon enough.
    let _ = keep_alive(&socket, CLIENT_KEEP_ALIVE);
    (socket, ahead)
}

impl Duplex for SslStream<Connection> {
    fn plain(&self) -> Option<&TcpStream> {
        None
    }
}

impl Duplex for ServerTls<TcpStream> {
    fn plain(&self) -> Option<&TcpStream> {
        None
    }
}
