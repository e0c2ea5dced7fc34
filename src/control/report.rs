//! Says what a translation found: once in the log for each finding, and when it is mended.

use std::collections::BTreeSet;

use log::{info, warn};

use crate::diagnostic::{Diagnostic, Severity};

/// Logs the findings that are new, and those that are gone.
pub(super) fn report(diagnostics: Vec<Diagnostic>, said: &mut BTreeSet<Diagnostic>) {
    let now: BTreeSet<Diagnostic> = diagnostics.into_iter().collect();
    for diagnostic in now.difference(said) {
        match diagnostic.severity {
            Severity::Error => log::error!("{diagnostic}"),
            Severity::Warning => warn!("{diagnostic}"),
            Severity::Info => info!("{diagnostic}"),
        }
    }
    for diagnostic in said.difference(&now) {
        info!("mended: {diagnostic}");
    }
    *said = now;
}
