//! The built-in filters, a file each, and the table of their keys in configuration order.
//! Called by the registry only.

mod add_prefix;
mod basic_auth;
mod buffering;
mod circuit_breaker;
mod compress;
mod content_type;
mod digest_auth;
mod encoded_characters;
mod errors;
mod forward_auth;
mod grpc_web;
mod headers;
mod in_flight_req;
mod ip_allow_list;
mod ip_strategy;
mod pass_tls_client_cert;
mod rate_limit;
mod redirect;
mod redirect_regex;
mod redirect_scheme;
mod replace_path;
mod replace_path_regex;
mod retry;
mod source;
mod sources;
mod status_ranges;
mod strip_prefix;
mod strip_prefix_regex;

use std::sync::Arc;

pub use self::basic_auth::knows_hash;
use crate::config::Middleware;
use crate::filter::Filter;
use crate::registry::BadConfig;

type Built = Result<Arc<dyn Filter>, BadConfig>;

/// One key of a middleware.
pub(crate) struct Key {
    name: &'static str,
    is_set: fn(&Middleware) -> bool,
    build: fn(&Middleware, &str) -> Option<Built>,
}

/// A key whose filter is built here, by `new` of its type.
macro_rules! filter {
    ($name:literal, $field:ident, $filter:ty) => {
        Key {
            name: $name,
            is_set: |m| m.$field.is_some(),
            build: |m, _| m.$field.as_ref().map(|config| Ok(Arc::new(<$filter>::new(config)?) as Arc<dyn Filter>)),
        }
    };
    // One whose `new` wants the middleware's name, too.
    (named $name:literal, $field:ident, $filter:ty) => {
        Key {
            name: $name,
            is_set: |m| m.$field.is_some(),
            build: |m, name| {
                m.$field.as_ref().map(|config| Ok(Arc::new(<$filter>::new(config, name)?) as Arc<dyn Filter>))
            },
        }
    };
}

/// A key that is not a filter by itself: it names others or a service, or acts around the server's call.
macro_rules! elsewhere {
    ($name:literal, $field:ident) => {
        Key { name: $name, is_set: |m| m.$field.is_some(), build: |_, _| None }
    };
}

const KEYS: &[Key] = &[
    filter!("addPrefix", add_prefix, add_prefix::AddPrefix),
    filter!("stripPrefix", strip_prefix, strip_prefix::StripPrefix),
    filter!("stripPrefixRegex", strip_prefix_regex, strip_prefix_regex::StripPrefixRegex),
    filter!("replacePath", replace_path, replace_path::ReplacePath),
    filter!("replacePathRegex", replace_path_regex, replace_path_regex::ReplacePathRegex),
    elsewhere!("chain", chain),
    filter!("ipWhiteList", ip_white_list, ip_allow_list::IpWhiteList),
    filter!("ipAllowList", ip_allow_list, ip_allow_list::IpAllowList),
    filter!("headers", headers, headers::Headers),
    filter!("encodedCharacters", encoded_characters, encoded_characters::EncodedCharacters),
    filter!("errors", errors, errors::Errors),
    filter!(named "rateLimit", rate_limit, rate_limit::RateLimit),
    filter!("redirectRegex", redirect_regex, redirect_regex::RedirectRegex),
    filter!("redirectScheme", redirect_scheme, redirect_scheme::RedirectScheme),
    filter!("basicAuth", basic_auth, basic_auth::BasicAuth),
    filter!("digestAuth", digest_auth, digest_auth::DigestAuth),
    filter!("forwardAuth", forward_auth, forward_auth::ForwardAuth),
    filter!("inFlightReq", in_flight_req, in_flight_req::InFlightReq),
    filter!("buffering", buffering, buffering::Buffering),
    filter!(named "circuitBreaker", circuit_breaker, circuit_breaker::CircuitBreaker),
    filter!("compress", compress, compress::Compress),
    filter!("passTLSClientCert", pass_tls_client_cert, pass_tls_client_cert::PassTlsClientCert),
    filter!("retry", retry, retry::Retry),
    filter!("contentType", content_type, content_type::ContentType),
    filter!("grpcWeb", grpc_web, grpc_web::GrpcWeb),
];

/// The keys that are set, in configuration order.
pub(crate) fn set_keys(middleware: &Middleware) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(|key| (key.is_set)(middleware))
}

// === impl Key ===

impl Key {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Builds the filter; `None` if this key isn't built here.
    pub(crate) fn build(&self, middleware: &Middleware, name: &str) -> Option<Built> {
        (self.build)(middleware, name)
    }
}
