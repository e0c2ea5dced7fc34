//! What can be told of a Middleware: keys, empty options, unknown words, addresses, codes, and what its filter refuses.
//! Each of these makes Traefik's build fail, which disables the routers; the translation stays Traefik's.

use std::net::IpAddr;

use http::StatusCode;
use ingora_crds::MiddlewareSpec;
use ingora_crds::middleware::{Buffering, Compress, Headers, IpStrategy, Retry, SourceCriterion};
use ingora_middleware::wrong_options;
use ipnet::IpNet;

use crate::diagnostic::ObjectRef;
use crate::dynamic::http::Middleware;
use crate::translate::context::Context;

/// The path of a field, and what is wrong with its value.
type Finding = (String, String);

/// Encodings of responses that there are.
const ENCODINGS: [&str; 3] = ["gzip", "br", "zstd"];

/// A Middleware has exactly one key.
pub(super) fn keys(cx: &mut Context<'_>, spec: &MiddlewareSpec, object: &ObjectRef) {
    let message = match spec.keys().as_slice() {
        [_] => return,
        [] => "sets nothing: write exactly one key, such as `stripPrefix`".to_owned(),
        keys => format!(
            "sets {}: a Middleware has exactly one key, make one of each and a \
            chain of them",
            keys.join(" and ")
        ),
    };
    cx.error("MiddlewareKeyCount", object, "spec", message);
}

/// The options that no filter can be built from.
pub(super) fn options(middleware: &Middleware) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut say = |path: &str, message: &str| found.push((format!("spec.{path}"), message.to_owned()));
    let m = middleware;
    if m.add_prefix.as_ref().is_some_and(|a| a.prefix.is_empty()) {
        say("addPrefix.prefix", "is empty: write a path, such as `/api`");
    }
    if m.headers.as_ref().is_some_and(|h| *h == Headers::default()) {
        say("headers", "sets nothing: write at least one option");
    }
    if m.redirect_scheme.as_ref().is_some_and(|r| r.scheme.is_empty()) {
        say("redirectScheme.scheme", "is empty: write the scheme to redirect to, such as `https`");
    }
    if m.circuit_breaker.as_ref().is_some_and(|c| c.expression.is_empty()) {
        say("circuitBreaker.expression", "is empty: write when to stop, such as `NetworkErrorRatio() > 0.30`");
    }
    if m.rate_limit.as_ref().and_then(|r| r.period).is_some_and(|p| p.as_nanos() < 0) {
        say("rateLimit.period", "is negative: write a span of time, such as `1s`");
    }
    if m.plugin.len() > 1 {
        let names: Vec<_> = m.plugin.keys().map(String::as_str).collect();
        say("plugin", &format!("names {}: write exactly one", names.join(" and ")));
    }
    if let Some(list) = &m.ip_allow_list {
        found.extend(source_range("spec.ipAllowList", &list.source_range));
        found.extend(ip_strategy("spec.ipAllowList", list.ip_strategy.as_ref()));
        found.extend(reject_status(list.reject_status_code));
    }
    if let Some(list) = &m.ip_white_list {
        found.extend(source_range("spec.ipWhiteList", &list.source_range));
        found.extend(ip_strategy("spec.ipWhiteList", list.ip_strategy.as_ref()));
    }
    if let Some(limit) = &m.rate_limit {
        found.extend(source_criterion("spec.rateLimit", limit.source_criterion.as_ref()));
    }
    if let Some(limit) = &m.in_flight_req {
        found.extend(source_criterion("spec.inFlightReq", limit.source_criterion.as_ref()));
    }
    if let Some(page) = &m.errors {
        found.extend(codes("spec.errors.status", page.status.iter()));
        let rewrites = page.status_rewrites.keys();
        found.extend(rewrites.filter_map(|key| code(format!("spec.errors.statusRewrites.{key}"), key)));
    }
    found.extend(m.buffering.as_ref().map(buffering).unwrap_or_default());
    found.extend(m.compress.as_ref().map(compress).unwrap_or_default());
    found.extend(m.retry.as_ref().map(retry).unwrap_or_default());
    found.extend(refused(m, &found));
    found
}

/// Options that Traefik 3 accepts and doesn't heed.
pub(super) fn without_effect(middleware: &Middleware) -> Vec<Finding> {
    let Some(h) = &middleware.headers else { return Vec::new() };
    let inert = !h.ssl_options_count;
    let redirect = "has no effect, as in Traefik 3: use redirectScheme, or a redirection of the entry point";
    let options = [
        ("sslRedirect", inert && h.ssl_redirect, redirect),
        ("sslTemporaryRedirect", inert && h.ssl_temporary_redirect, redirect),
        ("sslHost", inert && !h.ssl_host.is_empty(), redirect),
        ("sslForceHost", inert && h.ssl_force_host, redirect),
        ("featurePolicy", !h.feature_policy.is_empty(), "has no effect, as in Traefik 3: use permissionsPolicy"),
    ];
    let set = options.into_iter().filter(|(_, set, _)| *set);
    set.map(|(key, _, message)| (format!("spec.headers.{key}"), message.to_owned())).collect()
}

/// What a filter can't be built from, where nothing of its key was found yet: it tells its first mistake only.
fn refused(middleware: &Middleware, found: &[Finding]) -> Vec<Finding> {
    let key = |path: &str| path.split(['.', '[']).nth(1).unwrap_or_default().to_owned();
    let told: Vec<String> = found.iter().map(|(path, _)| key(path)).collect();
    let refused = wrong_options(middleware).into_iter().map(|bad| (format!("spec.{}", bad.path), bad.message));
    refused.filter(|(path, _)| !told.contains(&key(path)) && !is_users(path)).collect()
}

/// Users have no field in the object: what is wrong with their Secret is told where it is read.
fn is_users(path: &str) -> bool {
    path.split(['.', '[']).nth(2) == Some("users")
}

/// Addresses and CIDRs, at least one. `path` is the list's owner.
pub(in crate::translate) fn source_range(path: &str, range: &[String]) -> Vec<Finding> {
    if range.is_empty() {
        let message = "is empty: write the addresses that may pass, such as `10.0.0.0/8`";
        return vec![(format!("{path}.sourceRange"), message.to_owned())];
    }
    addresses(&format!("{path}.sourceRange"), range)
}

fn addresses(path: &str, list: &[String]) -> Vec<Finding> {
    let bad = list.iter().enumerate().filter(|(_, a)| a.parse::<IpAddr>().is_err() && a.parse::<IpNet>().is_err());
    bad.map(|(i, a)| {
        (
            format!("{path}[{i}]"),
            format!(
                "{a:?} is neither an address nor a CIDR, such as \
                `10.0.0.0/8`"
            ),
        )
    })
    .collect()
}

fn ip_strategy(path: &str, strategy: Option<&IpStrategy>) -> Vec<Finding> {
    let Some(strategy) = strategy else { return Vec::new() };
    let mut found = addresses(&format!("{path}.ipStrategy.excludedIPs"), &strategy.excluded_ips);
    if strategy.depth < 0 {
        let message = format!(
            "{} is negative: write which address from the right counts, \
            1 or more",
            strategy.depth
        );
        found.push((format!("{path}.ipStrategy.depth"), message));
    }
    if let Some(subnet) = strategy.ipv6_subnet.filter(|bits| !(1..=128).contains(bits)) {
        let message = format!("{subnet} is no length of a prefix: write 1 to 128");
        found.push((format!("{path}.ipStrategy.ipv6Subnet"), message));
    }
    found
}

/// A code that has a name; 0 is the default.
fn reject_status(code: i64) -> Option<Finding> {
    let status = u16::try_from(code).ok().and_then(|code| StatusCode::from_u16(code).ok());
    let named = status.is_some_and(|status| status.canonical_reason().is_some());
    let message = format!("{code} is no status of HTTP: write one, such as 403 or 404");
    (code != 0 && !named).then(|| ("spec.ipAllowList.rejectStatusCode".to_owned(), message))
}

fn buffering(buffering: &Buffering) -> Vec<Finding> {
    let sizes = [
        ("maxRequestBodyBytes", buffering.max_request_body_bytes),
        ("memRequestBodyBytes", buffering.mem_request_body_bytes),
        ("maxResponseBodyBytes", buffering.max_response_body_bytes),
        ("memResponseBodyBytes", buffering.mem_response_body_bytes),
    ];
    let negative = sizes.into_iter().filter(|(_, size)| *size < 0);
    negative
        .map(|(key, size)| (format!("spec.buffering.{key}"), format!("{size} is negative: write 0 or more")))
        .collect()
}

fn source_criterion(path: &str, criterion: Option<&SourceCriterion>) -> Vec<Finding> {
    let Some(criterion) = criterion else { return Vec::new() };
    let mut found = ip_strategy(&format!("{path}.sourceCriterion"), criterion.ip_strategy.as_ref());
    let set: Vec<_> = [
        ("ipStrategy", criterion.ip_strategy.is_some()),
        ("requestHeaderName", !criterion.request_header_name.is_empty()),
        ("requestHost", criterion.request_host),
    ]
    .into_iter()
    .filter_map(|(key, set)| set.then_some(key))
    .collect();
    if set.len() > 1 {
        found.push((format!("{path}.sourceCriterion"), format!("sets {}: write one of them", set.join(" and "))));
    }
    found
}

fn compress(compress: &Compress) -> Vec<Finding> {
    let mut found = Vec::new();
    if !compress.excluded_content_types.is_empty() && !compress.included_content_types.is_empty() {
        let message = "is set beside excludedContentTypes: write one of them";
        found.push(("spec.compress.includedContentTypes".to_owned(), message.to_owned()));
    }
    for (i, encoding) in compress.encodings.iter().enumerate() {
        if !ENCODINGS.contains(&encoding.as_str()) {
            let message = format!("{encoding:?} is not known: write one of {}", ENCODINGS.join(", "));
            found.push((format!("spec.compress.encodings[{i}]"), message));
        }
    }
    let default = &compress.default_encoding;
    if !default.is_empty() && !compress.encodings.contains(default) {
        let message = format!("{default:?} is not among encodings: write one of {}", compress.encodings.join(", "));
        found.push(("spec.compress.defaultEncoding".to_owned(), message));
    }
    found
}

fn retry(retry: &Retry) -> Vec<Finding> {
    let mut found = codes("spec.retry.status", retry.status.iter());
    if retry.attempts <= 0 {
        let message = format!("{} is no number of attempts: write 1 or more", retry.attempts);
        found.push(("spec.retry.attempts".to_owned(), message));
    }
    if retry.status.is_empty() && retry.disable_retry_on_network_error {
        let message = "leaves nothing to retry on: write some status, or take it out";
        found.push(("spec.retry.disableRetryOnNetworkError".to_owned(), message.to_owned()));
    }
    found
}

/// `500` or `500-599`, each as an entry of a list.
fn codes<'c>(path: &str, codes: impl Iterator<Item = &'c String>) -> Vec<Finding> {
    codes.enumerate().filter_map(|(i, text)| code(format!("{path}[{i}]"), text)).collect()
}

fn code(path: String, text: &str) -> Option<Finding> {
    let number = |text: &str| text.parse::<u16>().is_ok();
    let fits = text.split_once('-').map_or_else(|| number(text), |(from, to)| number(from) && number(to));
    let message = format!("{text:?} is neither a code nor a range: write `500` or `500-599`, each as its own entry");
    (!fits).then_some((path, message))
}
