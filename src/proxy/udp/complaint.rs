//! Complaints about datagrams: clients could make as many as they like, so only some are made.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use log::warn;

/// Seconds between two complaints.
const INTERVAL: u64 = 10;

/// Makes one complaint in a while.
pub(super) struct Complaint {
    began: Instant,
    /// Seconds since then at which the next one may be made.
    next: AtomicU64,
}

// === impl Complaint ===

impl Default for Complaint {
    fn default() -> Self {
        Complaint { began: Instant::now(), next: AtomicU64::new(0) }
    }
}

impl Complaint {
    /// Logs a warning, unless one was logged a moment ago.
    pub(super) fn make(&self, text: impl FnOnce() -> String) {
        let (now, next) = (self.began.elapsed().as_secs(), self.next.load(Ordering::Relaxed));
        let mine = now >= next
            && self.next.compare_exchange(next, now + INTERVAL, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if mine {
            warn!("{}", text());
        }
    }
}
