//! From an accepted socket to whoever serves it, in Traefik's order: PROXY header, peek, then by what the bytes are and
//! which routes the entry point has. A connection keeps the table it started with until it is handed over.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use log::debug;
use pingora::server::ShutdownWatch;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::connection::{Connection, Facts};
use super::entry_point::EntryPoint;
use super::life_cycle::{turned, turned_on};
use super::peek::client_hello::ClientHello;
use super::peek::{Opening, peek, proxy_protocol};
use super::tcp::{self, Downstream, Incoming};
use super::{http1, tls};
use crate::routing::table::TcpTls;
use crate::routing::{Table, TcpRoute, TlsRoute};
use crate::rule::ConnectionView;

/// How long handshakes that have begun may still take when the process ends, as in Go: who is silent must not hold it up.
const LAST_HANDSHAKES: Duration = Duration::from_secs(5);

/// A connection on its way to whoever serves it.
struct Arrival {
    tcp: TcpStream,
    /// Bytes read already, which belong to whoever serves it.
    ahead: BytesMut,
    /// The client: the peer, or whom a trusted peer speaks for.
    client: SocketAddr,
    /// The address that the client connected to, where a trusted peer told it.
    destination: Option<SocketAddr>,
    accepted: Instant,
    /// When it must be clear what the connection is, and a handshake be done.
    deadline: Instant,
    drain: ShutdownWatch,
}

/// Serves an accepted connection to its end.
pub(super) async fn serve(entry_point: &Arc<EntryPoint>, tcp: TcpStream, peer: SocketAddr, drain: ShutdownWatch) {
    // An IPv4 client of a dual-stack socket is known by its IPv4 address.
    let client = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    let accepted = Instant::now();
    let deadline = accepted + entry_point.limits.opening;
    let mut arrival = Arrival { tcp, ahead: BytesMut::new(), client, destination: None, accepted, deadline, drain };
    if entry_point.reads_proxy_header_of(client.ip()) && !arrival.take_proxy_header(entry_point).await {
        return;
    }
    // Servers that speak first would wait for a client that waits for them: no peek where nothing depends on it.
    let unasked = {
        let table = entry_point.table.load();
        let routes = table.connections(entry_point.position);
        routes.tcp(&arrival.view("", &[])).filter(|_| routes.need_no_peek()).cloned()
    };
    if let Some(route) = unasked {
        return arrival.hand_over(route, false).await;
    }
    let Some(opening) = arrival.peek().await else { return };
    // Let go of before the connection is served, which may take days.
    let table = entry_point.table.load_full();
    let routes = table.connections(entry_point.position);
    match opening {
        Opening::Tls(hello) => arrival.serve_tls(entry_point, table, hello, false).await,
        Opening::SslRequest if routes.any_tcp_tls() => {
            drop(table);
            arrival.serve_postgres(entry_point).await;
        }
        opening @ (Opening::SslRequest | Opening::Plain) => {
            let route = routes.tcp(&arrival.view("", &[])).cloned();
            drop(table);
            match route {
                Some(route) => arrival.hand_over(route, false).await,
                // PostgreSQL's client would wait for an answer, and HTTP for more of what it said.
                None if opening == Opening::SslRequest => {}
                None => arrival.serve_http(entry_point).await,
            }
        }
    }
}

/// When a handshake has no more time because the process ends.
async fn over(mut drain: ShutdownWatch) {
    turned(&mut drain).await;
    sleep(LAST_HANDSHAKES).await;
}

// === impl Arrival ===

impl Arrival {
    fn view<'a>(&self, server_name: &'a str, alpn: &'a [&'a str]) -> ConnectionView<'a> {
        ConnectionView { server_name, alpn, client_ip: self.client.ip() }
    }

    /// False where the connection can't be believed.
    async fn take_proxy_header(&mut self, entry_point: &EntryPoint) -> bool {
        let reading = proxy_protocol::read(&mut self.tcp, &mut self.ahead, self.deadline);
        let read = tokio::select! {
            biased;
            read = reading => read,
            () = turned_on(&mut self.drain, Some(self.accepted)) => return false,
        };
        match read {
            Ok(Some(addresses)) => {
                let source = addresses.source;
                self.client = SocketAddr::new(source.ip().to_canonical(), source.port());
                self.destination = Some(addresses.destination);
            }
            Ok(None) => {}
            Err(()) => {
                debug!("entry point {}: a PROXY header of {} can't be read", entry_point.name, self.client);
                return false;
            }
        }
        // The client's own time begins after it.
        self.deadline = Instant::now() + entry_point.limits.opening;
        true
    }

    /// None where the client left, took too long, or the process ends.
    async fn peek(&mut self) -> Option<Opening> {
        tokio::select! {
            biased;
            opening = peek(&mut self.tcp, &mut self.ahead, self.deadline) => opening,
            () = turned_on(&mut self.drain, Some(self.accepted)) => None,
        }
    }

    fn connection(self) -> Connection {
        let mut connection = Connection::new(self.tcp, self.client);
        connection.rewind(self.ahead);
        connection
    }

    async fn serve_http(mut self, entry_point: &Arc<EntryPoint>) {
        let facts = Facts::new(entry_point.clone(), self.client, None);
        let (ahead, drain) = (std::mem::take(&mut self.ahead), self.drain.clone());
        let mut connection = self.connection();
        if connection.introduce(facts).is_ok() {
            http1::serve(Box::new(connection), ahead, entry_point, drain).await;
        }
    }

    /// Hands the bytes as they come to a TCP route; `starttls` where the client asked for TLS as PostgreSQL does.
    async fn hand_over(self, route: Arc<TcpRoute>, starttls: bool) {
        let (client, destination) = (self.client, self.destination);
        let incoming = Incoming { stream: Downstream::Raw(self.connection()), client, destination, starttls };
        tcp::serve(incoming, route).await;
    }

    /// Answers PostgreSQL's request to speak TLS, which then follows; only TCP routes are asked.
    async fn serve_postgres(mut self, entry_point: &Arc<EntryPoint>) {
        self.ahead.clear();
        if self.tcp.write_all(b"S").await.is_err() {
            return;
        }
        if let Some(Opening::Tls(hello)) = self.peek().await {
            self.serve_tls(entry_point, entry_point.table.load_full(), hello, true).await;
        }
    }

    async fn serve_tls(self, entry_point: &Arc<EntryPoint>, table: Arc<Table>, hello: ClientHello, postgres: bool) {
        let routes = table.connections(entry_point.position);
        let alpn: Vec<&str> = hello.alpn.iter().map(String::as_str).collect();
        let view = self.view(&hello.server_name, &alpn);
        let (profile, route) = match if postgres { routes.tcp_tls(&view) } else { routes.tls(&view) } {
            TlsRoute::Closed => {
                debug!("entry point {}: no usable TLS options for {:?}", entry_point.name, hello.server_name);
                return;
            }
            TlsRoute::Https(profile) => (profile.clone(), None),
            TlsRoute::Tcp(route) => match &route.tls {
                TcpTls::Terminate(profile) => (profile.clone(), Some(route.clone())),
                _ => {
                    let route = route.clone();
                    drop(table);
                    return self.hand_over(route, postgres).await;
                }
            },
        };
        let (client, destination, deadline, drain) = (self.client, self.destination, self.deadline, self.drain.clone());
        let connection = self.connection();
        let server = destination.or_else(|| connection.local_address()).map(|address| address.ip());
        let accepted = tokio::select! {
            biased;
            accepted = tls::accept(connection, server, &table, &profile, &hello, deadline) => accepted,
            () = over(drain.clone()) => None,
        };
        let Some(mut stream) = accepted else { return };
        drop(table);
        if let Some(route) = route {
            let incoming = Incoming { stream: Downstream::Tls(Box::new(stream)), client, destination, starttls: false };
            return tcp::serve(incoming, route).await;
        }
        let handshake = tls::describe(stream.ssl(), hello);
        let http2 = handshake.alpn == "h2";
        let facts = Facts::new(entry_point.clone(), client, Some((handshake, profile.name.clone())));
        if stream.get_mut().introduce(facts).is_err() {
            return;
        }
        match http2 {
            true => entry_point.serve_http2(Box::new(stream), &drain).await,
            false => http1::serve(Box::new(stream), BytesMut::new(), entry_point, drain).await,
        }
    }
}
