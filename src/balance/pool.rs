//! A set of servers: membership from `pingora-load-balancing`, selection over a view prepared from it.
//! Members that are names have the addresses that [`Resolved`] knows; who looked them up calls [`Membership::refresh`].

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use futures_util::FutureExt;
use http::Extensions;
use pingora::protocols::l4::socket::SocketAddr as BackendAddr;
use pingora_error::Result;
use pingora_load_balancing::discovery::ServiceDiscovery;
use pingora_load_balancing::{Backend, Backends};

use super::resolved::{Name, Resolved};
use super::server::{Location, Server};
use super::transport::Transport;

/// A set of servers in round robin.
#[derive(Debug)]
pub struct Pool {
    membership: Arc<Membership>,
    turn: Arc<AtomicUsize>,
}

/// The servers of a pool. Pools of the same servers, spoken to in the same way, share one.
pub struct Membership {
    backends: Backends,
    view: ArcSwap<View>,
    names: Vec<Name>,
}

/// The members as requests see them.
#[derive(Default)]
struct View {
    /// Every server, for the clients that stick to it.
    all: Vec<Arc<Server>>,
    /// Those that take new clients.
    open: Vec<Arc<Server>>,
}

/// A configured server.
#[derive(Debug, Clone)]
pub struct Member {
    /// Where it is.
    pub location: Location,
    /// Terminating.
    pub fenced: bool,
}

/// Finds the addresses of the configured servers.
struct Members {
    members: Vec<Member>,
    transport: Arc<Transport>,
    pass_host_header: bool,
    resolved: Arc<Resolved>,
}

// === impl Pool ===

impl Pool {
    /// A pool of these servers; `turn` is where a pool that it replaces had come to.
    pub fn new(membership: Arc<Membership>, turn: Option<Arc<AtomicUsize>>) -> Self {
        Pool { membership, turn: turn.unwrap_or_default() }
    }

    /// Its servers.
    pub fn membership(&self) -> &Arc<Membership> {
        &self.membership
    }

    /// The server whose turn it is, among those that take new clients.
    pub(super) fn pick(&self) -> Option<Arc<Server>> {
        let view = self.membership.view.load();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        view.open.get(turn.checked_rem(view.open.len())?).cloned()
    }

    pub(super) fn turn(&self) -> &Arc<AtomicUsize> {
        &self.turn
    }
}

// === impl Membership ===

impl Membership {
    /// Servers. Those with an address, or a name whose address is known, serve at once.
    pub fn new(
        members: Vec<Member>,
        transport: Arc<Transport>,
        pass_host_header: bool,
        resolved: Arc<Resolved>,
    ) -> Self {
        let names = members.iter().filter_map(|m| m.location.name()).collect();
        let backends = Backends::new(Box::new(Members { members, transport, pass_host_header, resolved }));
        let membership = Membership { backends, view: ArcSwap::default(), names };
        membership.refresh();
        membership
    }

    /// The members that are names.
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// Takes the members with the addresses that are known now, and prepares the view that requests see.
    pub fn refresh(&self) {
        // Discovery reads what is known and has nothing to wait for: one poll completes it, and it doesn't fail.
        // The callback runs only where the set changed.
        let _ = self.backends.update(|_| {}).now_or_never();
        let set = self.backends.get_backend();
        let all: Vec<Arc<Server>> = set.iter().filter_map(|b| b.ext.get().cloned()).collect();
        let open = all.iter().filter(|server| !server.fenced).cloned().collect();
        self.view.store(Arc::new(View { all, open }));
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.view.load().all.iter()).finish()
    }
}

// === impl Members ===

impl Members {
    fn backend(&self, member: &Member, address: std::net::SocketAddr) -> Backend {
        let server = Server::new(&member.location, address, &self.transport, self.pass_host_header, member.fenced);
        let mut ext = Extensions::new();
        ext.insert(Arc::new(server));
        Backend { addr: BackendAddr::Inet(address), weight: 1, ext }
    }
}

#[async_trait]
impl ServiceDiscovery for Members {
    async fn discover(&self) -> Result<(BTreeSet<Backend>, HashMap<u64, bool>)> {
        let mut found = BTreeSet::new();
        for member in &self.members {
            let addresses = match member.location.name() {
                Some(name) => self.resolved.get(&name),
                None => member.location.address().into_iter().collect(),
            };
            found.extend(addresses.into_iter().map(|address| self.backend(member, address)));
        }
        Ok((found, HashMap::new()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::dynamic::http::ServersTransport;

    fn pool(urls: &[(&str, bool)]) -> Pool {
        pool_with(urls, Arc::default())
    }

    fn pool_with(urls: &[(&str, bool)], resolved: Arc<Resolved>) -> Pool {
        let transport = Arc::new(Transport::new(&ServersTransport::default()).unwrap());
        let members =
            urls.iter().map(|(url, fenced)| Member { location: Location::parse(url).unwrap(), fenced: *fenced });
        Pool::new(Arc::new(Membership::new(members.collect(), transport, true, resolved)), None)
    }

    #[test]
    fn takes_turns_and_leaves_out_the_fenced() {
        let pool = pool(&[("http://127.0.0.1:1", false), ("http://127.0.0.1:2", true), ("http://127.0.0.1:3", false)]);
        let picked: Vec<String> = (0..6).map(|_| pool.pick().unwrap().url.clone()).collect();
        assert_eq!(picked.iter().filter(|u| u.ends_with(":2")).count(), 0);
        assert!(picked.iter().any(|u| u.ends_with(":1")) && picked.iter().any(|u| u.ends_with(":3")));
    }

    #[test]
    fn has_nobody_where_all_are_fenced_or_none_is() {
        assert!(pool(&[]).pick().is_none());
        assert!(pool(&[("http://127.0.0.1:1", true)]).pick().is_none());
    }

    #[tokio::test]
    async fn finds_names() {
        let resolved = Arc::new(Resolved::default());
        let pool = pool_with(&[("http://localhost:80", false)], resolved.clone());
        assert!(pool.pick().is_none());
        assert!(resolved.look_up(pool.membership().names().iter().cloned().collect()).await.is_empty());
        pool.membership().refresh();
        assert_eq!(pool.pick().unwrap().authority, "localhost:80");
        // A pool that comes later begins with what is known; a name that isn't found keeps nobody else from serving.
        let later = pool_with(&[("http://localhost:80", true), ("http://gone.invalid:80", false)], resolved.clone());
        assert!(later.pick().is_none() && later.membership().names().len() == 2);
        let later = pool_with(&[("http://localhost:80", false), ("http://gone.invalid:80", false)], resolved);
        assert_eq!(later.pick().unwrap().authority, "localhost:80");
    }
}
