//! What `check` and `explain` start from: manifests and, optionally, a configuration, translated.
//! The same translation that serves; only the source is read once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::paint;
use crate::config::{Address, Config, EntryPoint, Protocol};
use crate::diagnostic::Diagnostic;
use crate::dynamic::Configuration;
use crate::objects::manifests;
use crate::translate::translate;

/// The arguments that name them.
#[derive(Debug, Clone, Args)]
pub struct Inputs {
    /// The objects: a YAML file, or a directory of them
    #[arg(long, short, value_name = "PATH")]
    pub manifests: PathBuf,
    /// The configuration they would be served with, for its entry points and provider options. Without it: the
    /// defaults, and every entry point that an object names
    #[arg(long, short, alias = "conf", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How to print the answer
    #[arg(long, short, value_enum, default_value_t)]
    pub format: Format,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON object, for programs
    Json,
}

/// Manifests, read and translated.
#[derive(Debug)]
pub struct Translated {
    /// The static configuration.
    pub config: Config,
    /// What the objects ask for.
    pub configuration: Configuration,
    /// What was found on the way, sorted by object.
    pub diagnostics: Vec<Diagnostic>,
}

// === impl Inputs ===

impl Inputs {
    /// Reads both, and translates.
    ///
    /// # Errors
    /// Where a file cannot be read, or the configuration is wrong; a broken object is a diagnostic.
    pub fn translate(&self) -> anyhow::Result<Translated> {
        let mut config = match &self.config {
            Some(path) => read_config(path)?,
            None => Config::from_yaml("")?,
        };
        let snapshot = manifests::read(&self.manifests).with_context(|| format!("{}", self.manifests.display()))?;
        let (configuration, diagnostics) = translate(&snapshot, &config.translate_options());
        if self.config.is_none() {
            add_named_entry_points(&mut config, &configuration);
        }
        Ok(Translated { config, configuration, diagnostics })
    }
}

/// Reads and checks a configuration file; what has no effect in it is told on standard error.
pub(super) fn read_config(path: &Path) -> anyhow::Result<Config> {
    let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    let config = Config::from_yaml(&text).with_context(|| format!("{}", path.display()))?;
    for warning in config.warnings() {
        anstream::eprintln!("{}warning{:#}: {}: {warning}", paint::WARNING, paint::WARNING, path.display());
    }
    Ok(config)
}

/// Without a file nobody said which entry points there are, so those that routers name are taken to be.
fn add_named_entry_points(config: &mut Config, configuration: &Configuration) {
    let http = configuration.http.routers.values().flat_map(|r| &r.entry_points);
    let tcp = configuration.tcp.routers.values().flat_map(|r| &r.entry_points);
    for name in http.chain(tcp) {
        config.entry_points.entry(name.clone()).or_insert_with(|| EntryPoint::new(Address::any(0)));
    }
    for name in configuration.udp.routers.values().flat_map(|r| &r.entry_points) {
        let address = Address { protocol: Protocol::Udp, ..Address::any(0) };
        config.entry_points.entry(name.clone()).or_insert_with(|| EntryPoint::new(address));
    }
}
