//! What `/ready` answers: whether requests can be served, and what is not as it should be.
//!
//! A source that fails later doesn't take readiness away: the last good configuration serves on, and a cluster whose API
//! server is away would otherwise lose all its ingress pods at once. The body says what is wrong, and the metrics do.

use std::fmt::Write;

use super::Observed;

/// The answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Readiness {
    /// 200 or 503.
    pub status: u16,
    /// `ready`, or what is waited for; then what is wrong, a line each.
    pub body: String,
}

// === impl Readiness ===

impl Readiness {
    /// The answer of a process that is `ready` to serve, or not.
    pub fn of(ready: bool, terminating: bool, observed: &Observed) -> Readiness {
        let sources = observed.sources.load();
        let mut body = match (ready, terminating) {
            (true, _) => "ready\n".to_owned(),
            (false, true) => "terminating\n".to_owned(),
            (false, false) => {
                let missing: Vec<&str> = sources.iter().filter(|s| s.missing).map(|s| &*s.resource).collect();
                match missing.is_empty() {
                    true => "no configuration yet\n".to_owned(),
                    false => format!("no configuration yet: waiting for {}\n", missing.join(", ")),
                }
            }
        };
        for source in sources.iter() {
            if let Some(problem) = &source.problem {
                let place = if source.namespace.is_empty() { "" } else { " in " };
                let _ = writeln!(body, "{}{place}{}: {problem}", source.resource, source.namespace);
            }
        }
        Readiness { status: if ready { 200 } else { 503 }, body }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::observe::Source;

    fn source(resource: &str, problem: Option<&str>, missing: bool) -> Source {
        Source {
            resource: resource.into(),
            namespace: "".into(),
            state: "",
            problem: problem.map(Arc::from),
            missing,
            objects: 0,
            lists: 0,
            failures: 0,
        }
    }

    #[test]
    fn says_what_is_waited_for_and_what_is_wrong() {
        let observed = Observed::new().unwrap();
        let answer = |ready, terminating| Readiness::of(ready, terminating, &observed);
        assert_eq!(answer(false, false), Readiness { status: 503, body: "no configuration yet\n".into() });
        observed
            .sources
            .store(Arc::new(vec![source("services", None, true), source("secrets", Some("refused"), true)]));
        let body = "no configuration yet: waiting for services, secrets\nsecrets: refused\n".to_owned();
        assert_eq!(answer(false, false), Readiness { status: 503, body });
        observed.sources.store(Arc::new(vec![source("services", None, false), source("secrets", Some("gone"), false)]));
        assert_eq!(answer(true, false), Readiness { status: 200, body: "ready\nsecrets: gone\n".into() });
        assert_eq!(answer(false, true).status, 503);
    }
}
