//! Ends the wait for the head of a response: Pingora's one read timeout would hold for the body too.
//! Cuts the connection to the server, which Pingora then sees as closed; `http` turns that into 504.

use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::Socket;
use tokio::task::AbortHandle;

/// Set on a connection for one request; called off when dropped.
pub(super) struct Watchdog {
    /// A descriptor of its own for the connection: the number can't come to mean another one.
    connection: Option<Socket>,
    limit: Duration,
    bitten: Arc<AtomicBool>,
    task: Option<AbortHandle>,
}

// === impl Watchdog ===

impl Watchdog {
    /// A watchdog for the connection behind `fd`, not started yet. None where descriptors have run out.
    pub(super) fn new(fd: RawFd, limit: Duration) -> Option<Self> {
        #[allow(unsafe_code)]
        // SAFETY: Pingora holds the connection open during the call that gave us `fd`, and we copy it within that call.
        let connection = unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned().ok()?;
        Some(Watchdog { connection: Some(connection.into()), limit, bitten: Arc::default(), task: None })
    }

    /// Begins to count: the request is sent.
    pub(super) fn start(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let (limit, bitten) = (self.limit, self.bitten.clone());
        let task = tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            bitten.store(true, Ordering::Release);
            // An error means that it is closed already.
            let _ = connection.shutdown(std::net::Shutdown::Both);
        });
        self.task = Some(task.abort_handle());
    }

    /// Whether it has cut the connection.
    pub(super) fn has_bitten(&self) -> bool {
        self.bitten.load(Ordering::Acquire)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
