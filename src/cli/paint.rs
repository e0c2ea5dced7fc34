//! The few colours of the output; `anstream` leaves them out where no terminal would show them.

use anstyle::{AnsiColor, Style};

use crate::diagnostic::Severity;

/// Something asked for is not done.
pub(super) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// Done, but doubtful.
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// Worth knowing.
pub(super) const INFO: Style = AnsiColor::Cyan.on_default();
/// Done.
pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// A heading.
pub(super) const HEADING: Style = Style::new().bold();

/// The colour of a severity.
pub(super) fn severity(severity: Severity) -> Style {
    match severity {
        Severity::Error => ERROR,
        Severity::Warning => WARNING,
        Severity::Info => INFO,
    }
}

/// A text of an object or a file on one line, without what a terminal would obey.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
