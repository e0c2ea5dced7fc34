//! Why a request goes where it goes: the routes worth a try, best first, and what each one failed on.
//! For `ingora explain`; asks the same table that serves.

use std::sync::Arc;

use serde::Serialize;

use super::table::{Route, Routes, Table, Target};
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
    /// The routers tried, in order; of several layers one after the other.
    pub candidates: Vec<Candidate>,
}

/// A router that was tried.
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

impl Table {
    /// Explains where a request goes. `entry_point` is the position among the TCP entry points.
    pub fn explain(&self, entry_point: usize, tls: bool, request: &RequestView<'_>) -> Explanation {
        let mut explanation = Explanation::default();
        if let Some(routes) = self.routes(entry_point, tls) {
            explain(routes, request, &mut explanation);
        }
        explanation
    }

    /// Explains where a TLS connection goes, among the TCP routes.
    pub fn explain_tcp(&self, entry_point: usize, connection: &ConnectionView<'_>) -> Explanation {
        let mut explanation = Explanation::default();
        let routes = self.tcp_routes(entry_point);
        let any_tls = routes.iter().any(|route| route.tls);
        for route in routes {
            let failed = match route.rule.explain(connection) {
                None if any_tls && !route.tls => Some("serves only connections without TLS".to_owned()),
                failed => failed,
            };
            if failed.is_none() && explanation.router.is_none() {
                explanation.router = Some(route.name.clone());
                explanation.service = Some(route.service.clone()).filter(|s| !s.is_empty());
                explanation.middlewares = route.middlewares.clone();
            }
            explanation.candidates.push(Candidate::new(
                &route.name,
                &route.text,
                route.priority,
                failed,
                explanation.router.as_deref(),
            ));
        }
        explanation
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

fn explain(routes: &Routes, request: &RequestView<'_>, explanation: &mut Explanation) {
    let mut winner: Option<&Arc<Route>> = None;
    for route in routes.candidates(request) {
        let failed = route.rule.explain(request);
        if failed.is_none() && winner.is_none() {
            winner = Some(route);
        }
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
        explain(children, request, explanation);
    }
}
