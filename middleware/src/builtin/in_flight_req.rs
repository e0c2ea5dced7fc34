//! `inFlightReq`: limits how many requests of one source are served at a time.
//! A request filter; a request counts until its slot is dropped, however it ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ingora_crds::middleware as config;

use super::source::Source;
use crate::filter::{Filter, RequestCx, Step};
use crate::registry::BadConfig;
use crate::reply::Reply;

/// Lets so many requests of a source in at a time.
pub(super) struct InFlightReq {
    amount: usize,
    source: Source,
    counts: Arc<Counts>,
}

/// Requests at this moment by source; sources without any are not held.
#[derive(Default)]
struct Counts(Mutex<HashMap<Arc<str>, usize>>);

/// One request that counts.
struct Permit {
    source: Arc<str>,
    counts: Arc<Counts>,
}

// === impl InFlightReq ===

impl InFlightReq {
    pub(super) fn new(config: &config::InFlightReq) -> Result<Self, BadConfig> {
        let amount = usize::try_from(config.amount)
            .map_err(|_| BadConfig::new("amount", format!("{} is negative: 0 or more is accepted", config.amount)))?;
        let source = Source::new(config.source_criterion.as_ref(), Source::Host)?;
        Ok(InFlightReq { amount, source, counts: Arc::default() })
    }

    /// Counts one more request of a source, unless it has as many as it may.
    fn admit(&self, source: &str) -> Option<Permit> {
        let mut counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        let source = match counts.get_key_value(source) {
            Some((_, count)) if *count >= self.amount => return None,
            Some((source, _)) => Arc::clone(source),
            None if self.amount == 0 => return None,
            None => Arc::from(source),
        };
        *counts.entry(Arc::clone(&source)).or_default() += 1;
        Some(Permit { source, counts: Arc::clone(&self.counts) })
    }
}

impl Filter for InFlightReq {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        match self.admit(&self.source.key(cx)) {
            Some(permit) => {
                *cx.slot = Some(Box::new(permit));
                Step::NEXT
            }
            None => Step::reply(Reply::plain(429, format!("max connections reached: {}", self.amount))),
        }
    }
}

// === impl Permit ===

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::Trial;

    fn filter(json: &str) -> Result<Arc<InFlightReq>, BadConfig> {
        InFlightReq::new(&serde_json::from_str(json).unwrap()).map(Arc::new)
    }

    #[test]
    fn lets_so_many_of_a_source_in_until_they_end() {
        for (criterion, same, other) in [
            ("null", Trial::get as fn(&str) -> Trial, (|t| Trial::get(t).header("Host", "other")) as fn(&str) -> Trial),
            (r#"{"requestHost": true}"#, Trial::get, |t| Trial::get(t).header("Host", "other")),
            (r#"{"ipStrategy": {}}"#, Trial::get, |t| Trial::get(t).peer("192.0.2.2")),
            (r#"{"requestHeaderName": "X-A"}"#, |t| Trial::get(t).header("X-A", "1"), Trial::get),
        ] {
            let filter = filter(&format!(r#"{{"amount": 2, "sourceCriterion": {criterion}}}"#)).unwrap();
            let run = |trial: Trial| trial.run_built(Arc::clone(&filter) as Arc<dyn Filter>);
            let mut held = vec![run(same("/")), run(same("/"))];
            let refused = run(same("/"));
            assert_eq!((refused.status(), refused.text().as_str()), (429, "max connections reached: 2"));
            assert_eq!(run(other("/")).status(), 200, "{criterion}");
            drop(refused);
            held.pop();
            assert_eq!(run(same("/")).status(), 200);
            held.clear();
            assert!(filter.counts.0.lock().unwrap().is_empty(), "no source is held without requests");
        }
    }

    #[test]
    fn zero_lets_nobody_in() {
        let outcome = Trial::get("/").run_built(filter(r#"{"amount": 0}"#).unwrap());
        assert_eq!((outcome.status(), outcome.text().as_str()), (429, "max connections reached: 0"));
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        for (json, path) in [
            (r#"{"amount": -1}"#, "amount"),
            (r#"{"sourceCriterion": {"requestHost": true, "requestHeaderName": "a"}}"#, "sourceCriterion"),
            (r#"{"sourceCriterion": {"requestHeaderName": "a b"}}"#, "sourceCriterion.requestHeaderName"),
            (r#"{"sourceCriterion": {"ipStrategy": {"depth": -1}}}"#, "sourceCriterion.ipStrategy.depth"),
        ] {
            assert_eq!(filter(json).err().unwrap().path, path);
        }
    }
}
