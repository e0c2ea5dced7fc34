//! Finds the rule for a request among many: exact host, then path prefix, then those in order of priority.
//! Built by `compile` from the literals that each rule needs; the rule itself is then asked in full.

mod bucket;
mod trie;

use std::sync::Arc;

use memchr::memchr;
use rustc_hash::FxHashMap;

use self::bucket::Bucket;
use crate::rule::{HostLiteral, HttpRule, RequestView, without_dot};

/// A place in the order of all rules: priority first, then name. Lower is better.
type Rank = u32;

/// Rules by what they need of a request. The cost of a look-up doesn't grow with their number.
#[derive(Debug, Default)]
pub struct Index {
    /// By rank.
    rules: Vec<Entry>,
    hosts: FxHashMap<Box<str>, Bucket>,
    /// By what follows the first label, with its dot.
    wildcards: FxHashMap<Box<str>, Bucket>,
    any_host: Bucket,
}

#[derive(Debug)]
struct Entry {
    rule: Arc<HttpRule>,
    /// Its place in the input.
    position: usize,
}

// === impl Index ===

impl Index {
    /// Indexes rules with their priority and name.
    pub fn build<'a>(rules: impl Iterator<Item = (Arc<HttpRule>, i64, &'a str)>) -> Index {
        let mut ranked: Vec<_> = rules.enumerate().collect();
        ranked.sort_by(|(_, (_, a, a_name)), (_, (_, b, b_name))| b.cmp(a).then(a_name.cmp(b_name)));
        let mut index = Index::default();
        for (rank, (position, (rule, _, _))) in (0..).zip(ranked) {
            for literals in rule.literals() {
                let bucket = match literals.host {
                    HostLiteral::Exact(host) => index.hosts.entry(host.into()).or_default(),
                    HostLiteral::Wildcard(suffix) => index.wildcards.entry(suffix.into()).or_default(),
                    HostLiteral::Any => &mut index.any_host,
                };
                bucket.insert(&literals.path, rank);
            }
            index.rules.push(Entry { rule, position });
        }
        index
    }

    /// The position, in what the index was built from, of the first rule that matches: highest priority, then name.
    pub fn find(&self, request: &RequestView<'_>) -> Option<usize> {
        let mut best: Option<Rank> = None;
        for bucket in self.buckets(request.host) {
            bucket.search(request.path, &mut |ranks| self.improve(ranks, request, &mut best));
        }
        self.rules.get(best? as usize).map(|entry| entry.position)
    }

    /// The positions of all rules, best first.
    pub fn ranked(&self) -> impl Iterator<Item = usize> {
        self.rules.iter().map(|entry| entry.position)
    }

    fn buckets(&self, host: &str) -> impl Iterator<Item = &Bucket> {
        let host = without_dot(host);
        let suffix = memchr(b'.', host.as_bytes()).filter(|dot| *dot > 0).and_then(|dot| host.get(dot..));
        let exact = self.hosts.get(host);
        let wildcard = suffix.filter(|_| !self.wildcards.is_empty()).and_then(|suffix| self.wildcards.get(suffix));
        exact.into_iter().chain(wildcard).chain(Some(&self.any_host))
    }

    /// Looks for a better rule among ranks in order.
    fn improve(&self, ranks: &[Rank], request: &RequestView<'_>, best: &mut Option<Rank>) {
        let better = ranks.iter().take_while(|rank| best.is_none_or(|best| **rank < best));
        for rank in better {
            if self.rules.get(*rank as usize).is_some_and(|entry| entry.rule.matches(request)) {
                *best = Some(*rank);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
