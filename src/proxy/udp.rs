//! The UDP entry points: one custom Pingora service that receives on all of them and keeps a session for each client.
//! The table is asked once per session, by its first datagram.

mod complaint;
mod entry_point;
mod session;
mod sessions;
mod socket;

use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use log::{info, warn};
use nix::sys::resource::{Resource, getrlimit};
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;
use tokio::task::JoinSet;

use self::entry_point::EntryPoint;
use self::socket::{Socket, listen};
use super::entry_point::BindError;
use super::life_cycle::{Draining, LifeCycle};
use crate::config::{Config, Protocol};
use crate::routing::Table;

/// All UDP entry points: the service that Pingora starts.
pub struct UdpEntryPoints {
    bound: Vec<Bound>,
    life_cycle: Arc<LifeCycle>,
    draining: Option<Draining>,
}

struct Bound {
    entry_point: Arc<EntryPoint>,
    address: SocketAddr,
    reuse_port: bool,
    /// Absent where the socket is inherited from the process that is replaced.
    socket: Option<StdSocket>,
}

// === impl UdpEntryPoints ===

impl UdpEntryPoints {
    /// Prepares every UDP entry point and binds its socket, unless `inherit`ed from a process being replaced.
    /// None where there is no such entry point.
    ///
    /// # Errors
    /// When an address can't be bound.
    pub fn new(
        config: &Config,
        table: &Arc<ArcSwap<Table>>,
        life_cycle: &Arc<LifeCycle>,
        inherit: bool,
    ) -> Result<Option<Self>, BindError> {
        let mut bound = Vec::new();
        let udp = config.entry_points.iter().filter(|(_, e)| e.address.protocol == Protocol::Udp);
        let share = descriptors() / 2 / udp.clone().count().max(1);
        for (position, (name, settings)) in udp.enumerate() {
            let (address, reuse_port) = (settings.bind(), settings.reuse_port);
            let failed = |source| BindError { entry_point: name.clone(), address, source };
            let socket = (!inherit).then(|| listen(address, reuse_port)).transpose().map_err(failed)?;
            let entry_point = Arc::new(EntryPoint::new(name, position, settings, share, table.clone()));
            bound.push(Bound { entry_point, address, reuse_port, socket });
        }
        let draining = Some(life_cycle.register()).filter(|_| !bound.is_empty());
        Ok((!bound.is_empty()).then(|| UdpEntryPoints { bound, life_cycle: life_cycle.clone(), draining }))
    }
}

/// How many descriptors the process may have: a flood of clients must leave some to the other entry points.
fn descriptors() -> usize {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(now, _)| usize::try_from(now).unwrap_or(usize::MAX))
}

// === impl Bound ===

impl Bound {
    fn key(&self) -> String {
        format!("udp/{}", self.address)
    }

    /// The socket: inherited, bound before, or bound now.
    fn socket(&mut self, fds: Option<&ListenFds>) -> std::io::Result<Socket> {
        let key = self.key();
        let inherited = fds.and_then(|fds| fds.lock().get(&key).copied());
        let socket = match (inherited, self.socket.take()) {
            #[allow(unsafe_code)]
            // SAFETY: the descriptor was sent to this process for this key, and nobody else takes it out.
            (Some(fd), _) => unsafe { StdSocket::from_raw_fd(fd) },
            (None, Some(socket)) => socket,
            (None, None) => listen(self.address, self.reuse_port)?,
        };
        if let Some(fds) = fds {
            fds.lock().add(key, socket.as_raw_fd());
        }
        Socket::new(socket)
    }
}

#[async_trait]
impl Service for UdpEntryPoints {
    async fn start_service(&mut self, fds: Option<ListenFds>, shutdown: ShutdownWatch, _listeners_per_fd: usize) {
        let mut running = JoinSet::new();
        for mut bound in std::mem::take(&mut self.bound) {
            let entry_point = bound.entry_point.clone();
            match bound.socket(fds.as_ref()) {
                Ok(socket) => {
                    info!("entry point {} listens on {}/udp", entry_point.name, bound.address);
                    running.spawn(entry_point.run(socket, self.life_cycle.clone(), shutdown.clone()));
                }
                Err(e) => warn!("entry point {} can't listen on {}/udp: {e}", entry_point.name, bound.address),
            }
        }
        while running.join_next().await.is_some() {}
        self.draining = None;
    }

    fn name(&self) -> &str {
        "UDP entry points"
    }

    fn listen_addresses(&self) -> Option<Vec<String>> {
        Some(self.bound.iter().map(Bound::key).collect())
    }
}
