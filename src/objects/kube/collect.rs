//! Puts together what the watchers learn: one snapshot, what is wrong with objects, and how each watcher does.
//! Hands a snapshot over when every kind was read once, and then after each change, a moment later.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use log::{error, info, warn};
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch::Sender;
use tokio::time::{Instant, sleep_until};

use super::health::{Health, State};
use super::resource::Resource;
use crate::diagnostic::Diagnostic;
use crate::objects::decode::Decoded;
use crate::objects::{Group, Key, Snapshot};

/// A change is handed over when so long nothing more came.
const QUIET: Duration = Duration::from_millis(2);
/// It is handed over after so long in any case.
const HOLD_OFF: Duration = Duration::from_millis(20);
/// While a kind is read again as a whole, changes wait: but no longer.
const LISTING: Duration = Duration::from_secs(2);
/// A kind must be forbidden so often in a row to be given up at the start: a server that starts knows its roles late.
const SURE_FORBIDDEN: u32 = 3;
/// A kind must be absent so often in a row (some three seconds apart) before its objects are forgotten.
const SURE_ABSENT: u32 = 10;

/// What a watcher has to say.
pub(super) struct Arrival {
    /// Which one.
    pub watcher: usize,
    /// What.
    pub update: Update,
}

/// What happened.
pub(super) enum Update {
    /// All objects are read now.
    Begin,
    /// There is an object, or it is another one now.
    Object { namespace: Box<str>, name: Box<str>, decoded: Box<Decoded> },
    /// An object is deleted.
    Gone { namespace: Box<str>, name: Box<str> },
    /// All objects were read: those that were not among them are gone.
    Complete,
    /// The cluster doesn't have the kind.
    Absent,
    /// The account must not read the kind.
    Forbidden,
    /// No usable answer.
    Failed(Arc<str>),
    /// The server answers again, with nothing new.
    Well,
}

/// The namespace and the name of an object.
type Name = (Box<str>, Box<str>);

/// What one watcher said so far.
struct Watcher {
    resource: Resource,
    health: Health,
    /// The objects that the server has, valid or not.
    known: HashSet<Name>,
    /// While all are read: those that came.
    reading: Option<HashSet<Name>>,
    /// How often in a row it was absent or forbidden.
    refusals: u32,
    /// Whether it needs not be waited for at the start.
    settled: bool,
}

/// Puts everything together.
pub(super) struct Collector {
    watchers: Vec<Watcher>,
    snapshot: Snapshot,
    health: Sender<Arc<[Health]>>,
    on_snapshot: Box<dyn FnMut(Arc<Snapshot>) + Send>,
    /// Since when there is something to hand over, and when the last of it came.
    changed: Option<(Instant, Instant)>,
    /// Whether a snapshot was handed over.
    begun: bool,
    /// Whether the log knows that the server doesn't answer.
    told_failing: bool,
}

// === impl Collector ===

impl Collector {
    pub(super) fn new(
        resources: Vec<Resource>,
        health: Sender<Arc<[Health]>>,
        on_snapshot: Box<dyn FnMut(Arc<Snapshot>) + Send>,
    ) -> Self {
        Collector {
            watchers: resources.into_iter().map(Watcher::new).collect(),
            snapshot: Snapshot::default(),
            health,
            on_snapshot,
            changed: None,
            begun: false,
            told_failing: false,
        }
    }

    /// Collects until all watchers are gone.
    pub(super) async fn run(mut self, mut arrivals: Receiver<Arrival>) {
        let mut batch = Vec::new();
        self.tell();
        loop {
            tokio::select! {
                received = arrivals.recv_many(&mut batch, 256) => {
                    if received == 0 {
                        return;
                    }
                    batch.drain(..).for_each(|arrival| self.take(arrival));
                    if self.watchers.iter().any(|w| w.health.objects != w.known.len()) {
                        self.tell();
                    }
                }
                () = at(self.due()) => self.hand_over(),
            }
        }
    }

    /// When the snapshot is to be handed over.
    fn due(&self) -> Option<Instant> {
        let (first, last) = self.changed?;
        if !self.begun {
            return self.watchers.iter().all(|w| w.settled).then_some(first);
        }
        match self.watchers.iter().any(|w| w.reading.is_some()) {
            true => Some(first + LISTING),
            false => Some((last + QUIET).min(first + HOLD_OFF)),
        }
    }

    fn hand_over(&mut self) {
        self.changed = None;
        self.begun = true;
        (self.on_snapshot)(Arc::new(self.snapshot.clone()));
        self.tell();
    }

    fn take(&mut self, Arrival { watcher: position, update }: Arrival) {
        let Some(watcher) = self.watchers.get_mut(position) else { return };
        let before = (watcher.health.state.clone(), watcher.settled);
        let changed = watcher.take(update, &mut self.snapshot);
        let (state, settled) = (watcher.health.state.clone(), watcher.settled);
        if state != before.0 {
            self.report(position, &before.0);
        }
        if changed || settled && !before.1 {
            let now = Instant::now();
            self.changed = Some((self.changed.map_or(now, |(first, _)| first), now));
        }
        if state != before.0 {
            self.tell();
        }
    }

    /// One line of the log for what a kind can or can't do now; one for the server as a whole.
    fn report(&mut self, position: usize, before: &State) {
        let Some(watcher) = self.watchers.get(position) else { return };
        let resource = &watcher.resource;
        match &watcher.health.state {
            State::Absent if resource.group == Some(Group::ContainoUs) => {
                info!(
                    "kubernetes: {resource}: the cluster doesn't have this kind of Traefik 2; it is read once it has"
                );
            }
            State::Absent => warn!(
                "kubernetes: {resource}: the cluster doesn't have this kind: apply its CRD (`ingora crds`); it is read as \
                 soon as it is there"
            ),
            State::Forbidden => error!(
                "kubernetes: {resource}: this account must not read it: allow it the verbs list and watch; objects known \
                 before stay, and it is tried again"
            ),
            State::Watching if matches!(before, State::Absent | State::Forbidden) => {
                info!("kubernetes: {resource}: is read now");
            }
            State::Failing(why) if !self.told_failing => {
                warn!(
                    "kubernetes: the API server does not answer as it should ({resource}: {why}); what is known serves on"
                );
                self.told_failing = true;
            }
            _ => {}
        }
        let failing = self.watchers.iter().any(|w| matches!(w.health.state, State::Failing(_)));
        if self.told_failing && !failing {
            info!("kubernetes: the API server answers again");
            self.told_failing = false;
        }
    }

    fn tell(&mut self) {
        for watcher in &mut self.watchers {
            watcher.health.objects = watcher.known.len();
        }
        self.health.send_replace(self.watchers.iter().map(|w| w.health.clone()).collect());
    }
}

// === impl Watcher ===

impl Watcher {
    fn new(resource: Resource) -> Self {
        let health = Health {
            resource: resource.name().into(),
            namespace: resource.namespace.as_deref().map(Arc::from),
            state: State::Syncing,
            objects: 0,
            lists: 0,
            failures: 0,
        };
        Watcher { resource, health, known: HashSet::new(), reading: None, refusals: 0, settled: false }
    }

    /// Whether the snapshot is another one now.
    fn take(&mut self, update: Update, snapshot: &mut Snapshot) -> bool {
        match update {
            Update::Begin => {
                self.reading = Some(HashSet::new());
                false
            }
            Update::Object { namespace, name, decoded } => {
                let name = (namespace, name);
                if let Some(reading) = &mut self.reading {
                    reading.insert(name.clone());
                } else {
                    self.is_well();
                }
                let changed = self.object(&name, *decoded, snapshot);
                self.known.insert(name);
                changed
            }
            Update::Gone { namespace, name } => {
                self.is_well();
                let name = (namespace, name);
                self.known.remove(&name);
                self.gone(&name, snapshot)
            }
            Update::Complete => {
                self.is_well();
                self.settled = true;
                self.health.lists += 1;
                let present = self.reading.take().unwrap_or_default();
                let missing: Vec<Name> = self.known.difference(&present).cloned().collect();
                self.known = present;
                self.all_gone(&missing, snapshot)
            }
            Update::Well => {
                self.is_well();
                false
            }
            Update::Absent => {
                self.reading = None;
                self.refusals += 1;
                self.settled = true;
                self.health.state = State::Absent;
                if self.refusals != SURE_ABSENT {
                    return false;
                }
                let missing: Vec<Name> = self.known.drain().collect();
                self.all_gone(&missing, snapshot)
            }
            Update::Forbidden => {
                self.refusals += 1;
                if self.refusals >= SURE_FORBIDDEN {
                    self.settled = true;
                    self.health.state = State::Forbidden;
                }
                false
            }
            Update::Failed(why) => {
                self.health.failures += 1;
                // The first reason is the one that tells most.
                if !matches!(self.health.state, State::Failing(_)) {
                    self.health.state = State::Failing(why);
                }
                false
            }
        }
    }

    fn is_well(&mut self) {
        self.refusals = 0;
        if self.health.state != State::Watching {
            self.health.state = State::Watching;
        }
    }

    /// An invalid object stays as it was when it was valid.
    fn object(&self, name: &Name, decoded: Decoded, snapshot: &mut Snapshot) -> bool {
        let Decoded { objects, refused, mut findings } = decoded;
        let key = self.key(name);
        if !refused.is_empty() && snapshot.get(&key).is_some() {
            let message = "is invalid as it is written now: it stays as it was before";
            findings.push(Diagnostic::warning("KeptLastGood", &key.reference(), "", message));
        }
        let mut changed = snapshot.tell(&key, findings);
        let metadata = refused.into_iter().find_map(|refused| refused.metadata).filter(|_| objects.is_empty());
        changed |= snapshot.refuse(&key, metadata.map(|metadata| *metadata));
        for object in objects {
            changed |= snapshot.get(&key).is_none_or(|known| !known.says_the_same(&object));
            snapshot.insert(object);
        }
        changed
    }

    fn gone(&self, name: &Name, snapshot: &mut Snapshot) -> bool {
        snapshot.remove(&self.key(name))
    }

    fn all_gone(&self, names: &[Name], snapshot: &mut Snapshot) -> bool {
        let gone = names.iter().filter(|name| self.gone(name, snapshot)).count();
        gone > 0
    }

    fn key<'n>(&self, (namespace, name): &'n Name) -> Key<'n> {
        let Resource { kind, group, .. } = self.resource;
        Key { kind, group, namespace: (&**namespace).into(), name: (&**name).into() }
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
