//! The tasks that write: one asks for the Lease, one writes statuses, one writes Events, as long as the Lease is ours.

mod events;
mod statuses;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use kube::Client;
use log::{info, warn};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::api::{Failure, Server};
use super::leader::{Elector, Leadership, leads};
use super::lease::Candidate;
use super::{Feedback, Served, Settings};
use crate::observe::Written;

/// The least time between two looks at what is served: a storm of changes costs no more than that.
const HOLD_OFF: Duration = Duration::from_secs(1);
/// How long after a failure the first new attempt is made, and the last ones.
const RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// Writes what became of objects, until `stop`.
pub async fn run(feedback: Feedback, settings: Settings, client: Client, stop: impl Future<Output = ()>) {
    if !settings.status && !settings.events {
        return;
    }
    let from = |variable| std::env::var(variable).ok().filter(|text: &String| !text.is_empty());
    let host = || hostname::get().ok().and_then(|name| name.into_string().ok());
    let host = from("POD_NAME").or_else(host).unwrap_or_else(|| "ingora".to_owned());
    // Two processes of one host, as when one hands over to the next, are two candidates.
    let identity = format!("{host}_{:016x}", RandomState::new().hash_one(std::process::id()));
    let server = Server::new(client, &host);
    let namespace = settings.lease_namespace.clone().or_else(|| from("POD_NAMESPACE"));
    let namespace = namespace.unwrap_or_else(|| server.own_namespace().to_owned());
    let (until, leadership) = watch::channel(None);
    let written = &feedback.written;
    let elector = Elector {
        server: &server,
        candidate: Candidate::new(identity),
        name: &settings.lease_name,
        namespace: &namespace,
        until,
        written,
    };
    let feed = || Feed { served: feedback.served.subscribe(), leadership: leadership.clone(), looked: None };
    let statuses = async {
        if settings.status {
            statuses::run(feed(), &server, &settings.namespaces, written).await;
        }
    };
    let events = async {
        if settings.events {
            events::run(feed(), &server, written).await;
        }
    };
    tokio::select! {
        () = elector.run(stop) => {}
        _ = async { tokio::join!(statuses, events) } => {}
    }
}

/// What a writer waits for.
struct Feed {
    served: watch::Receiver<Option<Served>>,
    leadership: Leadership,
    looked: Option<Instant>,
}

/// What there is to do.
enum Turn {
    /// Look at what is served.
    Look(Served),
    /// The time that was waited for has come.
    Time,
    /// Writing is over for now.
    Lost,
}

/// Something that could not be written: said once, and tried again after longer and longer.
#[derive(Debug, Default)]
struct Trouble {
    /// By what can't be written: what was said.
    said: BTreeMap<String, String>,
    wait: Duration,
    until: Option<Instant>,
}

// === impl Feed ===

impl Feed {
    /// Waits until this process is the one that writes; `false` when it never will be.
    async fn lead(&mut self) -> bool {
        // Whatever was looked at belongs to a time before.
        self.looked = None;
        self.served.mark_changed();
        self.leadership.wait_for(|until| leads(*until)).await.is_ok()
    }

    fn leads(&self) -> bool {
        leads(*self.leadership.borrow())
    }

    /// Waits for something to look at, or for a time; not longer than writing is allowed.
    async fn turn(&mut self, time: Option<Instant>) -> Turn {
        loop {
            let until = *self.leadership.borrow_and_update();
            let Some(end) = until.filter(|_| leads(until)) else { return Turn::Lost };
            let next_look = self.looked.map(|looked| looked + HOLD_OFF);
            tokio::select! {
                biased;
                changed = self.leadership.changed() => if changed.is_err() { return Turn::Lost },
                () = sleep_until(end) => {}
                // Before the time, which may have come always already.
                served = newest(&mut self.served, next_look) => match served {
                    Some(served) => {
                        self.looked = Some(Instant::now());
                        return Turn::Look(served);
                    }
                    None => return Turn::Lost,
                },
                () = at(time) => return Turn::Time,
            }
        }
    }

    /// What is served now, whether or not it was looked at.
    fn again(&mut self) -> Option<Served> {
        self.looked = Some(Instant::now());
        self.served.borrow_and_update().clone()
    }
}

/// Waits for what is served to change, and then until it may be looked at. `None` when nothing comes any more.
async fn newest(served: &mut watch::Receiver<Option<Served>>, not_before: Option<Instant>) -> Option<Served> {
    loop {
        if let Some(time) = not_before {
            sleep_until(time).await;
        }
        served.changed().await.ok()?;
        let newest = served.borrow_and_update().clone();
        if newest.is_some() {
            return newest;
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

// === impl Trouble ===

impl Trouble {
    /// Notes that something could not be written; says so if it is news.
    fn note(&mut self, what: &str, failure: &Failure, written: &Written) {
        written.errors.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let message = failure.to_string();
        if !self.said.contains_key(what) {
            warn!("feedback: {what} can't be written: {message}; traffic is served all the same");
            self.said.insert(what.to_owned(), message);
        }
        self.wait = (self.wait * 2).clamp(RETRY, LONGEST_RETRY);
        self.until = Some(Instant::now() + self.wait);
    }

    /// Notes that it could be written.
    fn over(&mut self, what: &str) {
        if self.said.remove(what).is_some() {
            info!("feedback: {what} can be written again");
        }
        *self = Trouble { said: std::mem::take(&mut self.said), ..Trouble::default() };
    }

    /// Whether it is too early for another attempt.
    fn lasts(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }
}

/// Runs something that takes a while beside the writers.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

#[cfg(test)]
mod tests;
