//! The answer of `explain` for people: the winner, then the routers of the entry point.

use std::io::{self, Write};

use super::Explanation;
use crate::cli::paint::{GOOD, HEADING, WARNING, plain};

/// Of the routers that fail, so many are shown.
const OTHERS: usize = 20;

/// Writes the answer.
pub(super) fn write(out: &mut impl Write, explanation: &Explanation) -> io::Result<()> {
    match &explanation.router {
        None => writeln!(out, "{WARNING}no router{WARNING:#} gets it")?,
        Some(router) => {
            writeln!(out, "router       {GOOD}{}{GOOD:#}", plain(router))?;
            let middlewares = explanation.middlewares.join(" → ");
            writeln!(out, "middlewares  {}", if middlewares.is_empty() { "-".into() } else { plain(&middlewares) })?;
            writeln!(out, "service      {}", plain(explanation.service.as_deref().unwrap_or("-")))?;
        }
    }
    for note in &explanation.notes {
        writeln!(out, "{WARNING}note{WARNING:#}         {}", plain(note))?;
    }
    if explanation.candidates.is_empty() {
        return writeln!(out, "\nThe entry point has no router.");
    }
    writeln!(out, "\n{HEADING}Tried in this order{HEADING:#}")?;
    let mut others = 0;
    for candidate in &explanation.candidates {
        others += usize::from(!candidate.matched);
        if !candidate.matched && others > OTHERS {
            continue;
        }
        let (mark, colour) = if candidate.matched { ("yes", GOOD) } else { ("no ", WARNING) };
        writeln!(out, "  {colour}{mark}{colour:#}  {}", plain(&candidate.router))?;
        writeln!(out, "       {} (priority {})", plain(&candidate.rule), candidate.priority)?;
        if !candidate.reason.is_empty() {
            writeln!(out, "       {}", plain(&candidate.reason))?;
        }
    }
    if others > OTHERS {
        writeln!(out, "  … and {} more", others - OTHERS)?;
    }
    Ok(())
}
