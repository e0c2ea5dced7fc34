//! The matchers of TCP rules.

use std::borrow::Cow;
use std::fmt;

use ipnet::IpNet;

use super::argument::Argument;
use super::canonical::{canonical_host, without_dot};
use super::expression::Matcher;
use super::parser::Matchers;
use super::pattern::{Pattern, Template};
use super::{ConnectionView, RuleError, Syntax};

/// One condition on a connection.
#[derive(Debug)]
pub(super) enum TcpMatcher {
    /// ``HostSNI(`*`)``: anything, even without TLS.
    AnyHost,
    /// A server name, lower-case, without trailing dot.
    Host(Box<str>),
    /// `*.example.com`: one label before it.
    HostWildcard(Box<str>),
    HostRegexp(Box<Pattern>),
    Alpn(Box<str>),
    ClientIp(IpNet),
}

/// The matchers of a syntax.
pub(super) fn matchers(syntax: Syntax) -> Matchers<TcpMatcher> {
    const V3: Matchers<TcpMatcher> = &[
        ("ALPN", |call| call.one(alpn)),
        ("ClientIP", |call| call.one(client_ip)),
        ("HostSNI", |call| call.one(host)),
        ("HostSNIRegexp", |call| call.one(host_regexp)),
    ];
    const V2: Matchers<TcpMatcher> = &[
        ("ALPN", |call| call.each(alpn)),
        ("ClientIP", |call| call.each(client_ip)),
        ("HostSNI", |call| call.each(exact_host)),
        ("HostSNIRegexp", |call| call.each(host_template)),
    ];
    match syntax {
        Syntax::V2 => V2,
        Syntax::V3 => V3,
    }
}

fn alpn(argument: &Argument<'_>) -> Result<TcpMatcher, RuleError> {
    if argument.text == "acme-tls/1" {
        return Err(argument.error("the protocol `acme-tls/1` is reserved for ACME challenges"));
    }
    Ok(TcpMatcher::Alpn(argument.text.as_ref().into()))
}

fn client_ip(argument: &Argument<'_>) -> Result<TcpMatcher, RuleError> {
    Ok(TcpMatcher::ClientIp(argument.ip_net()?))
}

fn host(argument: &Argument<'_>) -> Result<TcpMatcher, RuleError> {
    match argument.text.strip_prefix("*.") {
        Some(domain) => Ok(TcpMatcher::HostWildcard(format!("*.{}", host_name(argument, domain)?).into())),
        None => exact_host(argument),
    }
}

fn exact_host(argument: &Argument<'_>) -> Result<TcpMatcher, RuleError> {
    if argument.text == "*" {
        return Ok(TcpMatcher::AnyHost);
    }
    Ok(TcpMatcher::Host(host_name(argument, &argument.text)?.into()))
}

fn host_name(argument: &Argument<'_>, name: &str) -> Result<String, RuleError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ':');
    if name.is_empty() || !name.chars().all(fits) {
        return Err(argument.error("expected a host name such as `example.com`, or `*` for every connection"));
    }
    Ok(name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase())
}

fn host_regexp(argument: &Argument<'_>) -> Result<TcpMatcher, RuleError> {
    argument.ascii()?;
    Ok(TcpMatcher::HostRegexp(Pattern::regexp(argument)?))
}

fn host_template(argument: &Argument<'_>) -> Result<TcpMatcher, RuleError> {
    let text = argument.ascii()?;
    Ok(match Pattern::template(argument, text, Template::Host)? {
        Some(pattern) => TcpMatcher::HostRegexp(pattern),
        None => TcpMatcher::Host(text.to_ascii_lowercase().into()),
    })
}

// === impl TcpMatcher ===

impl TcpMatcher {
    /// The value of `HostSNI()`.
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            TcpMatcher::AnyHost => Some("*"),
            TcpMatcher::Host(host) | TcpMatcher::HostWildcard(host) => Some(host),
            _ => None,
        }
    }
}

impl Matcher for TcpMatcher {
    type View<'a> = ConnectionView<'a>;

    fn matches(&self, view: &ConnectionView<'_>) -> bool {
        match self {
            TcpMatcher::AnyHost => true,
            TcpMatcher::Host(host) => !view.server_name.is_empty() && *server_name(view) == **host,
            TcpMatcher::HostWildcard(host) => is_one_label_of(&server_name(view), host),
            TcpMatcher::HostRegexp(pattern) => pattern.is_match(&server_name(view)),
            TcpMatcher::Alpn(protocol) => view.alpn.contains(&&**protocol),
            TcpMatcher::ClientIp(net) => net.contains(&view.client_ip.to_canonical()),
        }
    }

    fn found(&self, view: &ConnectionView<'_>) -> String {
        match self {
            TcpMatcher::Alpn(_) => format!("the client offers [{}]", view.alpn.join(", ")),
            TcpMatcher::ClientIp(_) => format!("the client's address is {}", view.client_ip),
            _ if view.server_name.is_empty() => "there is no server name".to_owned(),
            _ => format!("the server name is `{}`", view.server_name),
        }
    }
}

impl fmt::Display for TcpMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TcpMatcher::AnyHost => f.write_str("HostSNI(`*`)"),
            TcpMatcher::Host(host) | TcpMatcher::HostWildcard(host) => write!(f, "HostSNI(`{host}`)"),
            TcpMatcher::HostRegexp(pattern) => write!(f, "HostSNIRegexp(`{pattern}`)"),
            TcpMatcher::Alpn(protocol) => write!(f, "ALPN(`{protocol}`)"),
            TcpMatcher::ClientIp(net) => write!(f, "ClientIP(`{net}`)"),
        }
    }
}

/// Tells whether `name` is `wildcard` (`*.example.com`) with one label in the place of `*`.
pub(super) fn is_one_label_of(name: &str, wildcard: &str) -> bool {
    let domain = wildcard.strip_prefix('*').unwrap_or(wildcard);
    name.strip_suffix(domain).is_some_and(|label| !label.is_empty() && !label.contains('.'))
}

/// In the form that rules are compared with; borrowed when the client sent it so.
fn server_name<'a>(view: &ConnectionView<'a>) -> Cow<'a, str> {
    canonical_host(without_dot(view.server_name))
}
