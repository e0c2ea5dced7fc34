//! Connections of TCP routes, handed over by `dispatch`: what the client sends goes to a server of the route's service.

use std::net::SocketAddr;
use std::sync::Arc;

use log::debug;
use pingora::protocols::tls::SslStream;
use pingora::server::ShutdownWatch;

use super::connection::Connection;
use crate::routing::TcpRoute;

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

/// Serves a connection to its end; `drain` turns true when the process is about to end.
pub(super) async fn serve(incoming: Incoming, route: &Arc<TcpRoute>, drain: ShutdownWatch) {
    let _ = (incoming.destination, incoming.starttls, drain);
    debug!("{} came to the TCP route {}, which this version does not serve", incoming.client, route.name);
    match incoming.stream {
        Downstream::Raw(mut connection) => connection.part().await,
        Downstream::Tls(mut stream) => stream.get_mut().part().await,
    }
}
