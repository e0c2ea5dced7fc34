//! What a request asks: for an entry point, the routes and their index; for a route, its filters and its service.
//! Made by `compile`; nothing here changes once made.

use std::sync::Arc;

use ingora_middleware::Chain;

use super::index::Index;
use crate::balance;
use crate::dynamic::Configuration;
use crate::rule::{HttpRule, RequestView, TcpRule};

/// Everything that requests ask, at one moment.
#[derive(Default)]
pub struct Table {
    /// By position of the entry point among the TCP ones of the configuration.
    pub(super) entry_points: Vec<EntryRoutes>,
    /// What it was compiled from: what is unchanged in the next configuration is carried over.
    pub(super) configuration: Arc<Configuration>,
    pub(super) services: super::services::Compiled,
    pub(super) filters: super::filters::Compiled,
}

/// The routes of an entry point.
#[derive(Default)]
pub(super) struct EntryRoutes {
    pub plain: Routes,
    pub tls: Routes,
    /// In the order in which they are tried.
    pub tcp: Vec<Arc<TcpRoute>>,
}

/// Routes with their index.
#[derive(Default)]
pub struct Routes {
    index: Index,
    routes: Vec<Arc<Route>>,
}

/// A router, ready to serve.
pub struct Route {
    /// Its generated name.
    pub name: Arc<str>,
    /// Its rule.
    pub rule: Arc<HttpRule>,
    /// The rule's text.
    pub text: String,
    /// The higher, the earlier; the given one, or the length of the rule.
    pub priority: i64,
    /// Names of its middlewares, chains unfolded.
    pub middlewares: Vec<String>,
    /// Its filters.
    pub chain: Chain,
    /// Name of its service.
    pub service: String,
    /// Where its requests go.
    pub target: Target,
}

/// A TCP router.
#[derive(Debug)]
pub struct TcpRoute {
    /// Its generated name.
    pub name: String,
    /// The rule's text.
    pub text: String,
    /// Its rule.
    pub rule: TcpRule,
    /// The higher, the earlier.
    pub priority: i64,
    /// Whether it serves TLS connections; else only those without.
    pub tls: bool,
    /// Names of its middlewares.
    pub middlewares: Vec<String>,
    /// Name of its service.
    pub service: String,
}

/// Where the requests of a route go.
pub enum Target {
    /// To a server of a service.
    Service(Arc<balance::Service>),
    /// To the process itself.
    Internal(Internal),
    /// On to the child routes (multi-layer routing); none that matches is 404.
    Children(Routes),
}

/// What the process itself answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Internal {
    /// `ping@internal`: whether requests should be sent here.
    Ping {
        /// The answer while the process ends.
        terminating_status: u16,
    },
    /// `noop@internal`: 418.
    Noop,
}

// === impl Table ===

impl Table {
    /// The routes of an entry point, for TLS or clear-text connections.
    pub fn routes(&self, entry_point: usize, tls: bool) -> Option<&Routes> {
        let routes = self.entry_points.get(entry_point)?;
        Some(if tls { &routes.tls } else { &routes.plain })
    }

    /// The TCP routes of an entry point, in the order in which they are tried.
    pub fn tcp_routes(&self, entry_point: usize) -> &[Arc<TcpRoute>] {
        self.entry_points.get(entry_point).map_or(&[], |e| &e.tcp)
    }

    /// What the table was compiled from.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// How many HTTP routes serve, over all entry points.
    pub fn len(&self) -> usize {
        self.entry_points.iter().map(|e| e.plain.routes.len() + e.tls.routes.len()).sum()
    }

    /// Whether no route serves.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pools whose members are names, to be refreshed by their owner.
    pub fn named_pools(&self) -> Vec<&balance::Pool> {
        let mut found = Vec::new();
        // Every pool has a name of its own among the services; aliases and weighted ones only refer to them.
        for service in self.services.values() {
            if let balance::Service::Pool(_) = &**service {
                service.named_pools(&mut found);
            }
        }
        found
    }
}

// === impl Routes ===

impl Routes {
    /// Indexes routes; of several that match, the higher priority wins, then the first name.
    pub fn new(routes: Vec<Arc<Route>>) -> Self {
        let index = Index::build(routes.iter().map(|r| (r.rule.clone(), r.priority, &*r.name)));
        Routes { index, routes }
    }

    /// The route for a request.
    pub fn find(&self, request: &RequestView<'_>) -> Option<&Arc<Route>> {
        self.routes.get(self.index.find(request)?)
    }

    /// The routes worth a try for a request, best first.
    pub fn candidates(&self, request: &RequestView<'_>) -> impl Iterator<Item = &Arc<Route>> {
        self.index.candidates(request).into_iter().filter_map(|position| self.routes.get(position))
    }

    /// All routes, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.iter()
    }
}
