//! The matchers of HTTP rules: what each compares. Everything is prepared when the rule is parsed.

mod header;
mod syntax;

use std::fmt;

use ipnet::IpNet;

pub(super) use self::syntax::matchers;

use self::header::HeaderKey;
use super::RequestView;
use super::argument::shown;
use super::canonical::without_dot;
use super::expression::Matcher;
use super::pattern::Pattern;
use super::query;
use super::tcp::is_one_label_of;

/// One condition on a request.
#[derive(Debug)]
pub(super) enum HttpMatcher {
    /// ``Host(`*`)``: any request, even without a host.
    AnyHost,
    /// A host, lower-case, without trailing dot.
    Host(Box<str>),
    /// `*.example.com`: one label before it.
    HostWildcard(Box<str>),
    /// As `Host`, but without a say in TLS: v2's `HostHeader`, and `HostRegexp` without braces.
    HostHeader(Box<str>),
    HostRegexp(Box<Pattern>),
    Path(Box<str>),
    PathPrefix(Box<str>),
    PathRegexp(Box<Pattern>),
    /// v2's `Path` with braces.
    PathTemplate(Box<Pattern>),
    /// v2's `PathPrefix` with braces.
    PathPrefixTemplate(Box<Pattern>),
    Header(Box<(HeaderKey, Box<str>)>),
    HeaderRegexp(Box<(HeaderKey, Pattern)>),
    Query(Box<(Box<str>, Box<str>)>),
    QueryRegexp(Box<(Box<str>, Pattern)>),
    /// v2: the first value counts.
    FirstQuery(Box<(Box<str>, FirstQuery)>),
    /// Upper-case.
    Method(Box<str>),
    ClientIp(IpNet),
}

/// What the first value of a key must be.
#[derive(Debug)]
pub(super) enum FirstQuery {
    Anything,
    Equal(Box<str>),
    Template(Pattern),
}

// === impl HttpMatcher ===

impl HttpMatcher {
    /// The value of `Host()`.
    pub(super) fn tls_host(&self) -> Option<&str> {
        match self {
            HttpMatcher::AnyHost => Some("*"),
            HttpMatcher::Host(host) | HttpMatcher::HostWildcard(host) => Some(host),
            _ => None,
        }
    }

    /// Tells that no request ever fits.
    pub(super) fn is_never(&self) -> bool {
        match self {
            HttpMatcher::Header(test) => test.0.is_never(),
            HttpMatcher::HeaderRegexp(test) => test.0.is_never(),
            _ => false,
        }
    }
}

impl Matcher for HttpMatcher {
    type View<'a> = RequestView<'a>;

    fn matches(&self, view: &RequestView<'_>) -> bool {
        let text = String::from_utf8_lossy;
        match self {
            HttpMatcher::AnyHost => true,
            HttpMatcher::Host(host) | HttpMatcher::HostHeader(host) => *without_dot(view.host) == **host,
            HttpMatcher::HostWildcard(host) => is_one_label_of(without_dot(view.host), host),
            HttpMatcher::HostRegexp(pattern) => pattern.is_match(view.host),
            HttpMatcher::Path(path) => *view.path == **path,
            HttpMatcher::PathPrefix(prefix) => view.path.starts_with(&**prefix),
            HttpMatcher::PathRegexp(pattern)
            | HttpMatcher::PathTemplate(pattern)
            | HttpMatcher::PathPrefixTemplate(pattern) => pattern.is_match(view.path),
            HttpMatcher::Header(test) => test.0.values(view.headers).any(|value| value == test.1.as_bytes()),
            HttpMatcher::HeaderRegexp(test) => test.0.values(view.headers).any(|value| test.1.is_match(&text(value))),
            HttpMatcher::Query(test) => query::values(view.query, &test.0).any(|value| *value == *test.1.as_bytes()),
            HttpMatcher::QueryRegexp(test) => {
                query::values(view.query, &test.0).any(|value| test.1.is_match(&text(&value)))
            }
            HttpMatcher::FirstQuery(test) => {
                query::values(view.query, &test.0).next().is_some_and(|value| match &test.1 {
                    FirstQuery::Anything => true,
                    FirstQuery::Equal(wanted) => *value == *wanted.as_bytes(),
                    FirstQuery::Template(pattern) => pattern.is_match(&text(&value)),
                })
            }
            HttpMatcher::Method(method) => *view.method == **method,
            HttpMatcher::ClientIp(net) => net.contains(&view.client_ip.to_canonical()),
        }
    }

    fn found(&self, view: &RequestView<'_>) -> String {
        let listed = |what: String, values: Vec<String>| match values.as_slice() {
            [] => format!("there is no {what}"),
            values => format!("the {what} is {}", values.join(", ")),
        };
        let header = |key: &HeaderKey| {
            let values = key.values(view.headers).map(|value| shown(&String::from_utf8_lossy(value)));
            listed(format!("header {key}"), values.collect())
        };
        let query = |key: &str| {
            let values = query::values(view.query, key).map(|value| shown(&String::from_utf8_lossy(&value)));
            listed(format!("query parameter {}", shown(key)), values.collect())
        };
        match self {
            HttpMatcher::Path(_)
            | HttpMatcher::PathPrefix(_)
            | HttpMatcher::PathRegexp(_)
            | HttpMatcher::PathTemplate(_)
            | HttpMatcher::PathPrefixTemplate(_) => format!("the path is `{}`", view.path),
            HttpMatcher::Header(test) => header(&test.0),
            HttpMatcher::HeaderRegexp(test) => header(&test.0),
            HttpMatcher::Query(test) => query(&test.0),
            HttpMatcher::QueryRegexp(test) => query(&test.0),
            HttpMatcher::FirstQuery(test) => query(&test.0),
            HttpMatcher::Method(_) => format!("the method is `{}`", view.method),
            HttpMatcher::ClientIp(_) => format!("the client's address is {}", view.client_ip),
            HttpMatcher::AnyHost
            | HttpMatcher::Host(_)
            | HttpMatcher::HostWildcard(_)
            | HttpMatcher::HostHeader(_)
            | HttpMatcher::HostRegexp(_) => match view.host {
                "" => "the request has no host".to_owned(),
                host => format!("the host is `{host}`"),
            },
        }
    }
}

impl fmt::Display for HttpMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpMatcher::AnyHost => f.write_str("Host(`*`)"),
            HttpMatcher::Host(host) | HttpMatcher::HostWildcard(host) => write!(f, "Host(`{host}`)"),
            HttpMatcher::HostHeader(host) => write!(f, "HostHeader(`{host}`)"),
            HttpMatcher::HostRegexp(pattern) => write!(f, "HostRegexp(`{pattern}`)"),
            HttpMatcher::Path(path) => write!(f, "Path(`{path}`)"),
            HttpMatcher::PathPrefix(prefix) => write!(f, "PathPrefix(`{prefix}`)"),
            HttpMatcher::PathRegexp(pattern) => write!(f, "PathRegexp(`{pattern}`)"),
            HttpMatcher::PathTemplate(pattern) => write!(f, "Path(`{pattern}`)"),
            HttpMatcher::PathPrefixTemplate(pattern) => write!(f, "PathPrefix(`{pattern}`)"),
            HttpMatcher::Header(test) => write!(f, "Header(`{}`, `{}`)", test.0, test.1),
            HttpMatcher::HeaderRegexp(test) => write!(f, "HeaderRegexp(`{}`, `{}`)", test.0, test.1),
            HttpMatcher::Query(test) if test.1.is_empty() => write!(f, "Query(`{}`)", test.0),
            HttpMatcher::Query(test) => write!(f, "Query(`{}`, `{}`)", test.0, test.1),
            HttpMatcher::QueryRegexp(test) => write!(f, "QueryRegexp(`{}`, `{}`)", test.0, test.1),
            HttpMatcher::FirstQuery(test) => match &test.1 {
                FirstQuery::Anything => write!(f, "Query(`{}=`)", test.0),
                FirstQuery::Equal(value) => write!(f, "Query(`{}={value}`)", test.0),
                FirstQuery::Template(pattern) => write!(f, "Query(`{}={pattern}`)", test.0),
            },
            HttpMatcher::Method(method) => write!(f, "Method(`{method}`)"),
            HttpMatcher::ClientIp(net) => write!(f, "ClientIP(`{net}`)"),
        }
    }
}
