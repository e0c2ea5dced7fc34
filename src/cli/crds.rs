//! `ingora crds`: the definitions of the custom resources, as YAML.

use std::io::Write;
use std::process::ExitCode;

/// `crds` takes no arguments.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Example:\n  ingora crds | kubectl apply -f -")]
pub struct Args {}

/// Prints them.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(_: &Args) -> anyhow::Result<ExitCode> {
    std::io::stdout().lock().write_all(ingora_crds::yaml().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
