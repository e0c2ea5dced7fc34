//! What is known of the manifest files: what each held when it was last whole, and what is wrong with it now.
//! Refreshing reads only files that changed; a snapshot of it shares the objects.

use std::collections::hash_map::{Entry as Slot, RandomState};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;
use std::io;
use std::path::{Path, PathBuf};

use super::documents::{Document, Format, documents, in_file};
use super::files::{self, Identity, Listing, Pipes, Stamp, unreadable};
use crate::diagnostic::Diagnostic;
use crate::objects::decode::Refused;
use crate::objects::{Key, Object, Snapshot};

/// Findings of one file are cut off after so many.
const MAX_FINDINGS: usize = 500;

/// All manifest files under a path.
pub(super) struct Tree {
    root: PathBuf,
    pipes: Pipes,
    hasher: RandomState,
    files: BTreeMap<PathBuf, Manifest>,
    /// What the listing of the files found.
    findings: Vec<Diagnostic>,
}

/// What came of a refresh.
pub(super) struct Refreshed {
    /// Whether a snapshot made now differs from one made before.
    pub changed: bool,
    /// The directories in which a change could happen.
    pub directories: Vec<(PathBuf, Identity)>,
}

/// One file.
#[derive(Default)]
struct Manifest {
    /// The file as last read; `None` to have it read again.
    stamp: Option<Stamp>,
    hash: Option<u64>,
    /// Its documents as last read.
    documents: Vec<Document>,
    /// The objects that it serves.
    objects: Vec<Object>,
    /// Whether those came, at least once, from a file without a broken document.
    whole: bool,
    findings: Vec<Diagnostic>,
}

// === impl Tree ===

impl Tree {
    /// Knows nothing yet.
    pub fn new(root: PathBuf, pipes: Pipes) -> Self {
        Tree { root, pipes, hasher: RandomState::new(), files: BTreeMap::new(), findings: Vec::new() }
    }

    /// Looks for changes. Files in `suspects` are read whether or not they look changed; those in `unfinished` are
    /// still being written, and left for later.
    ///
    /// # Errors
    /// When the path itself is missing or unreadable; what was known stays.
    pub fn refresh(&mut self, suspects: &HashSet<PathBuf>, unfinished: &HashSet<PathBuf>) -> io::Result<Refreshed> {
        let Listing { files, directories, unreadable, findings, .. } = files::list(&self.root, self.pipes)?;
        let mut changed = findings != self.findings;
        self.findings = findings;

        let present: HashSet<&PathBuf> = files.iter().map(|(path, _)| path).collect();
        let known = self.files.len();
        self.files.retain(|path, _| present.contains(path) || unreadable.iter().any(|place| path.starts_with(place)));
        changed |= known != self.files.len();

        for (path, stamp) in &files {
            let unchanged = self.files.get(path).is_some_and(|known| known.stamp == Some(*stamp));
            if unchanged && !suspects.contains(path) || unfinished.contains(path) {
                continue;
            }
            let manifest = self.files.entry(path.clone()).or_default();
            changed |= manifest.update(path, *stamp, &self.hasher);
        }
        Ok(Refreshed { changed, directories })
    }

    /// Looks at these files alone, which is all it takes when nothing else changed. `None`, with nothing done, where
    /// they don't tell enough: links, directories, files that could not be read before.
    pub fn refresh_files(&mut self, suspects: &HashSet<PathBuf>) -> Option<bool> {
        if !self.findings.is_empty() || suspects.contains(&self.root) {
            return None;
        }
        let mut stamps = Vec::new();
        for path in suspects {
            match files::stamp_of_plain(path) {
                Ok(stamp) => stamps.push((path, Some(stamp?))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => stamps.push((path, None)),
                Err(_) => return None,
            }
        }
        let (gone, present): (Vec<_>, Vec<_>) = stamps.into_iter().partition(|(_, stamp)| stamp.is_none());
        if present.is_empty() && self.files.len() <= gone.len() {
            return None; // An empty directory is worth a finding.
        }
        let mut changed = false;
        for (path, _) in gone {
            changed |= self.files.remove(path).is_some();
        }
        for (path, stamp) in present.into_iter().filter_map(|(path, stamp)| Some((path, stamp?))) {
            changed |= self.files.entry(path.clone()).or_default().update(path, stamp, &self.hasher);
        }
        Some(changed)
    }

    /// All objects; the last of several with the same kind, namespace and name.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let mut owners: HashMap<Key<'_>, &Path, rustc_hash::FxBuildHasher> = HashMap::default();
        let mut duplicates = Vec::new();
        for (path, manifest) in self.files.iter().rev() {
            for object in manifest.objects.iter().rev() {
                match owners.entry(object.key()) {
                    Slot::Vacant(slot) => {
                        slot.insert(path);
                        snapshot.insert(object.clone());
                    }
                    Slot::Occupied(winner) => duplicates.push(duplicate(winner.key(), path, winner.get())),
                }
            }
        }
        let of_files = self.files.values().flat_map(|manifest| &manifest.findings);
        snapshot.findings = self.findings.iter().chain(of_files).cloned().chain(duplicates.into_iter().rev()).collect();
        snapshot
    }
}

fn duplicate(key: &Key<'_>, loser: &Path, winner: &Path) -> Diagnostic {
    let (loser, winner) = (loser.display(), winner.display());
    let message = format!("defined in {loser} and again in {winner}: the last one is used; delete the other");
    Diagnostic::warning("DuplicateObject", &key.reference(), "", message)
}

// === impl Manifest ===

impl Manifest {
    /// Reads the file; says whether what is known of it changed.
    fn update(&mut self, path: &Path, stamp: Stamp, hasher: &RandomState) -> bool {
        let fresh = stamp.is_fresh();
        let bytes = match files::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.hash = None;
                self.stamp = None;
                let mut findings = vec![unreadable(path, &error.to_string())];
                self.keep_all(path, &mut findings);
                return std::mem::replace(&mut self.findings, findings) != self.findings;
            }
        };
        self.stamp = (!fresh).then_some(stamp);
        let hash = hasher.hash_one(&bytes);
        if self.hash.replace(hash) == Some(hash) {
            return false;
        }
        let format = files::format(path).unwrap_or(Format::Yaml);
        match str::from_utf8(&bytes) {
            Ok(text) => {
                self.documents = documents(text, format, hasher, &self.documents);
                self.take(path, format);
            }
            Err(error) => {
                let line = bytes.iter().take(error.valid_up_to()).filter(|b| **b == b'\n').count() + 1;
                let message = format!("not UTF-8 text at line {line}");
                let mut findings = vec![Diagnostic::error(code(format), &files::reference(path), "", message)];
                self.keep_all(path, &mut findings);
                self.findings = findings;
            }
        }
        true
    }

    /// Serves what the documents hold; where they are broken, what was served before.
    fn take(&mut self, path: &Path, format: Format) {
        let mut findings = Vec::new();
        let mut objects: Vec<Object> = Vec::new();
        let mut kept = Vec::new();
        let mut broken = false;
        let file = files::reference(path);
        let refuses = self.documents.iter().any(|d| !d.outcome.decoded.refused.is_empty());
        let served = if refuses { self.objects.as_slice() } else { &[] };
        let before: HashMap<Key<'_>, &Object> = served.iter().map(|o| (o.key(), o)).collect();
        for document in &self.documents {
            let line = document.line;
            let place = format!(" ({}:{line})", path.display());
            let decoded = &document.outcome.decoded;
            objects.extend_from_slice(&decoded.objects);
            for Refused { key, .. } in &decoded.refused {
                if let Some(&object) = before.get(key) {
                    kept.push(object.clone());
                    findings.push(kept_last_good(key.reference(), &place));
                }
            }
            findings.extend(decoded.findings.iter().map(|finding| {
                let object = if finding.object.kind.is_empty() { file.clone() } else { finding.object.clone() };
                Diagnostic { object, message: format!("{}{place}", finding.message), ..finding.clone() }
            }));
            if let Some(fault) = &document.outcome.fault {
                broken = true;
                findings.push(Diagnostic::error(code(format), &file, "", in_file(fault, document.start)));
            }
        }
        if broken {
            self.keep_all(path, &mut findings);
        }
        if !(broken && self.whole) {
            objects.append(&mut kept);
            self.objects = objects;
            self.whole = !broken;
        }
        if findings.len() > MAX_FINDINGS {
            let more = findings.len() - MAX_FINDINGS;
            findings.truncate(MAX_FINDINGS);
            findings.push(Diagnostic::info("MoreFindings", &file, "", format!("{more} more findings are not listed")));
        }
        self.findings = findings;
    }

    /// Says that the file's objects stay as they were.
    fn keep_all(&self, path: &Path, findings: &mut Vec<Diagnostic>) {
        if self.whole && !self.objects.is_empty() {
            let message = format!("its {} objects stay as they were when it could last be read", self.objects.len());
            findings.push(Diagnostic::warning("KeptLastGood", &files::reference(path), "", message));
        }
    }
}

fn kept_last_good(object: crate::diagnostic::ObjectRef, place: &str) -> Diagnostic {
    let message = format!("is invalid as it is written now: it stays as it was before{place}");
    Diagnostic::warning("KeptLastGood", &object, "", message)
}

fn code(format: Format) -> &'static str {
    match format {
        Format::Yaml => "InvalidYaml",
        Format::Json => "InvalidJson",
    }
}
