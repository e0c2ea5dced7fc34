//! Why a request goes where it goes: all routes of the entry point, best first, and what each one failed on.
//! For `ingora explain`; asks the same table that serves.

use serde::Serialize;

use super::table::{Routes, Table, Target, TcpTls};
use super::tcp_routes::TcpRoutes;
use crate::rule::{ConnectionView, RequestView};

/// The route that wins, and the others.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Explanation {
    /// The router that wins; none is 404.
    pub router: Option<String>,
    /// Its service.
    pub service: Option<String>,
    /// Its middlewares, outermost first, those of parents before.
    pub middlewares: Vec<String>,
    /// What serving may do otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The routers of the entry point in the order in which they are tried, of several layers one after the other;
    /// then those that can't serve what is asked about.
    pub candidates: Vec<Candidate>,
}

/// A router of the entry point.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Candidate {
    /// Its name.
    pub router: String,
    /// Its rule.
    pub rule: String,
    /// Its priority.
    pub priority: i64,
    /// Whether its rule holds.
    pub matched: bool,
    /// Why it won, or what it failed on.
    pub reason: String,
}

// === impl Table ===

impl Table {
    /// Explains where a request goes. `entry_point` is the position among the TCP entry points.
    ///
    /// Lists every router of the entry point: those that are asked, in order, then those that serve only TLS where
    /// the request doesn't come over it, or the other way round, then those that don't serve.
    pub fn explain(&self, entry_point: usize, tls: bool, request: &RequestView<'_>) -> Explanation {
        let mut explanation = Explanation::default();
        if let Some(routes) = self.routes(entry_point, tls) {
            explain(routes, request, &mut explanation);
        }
        let reason = match tls {
            true => "serves only requests in clear text, and this one comes over TLS",
            false => "serves only requests over TLS, and this one comes in clear text",
        };
        for route in self.routes(entry_point, !tls).into_iter().flat_map(Routes::ranked) {
            let failed = Some(reason.to_owned());
            explanation.candidates.push(Candidate::new(&route.name, &route.text, route.priority, failed, None));
        }
        self.add_disabled(entry_point, false, &mut explanation);
        explanation
    }

    /// Explains where a TLS connection goes, among the TCP routes.
    pub fn explain_tcp(&self, entry_point: usize, connection: &ConnectionView<'_>) -> Explanation {
        let mut explanation = Explanation::default();
        let routes = self.tcp_routes(entry_point).into_iter().flat_map(TcpRoutes::iter);
        let routes: Vec<_> = routes.filter(|route| !matches!(route.tls, TcpTls::Refused)).collect();
        let any_tls = routes.iter().any(|route| route.tls.is_some());
        let (asked, others): (Vec<_>, Vec<_>) = routes.into_iter().partition(|route| route.tls.is_some() || !any_tls);
        for route in asked {
            let failed = route.rule.explain(connection);
            if failed.is_none() && explanation.router.is_none() {
                explanation.router = Some(route.name.clone());
                explanation.service = Some(route.service.clone()).filter(|s| !s.is_empty());
                explanation.middlewares = route.middlewares.clone();
            }
            let winner = explanation.router.as_deref();
            let candidate = Candidate::new(&route.name, &route.text, route.priority, failed, winner);
            explanation.candidates.push(candidate);
        }
        for route in others {
            let failed = Some("serves only connections without TLS".to_owned());
            explanation.candidates.push(Candidate::new(&route.name, &route.text, route.priority, failed, None));
        }
        self.add_disabled(entry_point, true, &mut explanation);
        explanation
    }

    fn add_disabled(&self, entry_point: usize, tcp: bool, explanation: &mut Explanation) {
        let mut disabled: Vec<_> = self.disabled(entry_point, tcp).collect();
        disabled.sort_by(|a, b| b.priority.cmp(&a.priority).then(a.name.cmp(&b.name)));
        explanation.candidates.extend(disabled.into_iter().map(|d| {
            let failed = Some(format!("disabled: {}", d.reason));
            Candidate::new(&d.name, &d.rule, d.priority, failed, None)
        }));
    }
}

// === impl Candidate ===

impl Candidate {
    fn new(router: &str, rule: &str, priority: i64, failed: Option<String>, winner: Option<&str>) -> Self {
        let matched = failed.is_none();
        let reason = match (failed, winner) {
            (Some(failed), _) => failed,
            (None, Some(winner)) if winner != router => format!("matches too, but {winner} comes before it"),
            (None, _) => "wins: the first match in order of priority".to_owned(),
        };
        Candidate { router: router.to_owned(), rule: rule.to_owned(), priority, matched, reason }
    }
}

/// Asks the index who wins, as serving does, and every route what it fails on.
fn explain(routes: &Routes, request: &RequestView<'_>, explanation: &mut Explanation) {
    let winner = routes.find(request);
    for route in routes.ranked() {
        let failed = route.rule.explain(request);
        let winning = winner.map(|w| &*w.name);
        explanation.candidates.push(Candidate::new(&route.name, &route.text, route.priority, failed, winning));
    }
    let Some(route) = winner else {
        // In several layers, a parent without a matching child is a 404 too.
        explanation.router = None;
        explanation.service = None;
        return;
    };
    explanation.middlewares.extend(route.middlewares.iter().cloned());
    explanation.router = Some(route.name.to_string());
    explanation.service = Some(route.service.clone()).filter(|s| !s.is_empty());
    if let Target::Children(children) = &route.target {
        if !route.middlewares.is_empty() {
            let (name, middlewares) = (&route.name, route.middlewares.join(", "));
            explanation.notes.push(format!(
                "the middlewares of the parent {name} ({middlewares}) are not run here: they may change what its children see"
            ));
        }
        explain(children, request, explanation);
    }
}

#[cfg(test)]
mod tests;
