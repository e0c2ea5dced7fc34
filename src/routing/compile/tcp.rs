//! Compiles TCP routers to the ordered list that connections are matched against.
//! Part of `compile`: the same diagnostics, the same entry points.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Compiler, Field};
use crate::balance::layer4::Weighted;
use crate::config::EntryPoint;
use crate::diagnostic::Severity;
use crate::dynamic::Section;
use crate::dynamic::tcp::TcpRouter;
use crate::routing::admission::Admissions;
use crate::routing::layer4::{Services, Tcp};
use crate::routing::table::{Table, TcpRoute, TcpTarget, TcpTls};
use crate::routing::tcp_routes::TcpRoutes;
use crate::rule::{self, TcpRule};

const TLS_OPTIONS_UNUSABLE: &str = "TLSOptionsUnusable";
const SNI_WITHOUT_TLS: &str = "SNIWithoutTLS";

/// What TCP routes are made of.
pub(super) struct TcpParts<'a> {
    pub services: Services<'a, Tcp<'a>>,
    pub admissions: Admissions<'a>,
    /// The rules of the old table by router, so that they aren't parsed again.
    old_rules: HashMap<&'a str, &'a Arc<TcpRoute>>,
}

/// A code, the field at fault, and what is wrong with it.
type Mistake = (&'static str, Field, String);

// === impl TcpParts ===

impl<'a> TcpParts<'a> {
    pub(super) fn new(services: Services<'a, Tcp<'a>>, admissions: Admissions<'a>, old: Option<&'a Table>) -> Self {
        let routes = old.into_iter().flat_map(|table| &table.entry_points).flat_map(|e| e.tcp.iter());
        let old_rules = routes.map(|route| (route.name.as_str(), route)).collect();
        TcpParts { services, admissions, old_rules }
    }
}

// === impl Compiler ===

impl<'a> Compiler<'a> {
    /// The TCP routes of each entry point.
    pub(super) fn tcp(&mut self, entry_points: &[(&str, &EntryPoint)], parts: &mut TcpParts<'a>) -> Vec<TcpRoutes> {
        let mut placed = vec![Vec::new(); entry_points.len()];
        let configuration = self.configuration;
        for (name, router) in &configuration.tcp.routers {
            let positions = self.positions(Section::TcpRouter, name, &router.entry_points, entry_points);
            match self.tcp_route(name, router, parts) {
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
                        && let Ok(rule) = self.tcp_rule(name, router, parts)
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
        placed.into_iter().map(TcpRoutes::new).collect()
    }

    fn tcp_route(&self, name: &str, router: &TcpRouter, parts: &mut TcpParts<'a>) -> Result<TcpRoute, Mistake> {
        let rule = self.tcp_rule(name, router, parts)?;
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
        let admissions = router.middlewares.iter().map(|middleware| parts.admissions.build(name, middleware));
        let admissions = admissions
            .collect::<Result<_, _>>()
            .map_err(|message| ("MiddlewareUnusable", Field::Route("middlewares"), message))?;
        let target = parts.services.get(&router.service);
        let target = target.map_err(|message| ("ServiceUnusable", Field::Route("services"), message))?;
        Ok(TcpRoute { priority, tls, admissions, target, ..TcpRoute::new(name, router, rule) })
    }

    fn tcp_rule(&self, name: &str, router: &TcpRouter, parts: &TcpParts<'a>) -> Result<Arc<TcpRule>, Mistake> {
        let syntax = self.syntax(&router.rule_syntax);
        match parts.old_rules.get(name) {
            Some(old) if old.text == router.rule && old.rule.syntax() == syntax => Ok(old.rule.clone()),
            _ => rule::parse_tcp(&router.rule, syntax)
                .map(Arc::new)
                .map_err(|e| ("InvalidRule", Field::Route("match"), e.to_string())),
        }
    }
}

// === impl TcpRoute ===

impl TcpRoute {
    /// Without TLS and servers, and with the priority of its rule.
    fn new(name: &str, router: &TcpRouter, rule: Arc<TcpRule>) -> Self {
        TcpRoute {
            name: name.to_owned(),
            text: router.rule.clone(),
            rule,
            priority: rule::priority(&router.rule, router.priority, true).unwrap_or_default(),
            tls: TcpTls::None,
            middlewares: router.middlewares.clone(),
            admissions: Vec::new(),
            service: router.service.clone(),
            target: Arc::new(TcpTarget::Weighted(Weighted::new(Vec::new(), None))),
        }
    }
}
