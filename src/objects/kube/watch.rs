//! One watcher: follows a kind through whatever the API server does, and sends what it learns to the collector.
//! A missing kind is waited for, a forbidden one asked for again, a server that is gone is tried again with patience.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use kube::runtime::watcher::{self, Config, Event};
use kube::{Api, Client};
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};

use super::client::CONNECT_TIMEOUT;
use super::collect::{Arrival, Update};
use super::discovery::Discovery;
use super::item::Item;
use super::resource::Resource;
use super::trim::trim;
use crate::objects::decode::decode;

/// How long the server may take to send the next object of a streamed list; then the list is read in pages. Servers before
/// 1.27 pass over what asks for it, and would be waited for without end.
const STREAMING_PATIENCE: Duration = Duration::from_secs(10);
/// A watch that was begun again, and of which no failure is heard for so long, is well: the server says nothing where nothing
/// changes. Longer than a connection may take to be made.
const UNDISTURBED: Duration = CONNECT_TIMEOUT.saturating_add(Duration::from_secs(1));
/// Nothing is waited for that long.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);
/// A watch is ended and begun again so often; so long a connection that died in silence goes unnoticed.
const WATCH_TIMEOUT_SECONDS: u32 = 120;
/// Between two questions for a kind that is missing or forbidden.
const ASK_AGAIN: Duration = Duration::from_secs(3);
/// The same at the start, when the server may still be reading its own roles.
const ASK_SOON: Duration = Duration::from_millis(700);
/// After a failure, doubled with each further one, up to [`LONGEST_PAUSE`].
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// The longest time that a server that is back goes unnoticed.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// So many failures of a watch with an answer, and all is read again.
const PATIENCE: u32 = 4;

/// How a list of all objects is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listing {
    /// As the beginning of the watch; Kubernetes 1.27 and later, on by default since 1.32.
    Streamed,
    /// In pages of 500.
    Paged,
}

/// What to do after a failure.
#[derive(Debug, PartialEq, Eq)]
enum Remedy {
    /// The server doesn't stream lists.
    ReadPages,
    /// The server said that the past is gone.
    ReadAgain,
    /// The cluster doesn't have the kind.
    WaitForKind,
    /// The account must not.
    WaitForPermission,
    /// No usable answer.
    TryAgain,
}

/// One watcher.
pub(super) struct Watch {
    api: Api<Item>,
    position: usize,
    resource: Resource,
    updates: Sender<Arrival>,
    discovery: Arc<Discovery>,
    listing: Listing,
    failures: u32,
}

// === impl Watch ===

impl Watch {
    pub(super) fn new(
        client: Client,
        position: usize,
        resource: Resource,
        updates: Sender<Arrival>,
        discovery: Arc<Discovery>,
    ) -> Self {
        let api = match &resource.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &resource.api),
            None => Api::all_with(client, &resource.api),
        };
        Watch { api, position, resource, updates, discovery, listing: Listing::Streamed, failures: 0 }
    }

    /// Watches for as long as the collector listens.
    pub(super) async fn run(mut self) {
        while self.watch_once().await.is_some() {}
    }

    /// Reads everything and follows it, until it has to be read again. `None` when nobody listens any more.
    async fn watch_once(&mut self) -> Option<()> {
        let mut stream = pin!(watcher::watcher(self.api.clone(), self.config()));
        let mut reading = true;
        loop {
            let patience = match (reading, self.listing) {
                (true, Listing::Streamed) => STREAMING_PATIENCE,
                (true, Listing::Paged) => FOREVER,
                (false, _) if self.failures > 0 => UNDISTURBED,
                (false, _) => FOREVER,
            };
            let Ok(next) = timeout(patience, stream.next()).await else {
                if reading {
                    log::debug!("kubernetes: {}: no streamed list within {patience:?}", self.resource);
                    self.listing = Listing::Paged;
                    return Some(());
                }
                self.failures = 0;
                self.send(Update::Well).await?;
                continue;
            };
            match next? {
                Ok(event) => {
                    self.failures = 0;
                    match event {
                        Event::Init => reading = true,
                        Event::InitDone => reading = false,
                        _ => {}
                    }
                    self.send(self.update(event)).await?;
                }
                Err(error) => {
                    log::debug!("kubernetes: {}: {error}", self.resource);
                    match remedy(&error, reading, self.listing) {
                        Remedy::ReadPages => {
                            self.listing = Listing::Paged;
                            return Some(());
                        }
                        Remedy::ReadAgain => return self.pause().await,
                        Remedy::WaitForKind => return self.wait_for_kind().await,
                        Remedy::WaitForPermission => {
                            self.failures += 1;
                            self.send(Update::Forbidden).await?;
                            self.sleep(if reading { ASK_SOON } else { ASK_AGAIN }).await?;
                        }
                        Remedy::TryAgain => {
                            self.send(Update::Failed(in_short(&error).into())).await?;
                            self.pause().await?;
                            if !reading && status(&error).is_some() && self.failures >= PATIENCE {
                                return Some(());
                            }
                        }
                    }
                }
            }
        }
    }

    fn config(&self) -> Config {
        let config = Config {
            label_selector: self.resource.labels.clone(),
            field_selector: self.resource.fields.map(str::to_owned),
            ..Config::default().timeout(WATCH_TIMEOUT_SECONDS)
        };
        if self.listing == Listing::Streamed { config.streaming_lists() } else { config }
    }

    fn update(&self, event: Event<Item>) -> Update {
        match event {
            Event::Init => Update::Begin,
            Event::InitApply(item) | Event::Apply(item) => {
                let Resource { kind, api, .. } = &self.resource;
                let (namespace, name) = (item.namespace().into(), item.name().into());
                let mut fields = item.fields;
                trim(kind, &mut fields);
                // Items of a list don't say what they are.
                fields.insert("apiVersion".to_owned(), api.api_version.as_str().into());
                fields.insert("kind".to_owned(), api.kind.as_str().into());
                Update::Object { namespace, name, decoded: Box::new(decode(fields.into())) }
            }
            Event::Delete(item) => Update::Gone { namespace: item.namespace().into(), name: item.name().into() },
            Event::InitDone => Update::Complete,
        }
    }

    async fn wait_for_kind(&self) -> Option<()> {
        while !self.discovery.has(&self.resource.api).await {
            // Again and again, so that the collector sees that it is no passing matter.
            self.send(Update::Absent).await?;
            self.sleep(ASK_AGAIN).await?;
        }
        self.sleep(SHORTEST_PAUSE).await
    }

    /// The longer, the more failures there were since the last success.
    async fn pause(&mut self) -> Option<()> {
        self.failures += 1;
        self.sleep((SHORTEST_PAUSE * (1 << self.failures.min(10))).min(LONGEST_PAUSE)).await
    }

    /// Not all watchers at the same moment: up to a tenth more, always the same for each.
    async fn sleep(&self, pause: Duration) -> Option<()> {
        let spread = u32::try_from(self.position % 16).unwrap_or_default();
        sleep(pause + pause * spread / 160).await;
        (!self.updates.is_closed()).then_some(())
    }

    async fn send(&self, update: Update) -> Option<()> {
        self.updates.send(Arrival { watcher: self.position, update }).await.ok()
    }
}

/// The server's answer, if it was one.
fn status(error: &watcher::Error) -> Option<(u16, &str)> {
    use watcher::Error;
    match error {
        Error::InitialListFailed(kube::Error::Api(status))
        | Error::WatchStartFailed(kube::Error::Api(status))
        | Error::WatchFailed(kube::Error::Api(status))
        | Error::WatchError(status) => Some((status.code, &status.message)),
        _ => None,
    }
}

fn remedy(error: &watcher::Error, reading: bool, listing: Listing) -> Remedy {
    match status(error) {
        // Too old, or (after a restored backup) from a future that never came.
        Some((410, _)) => Remedy::ReadAgain,
        Some((_, message)) if message.contains("Too large resource version") => Remedy::ReadAgain,
        Some((404, _)) => Remedy::WaitForKind,
        Some((403, _)) => Remedy::WaitForPermission,
        // 400, 405 and 422: the parameters aren't known or not allowed; 500: etcd lacks what it takes.
        Some((400 | 405 | 422 | 500, _)) if reading && listing == Listing::Streamed => Remedy::ReadPages,
        _ => Remedy::TryAgain,
    }
}

/// The innermost cause says it best, and the URL isn't repeated for each kind.
fn in_short(error: &watcher::Error) -> String {
    if let Some((code, message)) = status(error) {
        return format!("{code} {message}");
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use kube::core::response::Status;

    use super::*;

    #[test]
    fn every_failure_has_its_remedy() {
        let started = |code, message: &str| {
            let status = Status::failure(message, "").with_code(code).boxed();
            watcher::Error::WatchStartFailed(kube::Error::Api(status))
        };
        for (code, message, reading, listing, expected) in [
            (410, "too old resource version", false, Listing::Streamed, Remedy::ReadAgain),
            (504, "Too large resource version: 9, current: 7", false, Listing::Paged, Remedy::ReadAgain),
            (404, "page not found", true, Listing::Streamed, Remedy::WaitForKind),
            (403, "forbidden", false, Listing::Streamed, Remedy::WaitForPermission),
            (401, "Unauthorized", false, Listing::Streamed, Remedy::TryAgain),
            (429, "too many requests", true, Listing::Streamed, Remedy::TryAgain),
            (422, "sendInitialEvents is forbidden", true, Listing::Streamed, Remedy::ReadPages),
            (500, "RequestWatchProgress is disabled", true, Listing::Streamed, Remedy::ReadPages),
            (500, "etcdserver: leader changed", false, Listing::Streamed, Remedy::TryAgain),
            (500, "etcdserver: no leader", true, Listing::Paged, Remedy::TryAgain),
            (503, "starting", true, Listing::Streamed, Remedy::TryAgain),
        ] {
            assert_eq!(remedy(&started(code, message), reading, listing), expected, "{code} {message}");
        }
        assert_eq!(remedy(&watcher::Error::NoResourceVersion, false, Listing::Paged), Remedy::TryAgain);
    }
}
