//! `ingora check`: translates manifests as serving them would, and prints what is wrong and what they amount to.
//! Its JSON is a fixed interface: Traefik's dynamic configuration and the diagnostics.

mod text;

use std::io::{self, Write};
use std::process::ExitCode;

use ingora_middleware::Registry;
use serde::Serialize;

use super::inputs::{Format, Inputs};
use crate::diagnostic::{Diagnostic, Severity};
use crate::dynamic::Configuration;

const EXAMPLES: &str = "\
Examples:
  ingora check --manifests deploy/
  ingora check --manifests route.yaml --config conf/ingora.yaml
  ingora check --manifests deploy/ --format json | jq .configuration.http.routers

Exit code: 0 without errors, 1 with errors (the rest is still printed), 2 for unusable arguments or unreadable files.";

/// What to check, and how to print it.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Manifests and configuration.
    #[command(flatten)]
    pub inputs: Inputs,
}

/// The answer. Its JSON is a fixed interface.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// Traefik's dynamic configuration.
    pub configuration: &'a Configuration,
    /// What was found, sorted by object.
    pub diagnostics: &'a [Diagnostic],
}

/// Checks and prints: 0 without errors, 1 with errors.
///
/// # Errors
/// When a file cannot be read, or the configuration is wrong.
pub fn run(args: &Args, registry: Registry) -> anyhow::Result<ExitCode> {
    let cooked = args.inputs.cook(registry)?;
    let report = Report { configuration: cooked.table.configuration(), diagnostics: &cooked.diagnostics };
    let mut out = anstream::stdout().lock();
    report.write(&mut out, args.inputs.format)?;
    out.flush()?;
    Ok(ExitCode::from(u8::from(report.has_errors())))
}

// === impl Report ===

impl Report<'_> {
    /// Whether something asked for is not served.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// Writes the report; text may hold colours.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write, format: Format) -> io::Result<()> {
        match format {
            Format::Text => text::write(out, self),
            Format::Json => {
                serde_json::to_writer_pretty(&mut *out, self)?;
                out.write_all(b"\n")
            }
        }
    }
}

#[cfg(test)]
mod tests;
