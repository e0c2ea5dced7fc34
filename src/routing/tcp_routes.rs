//! The TCP routes of an entry point, found by server name: exact names and wildcards are looked up, the rest is a list.
//! Made by `compile`, asked for each connection.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::table::TcpRoute;
use crate::rule::{ConnectionView, HostLiteral, canonical_host, without_dot};

/// TCP routes: those for TLS, and those for connections without it.
#[derive(Debug, Default)]
pub struct TcpRoutes {
    /// In the order in which they are tried.
    routes: Vec<Arc<TcpRoute>>,
    plain: Names,
    tls: Names,
}

/// Positions among the routes, ascending, by the name that each needs.
#[derive(Debug, Default)]
struct Names {
    hosts: FxHashMap<Box<str>, Vec<u32>>,
    /// By what follows the first label, with its dot.
    wildcards: FxHashMap<Box<str>, Vec<u32>>,
    any: Vec<u32>,
    count: usize,
}

// === impl TcpRoutes ===

impl TcpRoutes {
    /// Indexes routes; of several that match, the higher priority wins, then the first name.
    pub(super) fn new(mut routes: Vec<Arc<TcpRoute>>) -> Self {
        routes.sort_by(|a, b| b.priority.cmp(&a.priority).then(a.name.cmp(&b.name)));
        let (mut plain, mut tls) = (Names::default(), Names::default());
        for (rank, route) in (0..).zip(&routes) {
            let names = if route.tls.is_some() { &mut tls } else { &mut plain };
            names.insert(rank, &route.rule.literals());
        }
        TcpRoutes { routes, plain, tls }
    }

    /// Whether there is no route.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// Whether a connection with (or without) TLS could have a route.
    pub fn any(&self, tls: bool) -> bool {
        self.names(tls).count > 0
    }

    /// The route of a connection with (or without) TLS.
    pub fn find(&self, tls: bool, connection: &ConnectionView<'_>) -> Option<&Arc<TcpRoute>> {
        let name = canonical_host(without_dot(connection.server_name));
        let mut best: Option<u32> = None;
        for ranks in self.names(tls).of(&name) {
            let better = ranks.iter().take_while(|rank| best.is_none_or(|best| **rank < best));
            let matching = better.copied().find(|rank| self.at(*rank).is_some_and(|r| r.rule.matches(connection)));
            best = matching.or(best);
        }
        self.at(best?)
    }

    /// All of them, in the order in which they are tried.
    pub fn iter(&self) -> std::slice::Iter<'_, Arc<TcpRoute>> {
        self.routes.iter()
    }

    fn at(&self, rank: u32) -> Option<&Arc<TcpRoute>> {
        self.routes.get(rank as usize)
    }

    fn names(&self, tls: bool) -> &Names {
        if tls { &self.tls } else { &self.plain }
    }
}

// === impl Names ===

impl Names {
    fn insert(&mut self, rank: u32, needed: &[HostLiteral]) {
        self.count += 1;
        for literal in needed {
            let ranks = match literal {
                HostLiteral::Exact(host) => self.hosts.entry(host.as_str().into()).or_default(),
                HostLiteral::Wildcard(suffix) => self.wildcards.entry(suffix.as_str().into()).or_default(),
                HostLiteral::Any => &mut self.any,
            };
            if ranks.last() != Some(&rank) {
                ranks.push(rank);
            }
        }
    }

    /// The lists that may have the route of a server name.
    fn of(&self, name: &str) -> impl Iterator<Item = &Vec<u32>> {
        let suffix = name.find('.').filter(|dot| *dot > 0).and_then(|dot| name.get(dot..));
        let wildcard = suffix.and_then(|suffix| self.wildcards.get(suffix));
        self.hosts.get(name).into_iter().chain(wildcard).chain(Some(&self.any))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::balance::layer4::{Service, Weighted};
    use crate::routing::table::TcpTls;
    use crate::rule::{Syntax, parse_tcp, priority};

    fn route(name: &str, rule: &str, tls: bool) -> Arc<TcpRoute> {
        Arc::new(TcpRoute {
            name: name.to_owned(),
            text: rule.to_owned(),
            rule: parse_tcp(rule, Syntax::V3).unwrap().into(),
            priority: priority(rule, 0, true).unwrap(),
            tls: if tls { TcpTls::Passthrough } else { TcpTls::None },
            middlewares: Vec::new(),
            admissions: Vec::new(),
            service: String::new(),
            target: Arc::new(Service::Weighted(Weighted::new(Vec::new(), None))),
        })
    }

    fn routes() -> Vec<Arc<TcpRoute>> {
        vec![
            route("exact", "HostSNI(`a.example`)", true),
            route("longer", "HostSNI(`a.example`) && ClientIP(`10.0.0.0/8`)", true),
            route("wild", "HostSNI(`*.example`)", true),
            route("either", "HostSNI(`b.test`) || HostSNI(`c.test`)", true),
            route("pattern", "HostSNIRegexp(`^d[0-9]+$`)", true),
            route("all", "HostSNI(`*`)", true),
            route("plain", "HostSNI(`*`)", false),
        ]
    }

    #[test]
    fn finds_what_a_scan_finds() {
        let routes = TcpRoutes::new(routes());
        for (name, ip, expected) in [
            ("a.example", "1.1.1.1", "exact"),
            ("A.Example.", "1.1.1.1", "exact"),
            ("a.example", "10.1.1.1", "longer"),
            ("b.example", "10.1.1.1", "wild"),
            ("x.b.example", "10.1.1.1", "all"),
            (".example", "10.1.1.1", "all"),
            ("c.test", "1.1.1.1", "either"),
            ("d17", "1.1.1.1", "pattern"),
            ("", "1.1.1.1", "all"),
        ] {
            let view = ConnectionView { server_name: name, alpn: &[], client_ip: ip.parse().unwrap() };
            assert_eq!(routes.find(true, &view).unwrap().name, expected, "{name} {ip}");
            let scanned = routes.iter().find(|route| route.tls.is_some() && route.rule.matches(&view));
            assert_eq!(scanned.unwrap().name, expected, "{name} {ip}");
            assert_eq!(routes.find(false, &view).unwrap().name, "plain");
        }
        assert!(routes.any(true) && routes.any(false));
        let none = TcpRoutes::new(vec![route("exact", "HostSNI(`a.example`)", true)]);
        assert!(none.any(true) && !none.any(false));
        let view = ConnectionView { server_name: "other", alpn: &[], client_ip: "1.1.1.1".parse().unwrap() };
        assert!(none.find(true, &view).is_none() && none.find(false, &view).is_none());
    }
}
