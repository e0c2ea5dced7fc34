//! The routers that the static configuration asks for, which no object makes, and the services that the process itself is.

use std::sync::Arc;

use ingora_crds::middleware::RedirectScheme;
use ingora_middleware::{Chain, Link};

use super::{Compiler, Placed};
use crate::config::EntryPoint;
use crate::diagnostic::{Diagnostic, ObjectRef};
use crate::dynamic::http::Middleware;
use crate::routing::table::{Internal, Route, Target};
use crate::rule::{self, Syntax};

/// A route of our own; its rule is one that parses.
fn internal_route(name: &str, text: &str, priority: i64, service: &str, target: Target) -> Option<Route> {
    Some(Route {
        name: name.into(),
        rule: Arc::new(rule::parse_http(text, Syntax::V3).ok()?),
        text: text.to_owned(),
        priority,
        middlewares: Vec::new(),
        chain: Chain::default(),
        own_services: Vec::new(),
        service: service.to_owned(),
        target,
        inner: Vec::new(),
        acts_around: false,
    })
}

impl Compiler<'_> {
    /// The routers that the static configuration asks for: ping, metrics, and the redirections of entry points.
    pub(super) fn internal(&mut self, entry_points: &[(&str, &EntryPoint)]) -> Vec<Placed> {
        let mut placed = Vec::new();
        let mut own = |entry_point: &str, rule: &str, name: &str, service: Internal| {
            let position = entry_points.iter().position(|(name, _)| *name == entry_point);
            let route = internal_route(name, rule, i64::MAX, name, Target::Internal(service));
            placed.extend(position.zip(route).map(|(entry_point, route)| Placed::new(entry_point, false, route)));
        };
        if let Some(ping) = self.config.ping.as_ref().filter(|p| !p.manual_routing) {
            let service = Internal::Ping { terminating_status: ping.terminating_status_code };
            own(&ping.entry_point, "PathPrefix(`/ping`)", "ping@internal", service);
            own(&ping.entry_point, "Path(`/ready`)", "ready@internal", Internal::Ready);
        }
        let metrics = self.config.metrics.as_ref().and_then(|metrics| metrics.prometheus.as_ref());
        if let Some(prometheus) = metrics.filter(|p| !p.manual_routing) {
            own(&prometheus.entry_point, "PathPrefix(`/metrics`)", "prometheus@internal", Internal::Prometheus);
        }
        for (position, (name, entry_point)) in entry_points.iter().enumerate() {
            let Some(redirect) = &entry_point.http.redirections.entry_point else { continue };
            let port = redirect.port(&self.config.entry_points).map(|p| p.to_string());
            let settings = RedirectScheme {
                scheme: redirect.scheme.clone(),
                port: port.unwrap_or_default(),
                permanent: redirect.permanent,
            };
            let middleware = Middleware { redirect_scheme: Some(settings), ..Default::default() };
            let router = format!("{name}-to-{}@internal", redirect.to.trim_start_matches(':'));
            match self.registry.build(&middleware) {
                Ok(filter) => {
                    let target = Target::Internal(Internal::Noop);
                    let (rule, given) = ("HostRegexp(`^.+$`)", redirect.priority);
                    // The users' maximum isn't one for this.
                    let priority = rule::priority(rule, given, false).unwrap_or(given);
                    let route = internal_route(&router, rule, priority, "noop@internal", target);
                    let chain = Chain::new(vec![Link::new("redirect", filter)]);
                    placed.extend(route.map(|route| Placed::new(position, false, Route { chain, ..route })));
                }
                Err(e) => {
                    let object = ObjectRef::new("EntryPoint", "", *name);
                    let message = format!("the redirection does not serve: {e}");
                    self.diagnostics.push(Diagnostic::error(
                        "InvalidRedirection",
                        &object,
                        "http.redirections",
                        message,
                    ));
                }
            }
        }
        placed
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
}
