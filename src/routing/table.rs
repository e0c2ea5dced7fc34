//! What a request asks: for an entry point, the routes and their index; for a route, its filters and its service.
//! Made by `compile`; nothing here changes once made.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use ingora_middleware::Chain;

use super::admission::Admission;
use super::compile::outcome::{Children, Done, Outcome, Outcomes};
use super::compile::tls::Bound;
use super::connections::Https;
use super::index::Index;
use super::tcp_routes::TcpRoutes;
use super::tls::Tls;
use crate::balance::resolved::Named;
use crate::balance::{self, Choice, Health, Membership, Resolved, layer4};
use crate::dynamic::Configuration;
use crate::persistent::List;
use crate::rule::{HttpRule, RequestView, TcpRule};
use crate::tls::{Certificates, Profile};

/// Everything that requests ask, at one moment.
#[derive(Default)]
pub struct Table {
    /// By position of the entry point among the TCP ones of the configuration.
    pub(super) entry_points: Vec<EntryRoutes>,
    /// By position of the entry point among the UDP ones of the configuration.
    pub(super) udp: Vec<Option<UdpRoute>>,
    /// What it was compiled from: what is unchanged in the next configuration is carried over.
    pub(super) configuration: Arc<Configuration>,
    pub(super) services: super::services::Compiled,
    /// Those of the services that somebody must look after: with servers that are names, or whose health is asked for.
    pub(super) attended: super::services::Names,
    pub(super) tcp_services: super::layer4::Compiled<balance::tcp::Transport>,
    pub(super) udp_services: super::layer4::Compiled<()>,
    /// What `MiddlewareTCP`s count.
    pub(super) admissions: super::admission::Compiled,
    pub(super) filters: super::filters::Compiled,
    /// Certificates and TLS options.
    pub(super) tls: Arc<Tls>,
    /// Routers that were asked for and don't serve.
    pub(super) disabled: Vec<Disabled>,
    /// What became of each router, for those of the next table that are unchanged.
    pub(super) routers: Outcomes,
    /// The same of the routers that the static configuration asks for; `None` before the first table.
    pub(super) internal: Option<Done>,
    /// What was found wrong with filters of one's own, used or not.
    pub(super) plugins: Arc<Outcome>,
    pub(super) children: Arc<Children>,
    /// The TLS options of server names, for a next table with the same routers.
    pub(super) https: Arc<Bound>,
    /// The addresses of servers that are names; one for all tables of a process.
    pub(super) resolved: Arc<Resolved>,
}

/// The routes of an entry point.
#[derive(Default)]
pub(super) struct EntryRoutes {
    pub plain: Routes,
    pub tls: Routes,
    pub tcp: TcpRoutes,
    /// The TLS options of the names of `tls`.
    pub https: Arc<Https>,
}

/// Routes with their index. Cheap to clone.
#[derive(Clone, Default)]
pub struct Routes {
    index: Arc<Index>,
    /// By name.
    routes: List<Arc<Route>>,
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
    /// The services of filters that have one of their own, by the filter's position.
    pub own_services: Vec<(usize, Arc<balance::Service>)>,
    /// Name of its service.
    pub service: String,
    /// Where its requests go.
    pub target: Target,
    /// The filters that services within its service have of their own, by the name of the service.
    pub inner: Vec<(Arc<str>, Arc<Route>)>,
    /// Whether something of it acts around what is further in: a filter, or a service that stands in for another.
    pub acts_around: bool,
}

/// A TCP router.
#[derive(Debug)]
pub struct TcpRoute {
    /// Its generated name.
    pub name: String,
    /// The rule's text.
    pub text: String,
    /// Its rule.
    pub rule: Arc<TcpRule>,
    /// The higher, the earlier.
    pub priority: i64,
    /// Whether it serves TLS connections, and who makes the handshake.
    pub tls: TcpTls,
    /// Names of its middlewares.
    pub middlewares: Vec<String>,
    /// The same, ready to be asked in this order.
    pub admissions: Vec<Admission>,
    /// Name of its service.
    pub service: String,
    /// Where its connections go.
    pub target: Arc<TcpTarget>,
}

/// Where TCP connections go.
pub type TcpTarget = layer4::Service<balance::tcp::Transport>;

/// A UDP router.
#[derive(Debug, Clone)]
pub struct UdpRoute {
    /// Its generated name.
    pub name: Arc<str>,
    /// Where its sessions go.
    pub service: Arc<layer4::Service<()>>,
}

/// TLS of a TCP router.
#[derive(Debug, Clone)]
pub enum TcpTls {
    /// It serves connections without TLS only.
    None,
    /// It serves TLS connections as they come: the handshake is the server's.
    Passthrough,
    /// It serves what is in TLS connections made with these options.
    Terminate(Arc<Profile>),
    /// It would serve TLS, but its options can't be used: connections for it are closed.
    Refused,
}

/// A router that doesn't serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disabled {
    /// Its generated name.
    pub name: String,
    /// Whether it is a TCP router.
    pub tcp: bool,
    /// The rule's text.
    pub rule: String,
    /// The one that it would have; the given one where it can't have it.
    pub priority: i64,
    /// Why it doesn't serve, as its diagnostic says.
    pub reason: String,
    /// Where it would serve: positions among the TCP entry points; a child route's are its parents'.
    pub entry_points: Vec<usize>,
}

/// Where the requests of a route go.
pub enum Target {
    /// To a server of a service.
    Service(Arc<balance::Service>),
    /// To the server that is chosen already.
    Chosen,
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
    /// `ready@internal`: the same for people, with what is waited for and what is wrong.
    Ready,
    /// `prometheus@internal`: the metrics.
    Prometheus,
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

    /// The TCP routes of an entry point.
    pub fn tcp_routes(&self, entry_point: usize) -> Option<&TcpRoutes> {
        self.entry_points.get(entry_point).map(|e| &e.tcp)
    }

    /// The route of a UDP entry point.
    pub fn udp_route(&self, entry_point: usize) -> Option<&UdpRoute> {
        self.udp.get(entry_point)?.as_ref()
    }

    /// The HTTP or TCP routers that would serve on an entry point but for a mistake, by name.
    pub fn disabled(&self, entry_point: usize, tcp: bool) -> impl Iterator<Item = &Disabled> {
        self.disabled.iter().filter(move |d| d.tcp == tcp && d.entry_points.contains(&entry_point))
    }

    /// The certificates that clients are shown.
    pub fn certificates(&self) -> &Certificates {
        &self.tls.certificates
    }

    /// The names of the HTTP routers that serve, on whatever entry point or as children of others.
    pub fn serving(&self) -> HashSet<&str> {
        let mut names = HashSet::new();
        let mut open: Vec<&Routes> = self.entry_points.iter().flat_map(|e| [&e.plain, &e.tls]).collect();
        while let Some(routes) = open.pop() {
            for route in routes.iter().filter(|route| names.insert(&*route.name)) {
                if let Target::Children(children) = &route.target {
                    open.push(children);
                }
            }
        }
        names
    }

    /// The names of the TCP routers that serve on some entry point.
    pub fn serving_tcp(&self) -> HashSet<&str> {
        let routes = self.entry_points.iter().flat_map(|e| e.tcp.iter());
        routes.filter(|route| !matches!(route.tls, TcpTls::Refused)).map(|route| &*route.name).collect()
    }

    /// The names of the UDP routers that serve on some entry point.
    pub fn serving_udp(&self) -> HashSet<&str> {
        self.udp.iter().flatten().map(|route| &*route.name).collect()
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

    /// The addresses that its pools know of names.
    pub fn resolved(&self) -> &Arc<Resolved> {
        &self.resolved
    }

    /// The sets of servers some of which are names, to be refreshed by their owner.
    pub fn named_members(&self) -> impl Iterator<Item = &dyn Named> {
        let pools = self.attended().map(|members| members as &dyn Named);
        let tcp = self.tcp_services.values().filter_map(|service| Some(&**service.servers()? as &dyn Named));
        let udp = self.udp_services.values().filter_map(|service| Some(&**service.servers()? as &dyn Named));
        pools.chain(tcp).chain(udp).filter(|members| !members.names().is_empty())
    }

    /// Begins to find out which servers are well, where services ask for it. To be called in a runtime, with the table
    /// that serves.
    pub fn watch_health(&self) {
        self.attended().filter_map(Membership::health).for_each(Health::start);
    }

    fn attended(&self) -> impl Iterator<Item = &Membership> {
        // Every pool has a name of its own among the services; those made of services only refer to them.
        let services = self.attended.keys().filter_map(|name| self.services.get(name));
        services.filter_map(|service| Some(&**service.pool()?.membership()))
    }
}

// === impl TcpTls ===

impl TcpTls {
    /// Whether it is about TLS connections.
    pub fn is_some(&self) -> bool {
        !matches!(self, TcpTls::None)
    }
}

// === impl Route ===

impl Route {
    /// The filters of the service that was chosen within this route's.
    pub fn inner(&self, choice: &Choice) -> Option<&Arc<Route>> {
        let service = choice.filtered()?;
        self.inner.iter().find(|(name, _)| &**name == service).map(|(_, route)| route)
    }
}

// === impl Routes ===

impl Routes {
    /// Indexes routes; of several that match, the higher priority wins, then the first name.
    pub fn new(mut routes: Vec<Arc<Route>>) -> Self {
        routes.sort_by(|a, b| a.name.cmp(&b.name));
        let index = Index::build(routes.iter().map(|r| (r.rule.clone(), r.priority, &*r.name)));
        Routes { index: Arc::new(index), routes: routes.into_iter().collect() }
    }

    /// The same with other routes under these names. The index is kept where it would be the same.
    pub(super) fn with(&self, changes: &BTreeMap<Arc<str>, Option<Arc<Route>>>) -> Self {
        let position = |name: &str| self.routes.binary_search_by(|route| (*route.name).cmp(name)).ok();
        let alike = |(name, new): (&Arc<str>, &Option<Arc<Route>>)| {
            let old = position(name).and_then(|position| self.routes.get(position));
            match (old, new) {
                (Some(old), Some(new)) => Arc::ptr_eq(&old.rule, &new.rule) && old.priority == new.priority,
                (None, None) => true,
                _ => false,
            }
        };
        if changes.iter().all(alike) {
            let mut next = self.clone();
            for (name, new) in changes {
                if let (Some(position), Some(new)) = (position(name), new) {
                    next.routes.set(position, new.clone());
                }
            }
            return next;
        }
        let kept = self.routes.iter().filter(|route| !changes.contains_key(&route.name)).cloned();
        Routes::new(kept.chain(changes.values().flatten().cloned()).collect())
    }

    /// The route for a request.
    pub fn find(&self, request: &RequestView<'_>) -> Option<&Arc<Route>> {
        self.routes.get(self.index.find(request)?)
    }

    /// All routes in the order in which they count: priority, then name.
    pub fn ranked(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.index.ranked().filter_map(|position| self.routes.get(position))
    }

    /// All routes, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.iter()
    }
}
