//! `inFlightReq`: limits how many requests of one source are served at a time.
//! A request filter; a request counts until its slot is dropped, however it ends.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use ingora_crds::middleware as config;

use super::source::Source;
use super::sources::{Key, Sources};
use crate::filter::{Filter, RequestCx, Step};
use crate::registry::BadConfig;
use crate::reply::Reply;

/// Below so many sources, memory that a part of the map has is not given back.
const SMALL: usize = 1024;

/// Lets so many requests of a source in at a time.
pub(super) struct InFlightReq {
    amount: usize,
    source: Source,
    /// Requests at this moment by source; sources without any are not held.
    counts: Arc<Sources<usize>>,
}

/// One request that counts.
struct Permit {
    source: Key,
    counts: Arc<Sources<usize>>,
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
        let source = self.counts.key(source);
        match self.counts.part(source).entry(source) {
            Entry::Occupied(mut count) if *count.get() < self.amount => *count.get_mut() += 1,
            Entry::Vacant(count) if self.amount > 0 => *count.insert(0) += 1,
            _ => return None,
        }
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
        let mut part = self.counts.part(self.source);
        if let Entry::Occupied(mut count) = part.entry(self.source) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        // What a flood took is given back after it.
        if part.capacity() > SMALL && part.len() < part.capacity() / 8 {
            part.shrink_to_fit();
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
            assert_eq!(filter.counts.len(), 0, "no source is held without requests");
        }
    }

    #[test]
    fn a_million_sources_leave_no_memory_behind() {
        let filter = filter(r#"{"amount": 1}"#).unwrap();
        let held: Vec<_> = (0..1_000_000).map(|i| filter.admit(&i.to_string()).unwrap()).collect();
        assert!(filter.admit("0").is_none());
        assert_eq!(filter.counts.len(), 1_000_000);
        drop(held);
        assert_eq!(filter.counts.len(), 0);
        assert!(filter.counts.capacity() <= SMALL * Sources::<usize>::PARTS * 2, "{}", filter.counts.capacity());
        assert!(filter.admit("0").is_some());
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
