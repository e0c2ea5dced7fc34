//! The servers of a TCP or UDP pool: membership from `pingora-load-balancing`, and a view prepared from it.
//! Members that are names have the addresses that [`Resolved`] knows; who looked them up calls [`Servers::refresh`].

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use async_trait::async_trait;
use futures_util::FutureExt;
use http::Extensions;
use pingora::protocols::l4::socket::SocketAddr as BackendAddr;
use pingora_error::Result;
use pingora_load_balancing::discovery::ServiceDiscovery;
use pingora_load_balancing::{Backend, Backends};

use crate::balance::resolved::{Name, Named, Resolved};

/// How long others are asked before a server that refused, or didn't answer.
const REST: Duration = Duration::from_secs(5);

/// A configured server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// A name, or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether it is dialled with TLS.
    pub tls: bool,
}

/// A server at one of its addresses.
pub struct Server<T> {
    /// Where it is.
    pub address: SocketAddr,
    /// Its host as configured: whom its certificate must be for.
    pub host: Arc<str>,
    /// Whether it is dialled with TLS.
    pub tls: bool,
    /// How it is spoken to.
    pub transport: Arc<T>,
    /// Milliseconds since [`BEGIN`] until which it rests.
    rest: AtomicU64,
}

/// The servers of a pool.
pub struct Servers<T> {
    backends: Backends,
    view: ArcSwap<Vec<Arc<Server<T>>>>,
    names: Vec<Name>,
}

/// Finds the addresses of the configured servers.
struct Members<T> {
    members: Vec<Member>,
    transport: Arc<T>,
    resolved: Arc<Resolved>,
}

/// What times are counted from.
static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

fn now() -> u64 {
    u64::try_from(BEGIN.elapsed().as_millis()).unwrap_or(u64::MAX)
}

// === impl Member ===

impl Member {
    /// Takes `host:port` apart; the error says what is wrong with it.
    pub fn parse(address: &str, tls: bool) -> std::result::Result<Self, String> {
        let (host, port) = address.rsplit_once(':').ok_or_else(|| format!("{address:?} has no port"))?;
        let port = port.parse().map_err(|_| format!("{port:?} is not a port"))?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(format!("{address:?} has no host"));
        }
        Ok(Member { host: host.to_owned(), port, tls })
    }

    fn address(&self) -> Option<SocketAddr> {
        self.host.parse().ok().map(|ip| SocketAddr::new(ip, self.port))
    }

    fn name(&self) -> Option<Name> {
        self.address().is_none().then(|| (self.host.clone(), self.port))
    }
}

// === impl Server ===

impl<T> Server<T> {
    /// Notes that it refused, or didn't answer: for a while others are asked before it.
    pub fn failed(&self) {
        self.rest.store(now().saturating_add(REST.as_millis() as u64), Ordering::Relaxed);
    }

    /// Notes that it answered.
    pub fn answered(&self) {
        if self.rest.load(Ordering::Relaxed) != 0 {
            self.rest.store(0, Ordering::Relaxed);
        }
    }

    pub(super) fn is_resting(&self) -> bool {
        match self.rest.load(Ordering::Relaxed) {
            0 => false,
            until => now() < until,
        }
    }
}

impl<T> fmt::Debug for Server<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.host)
    }
}

// === impl Servers ===

impl<T: Send + Sync + 'static> Servers<T> {
    /// Servers. Those with an address, or a name whose address is known, serve at once.
    pub fn new(members: Vec<Member>, transport: Arc<T>, resolved: Arc<Resolved>) -> Self {
        let names = members.iter().filter_map(Member::name).collect();
        let backends = Backends::new(Box::new(Members { members, transport, resolved }));
        let servers = Servers { backends, view: ArcSwap::default(), names };
        servers.refresh();
        servers
    }
}

impl<T> Servers<T> {
    pub(super) fn view(&self) -> Guard<Arc<Vec<Arc<Server<T>>>>> {
        self.view.load()
    }
}

impl<T: Send + Sync + 'static> Named for Servers<T> {
    fn names(&self) -> &[Name] {
        &self.names
    }

    fn refresh(&self) {
        // Discovery reads what is known and has nothing to wait for: one poll completes it, and it doesn't fail.
        let _ = self.backends.update(|_| {}).now_or_never();
        let set = self.backends.get_backend();
        self.view.store(Arc::new(set.iter().filter_map(|b| b.ext.get().cloned()).collect()));
    }
}

impl<T> fmt::Debug for Servers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.view.load().iter()).finish()
    }
}

// === impl Members ===

impl<T: Send + Sync + 'static> Members<T> {
    fn backend(&self, member: &Member, address: SocketAddr) -> Backend {
        let host = member.host.as_str().into();
        let (tls, transport) = (member.tls, self.transport.clone());
        let mut ext = Extensions::new();
        ext.insert(Arc::new(Server { address, host, tls, transport, rest: AtomicU64::new(0) }));
        Backend { addr: BackendAddr::Inet(address), weight: 1, ext }
    }
}

#[async_trait]
impl<T: Send + Sync + 'static> ServiceDiscovery for Members<T> {
    async fn discover(&self) -> Result<(BTreeSet<Backend>, HashMap<u64, bool>)> {
        let mut found = BTreeSet::new();
        for member in &self.members {
            let addresses = match member.name() {
                Some(name) => self.resolved.get(&name),
                None => member.address().into_iter().collect(),
            };
            found.extend(addresses.into_iter().map(|address| self.backend(member, address)));
        }
        Ok((found, HashMap::new()))
    }
}
