//! How the watchers do: what `/ready` and the metrics tell, and one line in the log when it changes.
//! Kept by the collector.

use std::sync::Arc;

/// How one watcher does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// As `kubectl` names the resource: `ingressroutes.traefik.io`.
    pub resource: Arc<str>,
    /// The namespace watched; `None` is all.
    pub namespace: Option<Arc<str>>,
    /// What it does.
    pub state: State,
    /// The objects that it knows.
    pub objects: usize,
    /// How often all objects were read: once at the start, then after what the server calls 410 Gone.
    pub lists: u64,
    /// Failures since the start.
    pub failures: u64,
}

/// What a watcher does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Reads all objects for the first time.
    Syncing,
    /// Follows changes.
    Watching,
    /// The cluster doesn't have the kind.
    Absent,
    /// The account must not read it.
    Forbidden,
    /// Gets no answer that it can use; the objects are those known before.
    Failing(Arc<str>),
}

// === impl State ===

impl State {
    /// In one word, for a metric's label.
    pub fn word(&self) -> &'static str {
        match self {
            State::Syncing => "syncing",
            State::Watching => "watching",
            State::Absent => "absent",
            State::Forbidden => "forbidden",
            State::Failing(_) => "failing",
        }
    }

    /// All words.
    pub const WORDS: [&'static str; 5] = ["syncing", "watching", "absent", "forbidden", "failing"];
}
