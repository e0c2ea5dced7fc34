//! What `check` and `explain` start from: manifests and, optionally, a configuration, translated.
//! The same translation that serves; only the source is read once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use ingora_middleware::Registry;

use super::paint;
use crate::config::{Address, Config, EntryPoint, Ping, Prometheus, Protocol};
use crate::control::Recipe;
use crate::diagnostic::Diagnostic;
use crate::objects::{Snapshot, manifests};
use crate::routing::Table;

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

/// Manifests, read, translated and compiled.
pub struct Cooked {
    /// The static configuration and all else that tables are made with.
    pub recipe: Recipe,
    /// What would serve.
    pub table: Table,
    /// What was found on the way, sorted by object.
    pub diagnostics: Vec<Diagnostic>,
}

// === impl Inputs ===

impl Inputs {
    /// Reads both, and makes of them what would serve.
    ///
    /// # Errors
    /// Where a file cannot be read, or the configuration is wrong; a broken object is a diagnostic.
    pub fn cook(&self, registry: Registry) -> anyhow::Result<Cooked> {
        self.cook_with(registry, None)
    }

    /// The same with an entry point that is asked about: without a configuration file, there is one of that name.
    ///
    /// # Errors
    /// Those of [`Inputs::cook`].
    pub fn cook_with(&self, registry: Registry, asked: Option<&str>) -> anyhow::Result<Cooked> {
        let mut config = match &self.config {
            Some(path) => read_config(path)?,
            None => Config::from_yaml("")?,
        };
        let snapshot = manifests::read(&self.manifests).with_context(|| format!("{}", self.manifests.display()))?;
        if self.config.is_none() {
            add_named_entry_points(&mut config, &snapshot, asked);
            add_internal_services(&mut config);
        }
        let recipe = Recipe::new(config, registry)?;
        let (table, diagnostics) = recipe.cook(&snapshot, None);
        Ok(Cooked { recipe, table, diagnostics })
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

/// Nor did anybody say which of the internal services there are, so all are taken to be that routes may name.
fn add_internal_services(config: &mut Config) {
    config.ping.get_or_insert_with(|| Ping { manual_routing: true, ..Ping::default() });
    let prometheus = Prometheus { manual_routing: true, ..Prometheus::default() };
    config.metrics.get_or_insert_default().prometheus.get_or_insert(prometheus);
}

/// Without a file nobody said which entry points there are, so those that objects name are taken to be, and the one that
/// is asked about.
fn add_named_entry_points(config: &mut Config, snapshot: &Snapshot, asked: Option<&str>) {
    let http = snapshot.ingress_routes.iter().flat_map(|(_, _, o)| &o.object.spec.entry_points);
    let tcp = snapshot.ingress_route_tcps.iter().flat_map(|(_, _, o)| &o.object.spec.entry_points);
    for name in http.chain(tcp) {
        config.entry_points.entry(name.clone()).or_insert_with(|| EntryPoint::new(Address::any(0)));
    }
    for (_, _, route) in snapshot.ingress_route_udps.iter() {
        // Those that name none are on every UDP one, so there is one.
        let (named, any) = (&route.object.spec.entry_points, ["udp".to_owned()]);
        for name in if named.is_empty() { any.as_slice() } else { named } {
            let address = Address { protocol: Protocol::Udp, ..Address::any(0) };
            config.entry_points.entry(name.clone()).or_insert_with(|| EntryPoint::new(address));
        }
    }
    // None of them has `asDefault`: routes that name no entry point are on all TCP ones, so on this one, too.
    if let Some(name) = asked {
        config.entry_points.entry(name.to_owned()).or_insert_with(|| EntryPoint::new(Address::any(0)));
    }
}
