//! A set of servers: membership from `pingora-load-balancing`, selection over a view prepared from it.
//! Members that are names have the addresses that [`Resolved`] knows; who looked them up calls [`Membership::refresh`].

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use futures_util::FutureExt;
use http::Extensions;
use pingora::protocols::l4::socket::SocketAddr as BackendAddr;
use pingora_error::Result;
use pingora_load_balancing::discovery::ServiceDiscovery;
use pingora_load_balancing::{Backend, Backends};

use super::choice::{Asker, Choice};
use super::health::Health;
use super::load::Load;
use super::resolved::{Name, Named, Resolved};
use super::server::{Member, Server};
use super::sticky::Sticky;
use super::transport::Transport;
use super::view::{Needs, View};

/// A set of servers, and how the next one is chosen.
#[derive(Debug)]
pub struct Pool {
    membership: Arc<Membership>,
    sticky: Option<Sticky>,
    turn: Arc<AtomicUsize>,
    filtered: Option<Arc<str>>,
}

/// The servers of a pool. Pools of the same servers, spoken to in the same way, share one.
pub struct Membership {
    backends: Backends,
    view: ArcSwap<View>,
    names: Vec<Name>,
    needs: Needs,
    loads: Arc<Loads>,
    health: Option<Arc<Health>>,
    /// Held while the members or their view change, which no request waits for.
    changing: Mutex<()>,
}

/// Who the servers of a pool are, and how they are spoken to.
#[derive(Debug, Clone)]
pub struct Members {
    /// As configured.
    pub members: Vec<Member>,
    /// How they are spoken to.
    pub transport: Arc<Transport>,
    /// Whether they see the client's Host.
    pub pass_host_header: bool,
    /// The addresses of those that are names.
    pub resolved: Arc<Resolved>,
}

/// Finds the servers of a pool, with the addresses that are known.
struct Discovery {
    members: Members,
    loads: Arc<Loads>,
}

/// The loads of the servers of a pool, which outlive its views and those of the pool that replaces it.
#[derive(Debug, Default)]
struct Loads {
    known: Option<Mutex<HashMap<(String, SocketAddr), Arc<Load>>>>,
    /// Stands in where nobody counts.
    nobodys: Arc<Load>,
}

// === impl Pool ===

impl Pool {
    /// A pool of these servers; `turn` is where a pool that it replaces had come to.
    pub fn new(membership: Arc<Membership>, sticky: Option<Sticky>, turn: Option<Arc<AtomicUsize>>) -> Self {
        Pool { membership, sticky, turn: turn.unwrap_or_default(), filtered: None }
    }

    /// The same, of a service of this name that has filters of its own.
    pub fn filtered_as(self, service: &str) -> Self {
        Pool { filtered: Some(service.into()), ..self }
    }

    /// The name of its service, where that has filters of its own.
    pub(super) fn filtered(&self) -> Option<&str> {
        self.filtered.as_deref()
    }

    /// Its servers.
    pub fn membership(&self) -> &Arc<Membership> {
        &self.membership
    }

    /// Whether any of its servers is well.
    pub(super) fn is_up(&self) -> bool {
        self.membership.view.load().is_up()
    }

    /// The cookie that keeps clients on a server.
    pub(super) fn sticky(&self) -> Option<&Sticky> {
        self.sticky.as_ref()
    }

    /// Chooses a server: the one that the client sticks to if it is well, else one that takes new clients.
    pub(super) fn choose(&self, asker: &Asker<'_>, choice: &mut Choice) {
        let view = self.membership.view.load();
        if let Some(sticky) = &self.sticky
            && let Some(cookie) = sticky.read(asker.headers)
            && let Some((server, outdated)) = view.sticking(cookie, self.turn.load(Ordering::Relaxed))
        {
            if outdated {
                choice.place_server(sticky, server);
            }
            return choice.assign(self, server.clone());
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let Some(server) = view.pick(turn, asker.client) else { return };
        if let Some(sticky) = &self.sticky {
            choice.place_server(sticky, server);
        }
        choice.assign(self, server.clone());
    }

    /// A server that takes new clients, but for those that were tried: the next in turn.
    pub(super) fn another(&self, tried: &[Arc<Server>]) -> Option<Arc<Server>> {
        let view = self.membership.view.load();
        let open = view.open();
        let first = self.turn.load(Ordering::Relaxed).checked_rem(open.len())?;
        let (before, after) = open.split_at_checked(first)?;
        let untried = |server: &&Arc<Server>| !tried.iter().any(|t| t.is_at_the_place_of(server));
        after.iter().chain(before).find(untried).cloned()
    }

    pub(super) fn turn(&self) -> &Arc<AtomicUsize> {
        &self.turn
    }
}

// === impl Membership ===

impl Membership {
    /// Servers. Those with an address, or a name whose address is known, serve at once. What `old` knows of servers
    /// that are still there is carried over.
    pub fn new(members: Members, needs: Needs, health: Option<Arc<Health>>, old: Option<&Membership>) -> Arc<Self> {
        let names = members.members.iter().filter_map(|m| m.location.name()).collect();
        let loads = Arc::new(Loads::new(needs, old.map(|old| &*old.loads)));
        let backends = Backends::new(Box::new(Discovery { members, loads: loads.clone() }));
        let (view, changing) = (ArcSwap::default(), Mutex::default());
        let membership = Arc::new(Membership { backends, view, names, needs, loads, health, changing });
        if let Some(health) = &membership.health {
            health.attach(&membership);
        }
        membership.refresh();
        membership
    }

    /// The members that are names.
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// Whether there are no servers because no address of their names is known.
    pub(super) fn has_unknown_names(&self) -> bool {
        !self.names.is_empty() && self.backends().is_empty()
    }

    /// What is known of the health of its servers, where somebody asks.
    pub fn health(&self) -> Option<&Arc<Health>> {
        self.health.as_ref()
    }

    /// Takes the members with the addresses that are known now, and prepares the view that requests see.
    pub fn refresh(&self) {
        {
            let _changing = locked(&self.changing);
            // Discovery reads what is known and has nothing to wait for: one poll completes it, and it doesn't fail.
            // The callback runs only where the set changed.
            let _ = self.backends.update(|_| {}).now_or_never();
            self.loads.keep(&self.servers());
        }
        self.prepare();
        if let Some(health) = &self.health {
            health.probe_all();
        }
    }

    /// Prepares the view that requests see: of the members that are well.
    pub(super) fn prepare(&self) {
        let _changing = locked(&self.changing);
        let backends = self.backends.get_backend();
        let is_well = |backend: &&Backend| {
            let Some(health) = &self.health else { return true };
            let well = backend.ext.get::<Arc<Server>>().is_some_and(|server| health.is_well(server));
            self.backends.set_enable(backend, well);
            self.backends.ready(backend)
        };
        let well = backends.iter().filter(is_well).filter_map(|backend| backend.ext.get().cloned()).collect();
        self.view.store(Arc::new(View::new(well, self.needs)));
    }

    /// Whether the loads of its servers are counted.
    pub(super) fn counts(&self) -> bool {
        self.needs.strategy.counts()
    }

    /// The load of a server has changed.
    pub(super) fn changed(&self, server: &Server) {
        self.view.load().changed(server);
    }

    /// Its members.
    pub(super) fn backends(&self) -> Arc<BTreeSet<Backend>> {
        self.backends.get_backend()
    }

    fn servers(&self) -> Vec<Arc<Server>> {
        self.backends().iter().filter_map(|b| b.ext.get().cloned()).collect()
    }
}

impl Named for Membership {
    fn names(&self) -> &[Name] {
        self.names()
    }

    fn refresh(&self) {
        self.refresh();
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.servers()).finish()
    }
}

// === impl Discovery ===

impl Discovery {
    fn backend(&self, member: &Member, address: SocketAddr) -> Backend {
        let load = self.loads.of(&member.location.url, address);
        let server = Server::new(member, address, &self.members.transport, self.members.pass_host_header, load);
        let mut ext = Extensions::new();
        ext.insert(Arc::new(server));
        Backend { addr: BackendAddr::Inet(address), weight: 1, ext }
    }
}

#[async_trait]
impl ServiceDiscovery for Discovery {
    async fn discover(&self) -> Result<(BTreeSet<Backend>, HashMap<u64, bool>)> {
        let mut found = BTreeSet::new();
        for member in &self.members.members {
            let addresses = match member.location.name() {
                Some(name) => self.members.resolved.get(&name),
                None => member.location.address().into_iter().collect(),
            };
            found.extend(addresses.into_iter().map(|address| self.backend(member, address)));
        }
        Ok((found, HashMap::new()))
    }
}

// === impl Loads ===

impl Loads {
    fn new(needs: Needs, old: Option<&Loads>) -> Self {
        let before = || old.and_then(|old| Some(locked(old.known.as_ref()?).clone())).unwrap_or_default();
        Loads { known: needs.strategy.counts().then(|| Mutex::new(before())), nobodys: Arc::default() }
    }

    fn of(&self, url: &str, address: SocketAddr) -> Arc<Load> {
        match &self.known {
            Some(known) => locked(known).entry((url.to_owned(), address)).or_default().clone(),
            None => self.nobodys.clone(),
        }
    }

    /// Forgets those of other servers.
    fn keep(&self, servers: &[Arc<Server>]) {
        if let Some(known) = &self.known {
            let there: std::collections::HashSet<_> = servers.iter().map(|s| Arc::as_ptr(&s.load)).collect();
            locked(known).retain(|_, load| there.contains(&Arc::as_ptr(load)));
        }
    }
}

/// No code panics while it holds such a lock.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
