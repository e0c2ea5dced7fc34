//! A translation that the next one starts from: only units that read something that changed are translated again, and
//! the rest is shared. What comes out is the same as from the beginning, because both ways are this one.
//!
//! Units don't see one another, so what is between them is settled here: who has a name that several want, which
//! certificates are loaded, which elements refer to one another in a circle.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHasher;
use smallvec::SmallVec;

use super::class::Filter;
use super::context::Options;
use super::fragment::{Ask, Fragment, Part, Together, World};
use super::unit::{Changes, Kind, Unit};
use super::{layers, middleware, traefik_service};
use crate::diagnostic::Diagnostic;
use crate::dynamic::{Configuration, Element, Origin, Section};
use crate::objects::Snapshot;
use crate::persistent::Map;

/// A configuration, what is to be said of its objects, and how it came about. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Translation {
    options: Options,
    snapshot: Snapshot,
    configuration: Configuration,
    fragments: Map<Arc<Unit>, Fragment>,
    /// Which units want a name, in order.
    wanted: Map<Name, SmallVec<[Arc<Unit>; 1]>>,
    /// The names that several units want and can't have together.
    disputed: Map<Name, ()>,
    /// What the units with such names come to; what they come to alone doesn't count.
    together: Arc<Together>,
    /// The elements that refer to others of their section.
    linked: BTreeMap<Section, Map<Arc<str>, ()>>,
    /// What was told of those.
    circles: BTreeMap<Section, Arc<[Diagnostic]>>,
    /// What was told of the options.
    general: Arc<[Diagnostic]>,
}

/// A section and a name: a hash of them. Two that fall together are translated together, which is right anyway.
type Name = u64;

/// What a step of the translation touches.
#[derive(Default)]
struct Touched {
    units: BTreeSet<Arc<Unit>>,
    names: BTreeSet<(Section, Arc<str>)>,
    certificates: BTreeSet<Arc<Unit>>,
    /// Sections in which circles may have come or gone.
    links: BTreeSet<Section>,
}

fn hash(section: Section, name: &str) -> Name {
    let mut hasher = FxHasher::default();
    (section, name).hash(&mut hasher);
    hasher.finish()
}

/// The name that a certificate has in the configuration.
fn certificate(namespace: &str, secret: &str) -> Arc<str> {
    format!("{namespace}/{secret}").into()
}

// === impl Translation ===

impl Translation {
    /// The translation of another snapshot. With the same options it starts from this one.
    pub fn next(&self, snapshot: &Snapshot, options: &Options) -> Translation {
        let mut next = match self.options == *options {
            true => self.clone(),
            false => Translation { options: options.clone(), ..Translation::default() },
        };
        let (filter, general) = Filter::new(options);
        // A cluster hands out only what is selected; files have it all.
        let counting = match options.label_selector.is_empty() {
            true => Cow::Borrowed(snapshot),
            false => snapshot.where_both_count(|namespace, metadata| filter.selects(namespace, metadata)),
        };
        let snapshot = &*counting;
        let changes = Changes::between(&next.snapshot, snapshot);
        next.snapshot = snapshot.clone();
        next.general = general.into();
        next.follow(changes, World { snapshot, options, filter: &filter });
        next
    }

    /// What the objects amount to.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// What is to be said of the objects, sorted by them; the snapshot's findings are among it.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let alone = self.fragments.iter().filter(|(unit, f)| f.told.is_some() && !self.together.units.contains(*unit));
        let alone = alone.filter_map(|(_, fragment)| fragment.told.as_ref()).flat_map(|told| told.iter());
        let circles = self.circles.values().flat_map(|told| told.iter());
        let mut all = self.snapshot.all_findings();
        all.extend(alone.chain(&self.together.told).chain(circles).chain(self.general.iter()).cloned());
        all.sort_by(|a, b| {
            (&a.object, &a.path, a.severity).cmp(&(&b.object, &b.path, b.severity)).then_with(|| a.cmp(b))
        });
        all.dedup();
        all
    }

    fn follow(&mut self, changes: Changes, world: World<'_>) {
        let mut touched = Touched::default();
        let mut dirty = changes.units;
        let readers = self.fragments.iter().filter(|(_, fragment)| fragment.read(&changes.marks));
        dirty.extend(readers.map(|(unit, _)| unit.clone()));
        for unit in dirty {
            match unit.kind {
                Kind::Certificate => touched.certificates.extend([unit]),
                _ => self.replace(&unit, world.alone(&unit), &mut touched),
            };
        }
        self.load(world, &mut touched);
        self.settle(world, &mut touched);
        for (section, name) in std::mem::take(&mut touched.names) {
            self.resolve(section, &name, &mut touched);
        }
        for section in touched.links {
            let linked = self.linked.get(&section).into_iter().flat_map(Map::keys).map(|name| &**name);
            let told = match section {
                Section::HttpRouter => layers::check(&self.configuration, linked),
                Section::HttpMiddleware => middleware::check_chains(&self.configuration, linked),
                _ => traefik_service::check(&self.configuration, linked),
            };
            self.circles.insert(section, told.into());
        }
    }

    /// Puts in what a unit comes to now.
    fn replace(&mut self, unit: &Arc<Unit>, new: Option<Fragment>, touched: &mut Touched) {
        let old = self.fragments.get(&**unit).cloned();
        let mut new = new;
        if let (Some(new), Some(old)) = (&mut new, &old) {
            new.keep(old);
        }
        let parts = |fragment: &Option<Fragment>| fragment.as_ref().map(|f| f.parts.clone()).unwrap_or_default();
        let (before, now) = (parts(&old), parts(&new));
        for part in before.iter().filter(|part| new.as_ref().is_none_or(|n| n.part(part.section, &part.name).is_none()))
        {
            self.unwant(hash(part.section, &part.name), unit);
            touched.names.insert((part.section, part.name.clone()));
        }
        for part in now.iter() {
            let known = old.as_ref().and_then(|old| old.part(part.section, &part.name));
            if known.is_none() {
                self.want(hash(part.section, &part.name), unit);
            }
            if known.is_none_or(|known| !known.same(part)) {
                touched.names.insert((part.section, part.name.clone()));
            }
        }
        self.replace_asks(unit, old.as_ref(), new.as_ref(), touched);
        match new {
            Some(new) => drop(self.fragments.insert(unit.clone(), new)),
            None => drop(self.fragments.remove(&**unit)),
        }
        touched.units.insert(unit.clone());
    }

    fn replace_asks(
        &mut self,
        unit: &Arc<Unit>,
        old: Option<&Fragment>,
        new: Option<&Fragment>,
        touched: &mut Touched,
    ) {
        let asks = |fragment: Option<&Fragment>| fragment.and_then(|f| f.asks.clone());
        let (old, new) = (asks(old), asks(new));
        if old == new {
            return;
        }
        for (asks, want) in [(old, false), (new, true)] {
            for ask in asks.iter().flat_map(|asks| asks.iter()) {
                let name = hash(Section::Certificate, &certificate(&unit.namespace, &ask.secret));
                if want {
                    self.want(name, unit)
                } else {
                    self.unwant(name, unit)
                }
                let (namespace, name) = (unit.namespace.clone(), ask.secret.clone());
                touched.certificates.insert(Arc::new(Unit { kind: Kind::Certificate, namespace, name }));
            }
        }
    }

    fn want(&mut self, name: Name, unit: &Arc<Unit>) {
        match self.wanted.get_mut(&name) {
            Some(units) => {
                if let Err(place) = units.binary_search(unit) {
                    units.insert(place, unit.clone());
                }
            }
            None => drop(self.wanted.insert(name, SmallVec::from_elem(unit.clone(), 1))),
        }
    }

    fn unwant(&mut self, name: Name, unit: &Arc<Unit>) {
        let Some(units) = self.wanted.get_mut(&name) else { return };
        units.retain(|other| other != unit);
        if units.is_empty() {
            self.wanted.remove(&name);
        }
    }

    fn units(&self, name: Name) -> &[Arc<Unit>] {
        self.wanted.get(&name).map_or(&[], SmallVec::as_slice)
    }

    /// Loads the certificates that are asked for otherwise than before, or whose Secrets changed.
    fn load(&mut self, world: World<'_>, touched: &mut Touched) {
        for unit in &touched.certificates {
            let name = certificate(&unit.namespace, &unit.name);
            let units = self.units(hash(Section::Certificate, &name));
            let mut asks: Vec<(&Unit, &Ask)> = Vec::new();
            for asking in units.iter().filter(|asking| asking.namespace == unit.namespace) {
                let all = self.fragments.get(&**asking).and_then(|fragment| fragment.asks.as_ref());
                let all = all.into_iter().flat_map(|asks| asks.iter());
                asks.extend(all.filter(|ask| ask.secret == unit.name).map(|ask| (&**asking, ask)));
            }
            let fragment = (!asks.is_empty()).then(|| world.certificate(unit, &asks));
            let origin = asks
                .first()
                .map(|(asking, ask)| Origin { object: Arc::new(asking.reference()), path: ask.path.clone() });
            let old = self.fragments.get(&**unit).cloned();
            let fragment = fragment.map(|mut new| {
                old.iter().for_each(|old| new.keep(old));
                new
            });
            match fragment.as_ref().and_then(|f| f.parts.first()) {
                Some(Part { element: Some(element), origin: Some(origin), .. }) => {
                    self.configuration.insert(&name, element.clone(), origin.clone());
                }
                _ => {
                    self.configuration.remove(Section::Certificate, &name);
                    // Still named, though it can't be read: what was served of it stays.
                    if let Some(origin) = origin {
                        self.configuration.origins.insert(Section::Certificate, name.clone(), origin);
                    }
                }
            }
            match fragment {
                Some(fragment) => drop(self.fragments.insert(unit.clone(), fragment)),
                None => drop(self.fragments.remove(&**unit)),
            }
        }
    }

    /// Finds the units that want names which they can't all have, and translates those together.
    fn settle(&mut self, world: World<'_>, touched: &mut Touched) {
        for (section, name) in &touched.names {
            let hash = hash(*section, name);
            if self.is_disputed(*section, name, hash) {
                self.disputed.insert(hash, ());
            } else if !self.disputed.is_empty() {
                self.disputed.remove(&hash);
            }
        }
        let old = self.together.clone();
        let units: BTreeSet<_> = self.disputed.keys().flat_map(|name| self.units(*name)).cloned().collect();
        if units == old.units && units.is_disjoint(&touched.units) {
            return;
        }
        for unit in units.symmetric_difference(&old.units) {
            let parts = self.fragments.get(&**unit).map(|fragment| fragment.parts.clone()).unwrap_or_default();
            touched.names.extend(parts.iter().map(|part| (part.section, part.name.clone())));
        }
        let new = world.together(units);
        touched.names.extend(old.parts.keys().chain(new.parts.keys()).cloned());
        self.together = Arc::new(new);
    }

    /// Several may have a name where each made the same for it, to be shared.
    fn is_disputed(&self, section: Section, name: &str, hash: Name) -> bool {
        let units = self.units(hash);
        if units.len() < 2 {
            return false;
        }
        let part = |unit: &Arc<Unit>| self.fragments.get(&**unit)?.part(section, name);
        let first = units.first().and_then(part);
        let agrees = |unit| first.zip(part(unit)).is_some_and(|(a, b)| a.shared && b.shared && a.element == b.element);
        !units.iter().all(agrees)
    }

    /// Puts into the configuration what has the name now.
    fn resolve(&mut self, section: Section, name: &Arc<str>, touched: &mut Touched) {
        let mut alone = self.units(hash(section, name)).iter().filter(|unit| !self.together.units.contains(*unit));
        let alone = alone.find_map(|unit| Some((unit, self.fragments.get(&**unit)?.part(section, name)?)));
        let together = self.together.parts.get(&(section, name.clone()));
        let part = match (alone, together) {
            (Some((unit, alone)), Some(together)) => {
                Some(if together.origin.as_ref().is_none_or(|o| unit.is_before(&o.object)) { alone } else { together })
            }
            (alone, together) => alone.map(|(_, part)| part).or(together),
        };
        let old = self.configuration.element(section, name);
        let origin = part.and_then(|part| part.origin.clone());
        let new = part.and_then(|part| part.element.clone()).zip(origin.clone());
        let links = new.as_ref().is_some_and(|(element, _)| links(element));
        let linked = self.linked.entry(section).or_default();
        let before = linked.contains_key(name);
        if links && !before {
            linked.insert(name.clone(), ());
        } else if before && !links {
            linked.remove(name);
        }
        // A router that refers to none may be referred to.
        if links || before || section == Section::HttpRouter && !linked.is_empty() {
            touched.links.insert(section);
        }
        match new {
            Some((element, origin)) => {
                let kept = old.is_some_and(|old| old.same(&element));
                if !kept || self.configuration.origins.get_shared(section, name) != Some(&origin) {
                    self.configuration.insert(name, element, origin);
                }
            }
            None => {
                self.configuration.remove(section, name);
                if let Some(origin) = origin {
                    self.configuration.origins.insert(section, name.clone(), origin);
                }
            }
        }
    }
}

/// Whether an element refers to others of its section, or needs others that do.
fn links(element: &Element) -> bool {
    match element {
        Element::HttpRouter(router) => router.service.is_empty() || !router.parent_refs.is_empty(),
        Element::HttpService(service) => !service.children().is_empty(),
        Element::HttpMiddleware(middleware) => middleware.chain.is_some(),
        _ => false,
    }
}
