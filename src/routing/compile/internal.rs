//! The routers that the static configuration asks for, which no object makes, and the services that the process itself is.
//! They are routers like others: what their entry point gives all of its routers is theirs, too.

use std::sync::Arc;

use ingora_crds::middleware::RedirectScheme;
use ingora_middleware::{Chain, Link};

use super::needs::Needs;
use super::outcome::{Changed, Done};
use super::{Compiler, Placed};
use crate::config::EntryPoint;
use crate::config::entry_point::http::RedirectEntryPoint;
use crate::diagnostic::{Diagnostic, ObjectRef};
use crate::dynamic::Section;
use crate::dynamic::http::Middleware;
use crate::routing::table::{Disabled, Internal, Route, Target};
use crate::rule::{self, Syntax};

/// A router of our own.
struct Own<'c> {
    name: String,
    /// Its entry point: the position among the TCP ones, the name, and what it gives.
    position: usize,
    entry_point_name: &'c str,
    entry_point: &'c EntryPoint,
    /// One that parses.
    rule: &'static str,
    priority: i64,
    service: &'static str,
    redirection: Option<&'c RedirectEntryPoint>,
}

/// Which requests an entry point redirects.
const REDIRECTED: &str = "HostRegexp(`^.+$`)";

/// What keeps a router of our own from serving: a code, the field of the entry point, and the reason.
type Problem = (&'static str, &'static str, String);

impl<'a> Compiler<'a> {
    /// What became of the routers that the static configuration asks for: what the table before says, where nothing changed
    /// of what they are compiled from.
    pub(super) fn internal(&mut self, entry_points: &[(&'a str, &'a EntryPoint)], changed: &mut Changed<'a>) -> Done {
        let known = self.old.internal.as_ref();
        if let Some(done) = known.filter(|done| !changed.concerns(done)) {
            return done.clone();
        }
        let routers = self.own_routers(entry_points);
        let before =
            known.map(|_| Needs::of_entry_points(&self.old.configuration, routers.iter().map(|r| r.entry_point)));
        if let Some(needs) = &before {
            let names = routers.iter().map(|router| router.name.as_str());
            self.filters.release(names, needs.names(Section::HttpMiddleware));
        }
        let placed = routers.iter().filter_map(|router| self.place_own(router)).collect();
        let outcome = Arc::new(self.outcome(placed));
        changed.note(known.map(|done| &*done.outcome), Some(&outcome));
        let needs = Needs::of_entry_points(self.configuration, routers.iter().map(|r| r.entry_point));
        changed.lose(before, &needs);
        Done::new(&needs, outcome)
    }

    /// The positions of the entry points where routers of our own serve TLS.
    pub(super) fn own_tls(&self, entry_points: &[(&str, &EntryPoint)]) -> impl Iterator<Item = usize> {
        let secure = |router: &Own<'_>| router.entry_point.http.tls.is_some();
        self.own_routers(entry_points).into_iter().filter(secure).map(|router| router.position)
    }

    /// Where requests of a service go; an error where there is no such service.
    pub(super) fn target(&mut self, service: &str) -> Result<Target, String> {
        let asked_for = |key: &str, internal: Option<Internal>| {
            let missing =
                || format!("the service {service:?} does not exist: it is there where the configuration has `{key}`");
            internal.map(Target::Internal).ok_or_else(missing)
        };
        let ping = self.config.ping.as_ref();
        match service {
            "noop@internal" => Ok(Target::Internal(Internal::Noop)),
            "ping@internal" => {
                let internal = ping.map(|ping| Internal::Ping { terminating_status: ping.terminating_status_code });
                asked_for("ping", internal)
            }
            "ready@internal" => asked_for("ping", ping.map(|_| Internal::Ready)),
            "prometheus@internal" => {
                let prometheus = self.config.metrics.as_ref().and_then(|metrics| metrics.prometheus.as_ref());
                asked_for("metrics.prometheus", prometheus.map(|_| Internal::Prometheus))
            }
            _ => self.services.get(service.strip_suffix("@kubernetescrd").unwrap_or(service)).map(Target::Service),
        }
    }

    /// Ping, metrics, and the redirections of entry points.
    fn own_routers<'c>(&self, entry_points: &[(&'c str, &'c EntryPoint)]) -> Vec<Own<'c>> {
        let mut routers = Vec::new();
        let mut own = |entry_point: &str, rule: &'static str, service: &'static str| {
            let found = entry_points.iter().enumerate().find(|(_, (name, _))| *name == entry_point);
            routers.extend(found.map(|(position, (entry_point_name, entry_point))| Own {
                name: service.to_owned(),
                position,
                entry_point_name,
                entry_point,
                rule,
                priority: i64::MAX,
                service,
                redirection: None,
            }));
        };
        if let Some(ping) = self.config.ping.as_ref().filter(|p| !p.manual_routing) {
            own(&ping.entry_point, "PathPrefix(`/ping`)", "ping@internal");
            own(&ping.entry_point, "Path(`/ready`)", "ready@internal");
        }
        let metrics = self.config.metrics.as_ref().and_then(|metrics| metrics.prometheus.as_ref());
        if let Some(prometheus) = metrics.filter(|p| !p.manual_routing) {
            own(&prometheus.entry_point, "PathPrefix(`/metrics`)", "prometheus@internal");
        }
        for (position, (entry_point_name, entry_point)) in entry_points.iter().enumerate() {
            let Some(redirect) = &entry_point.http.redirections.entry_point else { continue };
            routers.push(Own {
                name: format!("{entry_point_name}-to-{}@internal", redirect.to.trim_start_matches(':')),
                position,
                entry_point_name,
                entry_point,
                rule: REDIRECTED,
                // 0 is the length of the rule, as for routers; the users' maximum is not for our own.
                priority: rule::priority(REDIRECTED, redirect.priority, false).unwrap_or(redirect.priority),
                service: "noop@internal",
                redirection: Some(redirect),
            });
        }
        routers
    }

    /// Puts a router of our own on its entry point; one that can't serve as it should is told, and closed.
    fn place_own(&mut self, router: &Own<'_>) -> Option<Placed> {
        let tls = router.entry_point.http.tls.is_some();
        match self.own_route(router) {
            Ok(route) => Some(Placed::new(router.position, tls, route)),
            Err((code, field, reason)) => {
                let object = ObjectRef::new("EntryPoint", "", router.entry_point_name);
                let message = format!("{} does not serve: {reason}", router.name);
                self.diagnostics.push(Diagnostic::error(code, &object, field, message));
                let disabled = Disabled {
                    name: router.name.clone(),
                    tcp: false,
                    rule: router.rule.to_owned(),
                    priority: router.priority,
                    reason,
                    entry_points: vec![router.position],
                };
                self.disabled.insert((false, router.name.clone()), disabled);
                None
            }
        }
    }

    fn own_route(&mut self, router: &Own<'_>) -> Result<Route, Problem> {
        let model = &router.entry_point.http;
        if let Some(tls) = &model.tls
            && let Some(reason) = self.unusable_options((&tls.options, Some(router.entry_point_name)))
        {
            return Err(("TLSOptionsUnusable", "http.tls.options", reason));
        }
        let unusable = |reason| ("MiddlewareUnusable", "http.middlewares", reason);
        let (mut chain, middlewares) = self.filters.chain(&router.name, &model.middlewares).map_err(unusable)?;
        let own_services = self.own_services(&chain).map_err(unusable)?;
        let misdirected = |reason| ("InvalidRedirection", "http.redirections", reason);
        if let Some(redirect) = router.redirection {
            chain = Chain::new(
                chain.links().iter().cloned().chain([self.redirection(redirect).map_err(misdirected)?]).collect(),
            );
        }
        let rule = rule::parse_http(router.rule, Syntax::V3).map_err(|e| misdirected(e.to_string()))?;
        Ok(Route {
            name: router.name.as_str().into(),
            rule: Arc::new(rule),
            text: router.rule.to_owned(),
            priority: router.priority,
            middlewares,
            acts_around: chain.acts_around(),
            chain,
            own_services,
            service: router.service.to_owned(),
            target: self.target(router.service).map_err(misdirected)?,
            inner: Vec::new(),
        })
    }

    fn redirection(&self, redirect: &RedirectEntryPoint) -> Result<Link, String> {
        let port = redirect.port(&self.config.entry_points).map(|p| p.to_string());
        let settings = RedirectScheme {
            scheme: redirect.scheme.clone(),
            port: port.unwrap_or_default(),
            permanent: redirect.permanent,
        };
        let middleware = Middleware { redirect_scheme: Some(settings), ..Default::default() };
        Ok(Link::new("redirect", self.registry.build(&middleware).map_err(|e| e.to_string())?))
    }
}
