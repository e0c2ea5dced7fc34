//! Builds filters from configuration: the built-in ones by their key, a user's own ones by their plugin name.
//! Called when the routing table is built, never per request.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::builtin;
use crate::config::{Middleware, Plugin};
use crate::filter::Filter;

/// How a filter of one's own is named, configured and built.
pub trait Kind: 'static {
    /// The name under `Middleware.spec.plugin`.
    const NAME: &'static str;
    /// What stands under the name.
    type Config: DeserializeOwned;
    /// Builds the filter; once per router that uses the middleware.
    fn build(config: Self::Config) -> Result<impl Filter, BadConfig>;
}

/// The filters that can be built: the built-in ones and those registered.
#[derive(Default)]
pub struct Registry {
    plugins: BTreeMap<&'static str, BuildPlugin>,
}

type BuildPlugin = fn(&Value) -> Result<Arc<dyn Filter>, BadConfig>;

/// A configuration that a filter can't be built from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct BadConfig {
    /// The field, under the filter's key: `ipStrategy.depth`.
    pub path: String,
    /// What was found and what is accepted.
    pub message: String,
}

/// Why a middleware has no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// No key.
    #[error("no filter is configured: exactly one key is accepted, such as addPrefix or headers")]
    Nothing,
    /// Several keys.
    #[error("{} are configured: exactly one is accepted; make a middleware of each", .0.join(" and "))]
    Several(Vec<String>),
    /// A plugin that nobody registered.
    #[error("plugin.{name}: no filter of this name is registered; {}", listed(registered))]
    UnknownPlugin {
        /// The name asked for.
        name: String,
        /// The names there are.
        registered: Vec<&'static str>,
    },
    /// A key that the routing table has to take care of itself (`chain`), or that nobody implements.
    #[error("{0}: not built as a filter")]
    Unsupported(&'static str),
    /// A value that isn't accepted; the path starts with the key.
    #[error(transparent)]
    Invalid(#[from] BadConfig),
}

// === impl Registry ===

impl Registry {
    /// The built-in filters.
    pub fn built_in() -> Self {
        Registry::default()
    }

    /// Registers a filter of one's own.
    ///
    /// # Panics
    /// If the name is taken: two filters of one name in a program are a mistake of whoever writes it.
    #[must_use]
    pub fn plugin<K: Kind>(mut self) -> Self {
        let taken = self.plugins.insert(K::NAME, build_plugin::<K>).is_some();
        assert!(!taken, "two filters are registered as {:?}", K::NAME);
        self
    }

    /// The names of the registered filters, sorted.
    pub fn plugins(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.plugins.keys().copied()
    }

    /// Builds the filter of a middleware that has no name.
    ///
    /// # Errors
    /// Unless exactly one key is set and its values are accepted; see [`BuildError`].
    pub fn build(&self, middleware: &Middleware) -> Result<Arc<dyn Filter>, BuildError> {
        self.build_named("", middleware)
    }

    /// Builds the filter of a middleware. What it shares with others of its kind is kept under the middleware's name.
    ///
    /// # Errors
    /// Unless exactly one key is set and its values are accepted; see [`BuildError`].
    pub fn build_named(&self, name: &str, middleware: &Middleware) -> Result<Arc<dyn Filter>, BuildError> {
        let plugins = middleware.plugin.iter().map(|(name, config)| Configured::Plugin(name, config));
        let set: Vec<_> = builtin::set_keys(middleware).map(Configured::BuiltIn).chain(plugins).collect();
        match set.as_slice() {
            [] => Err(BuildError::Nothing),
            [Configured::BuiltIn(key)] => match key.build(middleware, name) {
                Some(built) => built.map_err(|bad| BuildError::Invalid(bad.under(key.name()))),
                None => Err(BuildError::Unsupported(key.name())),
            },
            [Configured::Plugin(name, config)] => self.build_plugin(name, config),
            several => Err(BuildError::Several(several.iter().map(Configured::name).collect())),
        }
    }

    fn build_plugin(&self, name: &str, config: &Plugin) -> Result<Arc<dyn Filter>, BuildError> {
        let Some(build) = self.plugins.get(name) else {
            return Err(BuildError::UnknownPlugin { name: name.to_owned(), registered: self.plugins().collect() });
        };
        build(&config.resolved.0).map_err(|bad| BuildError::Invalid(bad.under(name).under("plugin")))
    }
}

/// What is wrong with a middleware's options, the first mistake of each key; paths start with the key. Filters of one's
/// own are left out: whether they can be built, their registry says.
pub fn wrong_options(middleware: &Middleware) -> Vec<BadConfig> {
    let wrong = |key: &builtin::Key| key.build(middleware, "")?.err().map(|bad| bad.under(key.name()));
    builtin::set_keys(middleware).filter_map(wrong).collect()
}

/// One key that is set.
enum Configured<'m> {
    BuiltIn(&'static builtin::Key),
    Plugin(&'m str, &'m Plugin),
}

impl Configured<'_> {
    fn name(&self) -> String {
        match self {
            Configured::BuiltIn(key) => key.name().to_owned(),
            Configured::Plugin(name, _) => format!("plugin.{name}"),
        }
    }
}

fn build_plugin<K: Kind>(config: &Value) -> Result<Arc<dyn Filter>, BadConfig> {
    let config = serde_path_to_error::deserialize(config).map_err(|e| {
        let path = e.path().to_string();
        BadConfig::new(if path == "." { String::new() } else { path }, e.into_inner().to_string())
    })?;
    Ok(Arc::new(K::build(config)?))
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none is".to_owned() } else { format!("registered are {}", names.join(", ")) }
}

// === impl BadConfig ===

impl BadConfig {
    /// A field and what is wrong with it.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        BadConfig { path: path.into(), message: message.into() }
    }

    /// The same, seen from the object that holds the field's object as `key`.
    #[must_use]
    pub fn under(mut self, key: &str) -> Self {
        self.path = if self.path.is_empty() { key.to_owned() } else { format!("{key}.{}", self.path) };
        self
    }
}

#[cfg(test)]
mod tests;
