//! What ingora tells about itself to those who ask: readiness and metrics.
//! A leaf: `control` writes what happens, the routes of the process itself read it.

mod metrics;
mod readiness;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use arc_swap::ArcSwap;

pub use self::metrics::Metrics;
pub use self::readiness::Readiness;

/// How a source of objects does: one for each kind and namespace that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What is watched, such as `ingressroutes.traefik.io`.
    pub resource: Arc<str>,
    /// The namespace watched; empty is all.
    pub namespace: Arc<str>,
    /// In one word.
    pub state: &'static str,
    /// Whether what is known may be out of date, and why.
    pub problem: Option<Arc<str>>,
    /// Whether its objects were never read, so that nothing can be served yet.
    pub missing: bool,
    /// The objects known.
    pub objects: usize,
    /// How often all objects were read.
    pub lists: u64,
    /// Failures since the start.
    pub failures: u64,
}

/// What was written into the cluster: statuses and Events.
#[derive(Debug, Default)]
pub struct Written {
    /// Statuses.
    pub statuses: AtomicU64,
    /// Events.
    pub events: AtomicU64,
    /// Requests that failed.
    pub errors: AtomicU64,
    /// Whether this process is the one that writes.
    pub leads: AtomicBool,
}

/// What is observed; one for the process.
#[derive(Debug)]
pub struct Observed {
    /// The sources of objects.
    pub sources: ArcSwap<Vec<Source>>,
    /// What was written into the cluster.
    pub written: Arc<Written>,
    /// What is counted.
    pub metrics: Metrics,
}

// === impl Observed ===

impl Observed {
    /// Nothing observed yet.
    ///
    /// # Errors
    /// When a metric's name or labels are no good, which is a mistake in this room.
    pub fn new() -> prometheus::Result<Self> {
        Ok(Observed { sources: ArcSwap::default(), written: Arc::default(), metrics: Metrics::new()? })
    }
}
