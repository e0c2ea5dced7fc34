//! One UDP entry point: receives, finds or begins the session of each client, and forwards.
//! Nothing is queued: what a server's socket has no room for is lost, as datagrams are.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use log::{debug, warn};
use pingora::server::ShutdownWatch;

use super::complaint::Complaint;
use super::session::Session;
use super::sessions::{Place, Sessions};
use super::socket::{Peer, Socket, datagrams};
use crate::balance::layer4::Server;
use crate::config;
use crate::proxy::life_cycle::{Grace, LifeCycle, turned};
use crate::routing::Table;

/// One UDP entry point.
pub(super) struct EntryPoint {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// How long a session lasts after its last datagram.
    pub timeout: Duration,
    pub(super) sessions: Sessions,
    /// Its place in the routing table.
    position: usize,
    grace: Grace,
    table: Arc<ArcSwap<Table>>,
    complaint: Complaint,
}

/// Whom sessions are begun for.
#[derive(Clone, Copy, PartialEq)]
enum Welcome {
    Everyone,
    /// The process ends: only those that have one are served.
    Nobody,
}

// === impl EntryPoint ===

impl EntryPoint {
    pub(super) fn new(
        name: &str,
        position: usize,
        settings: &config::EntryPoint,
        most_sessions: usize,
        table: Arc<ArcSwap<Table>>,
    ) -> Self {
        let life_cycle = &settings.transport.life_cycle;
        EntryPoint {
            name: name.into(),
            timeout: settings.udp.timeout.positive().unwrap_or_default(),
            sessions: Sessions::new(settings.udp.max_sessions.min(most_sessions)),
            position,
            grace: Grace {
                accept: life_cycle.request_accept_grace_timeout.positive().unwrap_or_default(),
                finish: life_cycle.grace_time_out.positive().unwrap_or_default(),
            },
            table,
            complaint: Complaint::default(),
        }
    }

    /// Receives until the process ends, then waits for the sessions that are left.
    pub(super) async fn run(self: Arc<Self>, socket: Socket, life_cycle: Arc<LifeCycle>, mut shutdown: ShutdownWatch) {
        let socket = Arc::new(socket);
        let mut terminating = life_cycle.watch_terminating();
        let mut published = life_cycle.watch_published();
        let mut handing_over = life_cycle.watch_handing_over();
        // Datagrams that come before the first table wait in the socket.
        tokio::select! {
            () = turned(&mut published) => {}
            () = turned(&mut terminating) => {}
        }
        let accept_no_more = async {
            turned(&mut terminating).await;
            tokio::time::sleep(self.grace.accept).await;
        };
        let handed_over = tokio::select! {
            () = self.receive(&socket, Welcome::Everyone) => false,
            () = accept_no_more => false,
            // The new process receives from now on: at both, sessions would be torn apart.
            () = turned(&mut handing_over) => true,
            () = turned(&mut shutdown) => true,
        };
        let finish = async {
            tokio::select! {
                () = self.receive(&socket, Welcome::Nobody), if !handed_over => {}
                () = self.sessions.all_over() => {}
            }
        };
        if tokio::time::timeout(self.grace.finish, finish).await.is_err() {
            warn!("entry point {}: sessions are cut after graceTimeOut ({:?})", self.name, self.grace.finish);
        }
    }

    /// Forwards what clients send.
    async fn receive(self: &Arc<Self>, socket: &Arc<Socket>, welcome: Welcome) {
        loop {
            if let Err(e) = socket.readable().await {
                warn!("entry point {}: {e}", self.name);
                return;
            }
            match socket.receive(|peer, bytes, size| self.forward(socket, welcome, peer, bytes, size)) {
                // A full batch: there is probably more, but others have their turn.
                Ok(_) => tokio::task::yield_now().await,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                // An error that an earlier answer met on its way; the socket itself is well.
                Err(e) => debug!("entry point {}: {e}", self.name),
            }
        }
    }

    /// Forwards a client's datagrams to the server of its session.
    fn forward(self: &Arc<Self>, socket: &Arc<Socket>, welcome: Welcome, peer: Peer, bytes: &[u8], size: usize) {
        let mut session = match self.sessions.get(&peer) {
            Some(session) => session,
            None if welcome == Welcome::Everyone => match self.choose().and_then(|s| self.begin(socket, peer, s)) {
                Some(session) => session,
                None => return,
            },
            None => return,
        };
        for datagram in datagrams(bytes, size) {
            if session.forward(datagram) {
                continue;
            }
            // Its server is gone: another one may be there. If not, this one may come back.
            let Some(other) = self.choose().filter(|other| other.address != session.server.address) else { continue };
            self.sessions.remove(&session);
            session.end();
            match self.begin(socket, peer, other) {
                Some(begun) => session = begun,
                None => return,
            }
            session.forward(datagram);
        }
    }

    /// The server whose turn it is; none without a route.
    fn choose(&self) -> Option<Arc<Server<()>>> {
        let server = self.table.load().udp_route(self.position)?.service.pick(&[]);
        if server.is_none() {
            self.complaint.make(|| format!("entry point {}: the route has no server", self.name));
        }
        server
    }

    /// Begins a session with a server.
    fn begin(self: &Arc<Self>, socket: &Arc<Socket>, peer: Peer, server: Arc<Server<()>>) -> Option<Arc<Session>> {
        let session = match Session::new(peer, server) {
            Ok(session) => Arc::new(session),
            Err(e) => {
                self.complaint.make(|| format!("entry point {}: no session for {}: {e}", self.name, peer.client));
                return None;
            }
        };
        match self.sessions.insert(&session) {
            Place::Free => {}
            Place::None(most) => {
                self.complaint.make(|| {
                    format!("entry point {}: there are {most} sessions, the most; new clients get none", self.name)
                });
                return None;
            }
        }
        tokio::spawn(session.clone().answer(self.clone(), socket.clone()));
        Some(session)
    }
}
