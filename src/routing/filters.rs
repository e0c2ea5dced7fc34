//! Compiles middlewares: names become filters, chains are unfolded, unchanged filters are carried over.
//! Called by `compile` for each router.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use ingora_middleware::{BuildError, Chain, Filter, Link, Registry};

use super::table::Table;
use crate::diagnostic::Diagnostic;
use crate::dynamic::http::Middleware;
use crate::dynamic::{Configuration, Section};
use crate::persistent::Map;

/// A middleware and, for those with a state per router, the router.
type Key = (String, Option<String>);

/// The filters of a table.
pub(super) type Compiled = Map<Key, Arc<dyn Filter>>;

/// Why a middleware can't serve.
pub(super) type Problem = String;

/// Chains of chains end here; Traefik refuses recursion, which is found at any depth.
const DEEPEST: usize = 64;

/// A router has no more middlewares than this, chains and their members counted wherever they are used again: chains that
/// name others twice would grow without limit.
const MOST: usize = 10_000;

/// Builds each filter at most once.
pub(super) struct Filters<'a> {
    configuration: &'a Configuration,
    registry: &'a Registry,
    old: Option<&'a Table>,
    done: HashMap<Key, Result<Arc<dyn Filter>, Problem>>,
    /// Those of the old table that may not be needed any more.
    released: BTreeSet<Key>,
}

// === impl Filters ===

impl<'a> Filters<'a> {
    pub(super) fn new(configuration: &'a Configuration, registry: &'a Registry, old: Option<&'a Table>) -> Self {
        Filters { configuration, registry, old, done: HashMap::new(), released: BTreeSet::new() }
    }

    /// The chain of a router, and the names of its middlewares with chains unfolded.
    pub(super) fn chain(&mut self, router: &str, names: &[String]) -> Result<(Chain, Vec<String>), Problem> {
        let mut flat = Vec::new();
        let mut left = MOST;
        for name in names {
            self.unfold(name, &mut Vec::new(), &mut left, &mut flat)?;
        }
        let links = flat
            .iter()
            .map(|name| Ok(Link::new(name.as_str(), self.filter(router, name)?)))
            .collect::<Result<Vec<_>, Problem>>()?;
        Ok((Chain::new(links), flat))
    }

    /// The Middlewares whose filter of one's own can't be built, used or not: what else is wrong with Middlewares, their
    /// translation tells.
    pub(super) fn unusable_plugins(&self) -> Vec<Diagnostic> {
        let built = |name: &str| self.done.iter().any(|((done, _), filter)| *done == *name && filter.is_ok());
        let plugins = self.configuration.http.middlewares.iter().filter(|(_, settings)| settings.plugin.len() == 1);
        let unusable = plugins.filter(|(name, _)| !built(name)).filter_map(|(name, settings)| {
            let origin = self.configuration.origins.get(Section::HttpMiddleware, name)?;
            let (path, message) = match self.registry.build(settings).err()? {
                BuildError::Invalid(bad) => (bad.path, bad.message),
                error => {
                    let path: String = settings.plugin.keys().map(|name| format!("plugin.{name}")).collect();
                    let text = error.to_string();
                    let message = text.trim_start_matches(&format!("{path}: ")).to_owned();
                    (path, message)
                }
            };
            Some(Diagnostic::error("BadOption", &origin.object, format!("spec.{path}"), message))
        });
        unusable.collect()
    }

    /// Says that these routers no longer need filters of their own of these middlewares, unless they are asked for again.
    pub(super) fn release<'n>(&mut self, routers: impl Iterator<Item = &'n str>, names: impl Iterator<Item = &'n str>) {
        let names: Vec<&str> = names.collect();
        let keys = routers.flat_map(|router| names.iter().map(|name| ((*name).to_owned(), Some(router.to_owned()))));
        let old = self.old;
        self.released.extend(keys.filter(|key| old.is_some_and(|old| old.filters.contains_key(key))));
    }

    /// Says that no router needs a middleware any more.
    pub(super) fn release_shared(&mut self, name: &str) {
        self.released.insert((name.to_owned(), None));
    }

    /// All filters: those that were built, and those of the old table that are still needed.
    pub(super) fn finish(self) -> Compiled {
        let mut all = self.old.map(|old| old.filters.clone()).unwrap_or_default();
        for key in &self.released {
            all.remove(key);
        }
        for (key, filter) in self.done {
            match filter {
                Ok(filter) => drop(all.insert(key, filter)),
                Err(_) => drop(all.remove(&key)),
            }
        }
        all
    }

    fn settings(&self, name: &str) -> Result<&'a Middleware, Problem> {
        self.configuration.http.middlewares.get(name).ok_or_else(|| {
            format!("the middleware {name:?} does not exist, or could not be used (see its own diagnostic)")
        })
    }

    fn unfold(
        &self,
        name: &str,
        open: &mut Vec<String>,
        left: &mut usize,
        flat: &mut Vec<String>,
    ) -> Result<(), Problem> {
        let Some(fewer) = left.checked_sub(1) else {
            return Err(format!("chains unfold to more than {MOST} middlewares: remove some members"));
        };
        *left = fewer;
        let name = name.strip_suffix("@kubernetescrd").unwrap_or(name);
        let settings = self.settings(name)?;
        let Some(chain) = &settings.chain else {
            flat.push(name.to_owned());
            return Ok(());
        };
        if open.len() > DEEPEST {
            return Err(format!("chains are nested more than {DEEPEST} deep: remove some levels"));
        }
        if open.iter().any(|n| n == name) {
            return Err(format!("middlewares refer to one another in a circle: {} → {name}", open.join(" → ")));
        }
        open.push(name.to_owned());
        for member in &chain.middlewares {
            self.unfold(member, open, left, flat)?;
        }
        open.pop();
        Ok(())
    }

    fn filter(&mut self, router: &str, name: &str) -> Result<Arc<dyn Filter>, Problem> {
        let settings = self.settings(name)?;
        let key = (name.to_owned(), keeps_state(settings).then(|| router.to_owned()));
        if let Some(done) = self.done.get(&key) {
            return done.clone();
        }
        let carried = self
            .old
            .filter(|old| old.configuration.http.middlewares.get(name) == Some(settings))
            .and_then(|old| old.filters.get(&key))
            .cloned();
        let filter = match carried {
            Some(filter) => Ok(filter),
            None => {
                let built = self.registry.build_named(&format!("{name}@kubernetescrd"), settings);
                built.map_err(|e| format!("middleware {name}: {e}"))
            }
        };
        self.done.insert(key, filter.clone());
        filter
    }
}

/// Whether a filter counts something: then each router has one of its own, as in Traefik.
fn keeps_state(middleware: &Middleware) -> bool {
    middleware.rate_limit.is_some()
        || middleware.in_flight_req.is_some()
        || middleware.circuit_breaker.is_some()
        || !middleware.plugin.is_empty()
}
