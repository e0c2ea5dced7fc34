//! Where requests go: services compiled to trees of pools, ready to choose a server without a lock. TCP's and UDP's are
//! in [`layer4`].
//! Built by `routing`, asked by `proxy`; membership and health are `pingora-load-balancing`'s.

mod chance;
pub mod choice;
pub mod client;
pub mod cycle;
pub mod health;
pub mod layer4;
mod load;
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
pub use health::Health;
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
    /// A service under another name: the main one of mirroring and failover.
    Alias(Arc<Service>),
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
            Service::Alias(service) => service.choose(asker, choice),
        }
    }

    /// The pool, where it is one.
    pub fn pool(&self) -> Option<&Pool> {
        match self {
            Service::Pool(pool) => Some(pool),
            _ => None,
        }
    }

    /// How far the turns have come, to be carried over to the service that replaces this one.
    pub fn turn(&self) -> Option<&Arc<AtomicUsize>> {
        match self {
            Service::Pool(pool) => Some(pool.turn()),
            Service::Weighted(weighted) => Some(weighted.turn()),
            Service::Hashed(_) | Service::Alias(_) => None,
        }
    }
}
