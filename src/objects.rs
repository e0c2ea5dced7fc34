//! The first room: Kubernetes objects as an immutable [`Snapshot`], wherever they come from.
//! Sources (`manifests`, `kube`) decode objects and send whole snapshots; nobody here knows what they are for.

pub mod decode;
mod field;
pub mod kube;
pub mod manifests;
pub mod snapshot;

pub use snapshot::{Custom, Group, Key, Object, Snapshot, Store};
