//! What a request must have for a rule to match: hosts and path prefixes that an index can look up.
//! Necessary, not sufficient: the rule itself is still evaluated.

use super::expression::Expression;
use super::http::HttpMatcher;
use super::tcp::TcpMatcher;

/// How many combinations of "all of" are listed; more cost memory and find little.
const MAX_PRODUCT: usize = 64;
/// How many alternatives of "any of" are listed: long lists of hosts are worth their entries.
const MAX_UNION: usize = 1024;

/// The host that a request must have.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostLiteral {
    /// Any host, or none.
    Any,
    /// One label before this, which begins with a dot: `.example.com`.
    Wildcard(String),
    /// This canonical host.
    Exact(String),
}

/// A host and a path that together are necessary.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Literals {
    /// The host.
    pub host: HostLiteral,
    /// What the routing path starts with; empty for any.
    pub path: String,
}

/// A matcher that says what it needs.
pub(super) trait Needs {
    /// At least one of these holds for whatever it fits.
    fn needs(&self) -> Vec<Literals>;

    /// Whether it fits everything.
    fn is_any(&self) -> bool;
}

/// The literals of a rule: at least one of them holds for whatever matches.
pub(super) fn necessary<M: Needs>(expression: &Expression<M>) -> Vec<Literals> {
    match expression {
        Expression::Is(matcher) => matcher.needs(),
        Expression::Not(matcher) if matcher.is_any() => Vec::new(),
        Expression::Not(_) => vec![Literals::ANY],
        Expression::All(children) => children.iter().map(necessary).reduce(both).unwrap_or_else(|| vec![Literals::ANY]),
        Expression::Any(children) => union(children),
    }
}

// === impl Literals ===

impl Literals {
    /// Fits every request.
    const ANY: Literals = Literals { host: HostLiteral::Any, path: String::new() };

    fn host(host: HostLiteral) -> Vec<Self> {
        vec![Literals { host, path: String::new() }]
    }

    fn path(path: &str) -> Vec<Self> {
        vec![Literals { host: HostLiteral::Any, path: path.to_owned() }]
    }

    /// Both at once; `None` if that can't be.
    fn and(&self, other: &Self) -> Option<Self> {
        let host = self.host.and(&other.host)?;
        let (long, short) = match self.path.len() >= other.path.len() {
            true => (&self.path, &other.path),
            false => (&other.path, &self.path),
        };
        long.starts_with(short.as_str()).then(|| Literals { host: host.clone(), path: long.clone() })
    }
}

// === impl HostLiteral ===

impl HostLiteral {
    fn exact(host: &str) -> Self {
        HostLiteral::Exact(host.to_owned())
    }

    /// Of `*.example.com`.
    fn wildcard(host: &str) -> Self {
        HostLiteral::Wildcard(host.strip_prefix('*').unwrap_or(host).to_owned())
    }

    fn and<'h>(&'h self, other: &'h Self) -> Option<&'h Self> {
        match (self, other) {
            (HostLiteral::Any, narrow) | (narrow, HostLiteral::Any) => Some(narrow),
            (HostLiteral::Exact(host), HostLiteral::Wildcard(domain)) => is_below(host, domain).then_some(self),
            (HostLiteral::Wildcard(domain), HostLiteral::Exact(host)) => is_below(host, domain).then_some(other),
            (left, right) => (left == right).then_some(left),
        }
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|label| !label.is_empty() && !label.contains('.'))
}

impl Needs for HttpMatcher {
    fn needs(&self) -> Vec<Literals> {
        match self {
            HttpMatcher::Host(host) | HttpMatcher::HostHeader(host) => Literals::host(HostLiteral::exact(host)),
            HttpMatcher::HostWildcard(host) => Literals::host(HostLiteral::wildcard(host)),
            HttpMatcher::Path(path) | HttpMatcher::PathPrefix(path) => Literals::path(path),
            HttpMatcher::PathTemplate(pattern) | HttpMatcher::PathPrefixTemplate(pattern) => {
                Literals::path(pattern.plain_start())
            }
            never if never.is_never() => Vec::new(),
            _ => vec![Literals::ANY],
        }
    }

    fn is_any(&self) -> bool {
        matches!(self, HttpMatcher::AnyHost)
    }
}

impl Needs for TcpMatcher {
    fn needs(&self) -> Vec<Literals> {
        match self {
            TcpMatcher::Host(host) => Literals::host(HostLiteral::exact(host)),
            TcpMatcher::HostWildcard(host) => Literals::host(HostLiteral::wildcard(host)),
            _ => vec![Literals::ANY],
        }
    }

    fn is_any(&self) -> bool {
        matches!(self, TcpMatcher::AnyHost)
    }
}

/// Every pair of the two sides that can hold at once; of too many pairs, the side that says more.
fn both(left: Vec<Literals>, right: Vec<Literals>) -> Vec<Literals> {
    if left.len().saturating_mul(right.len()) > MAX_PRODUCT && left.len() > 1 && right.len() > 1 {
        return if weakest(&left) >= weakest(&right) { left } else { right };
    }
    let pairs = left.iter().flat_map(|a| right.iter().filter_map(move |b| a.and(b)));
    tidy(pairs.collect())
}

/// A side excludes no more requests than its weakest literal does.
fn weakest(side: &[Literals]) -> Option<(u8, usize)> {
    let rank = |host: &HostLiteral| match host {
        HostLiteral::Any => 0,
        HostLiteral::Wildcard(_) => 1,
        HostLiteral::Exact(_) => 2,
    };
    side.iter().map(|literals| (rank(&literals.host), literals.path.len())).min()
}

fn union<M: Needs>(children: &[Expression<M>]) -> Vec<Literals> {
    let mut all = Vec::new();
    for child in children {
        let found = necessary(child);
        if found.contains(&Literals::ANY) {
            return found;
        }
        all.extend(found);
        if all.len() > 2 * MAX_UNION {
            all = tidy(all);
        }
        if all.len() > 2 * MAX_UNION {
            break;
        }
    }
    let all = tidy(all);
    if all.len() > MAX_UNION { vec![Literals::ANY] } else { all }
}

/// Sorted, each once; whatever comes beside "any" is "any".
fn tidy(mut list: Vec<Literals>) -> Vec<Literals> {
    list.sort();
    list.dedup();
    if list.first() == Some(&Literals::ANY) {
        list.truncate(1);
    }
    list
}
