//! Tells what became of objects where the objects are: conditions in their `status`, and Kubernetes Events.
//! The last in the flow, beside the traffic: control hands over what it serves after each swap, and never waits. Of all
//! replicas one writes, the holder of a Lease; what can't be written is said once, and tried again.

mod api;
mod bucket;
mod condition;
mod events;
#[cfg(test)]
mod fixture;
mod hosts;
mod leader;
mod lease;
mod status;
mod subject;
mod writer;

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::sync::watch;

use crate::diagnostic::{Diagnostic, ObjectRef};
use crate::objects::Snapshot;
use crate::observe::Written;

pub use writer::run;

/// What is written, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Write `status`.
    pub status: bool,
    /// Write Events.
    pub events: bool,
    /// Name of the Lease that the writer holds.
    pub lease_name: String,
    /// Its namespace; `None` for the one that the process runs in.
    pub lease_namespace: Option<String>,
    /// Namespaces that objects are taken from; none means all.
    pub namespaces: Vec<String>,
}

/// What is known of objects beside their findings. Asked off the traffic's threads.
pub trait Facts: Send + Sync {
    /// Whether a custom resource is read at all: its namespace, its labels.
    fn counts(&self, namespace: &str, metadata: &ObjectMeta) -> bool;

    /// The object of each router that serves; as often as it has such routers.
    fn serving(&self) -> Vec<&ObjectRef>;
}

/// What is served since a swap.
#[derive(Clone)]
pub struct Served {
    /// The objects.
    pub snapshot: Arc<Snapshot>,
    /// What was found.
    pub diagnostics: Arc<[Diagnostic]>,
    /// What serves.
    pub facts: Arc<dyn Facts>,
}

/// Takes what is served; [`run`] writes what became of it.
#[derive(Debug, Clone)]
pub struct Feedback {
    served: watch::Sender<Option<Served>>,
    written: Arc<Written>,
}

// === impl Feedback ===

impl Feedback {
    /// Counts in `written`.
    pub fn new(written: Arc<Written>) -> Self {
        Feedback { served: watch::Sender::default(), written }
    }

    /// Hands over what is served now. The newest counts; never waits. Returns what was served before, which may be large.
    pub fn served(&self, served: Served) -> Option<Served> {
        self.served.send_replace(Some(served))
    }
}

// === impl Served ===

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Served with {} findings", self.diagnostics.len())
    }
}
