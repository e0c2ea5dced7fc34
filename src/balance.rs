//! Where requests go: services compiled to trees of pools, ready to choose a server without a lock. TCP's and UDP's are
//! in [`layer4`].
//! Built by `routing`, asked by `proxy`; membership and health are `pingora-load-balancing`'s.

mod chance;
pub mod choice;
pub mod client;
pub mod cycle;
mod dial;
pub mod failover;
pub mod health;
pub mod layer4;
mod load;
pub mod mirroring;
pub mod peer_names;
pub mod pool;
mod rendezvous;
pub mod resolved;
pub mod server;
pub mod sticky;
pub mod tcp;
mod tournament;
pub mod transport;
pub mod view;
pub mod weighted;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

pub use choice::{Asker, Choice};
pub use failover::Failover;
pub use health::Health;
pub use mirroring::Mirroring;
pub use pool::{Members, Membership, Pool};
pub use resolved::Resolved;
pub use server::Server;
pub use weighted::{Child, Hashed, Weighted};

/// A service: chooses a server for a request.
#[derive(Debug)]
pub enum Service {
    /// Servers.
    Pool(Pool),
    /// Services by weight.
    Weighted(Weighted),
    /// Services by the client's address.
    Hashed(Hashed),
    /// A service, and copies of its requests to others.
    Mirroring(Mirroring),
    /// A service, and another where the first one fails.
    Failover(Failover),
}

// === impl Service ===

impl Service {
    /// Chooses the server for a request; the choice has none where all are down, or there is none.
    pub fn choose(self: &Arc<Self>, asker: &Asker<'_>, choice: &mut Choice) {
        match &**self {
            Service::Pool(pool) => {
                choice.leaf = Some(self.clone());
                pool.choose(asker, choice);
            }
            Service::Weighted(weighted) => {
                if let Some(child) = weighted.choose(asker, choice) {
                    child.choose(asker, choice);
                }
            }
            Service::Hashed(hashed) => {
                if let Some(child) = hashed.choose(asker) {
                    child.choose(asker, choice);
                }
            }
            Service::Mirroring(mirroring) => {
                choice.copies.extend(mirroring.next());
                mirroring.main().choose(asker, choice);
            }
            Service::Failover(failover) => {
                let next = failover.next();
                if failover.errors().is_some() && Arc::ptr_eq(next, failover.main()) {
                    choice.failing_over.push((self.clone(), choice.cookies.len()));
                }
                next.choose(asker, choice);
            }
        }
    }

    /// Whether it takes requests, as far as is known. Services by weight, and by address, always do: as in Traefik, their
    /// children keep their shares.
    fn is_up(&self) -> bool {
        match self {
            Service::Pool(pool) => pool.is_up(),
            Service::Weighted(_) | Service::Hashed(_) => true,
            Service::Mirroring(mirroring) => mirroring.main().is_up(),
            Service::Failover(failover) => failover.is_up(),
        }
    }

    /// The pool, where it is one.
    pub fn pool(&self) -> Option<&Pool> {
        match self {
            Service::Pool(pool) => Some(pool),
            _ => None,
        }
    }

    /// Whether an answer of it may be thrown away for that of another service.
    pub fn acts_around(&self) -> bool {
        match self {
            Service::Pool(_) => false,
            // Each knows it of what it was made of: trees that name a part twice on each level have no end to walk to.
            Service::Weighted(weighted) => weighted.acts_around,
            Service::Hashed(hashed) => hashed.acts_around,
            Service::Mirroring(mirroring) => mirroring.acts_around,
            Service::Failover(failover) => failover.acts_around,
        }
    }

    /// How far the turns have come, to be carried over to the service that replaces this one.
    pub fn turn(&self) -> Option<&Arc<AtomicUsize>> {
        match self {
            Service::Pool(pool) => Some(pool.turn()),
            Service::Weighted(weighted) => Some(weighted.turn()),
            Service::Hashed(_) | Service::Mirroring(_) | Service::Failover(_) => None,
        }
    }

    /// Itself, where it has mirrors.
    pub fn mirroring(&self) -> Option<&Mirroring> {
        match self {
            Service::Mirroring(mirroring) => Some(mirroring),
            _ => None,
        }
    }
}
