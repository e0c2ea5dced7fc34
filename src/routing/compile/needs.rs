//! What a router is compiled from: its own settings and those of everything that it names, directly or not. Each leaves a
//! mark; a router is compiled again where the configuration changed under one of its marks.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::{FxHashSet, FxHasher};

use super::Children;
use crate::config::{Config, EntryPoint};
use crate::dynamic::http::Router;
use crate::dynamic::{Configuration, Named, Section};
use crate::persistent::Change;

/// Stands for an element of the configuration, there or not: a hash of its section and name. Two that fall together cost
/// a compilation.
pub(super) type Mark = u32;

/// The name that stands for all elements of a section.
const ALL: &str = "";

/// The elements that a router is compiled from, there or not.
#[derive(Default)]
pub(super) struct Needs<'c>(BTreeSet<(Section, &'c str)>);

/// The marks of what two configurations differ in.
pub(super) fn changes(old: &Configuration, new: &Configuration) -> FxHashSet<Mark> {
    let (http, before) = (&new.http, &old.http);
    // What is said of a router names where it comes from.
    let origins = [new, old].map(|of| of.origins.of(Section::HttpRouter).cloned().unwrap_or_default());
    let [origins, origins_before] = &origins;
    let routers = keys(http.routers.changes(&before.routers)).chain(keys(origins.changes(origins_before)));
    let services = keys(http.services.changes(&before.services));
    let middlewares = keys(http.middlewares.changes(&before.middlewares));
    let transports = keys(http.servers_transports.changes(&before.servers_transports));
    let mut marks: FxHashSet<Mark> = routers.map(|name| mark(Section::HttpRouter, name)).collect();
    marks.extend(services.map(|name| mark(Section::HttpService, name)));
    marks.extend(middlewares.map(|name| mark(Section::HttpMiddleware, name)));
    marks.extend(transports.map(|name| mark(Section::HttpServersTransport, name)));
    if !http.services.same(&before.services) {
        marks.insert(mark(Section::HttpService, ALL));
    }
    if !same_options(old, new) {
        marks.insert(mark(Section::TlsOptions, ALL));
    }
    marks
}

/// Whether TLS options are the same, and those that exist but don't count.
pub(super) fn same_options(old: &Configuration, new: &Configuration) -> bool {
    new.tls.options.same(&old.tls.options) && same_origins(Section::TlsOptions, old, new)
}

/// Whether all middlewares are the same, and made from the same objects.
pub(super) fn same_middlewares(old: &Configuration, new: &Configuration) -> bool {
    new.http.middlewares.same(&old.http.middlewares) && same_origins(Section::HttpMiddleware, old, new)
}

/// Whether the elements of a section are made from the same objects.
pub(super) fn same_origins(section: Section, old: &Configuration, new: &Configuration) -> bool {
    match (old.origins.of(section), new.origins.of(section)) {
        (Some(old), Some(new)) => new.same(old),
        (old, new) => old.is_none_or(Named::is_empty) && new.is_none_or(Named::is_empty),
    }
}

fn keys<'m, T>(changes: Vec<Change<'m, Arc<str>, T>>) -> impl Iterator<Item = &'m Arc<str>> {
    changes.into_iter().map(|change| change.key)
}

pub(super) fn mark(section: Section, name: &str) -> Mark {
    let mut hasher = FxHasher::default();
    (section, name).hash(&mut hasher);
    let hash = hasher.finish();
    (hash >> 32) as u32 ^ hash as u32
}

/// A name without our own provider's.
fn bare(name: &str) -> &str {
    name.strip_suffix("@kubernetescrd").unwrap_or(name)
}

// === impl Needs ===

impl<'c> Needs<'c> {
    /// Those of a router that stands first, with all its child routers'.
    pub(super) fn of(
        name: &'c str,
        configuration: &'c Configuration,
        children: &'c Children,
        config: &'c Config,
    ) -> Self {
        let mut needs = Needs::default();
        let mut open = vec![name];
        while let Some(name) = open.pop() {
            if needs.0.insert((Section::HttpRouter, name))
                && let Some(router) = configuration.http.routers.get(name)
            {
                needs.router(configuration, router);
                open.extend(children.get(name).into_iter().flatten().map(|name| &**name));
            }
        }
        needs.entry_points(configuration, config.tcp_entry_points().map(|(_, entry_point)| entry_point));
        needs
    }

    /// Those of what entry points give their routers.
    pub(super) fn of_entry_points(
        configuration: &'c Configuration,
        entry_points: impl Iterator<Item = &'c EntryPoint>,
    ) -> Self {
        let mut needs = Needs::default();
        needs.entry_points(configuration, entry_points);
        needs
    }

    pub(super) fn marks(&self) -> impl Iterator<Item = Mark> {
        self.0.iter().map(|(section, name)| mark(*section, name))
    }

    pub(super) fn names(&self, section: Section) -> impl Iterator<Item = &'c str> {
        self.0.iter().filter(move |(of, _)| *of == section).map(|(_, name)| *name)
    }

    /// The services and middlewares that others don't need.
    pub(super) fn without(self, others: &Needs<'_>) -> Vec<(Section, &'c str)> {
        let droppable = |section| matches!(section, Section::HttpService | Section::HttpMiddleware);
        self.0.into_iter().filter(|need| droppable(need.0) && !others.0.contains(need)).collect()
    }

    fn entry_points(&mut self, configuration: &'c Configuration, entry_points: impl Iterator<Item = &'c EntryPoint>) {
        for EntryPoint { http, .. } in entry_points {
            http.middlewares.iter().for_each(|name| self.middleware(configuration, name));
            if http.tls.is_some() {
                self.0.insert((Section::TlsOptions, ALL));
            }
        }
    }

    fn router(&mut self, configuration: &'c Configuration, router: &'c Router) {
        self.service(configuration, &router.service);
        router.middlewares.iter().for_each(|name| self.middleware(configuration, name));
        if router.tls.is_some() {
            self.0.insert((Section::TlsOptions, ALL));
        }
    }

    fn service(&mut self, configuration: &'c Configuration, name: &'c str) {
        let mut open = vec![bare(name)];
        while let Some(name) = open.pop() {
            if !self.0.insert((Section::HttpService, name)) {
                continue;
            }
            let Some(service) = configuration.http.services.get(name) else { continue };
            open.extend(service.children().into_iter().map(bare));
            if let crate::dynamic::http::Service::LoadBalancer(servers) = service {
                self.0.insert((Section::HttpServersTransport, bare(&servers.servers_transport)));
                servers.middlewares.iter().for_each(|name| self.middleware(configuration, name));
            }
        }
    }

    fn middleware(&mut self, configuration: &'c Configuration, name: &'c str) {
        let mut open = vec![bare(name)];
        while let Some(name) = open.pop() {
            if !self.0.insert((Section::HttpMiddleware, name)) {
                continue;
            }
            let Some(middleware) = configuration.http.middlewares.get(name) else { continue };
            open.extend(middleware.chain.iter().flat_map(|chain| &chain.middlewares).map(|name| bare(name)));
            if let Some(page) = &middleware.errors {
                self.service(configuration, &page.service);
            }
            // Which one a filter of one's own asks for is known to nobody else.
            if !middleware.plugin.is_empty() {
                self.0.insert((Section::HttpService, ALL));
            }
        }
    }
}
