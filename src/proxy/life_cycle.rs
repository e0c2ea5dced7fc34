//! From the signal to the exit, as Traefik's `transport.lifeCycle` has it; replaces Pingora's fixed grace period.
//! Entry points watch it; Pingora's server asks it when to shut down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use log::{info, warn};
use pingora::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How long a connection has for its first words, even if the process ends meanwhile.
const FIRST_WORDS: Duration = Duration::from_secs(1);

/// What all services know of the process's life.
#[derive(Debug)]
pub struct LifeCycle {
    published: watch::Sender<bool>,
    /// The same as `terminating`, without its lock: asked by each request.
    ending: AtomicBool,
    terminating: watch::Sender<bool>,
    handing_over: watch::Sender<bool>,
    services: watch::Sender<usize>,
}

/// Held by a service that must have finished before the process ends.
#[derive(Debug)]
pub struct Draining(Arc<LifeCycle>);

/// Tells Pingora when to shut down.
pub struct Signals(pub Arc<LifeCycle>);

// === impl LifeCycle ===

impl Default for LifeCycle {
    fn default() -> Self {
        LifeCycle {
            published: watch::channel(false).0,
            ending: AtomicBool::new(false),
            terminating: watch::channel(false).0,
            handing_over: watch::channel(false).0,
            services: watch::channel(0).0,
        }
    }
}

impl LifeCycle {
    /// Opens readiness: the first routing table serves.
    pub fn published(&self) {
        self.published.send_if_modified(|published| !std::mem::replace(published, true));
    }

    /// Whether requests should be sent here: a table serves, and the process is not about to end.
    pub fn ready(&self) -> bool {
        *self.published.borrow() && !self.terminating()
    }

    /// Whether the process was told to end.
    pub fn terminating(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Turns true when the first routing table serves.
    pub fn watch_published(&self) -> watch::Receiver<bool> {
        self.published.subscribe()
    }

    /// Turns true when the process is told to end.
    pub fn watch_terminating(&self) -> watch::Receiver<bool> {
        self.terminating.subscribe()
    }

    /// Turns true when the sockets are about to go to a new process.
    pub fn watch_handing_over(&self) -> watch::Receiver<bool> {
        self.handing_over.subscribe()
    }

    /// Registers a service that has connections to finish; done when the guard is dropped.
    pub fn register(self: &Arc<Self>) -> Draining {
        self.services.send_modify(|n| *n += 1);
        Draining(self.clone())
    }

    async fn drain(&self) {
        let _ = self.services.subscribe().wait_for(|n| *n == 0).await;
    }
}

impl Drop for Draining {
    fn drop(&mut self) {
        self.0.services.send_modify(|n| *n -= 1);
    }
}

#[async_trait]
impl ShutdownSignalWatch for Signals {
    /// SIGTERM and SIGINT end the process once every service has drained (a second one at once);
    /// SIGQUIT hands the sockets to a new process first, as Pingora does.
    async fn recv(&self) -> ShutdownSignal {
        let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::quit()));
        let (Ok(mut terminate), Ok(mut interrupt), Ok(mut quit)) = signals else {
            warn!("signals can't be watched: the process ends only when it is killed");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = quit.recv() => {
                self.0.handing_over.send_replace(true);
                return ShutdownSignal::GracefulUpgrade;
            }
        }
        info!("terminating: not ready any more, requests in flight are finished");
        self.0.ending.store(true, Ordering::Release);
        self.0.terminating.send_replace(true);
        tokio::select! {
            () = self.0.drain() => info!("all connections are finished"),
            _ = terminate.recv() => warn!("terminated at once by a second signal"),
            _ = interrupt.recv() => warn!("terminated at once by a second signal"),
        }
        ShutdownSignal::FastShutdown
    }
}

/// Waits until a watched switch is on, or nobody can turn it on any more.
pub async fn turned(switch: &mut watch::Receiver<bool>) {
    let _ = switch.wait_for(|on| *on).await;
}

/// The same for a connection. One that has said nothing since it was accepted may have come in the very moment in which
/// the switch turned, and its client would take the end for a failure: `silent_since` then.
pub async fn turned_on(switch: &mut watch::Receiver<bool>, silent_since: Option<Instant>) {
    turned(switch).await;
    if let Some(accepted) = silent_since {
        sleep_until(accepted + FIRST_WORDS).await;
    }
}

/// How long an entry point waits before it stops accepting, and then for its connections.
#[derive(Debug, Clone, Copy)]
pub struct Grace {
    /// `requestAcceptGraceTimeout`
    pub accept: Duration,
    /// `graceTimeOut`
    pub finish: Duration,
}
