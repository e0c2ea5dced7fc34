//! `ingora quickstart`: the whoami example on loopback, backends included, with what to try.

use std::path::PathBuf;
use std::process::ExitCode;

use super::inputs::read_config;
use super::run::serve;
use crate::config::Config;

/// The entry points of the example.
const CONFIG: &str = include_str!("../../conf/quickstart.yaml");

/// What may be changed of the example.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// Another configuration than conf/quickstart.yaml, for other ports
    #[arg(long, short, alias = "conf", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Serves the example until told to stop.
///
/// # Errors
/// When a port is taken, or the configuration given is wrong.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    serve(args.configuration()?, Default::default())
}

// === impl Args ===

impl Args {
    /// The configuration that the example is served with.
    ///
    /// # Errors
    /// When the file given cannot be read or is wrong.
    pub fn configuration(&self) -> anyhow::Result<Config> {
        match &self.config {
            Some(path) => read_config(path),
            None => Ok(Config::from_yaml(CONFIG)?),
        }
    }
}
