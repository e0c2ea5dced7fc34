//! Where connections and UDP sessions go: TCP and UDP services as trees of pools of addresses.
//! Built by `routing`, asked by `proxy`; `T` is how servers are spoken to: a TCP transport, or nothing for UDP.

mod servers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cycle::Cycle;
pub use servers::{Member, Server, Servers};

/// A service: picks a server for a connection or a session.
#[derive(Debug)]
pub enum Service<T> {
    /// Servers.
    Pool(Pool<T>),
    /// Services by weight.
    Weighted(Weighted<T>),
}

/// Servers in round robin.
#[derive(Debug)]
pub struct Pool<T> {
    servers: Arc<Servers<T>>,
    turn: Arc<AtomicUsize>,
}

/// Services by weight.
#[derive(Debug)]
pub struct Weighted<T> {
    children: Vec<Arc<Service<T>>>,
    cycle: Cycle,
    turn: Arc<AtomicUsize>,
}

// === impl Service ===

impl<T> Service<T> {
    /// The server whose turn it is, but none of those that were `tried`. Where one didn't answer lately, others are asked
    /// before it, those of other children too; none is left out for good.
    pub fn pick(&self, tried: &[SocketAddr]) -> Option<Arc<Server<T>>> {
        let new = |server: &Server<T>| !tried.contains(&server.address);
        self.find(&|server| new(server) && !server.is_resting()).or_else(|| self.find(&new))
    }

    fn find(&self, good: &dyn Fn(&Server<T>) -> bool) -> Option<Arc<Server<T>>> {
        match self {
            Service::Pool(pool) => {
                let servers = pool.servers.view();
                let turn = pool.turn.fetch_add(1, Ordering::Relaxed).checked_rem(servers.len())?;
                let (later, first) = servers.split_at(turn);
                first.iter().chain(later).find(|server| good(server)).cloned()
            }
            Service::Weighted(weighted) => {
                let turn = weighted.turn.fetch_add(1, Ordering::Relaxed);
                let chosen = weighted.cycle.at(turn)?;
                let (before, from) = weighted.children.split_at(chosen);
                from.iter().chain(before).find_map(|child| child.find(good))
            }
        }
    }

    /// How far the turns have come, to be carried over to the service that replaces this one.
    pub fn turn(&self) -> &Arc<AtomicUsize> {
        match self {
            Service::Pool(pool) => &pool.turn,
            Service::Weighted(weighted) => &weighted.turn,
        }
    }

    /// Its own servers, where it is not made of other services.
    pub fn servers(&self) -> Option<&Arc<Servers<T>>> {
        match self {
            Service::Pool(pool) => Some(&pool.servers),
            Service::Weighted(_) => None,
        }
    }
}

// === impl Pool ===

impl<T> Pool<T> {
    /// A pool of these servers; `turn` is where a pool that it replaces had come to.
    pub fn new(servers: Arc<Servers<T>>, turn: Option<Arc<AtomicUsize>>) -> Self {
        Pool { servers, turn: turn.unwrap_or_default() }
    }
}

// === impl Weighted ===

impl<T> Weighted<T> {
    /// Children with their weights; those with a weight of 0 or less are never picked.
    pub fn new(children: Vec<(Arc<Service<T>>, i64)>, turn: Option<Arc<AtomicUsize>>) -> Self {
        let (children, weights): (Vec<_>, Vec<i64>) = children.into_iter().filter(|(_, weight)| *weight > 0).unzip();
        Weighted { children, cycle: Cycle::by_rounds(&weights), turn: turn.unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests;
