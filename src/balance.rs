//! Where requests go: services compiled to trees of pools, ready to pick a server without a lock.
//! Built by `routing`, asked by `proxy`; membership and health are `pingora-load-balancing`'s.

pub mod cycle;
pub mod pool;
pub mod resolved;
pub mod server;
pub mod transport;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cycle::Cycle;
pub use pool::{Membership, Pool};
pub use resolved::Resolved;
pub use server::Server;

/// A service: picks a server for a request.
#[derive(Debug)]
pub enum Service {
    /// Servers.
    Pool(Pool),
    /// Services by weight.
    Weighted(Weighted),
    /// A service under another name: the main one of mirroring and failover.
    Alias(Arc<Service>),
}

/// Services by weight.
#[derive(Debug)]
pub struct Weighted {
    children: Vec<Arc<Service>>,
    cycle: Cycle,
    turn: Arc<AtomicUsize>,
}

// === impl Service ===

impl Service {
    /// The server for the next request; none where all are down, or there is none.
    pub fn pick(&self) -> Option<Arc<Server>> {
        match self {
            Service::Pool(pool) => pool.pick(),
            Service::Weighted(weighted) => weighted.next()?.pick(),
            Service::Alias(service) => service.pick(),
        }
    }

    /// How far the turns have come, to be carried over to the service that replaces this one.
    pub fn turn(&self) -> Option<&Arc<AtomicUsize>> {
        match self {
            Service::Pool(pool) => Some(pool.turn()),
            Service::Weighted(weighted) => Some(&weighted.turn),
            Service::Alias(_) => None,
        }
    }
}

// === impl Weighted ===

impl Weighted {
    /// Children with their weights; those with a weight of 0 or less are never picked.
    pub fn new(children: Vec<(Arc<Service>, i64)>, turn: Option<Arc<AtomicUsize>>) -> Self {
        let weights: Vec<i64> = children.iter().map(|(_, weight)| *weight).collect();
        Weighted {
            children: children.into_iter().map(|(child, _)| child).collect(),
            cycle: Cycle::new(&weights),
            turn: turn.unwrap_or_default(),
        }
    }

    /// A child keeps its share even where its servers are down, as in Traefik: those requests get 503.
    fn next(&self) -> Option<&Arc<Service>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.children.get(self.cycle.at(turn)?)
    }
}
