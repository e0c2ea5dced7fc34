//! What a route matches: the text of `match`, parsed once, evaluated for each request.
//! A leaf: text in, a compiled rule out. It knows neither routers nor sockets.
//!
//! `lexer` → `parser` → `expression`, whose leaves are `http` or `tcp` matchers; `literals` tells an index what to look up.

mod argument;
mod canonical;
mod expression;
mod http;
mod lexer;
mod literals;
mod parser;
mod pattern;
mod priority;
mod query;
mod tcp;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;

use ::http::HeaderMap;
use serde::{Deserialize, Serialize};

pub use self::canonical::{canonical_host, routing_path, without_dot};
pub use self::literals::{HostLiteral, Literals};
pub use self::priority::{MAX_PRIORITY, PriorityError, priority};

use self::expression::Expression;
use self::http::HttpMatcher;
use self::tcp::TcpMatcher;

/// The rule language of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Syntax {
    /// Several arguments per matcher, `{name:regexp}` templates in hosts and paths, `Headers`.
    V2,
    /// One value per matcher, regular expressions in matchers of their own.
    #[default]
    V3,
}

/// Why a text is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {position}: {message}")]
pub struct RuleError {
    /// Offset in bytes into the rule's text.
    pub position: usize,
    /// What was found there and what would be accepted, with a short excerpt.
    pub message: String,
}

/// What an HTTP rule sees of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    /// The host as [`canonical_host`] gives it; empty when the request names none.
    pub host: &'a str,
    /// The path as [`routing_path`] gives it.
    pub path: &'a str,
    /// The method as sent.
    pub method: &'a str,
    /// The request's headers. `Host` among them is not looked at.
    pub headers: &'a HeaderMap,
    /// The raw query, without `?`.
    pub query: &'a str,
    /// The address of the connection's other end; forwarding headers don't count.
    pub client_ip: IpAddr,
}

/// What a TCP rule sees of a connection.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionView<'a> {
    /// The server name of the ClientHello; empty without TLS or without a name.
    pub server_name: &'a str,
    /// The protocols that the ClientHello offers.
    pub alpn: &'a [&'a str],
    /// The address of the connection's other end.
    pub client_ip: IpAddr,
}

/// A parsed rule of an HTTP router.
#[derive(Debug)]
pub struct HttpRule {
    syntax: Syntax,
    expression: Expression<HttpMatcher>,
}

/// A parsed rule of a TCP router.
#[derive(Debug)]
pub struct TcpRule {
    syntax: Syntax,
    expression: Expression<TcpMatcher>,
}

/// Parses the rule of an HTTP router.
///
/// # Errors
/// The first thing that is wrong with the text, with its position.
pub fn parse_http(text: &str, syntax: Syntax) -> Result<HttpRule, RuleError> {
    let expression = parser::parse(text, http::matchers(syntax)).map_err(|error| error.near(text))?;
    Ok(HttpRule { syntax, expression })
}

/// Parses the rule of a TCP router.
///
/// # Errors
/// The first thing that is wrong with the text, with its position.
pub fn parse_tcp(text: &str, syntax: Syntax) -> Result<TcpRule, RuleError> {
    let expression = parser::parse(text, tcp::matchers(syntax)).map_err(|error| error.near(text))?;
    Ok(TcpRule { syntax, expression })
}

// === impl Syntax ===

impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Syntax::V2 => "v2",
            Syntax::V3 => "v3",
        })
    }
}

// === impl RuleError ===

impl RuleError {
    fn new(position: usize, message: impl Into<String>) -> Self {
        RuleError { position, message: message.into() }
    }

    /// Adds the excerpt of the rule that the error is about.
    fn near(mut self, text: &str) -> Self {
        match text.get(self.position..) {
            None | Some("") => self.message.push_str(", at the end of the rule"),
            Some(rest) => self.message.push_str(&format!(", near {}", argument::shown(rest))),
        }
        self
    }
}

// === impl HttpRule ===

impl HttpRule {
    /// Tells whether the request fits. Allocates only for queries and header values that need decoding.
    pub fn matches(&self, request: &RequestView<'_>) -> bool {
        self.expression.matches(request)
    }

    /// The language the rule was written in.
    pub fn syntax(&self) -> Syntax {
        self.syntax
    }

    /// Every value of `Host()`, lower-case, wildcards and negated ones included: the names whose TLS options the
    /// router decides. `HostHeader()` and `HostRegexp()` don't count.
    pub fn hosts(&self) -> Vec<&str> {
        self.expression.leaves().into_iter().filter_map(HttpMatcher::tls_host).collect()
    }

    /// Names the first matcher that fails, with what it found; `None` when the request fits.
    pub fn explain(&self, request: &RequestView<'_>) -> Option<String> {
        self.expression.explain(request)
    }

    /// The necessary conditions: a request can fit only if at least one of them holds. Empty when none ever fits.
    pub fn literals(&self) -> Vec<Literals> {
        literals::necessary(&self.expression)
    }
}

// === impl TcpRule ===

impl TcpRule {
    /// Tells whether the connection fits.
    pub fn matches(&self, connection: &ConnectionView<'_>) -> bool {
        self.expression.matches(connection)
    }

    /// The language the rule was written in.
    pub fn syntax(&self) -> Syntax {
        self.syntax
    }

    /// Whether it is ``HostSNI(`*`)`` and nothing else: such a route comes after those that are for a name.
    pub fn is_catch_all(&self) -> bool {
        matches!(self.expression, Expression::Is(TcpMatcher::AnyHost))
    }

    /// Every value of `HostSNI()`, lower-case, `*`, wildcards and negated ones included.
    pub fn hosts(&self) -> Vec<&str> {
        self.expression.leaves().into_iter().filter_map(TcpMatcher::host).collect()
    }

    /// The necessary names: a connection can fit only if at least one of them holds. Empty when none ever fits.
    pub fn literals(&self) -> Vec<HostLiteral> {
        literals::necessary(&self.expression).into_iter().map(|literals| literals.host).collect()
    }

    /// Names the first matcher that fails, with what it found; `None` when the connection fits.
    pub fn explain(&self, connection: &ConnectionView<'_>) -> Option<String> {
        self.expression.explain(connection)
    }
}
