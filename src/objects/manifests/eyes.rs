//! Sees changes in directories: keeps one inotify watch on each, or says that the system allows no more.
//! Knows nothing of manifests; what a change means is the watch loop's.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::files::Identity;

/// The watches.
pub(super) struct Eyes {
    watcher: RecommendedWatcher,
    watched: HashMap<PathBuf, Identity>,
}

// === impl Eyes ===

impl Eyes {
    /// Calls `seen` for every change, on a thread of its own.
    pub fn new(mut seen: impl FnMut(notify::Result<Event>) + Send + 'static) -> notify::Result<Self> {
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.as_ref().map_or(true, is_change) {
                seen(event);
            }
        })?;
        Ok(Eyes { watcher, watched: HashMap::new() })
    }

    /// Watches exactly these directories, and the one that holds `root`. Says whether any is newly watched: changes
    /// in it may have gone unseen before.
    pub fn look_at(&mut self, root: &Path, directories: &[(PathBuf, Identity)]) -> notify::Result<bool> {
        let mut wanted: HashMap<PathBuf, Identity> = directories.iter().cloned().collect();
        if let Some(parent) = root.parent()
            && let Ok(metadata) = fs::metadata(parent)
        {
            wanted.insert(parent.to_owned(), Identity::of(&metadata));
        }
        let stale: Vec<_> =
            self.watched.iter().filter(|(p, id)| wanted.get(*p) != Some(id)).map(|(p, _)| p.clone()).collect();
        for path in stale {
            self.watched.remove(&path);
            let _ = self.watcher.unwatch(&path); // Fails if the directory is gone, and the watch with it.
        }
        let mut added = false;
        for (path, identity) in wanted {
            if self.watched.contains_key(&path) {
                continue;
            }
            match self.watcher.watch(&path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(path, identity);
                    added = true;
                }
                Err(error) if is_exhausted(&error) => return Err(error),
                // Gone again, or forbidden: the next look will tell.
                Err(error) => log::debug!("manifests: {} cannot be watched: {error}", path.display()),
            }
        }
        Ok(added)
    }

    /// Forgets a directory that went away: a new one at its place needs a new watch, even with the same inode.
    pub fn gone(&mut self, path: &Path) {
        let watcher = &mut self.watcher;
        self.watched.retain(|watched, _| {
            let stays = !watched.starts_with(path);
            if !stays {
                let _ = watcher.unwatch(watched);
            }
            stays
        });
    }
}

/// Whether an error says that the system gives no more watches.
pub(super) fn is_exhausted(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => true,
        notify::ErrorKind::Io(error) => matches!(error.raw_os_error(), Some(23 | 24 | 28)), // ENFILE, EMFILE, ENOSPC
        _ => false,
    }
}

/// Opening and reading are no changes; closing after writing ends one.
fn is_change(event: &Event) -> bool {
    event.need_rescan()
        || match event.kind {
            EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
            _ => true,
        }
}
