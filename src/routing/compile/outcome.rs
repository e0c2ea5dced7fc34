//! What became of each router, kept from table to table: only those are compiled again whose needs changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use super::needs::{self, Mark, Needs};
use super::{Compiler, Placed};
use crate::config::EntryPoint;
use crate::diagnostic::Diagnostic;
use crate::dynamic::{Configuration, Section};
use crate::persistent::Map;
use crate::routing::table::{Disabled, Route, Table};
use crate::rule::HttpRule;

/// Child routers by the names of their parents.
pub(in crate::routing) type Children = BTreeMap<Arc<str>, Vec<Arc<str>>>;

/// What became of the routers, by name.
pub(in crate::routing) type Outcomes = Map<Arc<str>, Done>;

/// A router that was compiled.
#[derive(Clone)]
pub(in crate::routing) struct Done {
    needs: SmallVec<[Mark; 6]>,
    /// Whether nothing is to be said of it.
    quiet: bool,
    pub(super) outcome: Arc<Outcome>,
}

/// What became of a router and of its child routers.
#[derive(Default)]
pub(in crate::routing) struct Outcome {
    pub(super) placed: Vec<Placed>,
    disabled: Vec<Disabled>,
    diagnostics: Vec<Diagnostic>,
}

/// What is no more as in the table before.
pub(super) struct Changed<'a> {
    /// The marks of what the configurations differ in.
    marks: FxHashSet<Mark>,
    /// The services and middlewares that a router needed, and doesn't need now.
    lost: BTreeSet<(Section, &'a str)>,
    /// By entry point and TLS: what is under a name now.
    routes: BTreeMap<(usize, bool), BTreeMap<Arc<str>, Option<Arc<Route>>>>,
}

// === impl Done ===

impl Done {
    pub(super) fn new(needs: &Needs<'_>, outcome: Arc<Outcome>) -> Self {
        let mut needs: SmallVec<[Mark; 6]> = needs.marks().collect();
        needs.shrink_to_fit();
        let quiet = outcome.disabled.is_empty() && outcome.diagnostics.is_empty();
        Done { needs, quiet, outcome }
    }

    /// The rule of a router that serves.
    pub(super) fn rule(&self) -> Option<&Arc<HttpRule>> {
        self.outcome.placed.first().map(|placed| &placed.route.rule)
    }
}

// === impl Changed ===

impl<'a> Changed<'a> {
    pub(super) fn since(old: &Table, new: &Configuration) -> Self {
        let needed = !old.routers.is_empty() || old.internal.as_ref().is_some_and(|done| !done.needs.is_empty());
        let marks = if needed { needs::changes(&old.configuration, new) } else { FxHashSet::default() };
        Changed { marks, lost: BTreeSet::new(), routes: BTreeMap::new() }
    }

    /// Whether something differs that a router was compiled from.
    pub(super) fn concerns(&self, done: &Done) -> bool {
        done.needs.iter().any(|mark| self.marks.contains(mark))
    }

    /// Notes what a router needed, and doesn't need now.
    pub(super) fn lose(&mut self, before: Option<Needs<'a>>, now: &Needs<'_>) {
        self.lost.extend(before.into_iter().flat_map(|before| before.without(now)));
    }

    /// Notes that one outcome took the place of another.
    pub(super) fn note(&mut self, old: Option<&Outcome>, new: Option<&Outcome>) {
        for placed in old.into_iter().flat_map(|outcome| &outcome.placed) {
            self.at(placed).insert(placed.route.name.clone(), None);
        }
        for placed in new.into_iter().flat_map(|outcome| &outcome.placed) {
            self.at(placed).insert(placed.route.name.clone(), Some(placed.route.clone()));
        }
    }

    /// What changed on an entry point.
    pub(super) fn take(&mut self, entry_point: usize, tls: bool) -> BTreeMap<Arc<str>, Option<Arc<Route>>> {
        self.routes.remove(&(entry_point, tls)).unwrap_or_default()
    }

    fn at(&mut self, placed: &Placed) -> &mut BTreeMap<Arc<str>, Option<Arc<Route>>> {
        self.routes.entry((placed.entry_point, placed.tls)).or_default()
    }
}

// === impl Compiler ===

impl<'a> Compiler<'a> {
    /// Compiles the routers whose needs changed, and drops what nobody needs any more.
    pub(super) fn outcomes(
        &mut self,
        entry_points: &[(&str, &EntryPoint)],
        children: &Children,
        changed: &mut Changed<'a>,
    ) -> Outcomes {
        let old = self.old;
        let mut outcomes = old.routers.clone();
        for name in self.dirty(children, changed) {
            let known = outcomes.get(&*name).map(|done| done.outcome.clone());
            let before = old.configuration.http.routers.get_key_value(&name).filter(|_| known.is_some());
            let before = before.map(|(name, _)| Needs::of(name, &old.configuration, &old.children, self.config));
            if let Some(needs) = &before {
                self.filters.release(needs.names(Section::HttpRouter), needs.names(Section::HttpMiddleware));
            }
            let found = self.configuration.http.routers.get_key_value(&name);
            let Some((_, router)) = found.filter(|(_, router)| router.parent_refs.is_empty()) else {
                changed.note(known.as_deref(), None);
                outcomes.remove(&*name);
                changed.lose(before, &Needs::default());
                continue;
            };
            let mut placed = Vec::new();
            self.place(&name, router, entry_points, children, &mut placed);
            let outcome = Arc::new(self.outcome(placed));
            changed.note(known.as_deref(), Some(&outcome));
            let needs = Needs::of(&name, self.configuration, children, self.config);
            changed.lose(before, &needs);
            let done = Done::new(&needs, outcome);
            outcomes.insert(name, done);
        }
        outcomes
    }

    /// What was found since this was asked the last time.
    pub(super) fn outcome(&mut self, placed: Vec<Placed>) -> Outcome {
        Outcome {
            placed,
            disabled: std::mem::take(&mut self.disabled).into_values().collect(),
            diagnostics: std::mem::take(&mut self.diagnostics),
        }
    }

    /// The routers to be compiled: those that are new, and those whose needs changed.
    fn dirty(&self, children: &Children, changed: &Changed<'_>) -> BTreeSet<Arc<str>> {
        let (old, new) = (&self.old.configuration, self.configuration);
        let concerned = self.old.routers.iter().filter(|(_, done)| changed.concerns(done));
        let mut dirty: BTreeSet<Arc<str>> = concerned.map(|(name, _)| name.clone()).collect();
        dirty.extend(new.http.routers.changes(&old.http.routers).into_iter().map(|change| change.key.clone()));
        // What is said of a child router depends on who comes first among its parents: so layers are compiled together.
        let layers = || children.keys().chain(self.old.children.keys());
        let other_layers = *children != *self.old.children;
        if other_layers || layers().any(|name| dirty.contains(name)) {
            dirty.extend(layers().cloned());
        }
        dirty
    }

    /// Drops services and filters that were needed, and aren't by any router now.
    pub(super) fn drop_unused<'o>(&mut self, outcomes: impl Iterator<Item = &'o Done>, changed: &Changed<'_>) {
        let names = &changed.lost;
        if names.is_empty() {
            return;
        }
        let marks: FxHashSet<Mark> = names.iter().map(|(section, name)| needs::mark(*section, name)).collect();
        let needs = outcomes.flat_map(|done| &done.needs);
        let needed: FxHashSet<Mark> = needs.filter(|mark| marks.contains(mark)).copied().collect();
        for (section, name) in names.iter().filter(|(section, name)| !needed.contains(&needs::mark(*section, name))) {
            match section {
                Section::HttpService => self.services.release(name),
                _ => self.filters.release_shared(name),
            }
        }
    }
}

/// Everything that is to be said of the routers: diagnostics, and those that don't serve.
pub(super) fn said<'o>(
    outcomes: &'o Outcomes,
    others: impl Iterator<Item = &'o Outcome>,
) -> (Vec<Disabled>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let mut disabled: BTreeMap<(bool, &str), Disabled> = BTreeMap::new();
    let outcomes = outcomes.values().filter(|done| !done.quiet).map(|done| &*done.outcome);
    for outcome in outcomes.chain(others) {
        diagnostics.extend_from_slice(&outcome.diagnostics);
        for new in &outcome.disabled {
            let known = disabled.entry((new.tcp, &new.name)).or_insert_with(|| new.clone());
            known.entry_points.extend(&new.entry_points);
            known.entry_points.sort_unstable();
            known.entry_points.dedup();
        }
    }
    (disabled.into_values().collect(), diagnostics)
}
