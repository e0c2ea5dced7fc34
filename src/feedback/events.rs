//! Which Kubernetes Events are to be written, and when: each finding once, again when it comes back, every now and then while
//! it stands, and once when it is mended; no more of an object, and in all, than a rate allows.
//! Pure: findings and the time in, notes out, one at a time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use rustc_hash::FxHasher;
use sha2::{Digest, Sha256};

use super::bucket::{Bucket, Rate};
use super::condition::CLASS_NOT_SERVED;
use super::status::{cut, sentence};
use super::subject::regarding;
use crate::diagnostic::{Diagnostic, Severity};
use crate::objects::Snapshot;

/// Of one object: as client-go's.
const OF_AN_OBJECT: Rate = Rate { burst: 25, every: Duration::from_secs(300) };
/// Of all.
const OF_ALL: Rate = Rate { burst: 100, every: Duration::from_millis(50) };
/// An API server drops an Event after an hour; a fault that still stands is told again before that.
const AGAIN: Duration = Duration::from_secs(30 * 60);
/// How long what was mended is remembered, so that it is the same Event when it comes back.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);
/// More than this many are not waited for.
const MOST_WAITING: usize = 10_000;
/// The API server takes so many bytes of a note.
const MOST_BYTES: usize = 1024;
/// The reason of what is told when a finding is gone.
pub(super) const MENDED: &str = "Mended";

/// An Event in the making.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Note {
    /// The Event's name: the same for the same note on the same object, whoever writes it.
    pub name: String,
    pub regarding: ObjectReference,
    pub reason: &'static str,
    pub warning: bool,
    pub text: String,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Write {
    pub note: Note,
    /// How often it was told, this time included: 1 makes an Event, more makes it a series.
    pub count: i32,
}

/// What was told, and what is waiting to be.
pub(super) struct Planner {
    entries: HashMap<String, Entry>,
    waiting: VecDeque<String>,
    /// Those whose object has said enough for now.
    held: Vec<String>,
    buckets: HashMap<String, Bucket>,
    all: Bucket,
}

struct Entry {
    note: Note,
    /// Of object, code and field: findings of the same place are the same trouble, in other words.
    place: u64,
    severity: Severity,
    count: i32,
    /// When it was last told.
    told: Option<Duration>,
    /// Whether it still holds.
    stands: bool,
    waits: bool,
}

/// A finding of an object that is in the cluster.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    note: Note,
    place: u64,
    severity: Severity,
}

/// The findings that Events can tell of: those of objects that are in the cluster and not another controller's.
pub(super) fn findings(snapshot: &Snapshot, diagnostics: &[Diagnostic]) -> Vec<Finding> {
    let others: HashSet<_> = diagnostics.iter().filter(|d| d.code == CLASS_NOT_SERVED).map(|d| &d.object).collect();
    let ours = diagnostics.iter().filter(|d| !others.contains(&d.object));
    ours.filter_map(|d| Some(Finding::new(regarding(snapshot, &d.object)?, d))).collect()
}

// === impl Finding ===

impl Finding {
    fn new(regarding: ObjectReference, diagnostic: &Diagnostic) -> Self {
        let Diagnostic { severity, code, path, .. } = diagnostic;
        let mut hasher = FxHasher::default();
        (&regarding.uid, code, path).hash(&mut hasher);
        let text = sentence(diagnostic, MOST_BYTES);
        let note = Note::new(regarding, code, *severity != Severity::Info, text);
        Finding { note, place: hasher.finish(), severity: *severity }
    }
}

// === impl Note ===

impl Note {
    fn new(regarding: ObjectReference, reason: &'static str, warning: bool, text: String) -> Self {
        let mut digest = Sha256::new();
        let uid = regarding.uid.as_deref().unwrap_or_default();
        for part in [uid, reason, text.as_str()] {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        let hash: String = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        // A name may have 253 bytes.
        let object: String = regarding.name.iter().flat_map(|name| name.chars()).take(230).collect();
        let name = format!("{}.{hash}", object.trim_end_matches(['.', '-']));
        Note { name, regarding, reason, warning, text }
    }

    /// What is told when this one is gone.
    fn mended(&self) -> Self {
        let mut text = format!("{}: {}", self.reason, self.text);
        cut(&mut text, MOST_BYTES);
        Note::new(self.regarding.clone(), MENDED, false, text)
    }

    /// The namespace that the Event goes to.
    pub fn namespace(&self) -> &str {
        self.regarding.namespace.as_deref().unwrap_or("default")
    }
}

// === impl Planner ===

impl Planner {
    /// Nothing was told yet, as far as it knows.
    pub fn new(now: Duration) -> Self {
        Planner {
            entries: HashMap::new(),
            waiting: VecDeque::new(),
            held: Vec::new(),
            buckets: HashMap::new(),
            all: Bucket::new(OF_ALL, now),
        }
    }

    /// Takes in all findings that hold now, the worst first, and the uids of objects that are still there.
    pub fn update(
        &mut self,
        mut findings: Vec<Finding>,
        still_there: impl Fn(&ObjectReference) -> bool,
        now: Duration,
    ) {
        findings.sort_by_key(|f| f.severity);
        let places: HashSet<u64> = findings.iter().map(|f| f.place).collect();
        let names: HashSet<String> = findings.iter().map(|f| f.note.name.clone()).collect();
        self.settle(&names, &places, &still_there, now);
        for finding in findings {
            let entry = self.entries.entry(finding.note.name.clone()).or_insert_with(|| Entry::new(finding));
            let is_news = entry.told.is_none() || !entry.stands;
            let is_due = entry.severity != Severity::Info && entry.told.is_some_and(|told| now >= told + AGAIN);
            entry.stands = true;
            if (is_news || is_due) && !entry.waits && self.waiting.len() < MOST_WAITING {
                entry.waits = true;
                self.waiting.push_back(entry.note.name.clone());
            }
        }
        self.waiting.extend(self.held.drain(..));
        self.buckets.retain(|_, bucket| !bucket.is_full(now));
    }

    /// Looks at what was told and holds no more.
    fn settle(
        &mut self,
        names: &HashSet<String>,
        places: &HashSet<u64>,
        still_there: &impl Fn(&ObjectReference) -> bool,
        now: Duration,
    ) {
        let mut mended = Vec::new();
        self.entries.retain(|name, entry| {
            if entry.note.reason == MENDED {
                return entry.waits || entry.told.is_some_and(|told| now < told + REMEMBERED);
            }
            if names.contains(name) {
                return true;
            }
            let Some(told) = entry.told else { return false };
            let is_gone = std::mem::replace(&mut entry.stands, false);
            entry.waits = false;
            let is_worth_it = entry.severity != Severity::Info && !places.contains(&entry.place);
            if is_gone && is_worth_it && still_there(&entry.note.regarding) {
                mended.push(Finding { note: entry.note.mended(), place: entry.place, severity: Severity::Info });
            }
            now < told + REMEMBERED
        });
        for finding in mended {
            let entry = self.entries.entry(finding.note.name.clone()).or_insert_with(|| Entry::new(finding));
            if !entry.waits && self.waiting.len() < MOST_WAITING {
                entry.waits = true;
                self.waiting.push_back(entry.note.name.clone());
            }
        }
    }

    /// The next to be written, if there is one that may. Say what came of it to [`told`](Self::told) or
    /// [`failed`](Self::failed).
    pub fn next(&mut self, now: Duration) -> Option<Write> {
        while self.all.has(now) {
            let name = self.waiting.pop_front()?;
            let Some(entry) = self.entries.get_mut(&name).filter(|entry| entry.waits) else { continue };
            let uid = entry.note.regarding.uid.clone().unwrap_or_default();
            if !self.buckets.entry(uid).or_insert_with(|| Bucket::new(OF_AN_OBJECT, now)).take(now) {
                self.held.push(name);
                continue;
            }
            self.all.take(now);
            return Some(Write { note: entry.note.clone(), count: entry.count + 1 });
        }
        None
    }

    /// Whether something waits that may be written later, without anything new.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// It was written; the Event now counts so many.
    pub fn told(&mut self, name: &str, count: i32, now: Duration) {
        if let Some(entry) = self.entries.get_mut(name) {
            (entry.count, entry.told, entry.waits) = (count, Some(now), false);
        }
    }

    /// It could not be written, and is to be tried again.
    pub fn failed(&mut self, note: &Note) {
        self.waiting.push_front(note.name.clone());
        let uid = note.regarding.uid.as_deref().unwrap_or_default();
        self.buckets.get_mut(uid).into_iter().for_each(Bucket::give_back);
    }

    /// It can't be written, and is not to be tried again.
    pub fn refused(&mut self, name: &str, now: Duration) {
        self.told(name, 1, now);
    }
}

// === impl Entry ===

impl Entry {
    fn new(Finding { note, place, severity }: Finding) -> Self {
        Entry { note, place, severity, count: 0, told: None, stands: false, waits: false }
    }
}

#[cfg(test)]
mod tests;
