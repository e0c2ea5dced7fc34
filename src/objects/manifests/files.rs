//! Finds the manifest files under a path and reads them, with limits.
//! Knows the file system and nothing of what the files hold.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::documents::Format;
use crate::diagnostic::{Diagnostic, ObjectRef};

/// A larger file is not read: 64 MiB.
pub(super) const MAX_SIZE: u64 = 64 << 20;

/// Directories nest no deeper than this.
const MAX_DEPTH: usize = 32;

/// Which file it is, however it is called; a file made anew where another was differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    born: Option<SystemTime>,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    identity: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Whether a path that is no regular file, such as `/dev/stdin`, is read: it gives its content only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pipes {
    Read,
    Refuse,
}

/// What is found under a path.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The manifest files.
    pub files: Vec<(PathBuf, Stamp)>,
    /// The directories that they are in, or could be.
    pub directories: Vec<(PathBuf, Identity)>,
    /// What could not be looked at, so that nothing is known of what it holds.
    pub unreadable: Vec<PathBuf>,
    /// What the user should know of it.
    pub findings: Vec<Diagnostic>,
    seen: HashSet<(u64, u64)>,
}

/// How diagnostics name a file.
pub(super) fn reference(path: &Path) -> ObjectRef {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or(path.as_os_str());
    ObjectRef::new("File", directory.display().to_string(), name.to_string_lossy())
}

/// The format that a file's name tells; `None` if it is no manifest.
pub(super) fn format(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_str()?;
    if name.starts_with('.') || matches!(name, "kustomization.yaml" | "kustomization.yml") {
        return None;
    }
    let extension = Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "yaml" | "yml" => Some(Format::Yaml),
        "json" => Some(Format::Json),
        _ => None,
    }
}

/// Reads a file; one over the limit is an error.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SIZE {
        let message = format!("larger than {} MiB, the most that is read of one file: split it", MAX_SIZE >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Looks at a path: the file itself, or what is under the directory.
pub(super) fn list(root: &Path, pipes: Pipes) -> io::Result<Listing> {
    if root.as_os_str().is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path of the manifests is empty"));
    }
    let metadata = fs::metadata(root)?;
    let mut listing = Listing::default();
    if metadata.is_dir() {
        listing.directory(root, &metadata, 0)?;
        if listing.files.is_empty() {
            let message = "no *.yaml, *.yml or *.json file in this directory";
            listing.findings.push(Diagnostic::warning("NoManifests", &reference(root), "", message));
        }
    } else if metadata.is_file() || pipes == Pipes::Read {
        listing.files.push((root.to_owned(), Stamp::of(&metadata)));
    } else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a regular file nor a directory"));
    }
    Ok(listing)
}

// === impl Listing ===

impl Listing {
    fn directory(&mut self, path: &Path, metadata: &Metadata, depth: usize) -> io::Result<()> {
        self.seen.insert(id(metadata));
        self.directories.push((path.to_owned(), Identity::of(metadata)));
        let mut names: Vec<_> =
            fs::read_dir(path)?.map(|entry| entry.map(|e| e.file_name())).collect::<Result<_, _>>()?;
        names.retain(|name| !name.as_encoded_bytes().starts_with(b"."));
        names.sort();
        for name in names {
            let path = path.join(name);
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => {
                    // A directory seen before is a link's loop, or a second way to the same files.
                    if self.seen.contains(&id(&metadata)) {
                        continue;
                    }
                    if depth == MAX_DEPTH {
                        self.unreadable(path, &format!("directories are nested more than {MAX_DEPTH} deep"));
                    } else if let Err(error) = self.directory(&path, &metadata, depth + 1) {
                        self.unreadable(path, &error.to_string());
                    }
                }
                Ok(_) if format(&path).is_none() => {}
                Ok(metadata) if metadata.is_file() => {
                    if self.seen.insert(id(&metadata)) {
                        self.files.push((path, Stamp::of(&metadata)));
                    }
                }
                Ok(_) => self.unreadable(path, "not a regular file"),
                Err(_) if format(&path).is_none() => {}
                // Gone since, unless it is a link to nothing.
                Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(&path).is_err() => {}
                Err(error) => self.unreadable(path, &error.to_string()),
            }
        }
        Ok(())
    }

    fn unreadable(&mut self, path: PathBuf, reason: &str) {
        self.findings.push(unreadable(&path, reason));
        self.unreadable.push(path);
    }
}

/// Says that a file or directory cannot be read.
pub(super) fn unreadable(path: &Path, reason: &str) -> Diagnostic {
    Diagnostic::error("UnreadableFile", &reference(path), "", format!("cannot be read: {reason}"))
}

// === impl Identity ===

impl Identity {
    /// Of a file or directory.
    pub fn of(metadata: &Metadata) -> Self {
        let (device, inode) = id(metadata);
        Identity { device, inode, born: metadata.created().ok() }
    }
}

fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

// === impl Stamp ===

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp {
            identity: id(metadata),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether the file changed so recently that a further change could bear the same time.
    pub fn is_fresh(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let changed = i128::from(self.changed.0) * 1_000_000_000 + i128::from(self.changed.1);
        // File times tick with the kernel's clock, every 1 to 10 ms.
        now.as_nanos() as i128 - changed < 20_000_000
    }
}
