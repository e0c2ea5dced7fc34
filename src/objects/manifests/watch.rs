//! Watches manifests and hands over a new snapshot after each change, within some 20 ms, for as long as it is wanted.
//! Whatever goes wrong is logged and tried again; the last snapshot handed over stays good meanwhile.

use std::collections::{HashMap, HashSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf, absolute};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, ModifyKind};
use notify::{Event, EventKind};

use super::eyes::{Eyes, is_exhausted};
use super::files::{self, Pipes};
use super::tree::Tree;
use crate::objects::Snapshot;

/// A change is acted on when so long nothing more happened.
const QUIET: Duration = Duration::from_millis(10);
/// It is acted on after so long in any case.
const HOLD_OFF: Duration = Duration::from_millis(50);
/// A file that its writer leaves open is taken as it is so long after the last write.
const UNFINISHED: Duration = Duration::from_secs(1);
/// Between two looks where the system does not report changes.
const POLL: Duration = Duration::from_millis(500);
/// Between two looks in case a change was not reported: behind links out of the directory, on network file systems.
const SAFETY: Duration = Duration::from_secs(5);
/// After a failure, doubled with each further one, up to [`SAFETY`].
const RETRY: Duration = Duration::from_millis(100);

/// How manifests are watched.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Look so often, rather than have the system report changes; for network file systems. Default: have it report.
    pub poll: Option<Duration>,
}

/// Manifests being watched; the watching ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    stop: Sender<Message>,
}

/// Watches a file or a directory, as [`super::read`] reads it. Calls `on_snapshot` first with what there is, then
/// after each change, one call at a time, on a thread of its own.
///
/// A file that is half written or broken keeps the objects it had when it was whole, an invalid object stays as it
/// was; the findings of the snapshot say so. The path need not exist yet, and may go away and come back: meanwhile the
/// last snapshot stays.
///
/// # Errors
/// When the path is empty, or the system gives no thread.
pub fn watch(
    path: impl AsRef<Path>,
    options: Options,
    on_snapshot: impl FnMut(Arc<Snapshot>) + Send + 'static,
) -> io::Result<Watch> {
    let root = absolute(path)?;
    let (stop, messages) = channel();
    let sender = stop.clone();
    let start = move || {
        let tree = Tree::new(root.clone(), Pipes::Refuse);
        let mut watcher = Watching {
            root,
            tree,
            eyes: None,
            poll: options.poll,
            messages,
            on_snapshot,
            suspects: HashSet::new(),
            unfinished: HashMap::new(),
            handed_over: false,
            failures: 0,
        };
        watcher.open_eyes(sender);
        watcher.run();
    };
    thread::Builder::new().name("manifests".to_owned()).spawn(start)?;
    Ok(Watch { stop })
}

/// What reaches the thread.
enum Message {
    Event(notify::Result<Event>),
    Stop,
}

/// The thread's state.
struct Watching<F> {
    root: PathBuf,
    tree: Tree,
    /// `None` when polling.
    eyes: Option<Eyes>,
    poll: Option<Duration>,
    messages: Receiver<Message>,
    on_snapshot: F,
    /// Files to read again whatever they look like.
    suspects: HashSet<PathBuf>,
    /// Files written to and not yet closed, since when.
    unfinished: HashMap<PathBuf, Instant>,
    handed_over: bool,
    /// In a row.
    failures: u32,
}

/// Why a wait ended.
#[derive(PartialEq, Eq)]
enum Wake {
    Look,
    Stop,
}

// === impl Watch ===

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.stop.send(Message::Stop);
    }
}

// === impl Watching ===

impl<F: FnMut(Arc<Snapshot>)> Watching<F> {
    fn open_eyes(&mut self, sender: Sender<Message>) {
        if self.poll.is_some() {
            return;
        }
        match Eyes::new(move |event| drop(sender.send(Message::Event(event)))) {
            Ok(eyes) => self.eyes = Some(eyes),
            Err(error) => self.fall_back(&error),
        }
    }

    /// Polls from now on.
    fn fall_back(&mut self, error: &notify::Error) {
        self.eyes = None;
        self.poll = Some(POLL);
        log::warn!(
            "manifests: the system does not report changes in {} ({error}): looking every {} ms instead; \
             raising fs.inotify.max_user_watches and max_user_instances helps",
            self.root.display(),
            POLL.as_millis()
        );
    }

    fn run(&mut self) {
        loop {
            let started = Instant::now();
            let looked = catch_unwind(AssertUnwindSafe(|| self.look()));
            let failure = match looked {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("a panic, which is a bug".to_owned()),
            };
            let pause = match failure {
                None => {
                    if self.failures > 0 {
                        log::info!("manifests: {} can be read again", self.root.display());
                    }
                    self.failures = 0;
                    // Looking around costs at most half a percent of a core.
                    self.poll.unwrap_or(SAFETY).max(started.elapsed().saturating_mul(if self.poll.is_some() {
                        4
                    } else {
                        200
                    }))
                }
                Some(error) => {
                    if self.failures == 0 {
                        let stays = if self.handed_over { "; the objects read before stay" } else { "" };
                        log::error!("manifests: {}: {error}{stays}; trying again", self.root.display());
                    }
                    self.failures = self.failures.saturating_add(1);
                    RETRY.saturating_mul(1 << self.failures.min(6)).min(SAFETY)
                }
            };
            if self.wait(pause) == Wake::Stop {
                return;
            }
        }
    }

    /// Looks for changes and hands a snapshot over if there are any.
    fn look(&mut self) -> io::Result<()> {
        let now = Instant::now();
        self.unfinished.retain(|_, since| now.duration_since(*since) < UNFINISHED);
        let unfinished: HashSet<_> = self.unfinished.keys().cloned().collect();
        let suspects: HashSet<_> = self.suspects.iter().filter(|path| !unfinished.contains(*path)).cloned().collect();
        let mut changed = false;
        // A directory watched only now may have changed between the reading and the watching.
        loop {
            let refreshed = self.tree.refresh(&suspects, &unfinished);
            let directories = refreshed.as_ref().map(|r| r.directories.as_slice()).unwrap_or_default();
            let added = self.eyes.as_mut().map_or(Ok(false), |eyes| eyes.look_at(&self.root, directories));
            changed |= refreshed?.changed;
            match added {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => self.fall_back(&error),
            }
        }
        self.suspects.retain(|path| unfinished.contains(path));
        if changed || !self.handed_over {
            self.handed_over = true;
            (self.on_snapshot)(Arc::new(self.tree.snapshot()));
        }
        Ok(())
    }

    /// Waits for a change, or so long; a change is let come to rest.
    fn wait(&mut self, pause: Duration) -> Wake {
        let until = Instant::now() + pause;
        let mut hold_off = None;
        loop {
            let now = Instant::now();
            let finish = self.unfinished.values().min().map(|since| *since + UNFINISHED);
            let until = hold_off.map_or(until, |end: Instant| end.min(now + QUIET)).min(finish.unwrap_or(until));
            match self.messages.recv_timeout(until.saturating_duration_since(now)) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return Wake::Stop,
                Ok(Message::Event(event)) => {
                    if self.note(event) {
                        hold_off.get_or_insert(now + HOLD_OFF);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Wake::Look,
            }
            if hold_off.is_some_and(|end| Instant::now() >= end) {
                return Wake::Look;
            }
        }
    }

    /// Notes what a change touches; says whether there is anything to look at now.
    fn note(&mut self, event: notify::Result<Event>) -> bool {
        let event = match event {
            Ok(event) => event,
            Err(error) if is_exhausted(&error) => {
                self.fall_back(&error);
                return true;
            }
            Err(error) => {
                log::debug!("manifests: watching {}: {error}", self.root.display());
                return true;
            }
        };
        if event.need_rescan() {
            self.unfinished.clear();
            return true;
        }
        let mut matters = false;
        for path in event.paths {
            let is_manifest = path == self.root || path.starts_with(&self.root) && files::format(&path).is_some();
            match event.kind {
                EventKind::Modify(ModifyKind::Data(_)) => {
                    if is_manifest {
                        self.unfinished.insert(path, Instant::now());
                    }
                }
                EventKind::Access(AccessKind::Close(_)) => {
                    if is_manifest {
                        self.unfinished.remove(&path);
                        self.suspects.insert(path);
                        matters = true;
                    }
                }
                kind => {
                    let moved = matches!(kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
                    if moved {
                        self.unfinished.remove(&path);
                        if let Some(eyes) = &mut self.eyes {
                            eyes.gone(&path);
                        }
                    }
                    matters |= is_manifest || self.could_matter(&path);
                    if is_manifest {
                        self.suspects.insert(path);
                    }
                }
            }
        }
        matters
    }

    /// Whether a path that is no manifest may hold some, or lead to some: a directory, or a link.
    fn could_matter(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        // `..data` is the link that Kubernetes swaps when a mounted ConfigMap changes.
        let hidden = name.starts_with(b".") && !name.starts_with(b"..");
        let inside = path.starts_with(&self.root) || self.root.starts_with(path);
        let beside = name.starts_with(b"..") || self.root.is_symlink();
        !hidden && (inside || beside)
    }
}
