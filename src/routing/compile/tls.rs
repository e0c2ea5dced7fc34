//! Binds the server names of HTTPS routers to their TLS options, for each entry point.
//! Part of `compile`; sees the routers that don't serve, too: their names stay closed rather than fall to other options.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::outcome::{Done, Outcome, Outcomes};
use super::{Compiler, needs};
use crate::config::EntryPoint;
use crate::diagnostic::Diagnostic;
use crate::dynamic::Section;
use crate::dynamic::http::Router;
use crate::routing::connections::{Asked, DEFAULT, Https};
use crate::routing::tls::plain;
use crate::rule::{self, HttpRule};

/// The host of rules that are for every name, as those without a host are.
const EVERY_NAME: &str = "*";

/// The TLS options of server names, and what is to be said of them.
#[derive(Default)]
pub(in crate::routing) struct Bound {
    /// By position of the entry point among the TCP ones.
    pub(super) entry_points: Vec<Arc<Https>>,
    pub(super) said: Outcome,
}

/// A router that serves TLS on an entry point.
struct Claim<'c> {
    router: &'c str,
    options: &'c str,
    /// Whether the router itself names the options, not its entry point.
    own: bool,
    rule: Arc<HttpRule>,
}

impl Compiler<'_> {
    /// The TLS options of server names: those of the table before, where neither routers nor options changed.
    pub(super) fn bound(&mut self, routers: &Outcomes, entry_points: &[(&str, &EntryPoint)]) -> Arc<Bound> {
        let (old, new) = (&self.old.configuration, self.configuration);
        let same = new.http.routers.same(&old.http.routers) && needs::same_options(old, new);
        if same && needs::same_origins(Section::HttpRouter, old, new) && !self.old.https.entry_points.is_empty() {
            return self.old.https.clone();
        }
        let https = self.https(routers, entry_points);
        let entry_points = https.into_iter().map(Arc::new).collect();
        Arc::new(Bound { entry_points, said: self.outcome(Vec::new()) })
    }

    /// The TLS options of server names, by entry point.
    fn https(&mut self, routers: &Outcomes, entry_points: &[(&str, &EntryPoint)]) -> Vec<Https> {
        let configuration = self.configuration;
        let mut claims: Vec<Vec<Claim<'_>>> = entry_points.iter().map(|_| Vec::new()).collect();
        for (name, router) in configuration.http.routers.iter().filter(|(_, router)| router.parent_refs.is_empty()) {
            let mut parsed = None;
            for (position, (entry_point_name, entry_point)) in entry_points.iter().enumerate() {
                let (options, own) = match (&router.tls, &entry_point.http.tls) {
                    (Some(tls), _) => (plain(&tls.options), true),
                    (None, Some(tls)) => (plain(&tls.options), false),
                    (None, None) => continue,
                };
                if !self.is_on(router, entry_point_name) {
                    continue;
                }
                let rule = routers.get(&**name).and_then(Done::rule).cloned().or_else(|| {
                    let parse = || rule::parse_http(&router.rule, self.syntax(&router.rule_syntax)).ok().map(Arc::new);
                    parsed.get_or_insert_with(parse).clone()
                });
                if let (Some(rule), Some(claims)) = (rule, claims.get_mut(position)) {
                    claims.push(Claim { router: name, options, own, rule });
                }
            }
        }
        let named = entry_points.iter().map(|(name, _)| *name);
        let mut https: Vec<Https> =
            claims.into_iter().zip(named).map(|(claims, entry_point)| self.bind(&claims, entry_point)).collect();
        // Our own routers have no host: they are there for every name, by the default options.
        for position in self.own_tls(entry_points) {
            if let Some(https) = https.get_mut(position) {
                (https.present, https.any) = (true, true);
            }
        }
        https
    }

    fn is_on(&self, router: &Router, entry_point: &str) -> bool {
        match router.entry_points.is_empty() {
            true => self.default_entry_points.iter().any(|name| name == entry_point),
            false => router.entry_points.iter().any(|name| name == entry_point),
        }
    }

    fn bind(&mut self, claims: &[Claim<'_>], entry_point: &str) -> Https {
        let mut https = Https { present: !claims.is_empty(), default: self.tls.binding(DEFAULT), ..Https::default() };
        let mut names: BTreeMap<&str, Vec<(&Claim<'_>, &str)>> = BTreeMap::new();
        for claim in claims {
            let hosts = claim.rule.hosts();
            if hosts.is_empty() {
                names.entry(EVERY_NAME).or_default().push((claim, DEFAULT));
                if claim.own && claim.options != DEFAULT {
                    let message = format!(
                        "the options {} are not used: which options a connection gets is decided by the server name, and \
                         the rule has no Host(); the default ones count",
                        claim.options
                    );
                    self.warn(claim.router, "TLSOptionsWithoutHost", message);
                }
                continue;
            }
            for host in hosts {
                names.entry(host).or_default().push((claim, claim.options));
            }
            if claim.options != DEFAULT {
                let asked = Asked { options: claim.options.into(), conflicts: Vec::new() };
                https.routers.insert(claim.router.into(), asked);
            }
        }
        for (name, claims) in names {
            let mut options = claims.first().map_or(DEFAULT, |(_, options)| options);
            if claims.iter().any(|(_, other)| *other != options) {
                options = DEFAULT;
                for (claim, options) in &claims {
                    if let Some(asked) = https.routers.get_mut(claim.router) {
                        asked.conflicts.push(name.into());
                    }
                    let others = claims.iter().filter(|(_, other)| other != options);
                    let others: Vec<&str> = others.map(|(other, _)| other.router).collect();
                    let message = format!(
                        "{name} has other TLS options in {} on the entry point {entry_point}: the default ones count for it",
                        others.join(", ")
                    );
                    self.warn(claim.router, "TLSOptionsConflict", message);
                }
            }
            let binding = self.tls.binding(options);
            match name.strip_prefix('*') {
                Some("") => (https.any, https.default) = (true, binding),
                Some(domain) if domain.starts_with('.') => drop(https.wildcard.insert(domain.into(), binding)),
                _ => drop(https.exact.insert(name.into(), binding)),
            }
        }
        https
    }

    fn warn(&mut self, router: &str, code: &'static str, message: String) {
        let (object, _) = self.origin(Section::HttpRouter, router);
        self.diagnostics.push(Diagnostic::warning(code, &object, "spec.tls.options", message));
    }
}
