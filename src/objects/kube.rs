//! The source for objects of a cluster: one watcher for each kind, group and namespace, and one collector behind them.
//! Feeds the same snapshots as files would. Whatever goes wrong, the last good objects stay, and [`Health`] says so.

mod client;
mod collect;
mod discovery;
mod health;
mod item;
mod resource;
mod trim;
mod watch;

use std::sync::Arc;

use kube::Client;
use tokio::sync::{mpsc, watch as channel};
use tokio::task::JoinSet;

use self::collect::Collector;
use self::discovery::Discovery;
use self::watch::Watch;
use super::Snapshot;

pub use self::client::{Access, Unreachable};
pub use self::health::{Health, State};

/// Objects on their way to the collector; when it is busy, watchers wait.
const QUEUE: usize = 4096;

/// Which objects are read.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Namespaces; none means all.
    pub namespaces: Vec<String>,
    /// Kubernetes label selector for the custom resources; empty means all.
    pub label_selector: String,
    /// Read what no namespace has: Nodes.
    pub cluster_scope: bool,
}

/// A cluster being watched; the watching ends when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    health: channel::Receiver<Arc<[Health]>>,
    tasks: JoinSet<()>,
}

// === impl Cluster ===

impl Cluster {
    /// Starts to watch, in the runtime that this is called from. Calls `on_snapshot` first when every kind was read once,
    /// then after each change, within some 5 ms where few happen.
    pub fn watch(
        client: &Client,
        selection: &Selection,
        on_snapshot: impl FnMut(Arc<Snapshot>) + Send + 'static,
    ) -> Cluster {
        let resources = resource::all(selection);
        let (updates, received) = mpsc::channel(QUEUE);
        let (health, watched) = channel::channel(Arc::from([]));
        let discovery = Arc::new(Discovery::new(client.clone()));
        let mut tasks = JoinSet::new();
        for (position, resource) in resources.iter().enumerate() {
            let watch = Watch::new(client.clone(), position, resource.clone(), updates.clone(), discovery.clone());
            tasks.spawn(watch.run());
        }
        tasks.spawn(Collector::new(resources, health, Box::new(on_snapshot)).run(received));
        Cluster { health: watched, tasks }
    }

    /// How each watcher does; changes as they do.
    pub fn health(&self) -> channel::Receiver<Arc<[Health]>> {
        self.health.clone()
    }

    /// How many watchers there are.
    pub fn watchers(&self) -> usize {
        self.tasks.len().saturating_sub(1)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
