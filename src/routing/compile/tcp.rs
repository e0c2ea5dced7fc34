//! Compiles TCP routers to the ordered list that connections are matched against.
//! Part of `compile`: the same diagnostics, the same entry points.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Compiler, Field};
use crate::config::EntryPoint;
use crate::diagnostic::Severity;
use crate::dynamic::Section;
use crate::dynamic::tcp::{TcpRouter, TcpService};
use crate::routing::table::{TcpRoute, TcpTls};
use crate::rule;

const TLS_OPTIONS_UNUSABLE: &str = "TLSOptionsUnusable";
const SNI_WITHOUT_TLS: &str = "SNIWithoutTLS";

/// A code, the field at fault, and what is wrong with it.
type Mistake = (&'static str, Field, String);

impl Compiler<'_> {
    /// The TCP routes of each entry point, in the order in which they are tried.
    pub(super) fn tcp(&mut self, entry_points: &[(&str, &EntryPoint)]) -> Vec<Vec<Arc<TcpRoute>>> {
        let mut placed = vec![Vec::new(); entry_points.len()];
        for (name, router) in &self.configuration.tcp.routers {
            let positions = self.positions(Section::TcpRouter, name, &router.entry_points, entry_points);
            match self.tcp_route(name, router) {
                Ok(route) => {
                    let route = Arc::new(route);
                    for position in positions {
                        if let Some(routes) = placed.get_mut(position) {
                            routes.push(route.clone());
                        }
                    }
                }
                Err((code, field, message)) => {
                    if code == TLS_OPTIONS_UNUSABLE
                        && let Ok(rule) = rule::parse_tcp(&router.rule, self.syntax(&router.rule_syntax))
                    {
                        // Connections for it are closed: they must not fall to another route.
                        let route = Arc::new(TcpRoute { tls: TcpTls::Refused, ..TcpRoute::new(name, router, rule) });
                        for position in &positions {
                            if let Some(routes) = placed.get_mut(*position) {
                                routes.push(route.clone());
                            }
                        }
                    }
                    self.here = positions;
                    self.note_disabled(Section::TcpRouter, name, &message);
                    self.diagnose(Section::TcpRouter, name, code, field, &message);
                    // Traefik 2 passed such a router over with a warning, and its documentation has one.
                    let passed_over = code == SNI_WITHOUT_TLS && router.rule_syntax == "v2";
                    if let Some(told) = self.diagnostics.last_mut().filter(|_| passed_over) {
                        told.severity = Severity::Warning;
                    }
                }
            }
        }
        for routes in &mut placed {
            routes.sort_by(|a: &Arc<TcpRoute>, b| b.priority.cmp(&a.priority).then(a.name.cmp(&b.name)));
        }
        placed
    }

    fn tcp_route(&self, name: &str, router: &TcpRouter) -> Result<TcpRoute, Mistake> {
        let rule = rule::parse_tcp(&router.rule, self.syntax(&router.rule_syntax))
            .map_err(|e| ("InvalidRule", Field::Route("match"), e.to_string()))?;
        let priority = rule::priority(&router.rule, router.priority, true)
            .map_err(|e| ("InvalidPriority", Field::Route("priority"), e.to_string()))?;
        if router.tls.is_none() && rule.hosts().iter().any(|host| *host != "*") {
            let message =
                "HostSNI is only known of TLS connections: add `tls: {}` to the IngressRouteTCP, or match HostSNI(`*`)";
            return Err((SNI_WITHOUT_TLS, Field::Route("match"), message.to_owned()));
        }
        let tls = match &router.tls {
            None => TcpTls::None,
            // Whoever passes TLS on makes no handshake, and needs no options.
            Some(tls) if tls.passthrough => TcpTls::Passthrough,
            Some(tls) => match (self.tls.profile(&tls.options), self.unusable_options((&tls.options, None))) {
                (Some(profile), None) => TcpTls::Terminate(profile.clone()),
                (_, message) => {
                    return Err((TLS_OPTIONS_UNUSABLE, Field::TlsOptions, message.unwrap_or_default()));
                }
            },
        };
        for middleware in &router.middlewares {
            if !self.configuration.tcp.middlewares.contains_key(bare(middleware)) {
                let message = format!(
                    "the middleware {middleware:?} does not exist, or could not be used (see its own diagnostic)"
                );
                return Err(("MiddlewareUnusable", Field::Route("middlewares"), message));
            }
        }
        self.tcp_service(&router.service, &mut HashSet::new())
            .map_err(|message| ("ServiceUnusable", Field::Route("services"), message))?;
        Ok(TcpRoute { priority, tls, ..TcpRoute::new(name, router, rule) })
    }

    /// Whether a service, and all that it is made of, is there.
    fn tcp_service<'a>(&'a self, name: &'a str, seen: &mut HashSet<&'a str>) -> Result<(), String> {
        let services = &self.configuration.tcp.services;
        let Some(service) = services.get(bare(name)) else {
            return Err(format!("the service {name:?} does not exist"));
        };
        match service {
            TcpService::LoadBalancer(_) => Ok(()),
            TcpService::Weighted(_) if !seen.insert(bare(name)) => Ok(()),
            TcpService::Weighted(weighted) => {
                weighted.services.iter().try_for_each(|child| self.tcp_service(&child.name, seen))
            }
        }
    }
}

// === impl TcpRoute ===

impl TcpRoute {
    /// Without TLS, and with the priority of its rule.
    fn new(name: &str, router: &TcpRouter, rule: rule::TcpRule) -> Self {
        TcpRoute {
            name: name.to_owned(),
            text: router.rule.clone(),
            rule,
            priority: rule::priority(&router.rule, router.priority, true).unwrap_or_default(),
            tls: TcpTls::None,
            middlewares: router.middlewares.clone(),
            service: router.service.clone(),
        }
    }
}

/// A name without our own provider's.
fn bare(name: &str) -> &str {
    name.strip_suffix("@kubernetescrd").unwrap_or(name)
}
