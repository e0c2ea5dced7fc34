//! The TCP entry points: one custom Pingora service that accepts on all of them and hands connections to the proxy.
//! Each keeps its own limits; all share one `HttpProxy`, and so one pool of connections to servers.

use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use log::{info, warn};
use pingora::protocols::Stream;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;
use pingora_proxy::HttpProxy;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::dispatch;
use super::http::Gateway;
use super::http2::Http2;
use super::life_cycle::{Draining, Grace, LifeCycle, turned};
use crate::config::{self, Config};
use crate::proxy::forwarded::ForwardedHeaders;
use crate::proxy::request_path::PathRules;
use crate::routing::Table;

/// Connections that may wait to be accepted; the kernel lowers it to `net.core.somaxconn`.
const BACKLOG: i32 = 65_535;
/// The limit for the beginning of a connection where `readTimeout` sets none.
const OPENING: Duration = Duration::from_secs(60);

/// One entry point, ready to serve: its name, its limits, and the proxy behind it.
pub struct EntryPoint {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Its place in the routing table.
    pub position: usize,
    /// Limits of time and size.
    pub limits: Limits,
    /// What is believed of forwarding headers, and what is written.
    pub(super) forwarded: ForwardedHeaders,
    /// How paths are cleaned.
    pub(super) paths: PathRules,
    pub(super) proxy: Arc<HttpProxy<Gateway>>,
    /// Where its connections go.
    pub(super) table: Arc<ArcSwap<Table>>,
    proxy_protocol: Option<config::entry_point::ProxyProtocol>,
    http2: Arc<Http2>,
    grace: Grace,
    /// Whether `/ping` is served here, which has an answer before the first table.
    tells_readiness: bool,
}

/// Limits of a connection; absent means none.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For what comes before requests: to see what a connection is, and for its handshake.
    pub opening: Duration,
    /// For the head of a request, and between reads of its body.
    pub read_timeout: Option<Duration>,
    /// Between writes of a response.
    pub write_timeout: Option<Duration>,
    /// Between requests.
    pub idle_timeout: Option<Duration>,
    /// Bytes of a request's head; above it 431.
    pub max_header_bytes: usize,
    /// Requests on a connection.
    pub keep_alive_max_requests: Option<u64>,
    /// Age of a connection after which it is closed with the next response.
    pub keep_alive_max_time: Option<Duration>,
}

/// All TCP entry points: the service that Pingora starts.
pub struct EntryPoints {
    bound: Vec<Bound>,
    life_cycle: Arc<LifeCycle>,
    draining: Option<Draining>,
}

struct Bound {
    entry_point: Arc<EntryPoint>,
    address: SocketAddr,
    reuse_port: bool,
    /// Absent where the socket is inherited from the process that is replaced.
    listener: Option<StdListener>,
}

/// An entry point that can't be listened on.
#[derive(Debug, thiserror::Error)]
#[error("entryPoints.{entry_point}.address: can't listen on {address}: {source}")]
pub struct BindError {
    pub(super) entry_point: String,
    pub(super) address: SocketAddr,
    pub(super) source: std::io::Error,
}

// === impl EntryPoints ===

impl EntryPoints {
    /// Prepares every TCP entry point and binds its socket, unless `inherit`ed from a process being replaced.
    pub fn new(
        config: &Config,
        proxy: &Arc<HttpProxy<Gateway>>,
        table: &Arc<ArcSwap<Table>>,
        life_cycle: &Arc<LifeCycle>,
        inherit: bool,
    ) -> Result<Self, BindError> {
        let mut bound = Vec::new();
        for (position, (name, settings)) in config.tcp_entry_points().enumerate() {
            let address = settings.bind();
            let reuse_port = settings.reuse_port;
            let listener = match inherit {
                true => None,
                false => Some(listen(address, reuse_port).map_err(|source| BindError {
                    entry_point: name.to_owned(),
                    address,
                    source,
                })?),
            };
            let entry_point = Arc::new(EntryPoint::new(name, position, config, settings, proxy.clone(), table.clone()));
            bound.push(Bound { entry_point, address, reuse_port, listener });
        }
        Ok(EntryPoints { bound, life_cycle: life_cycle.clone(), draining: Some(life_cycle.register()) })
    }

    /// The addresses bound, by entry point; where port 0 was asked for, the port that was given.
    pub fn addresses(&self) -> Vec<(Arc<str>, SocketAddr)> {
        let address = |b: &Bound| b.listener.as_ref().and_then(|l| l.local_addr().ok()).unwrap_or(b.address);
        self.bound.iter().map(|b| (b.entry_point.name.clone(), address(b))).collect()
    }
}

fn listen(address: SocketAddr, reuse_port: bool) -> std::io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(reuse_port)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn key(address: SocketAddr) -> String {
    format!("tcp/{address}")
}

impl Bound {
    /// The socket: inherited, bound before, or bound now.
    fn listener(&mut self, fds: Option<&ListenFds>) -> std::io::Result<TcpListener> {
        let key = key(self.address);
        let inherited = fds.and_then(|fds| fds.lock().get(&key).copied());
        let listener = match (inherited, self.listener.take()) {
            #[allow(unsafe_code)]
            // SAFETY: the descriptor was sent to this process for this key, and nobody else takes it out.
            (Some(fd), _) => unsafe { StdListener::from_raw_fd(fd) },
            (None, Some(listener)) => listener,
            (None, None) => listen(self.address, self.reuse_port)?,
        };
        listener.set_nonblocking(true)?;
        if let Some(fds) = fds {
            fds.lock().add(key, listener.as_raw_fd());
        }
        TcpListener::from_std(listener)
    }
}

#[async_trait]
impl Service for EntryPoints {
    async fn start_service(&mut self, fds: Option<ListenFds>, shutdown: ShutdownWatch, _listeners_per_fd: usize) {
        let mut running = JoinSet::new();
        for mut bound in std::mem::take(&mut self.bound) {
            let entry_point = bound.entry_point.clone();
            match bound.listener(fds.as_ref()) {
                Ok(listener) => {
                    info!("entry point {} listens on {}", entry_point.name, bound.address);
                    running.spawn(entry_point.run(listener, self.life_cycle.clone(), shutdown.clone()));
                }
                Err(e) => warn!("entry point {} can't listen on {}: {e}", entry_point.name, bound.address),
            }
        }
        while running.join_next().await.is_some() {}
        self.draining = None;
    }

    fn name(&self) -> &str {
        "entry points"
    }

    fn listen_addresses(&self) -> Option<Vec<String>> {
        Some(self.bound.iter().map(|b| key(b.address)).collect())
    }
}

// === impl EntryPoint ===

impl EntryPoint {
    fn new(
        name: &str,
        position: usize,
        config: &Config,
        settings: &config::EntryPoint,
        proxy: Arc<HttpProxy<Gateway>>,
        table: Arc<ArcSwap<Table>>,
    ) -> Self {
        let responding = &settings.transport.responding_timeouts;
        let life_cycle = &settings.transport.life_cycle;
        let limits = Limits {
            opening: responding.read_timeout.positive().unwrap_or(OPENING),
            read_timeout: responding.read_timeout.positive(),
            write_timeout: responding.write_timeout.positive(),
            idle_timeout: responding.idle_timeout.positive(),
            max_header_bytes: settings.http.max_header_bytes,
            keep_alive_max_requests: Some(settings.transport.keep_alive_max_requests).filter(|n| *n > 0),
            keep_alive_max_time: settings.transport.keep_alive_max_time.positive(),
        };
        EntryPoint {
            name: name.into(),
            position,
            tells_readiness: config.ping.as_ref().is_some_and(|ping| ping.entry_point == name),
            forwarded: ForwardedHeaders::new(&settings.forwarded_headers),
            paths: PathRules::new(&settings.http),
            http2: Arc::new(Http2::new(proxy.clone(), settings, &limits)),
            proxy,
            table,
            proxy_protocol: settings.proxy_protocol.clone(),
            grace: Grace {
                accept: life_cycle.request_accept_grace_timeout.positive().unwrap_or_default(),
                finish: life_cycle.grace_time_out.positive().unwrap_or_default(),
            },
            limits,
        }
    }

    /// Accepts until the process ends, then waits for the connections that are left.
    async fn run(self: Arc<Self>, listener: TcpListener, life_cycle: Arc<LifeCycle>, mut shutdown: ShutdownWatch) {
        let mut terminating = life_cycle.watch_terminating();
        if !self.tells_readiness {
            // Clients that come before the first table wait in the backlog, instead of being told 404.
            let mut published = life_cycle.watch_published();
            tokio::select! {
                () = turned(&mut published) => {}
                () = turned(&mut terminating) => {}
            }
        }
        let (drain, draining) = watch::channel(false);
        // Every connection holds a sender; the channel closes when the last one is done.
        let (alive, mut all_gone) = mpsc::channel::<()>(1);
        let stop = async {
            tokio::select! {
                () = turned(&mut terminating) => tokio::time::sleep(self.grace.accept).await,
                // Pingora's own shutdown: after an upgrade, the new process accepts.
                () = turned(&mut shutdown) => {}
            }
        };
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut stop => break,
            };
            match accepted {
                Ok((tcp, peer)) => {
                    let (entry_point, draining, alive) = (self.clone(), draining.clone(), alive.clone());
                    tokio::spawn(async move {
                        entry_point.serve(tcp, peer, draining).await;
                        drop(alive);
                    });
                }
                Err(e) => {
                    warn!("entry point {}: a connection could not be accepted: {e}", self.name);
                    // Out of descriptors or memory: give connections time to close instead of spinning.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop((listener, alive));
        drain.send_replace(true);
        if tokio::time::timeout(self.grace.finish, all_gone.recv()).await.is_err() {
            warn!("entry point {}: connections are cut after graceTimeOut ({:?})", self.name, self.grace.finish);
        }
    }

    async fn serve(self: &Arc<Self>, tcp: TcpStream, peer: SocketAddr, drain: ShutdownWatch) {
        if tcp.set_nodelay(true).is_ok() {
            dispatch::serve(self, tcp, peer, drain).await;
        }
    }

    /// Whether this peer may begin with a PROXY header.
    pub(super) fn reads_proxy_header_of(&self, peer: IpAddr) -> bool {
        self.proxy_protocol.as_ref().is_some_and(|settings| settings.trusts(peer))
    }

    /// Serves a connection that began with HTTP/2's preface, or agreed on HTTP/2.
    pub(super) async fn serve_http2(&self, connection: Stream, drain: &ShutdownWatch) {
        self.http2.serve(connection, drain).await;
    }
}

impl std::fmt::Debug for EntryPoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EntryPoint").field("name", &self.name).finish_non_exhaustive()
    }
}
