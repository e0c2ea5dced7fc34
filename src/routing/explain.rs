//! Why a request goes where it goes: the routes worth a try, best first, and what each one failed on.
//! For `ingora explain`; asks the same table that serves.

use serde::Serialize;

use super::table::{Routes, Table, Target};
use crate::rule::RequestView;

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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
}

fn explain(routes: &Routes, request: &RequestView<'_>, explanation: &mut Explanation) {
    let mut winner = None;
    for route in routes.candidates(request) {
        let failed = route.rule.explain(request);
        let matched = failed.is_none();
        let reason = match (failed, &winner) {
            (Some(failed), _) => failed,
            (None, None) => "wins: the first match in order of priority".to_owned(),
            (None, Some(_)) => "matches too, but a route of higher priority (or an earlier name) does before it".to_owned(),
        };
        explanation.candidates.push(Candidate {
            router: route.name.to_string(),
            rule: route.text.clone(),
            priority: route.priority,
            matched,
            reason,
        });
        if matched && winner.is_none() {
            winner = Some(route);
        }
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
