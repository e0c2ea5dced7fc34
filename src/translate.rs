//! The second room: objects in, dynamic configuration and diagnostics out.
//! Pure and total: no IO, no clock, never a panic; the same objects always give the same answer.

mod context;

use crate::diagnostic::Diagnostic;
use crate::dynamic::Configuration;
use crate::objects::Snapshot;

pub use context::Options;

/// Translates all objects of a snapshot. Findings come sorted by object; those of the snapshot are among them.
pub fn translate(snapshot: &Snapshot, options: &Options) -> (Configuration, Vec<Diagnostic>) {
    let cx = context::Context::new(snapshot, options);
    cx.finish()
}
