//! Writes statuses, errors first, no faster than a rate, and only those that say something else than what is on the object.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use log::{debug, info, warn};
use tokio::time::Instant;

use super::{Feed, Trouble, Turn, aside};
use crate::feedback::Served;
use crate::feedback::api::{Failure, Listed, Server};
use crate::feedback::status::{Desired, Was, desired};
use crate::feedback::subject::{Found, Kind, Subject, each};
use crate::observe::Written;

/// Between two writes: 50 a second.
const BETWEEN: Duration = Duration::from_millis(20);
/// More than this many are not held ready; when they are written, the rest is looked for again.
const MOST_READY: usize = 1000;
/// How often it is looked whether kinds without a status have one by now.
const REDISCOVER: Duration = Duration::from_secs(30);
/// And how soon, where an answer calls in question what is known.
const DOUBT: Duration = Duration::from_secs(10);

/// What is known of an object's status.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// What it was last made from here.
    basis: Option<u64>,
    was: Was,
}

/// What is known of all, and what is to be done.
struct Writer<'a> {
    server: &'a Server,
    namespaces: &'a [String],
    written: &'a Written,
    known: HashMap<String, Known>,
    /// The resources that have a status, as `ingressroutes.traefik.io`; `None` where that isn't known.
    kinds: Option<BTreeSet<String>>,
    /// Those whose statuses, as they are on the objects, have been read.
    read: HashSet<String>,
    discovered: Instant,
    ready: VecDeque<Desired>,
    /// Whether there is more to do than is ready.
    more: bool,
    /// By resource.
    trouble: BTreeMap<String, Trouble>,
    /// Of the API server itself.
    silence: Trouble,
    /// When the next may be written.
    next: Instant,
    /// Kinds without a status that were told of.
    told_without: BTreeSet<String>,
    /// Objects whose status the API server won't take; by uid.
    refused: HashSet<String>,
    told_refused: BTreeSet<String>,
}

/// Writes as long as there is something to serve, whenever this process is the one that writes.
pub(super) async fn run(mut feed: Feed, server: &Server, namespaces: &[String], written: &Written) {
    while feed.lead().await {
        let mut writer = Writer::new(server, namespaces, written);
        loop {
            match feed.turn(writer.wakes()).await {
                Turn::Look(served) => writer.look(served).await,
                Turn::Time => match writer.ready.pop_front() {
                    Some(desired) if writer.may_write() => {
                        if feed.leads() {
                            writer.write(desired).await;
                        }
                    }
                    kept => {
                        writer.ready.extend(kept);
                        if let Some(served) = feed.again() {
                            writer.look(served).await;
                        }
                    }
                },
                Turn::Lost => break,
            }
        }
    }
}

// === impl Writer ===

impl<'a> Writer<'a> {
    fn new(server: &'a Server, namespaces: &'a [String], written: &'a Written) -> Self {
        let now = Instant::now();
        Writer {
            server,
            namespaces,
            written,
            known: HashMap::new(),
            kinds: None,
            read: HashSet::new(),
            discovered: now,
            ready: VecDeque::new(),
            more: false,
            trouble: BTreeMap::new(),
            silence: Trouble::default(),
            next: now,
            told_without: BTreeSet::new(),
            refused: HashSet::new(),
            told_refused: BTreeSet::new(),
        }
    }

    fn may_write(&self) -> bool {
        !self.silence.lasts()
    }

    /// When there is something to do without anything new.
    fn wakes(&self) -> Option<Instant> {
        if let Some(until) = self.silence.until {
            return Some(until);
        }
        if !self.ready.is_empty() || self.more {
            return Some(self.next);
        }
        let again = self.trouble.values().filter_map(|t| t.until).min();
        let discover = self.discovered + REDISCOVER;
        Some(again.map_or(discover, |again| again.min(discover)))
    }

    /// Finds out what is to be written.
    async fn look(&mut self, served: Served) {
        if self.silence.lasts() {
            return;
        }
        self.silence.until = None;
        if let Err(failure) = self.discover(&served).await {
            self.silence.note("status", &failure, self.written);
            return;
        }
        let now = Instant::now();
        self.trouble.values_mut().filter(|t| t.until.is_some_and(|u| u <= now)).for_each(|t| t.until = None);
        let blocked: HashSet<String> = self.trouble.iter().filter(|(_, t)| t.lasts()).map(|(k, _)| k.clone()).collect();
        let writable: HashSet<String> = self.read.iter().filter(|kind| !blocked.contains(*kind)).cloned().collect();
        let mut known = std::mem::take(&mut self.known);
        let found = aside(move || {
            let (bad, good, more) = find(&served, &mut known, &writable);
            (bad.into_iter().chain(good).collect(), more, known)
        });
        if let Some((ready, more, known)) = found.await {
            (self.ready, self.more, self.known) = (ready, more, known);
        }
    }

    /// Asks which kinds have a status, and which statuses they have, where that isn't known.
    async fn discover(&mut self, served: &Served) -> Result<(), Failure> {
        let now = Instant::now();
        if self.kinds.is_none() || now >= self.discovered + REDISCOVER {
            self.discovered = now;
            let kinds = self.server.kinds_with_status().await?;
            self.read.retain(|kind| kinds.contains(kind));
            self.kinds = Some(kinds);
            for uid in self.refused.drain() {
                self.known.get_mut(&uid).into_iter().for_each(|known| known.basis = None);
            }
        }
        let mut there: Vec<Kind> = Vec::new();
        each(&served.snapshot, |found| {
            if there.last() != Some(&found.kind) {
                there.push(found.kind);
            }
        });
        there.sort_unstable();
        there.dedup();
        for kind in there {
            let resource = kind.resource();
            if self.read.contains(&resource) || self.trouble.get(&resource).is_some_and(Trouble::lasts) {
                continue;
            }
            if !self.kinds.as_ref().is_some_and(|kinds| kinds.contains(&resource)) {
                if self.told_without.insert(resource.clone()) {
                    info!(
                        "feedback: {resource} has no status subresource: what becomes of its objects is told by Events alone"
                    );
                }
                continue;
            }
            self.told_without.remove(&resource);
            match self.read(&kind).await {
                Ok(()) => {
                    self.read.insert(resource);
                }
                Err(failure @ Failure::Busy(_)) => return Err(failure),
                Err(failure) => self.trouble(&resource, &failure),
            }
        }
        Ok(())
    }

    async fn read(&mut self, kind: &Kind) -> Result<(), Failure> {
        let (server, namespaces, known) = (self.server, self.namespaces, &mut self.known);
        let mut take = |listed: Listed| {
            known.insert(listed.uid, Known { basis: None, was: Was::new(&listed.status) });
        };
        if namespaces.is_empty() {
            return server.statuses(kind, None, &mut take).await;
        }
        for namespace in namespaces {
            server.statuses(kind, Some(namespace), &mut take).await?;
        }
        Ok(())
    }

    async fn write(&mut self, desired: Desired) {
        let subject = &desired.subject;
        let resource = subject.kind.resource();
        if self.trouble.get(&resource).is_some_and(Trouble::lasts) {
            return;
        }
        self.next = Instant::now() + BETWEEN;
        let known = self.known.get(&subject.uid).copied().unwrap_or_default();
        let status = desired.status(&known.was, Timestamp::now());
        match self.server.write_status(subject, &status).await {
            Ok(()) => {
                debug!("feedback: status of {} {}/{} written", subject.kind.kind, subject.namespace, subject.name);
                self.written.statuses.fetch_add(1, Ordering::Relaxed);
                let known = Known { basis: Some(desired.basis), was: Was::new(&status) };
                self.known.insert(subject.uid.clone(), known);
                self.silence.over("status");
                if let Some(mut trouble) = self.trouble.remove(&resource) {
                    trouble.over(&what(&resource));
                }
            }
            // Deleted meanwhile, or made anew: the next snapshot says so. Or the kind lost its status.
            Err(Failure::NotFound | Failure::Conflict) => {
                self.known.insert(subject.uid.clone(), Known { basis: Some(desired.basis), ..known });
                self.discovered = self.discovered.min(Instant::now() + DOUBT - REDISCOVER);
            }
            Err(failure @ Failure::Busy(_)) => {
                self.silence.note("status", &failure, self.written);
                self.ready.push_front(desired);
            }
            Err(failure @ Failure::Forbidden(_)) => self.trouble(&resource, &failure),
            Err(failure @ Failure::Refused(_)) => {
                self.written.errors.fetch_add(1, Ordering::Relaxed);
                if self.told_refused.insert(resource) {
                    let Subject { kind, namespace, name, .. } = subject;
                    warn!("feedback: status of {} {namespace}/{name} is refused: {failure}", kind.kind);
                }
                self.refused.insert(subject.uid.clone());
                self.known.insert(subject.uid.clone(), Known { basis: Some(desired.basis), ..known });
            }
        }
    }

    fn trouble(&mut self, resource: &str, failure: &Failure) {
        self.trouble.entry(resource.to_owned()).or_default().note(&what(resource), failure, self.written);
    }
}

fn what(resource: &str) -> String {
    format!("status of {resource}")
}

/// The statuses that aren't what they should be: the bad ones, the good ones, and whether there are more than that.
fn find(
    served: &Served,
    known: &mut HashMap<String, Known>,
    writable: &HashSet<String>,
) -> (Vec<Desired>, Vec<Desired>, bool) {
    let (mut bad, mut good, mut more) = (Vec::new(), Vec::new(), false);
    let mut settled = Vec::new();
    let is_known = |found: &Found<'_>, basis: u64| {
        let uid = found.metadata.uid.as_deref().unwrap_or_default();
        known.get(uid).is_some_and(|k| k.basis == Some(basis)) || !writable.contains(&found.kind.resource())
    };
    let uids = desired(served, is_known, |desired| {
        let now = Was::new(&desired.status(&Was::default(), Timestamp::UNIX_EPOCH));
        if known.get(&desired.subject.uid).is_some_and(|k| k.was.says_the_same(&now)) {
            settled.push((desired.subject.uid, desired.basis));
            return;
        }
        let list = if desired.is_bad() { &mut bad } else { &mut good };
        if list.len() < MOST_READY {
            list.push(desired);
        } else {
            more = true;
        }
    });
    let uids: HashSet<String> = uids.into_iter().collect();
    known.retain(|uid, _| uids.contains(uid));
    for (uid, basis) in settled {
        if let Some(known) = known.get_mut(&uid) {
            known.basis = Some(basis);
        }
    }
    (bad, good, more)
}
