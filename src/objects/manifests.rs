//! The source for objects in files: a directory or a file of YAML or JSON, read once or watched.
//! Feeds the same snapshots as a cluster would.

mod documents;
mod eyes;
mod files;
mod tree;
mod value;
mod watch;

use std::io;
use std::path::Path;

use self::files::Pipes;
use self::tree::Tree;
use super::Snapshot;

pub use self::watch::{Options, Watch, watch};

/// Reads a file, or all `*.yaml`, `*.yml` and `*.json` files under a directory, in order of their paths.
///
/// What is wrong in a file, or with one file of a directory, is among the findings of the snapshot. Of objects of
/// the same kind, namespace and name the last one wins. Hidden files, files of editors and `kustomization.yaml` are
/// passed over; a directory or file reached twice is read once.
///
/// # Errors
/// When the path is empty, missing or unreadable.
pub fn read(path: impl AsRef<Path>) -> io::Result<Snapshot> {
    let mut tree = Tree::new(path.as_ref().to_owned(), Pipes::Read);
    tree.refresh(&Default::default(), &Default::default())?;
    Ok(tree.snapshot())
}

#[cfg(test)]
mod tests;
