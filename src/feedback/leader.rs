//! Holds the Lease, or waits for it: asks the API server what `lease` decides by, and says to the writers whether to write.

use std::sync::atomic::Ordering;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use log::{info, warn};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::api::{Failure, Server};
use super::lease::{Candidate, RENEW_WITHIN, RETRY, Step};
use crate::observe::Written;

/// Where nothing can be had, it is asked for no more often.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// Until when this process may write; in the past, or `None`, it may not.
pub(super) type Leadership = watch::Receiver<Option<Instant>>;

/// One of the processes that would write.
pub(super) struct Elector<'a> {
    pub server: &'a Server,
    pub candidate: Candidate,
    pub name: &'a str,
    pub namespace: &'a str,
    pub until: watch::Sender<Option<Instant>>,
    pub written: &'a Written,
}

/// Whether writing is allowed now.
pub(super) fn leads(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() < until)
}

// === impl Elector ===

impl Elector<'_> {
    /// Asks for the Lease, and renews it, until `stop`; then gives it back.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let began = Instant::now();
        let mut held: Option<Lease> = None;
        let mut holder = String::new();
        let mut complaint = String::new();
        let mut wait = RETRY;
        loop {
            let asked = Instant::now();
            match self.attempt(held.take(), began).await {
                Ok(Ok(lease)) => {
                    if !leads(*self.until.borrow()) {
                        info!(
                            "feedback: this process writes statuses and Events (Lease {}/{})",
                            self.namespace, self.name
                        );
                    }
                    held = Some(lease);
                    self.tell(Some(asked + RENEW_WITHIN));
                    holder.clear();
                    complaint.clear();
                    wait = RETRY;
                }
                Ok(Err(other)) => {
                    self.lost();
                    if holder != other {
                        info!("feedback: {other} writes statuses and Events (Lease {}/{})", self.namespace, self.name);
                        holder = other;
                    }
                    complaint.clear();
                    wait = RETRY;
                }
                // Somebody else was faster; who, the next attempt says.
                Err(Failure::Conflict) => wait = RETRY,
                Err(failure) => {
                    self.written.errors.fetch_add(1, Ordering::Relaxed);
                    let message = failure.to_string();
                    if complaint != message {
                        warn!(
                            "feedback: no statuses and Events without the Lease {}/{}: {message}; traffic is served all the same",
                            self.namespace, self.name
                        );
                        complaint = message;
                    }
                    if !leads(*self.until.borrow()) {
                        self.lost();
                        wait = (wait * 2).min(LONGEST_RETRY);
                    }
                }
            }
            tokio::select! {
                () = sleep(wait) => {}
                () = &mut stop => break,
            }
        }
        let leads = leads(*self.until.borrow());
        self.tell(None);
        if let Some(lease) = held.filter(|_| leads) {
            let lease = self.candidate.released(lease, Timestamp::now());
            // The process is about to end: it waits no longer than this.
            let _ = timeout(RETRY, self.server.replace_lease(self.namespace, self.name, &lease)).await;
        }
    }

    /// The Lease, if it is ours now; else `Err` in `Ok` is who holds it.
    async fn attempt(&mut self, held: Option<Lease>, began: Instant) -> Result<Result<Lease, String>, Failure> {
        let (server, namespace, name) = (self.server, self.namespace, self.name);
        // Whoever holds it need not read it: if it was changed, replacing it fails.
        let is_held = held.is_some();
        let found = match held {
            Some(lease) => Some(lease),
            None => server.lease(namespace, name).await?,
        };
        match self.candidate.step(name, found, began.elapsed(), Timestamp::now()) {
            Step::Create(lease) => server.create_lease(namespace, &lease).await.map(Ok),
            Step::Replace(lease) => match server.replace_lease(namespace, name, &lease).await {
                // Deleted meanwhile: made anew at the next attempt.
                Err(Failure::NotFound) if is_held => Err(Failure::Conflict),
                answer => answer.map(Ok),
            },
            Step::Wait { holder } => Ok(Err(holder)),
        }
    }

    fn tell(&self, until: Option<Instant>) {
        self.written.leads.store(leads(until), Ordering::Relaxed);
        self.until.send_replace(until);
    }

    fn lost(&self) {
        if self.until.borrow().is_some() {
            info!("feedback: this process writes no statuses and Events any more");
            self.tell(None);
        }
    }
}
