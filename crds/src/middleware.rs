//! The kind Middleware: what happens to an HTTP request, and its response, on the way.
//! The types of the keys without references are at once the filters' configuration.

mod address;
mod auth;
mod body;
mod certificate;
mod errors;
mod headers;
mod limit;
mod path;
mod redirect;

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use address::{IpAllowList, IpStrategy, IpWhiteList, SourceCriterion};
pub use auth::{BasicAuth, ClientTls, DigestAuth, ForwardAuth};
pub use body::{Buffering, Compress, ContentType, EncodedCharacters, GrpcWeb};
pub use certificate::{CertificateInfo, Issuer, PassTlsClientCert, Subject};
pub use errors::{CircuitBreaker, ErrorPage, Retry};
pub use headers::Headers;
pub use limit::{InFlightReq, RateLimit, Redis};
pub use path::{AddPrefix, ReplacePath, ReplacePathRegex, StripPrefix, StripPrefixRegex};
pub use redirect::{RedirectRegex, RedirectScheme};

use crate::absent;
use crate::reference::ObjectReference;

/// What happens to an HTTP request on its way: exactly one of the keys.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "traefik.io", version = "v1alpha1", kind = "Middleware", plural = "middlewares", namespaced)]
#[kube(derive = "Default", derive = "PartialEq")]
#[kube(doc = "Middleware is something that happens to an HTTP request, and its response, on the way.")]
#[kube(status = "crate::status::Status")]
#[serde(rename_all = "camelCase", default)]
pub struct MiddlewareSpec {
    /// Puts a prefix before the path.
    #[serde(skip_serializing_if = "absent")]
    pub add_prefix: Option<AddPrefix>,
    /// Takes a prefix off the path.
    #[serde(skip_serializing_if = "absent")]
    pub strip_prefix: Option<StripPrefix>,
    /// Takes what matches off the path's beginning.
    #[serde(skip_serializing_if = "absent")]
    pub strip_prefix_regex: Option<StripPrefixRegex>,
    /// Replaces the path.
    #[serde(skip_serializing_if = "absent")]
    pub replace_path: Option<ReplacePath>,
    /// Rewrites the path by a regular expression.
    #[serde(skip_serializing_if = "absent")]
    pub replace_path_regex: Option<ReplacePathRegex>,
    /// Other middlewares, in order.
    #[serde(skip_serializing_if = "absent")]
    pub chain: Option<Chain>,
    /// Deprecated name of `ipAllowList`.
    #[serde(skip_serializing_if = "absent")]
    pub ip_white_list: Option<IpWhiteList>,
    /// Lets addresses through, refuses the others.
    #[serde(skip_serializing_if = "absent")]
    pub ip_allow_list: Option<IpAllowList>,
    /// Sets headers; answers CORS preflights; adds security headers.
    #[serde(skip_serializing_if = "absent")]
    pub headers: Option<Headers>,
    /// Refuses paths with encoded characters that are not allowed.
    #[serde(skip_serializing_if = "absent")]
    pub encoded_characters: Option<EncodedCharacters>,
    /// Replaces error responses by a page.
    #[serde(skip_serializing_if = "absent")]
    pub errors: Option<ErrorPage>,
    /// Limits the rate of requests.
    #[serde(skip_serializing_if = "absent")]
    pub rate_limit: Option<RateLimit>,
    /// Redirects by a regular expression.
    #[serde(skip_serializing_if = "absent")]
    pub redirect_regex: Option<RedirectRegex>,
    /// Redirects to another scheme or port.
    #[serde(skip_serializing_if = "absent")]
    pub redirect_scheme: Option<RedirectScheme>,
    /// Basic authentication.
    #[serde(skip_serializing_if = "absent")]
    pub basic_auth: Option<BasicAuth>,
    /// Digest authentication.
    #[serde(skip_serializing_if = "absent")]
    pub digest_auth: Option<DigestAuth>,
    /// Authentication by another server.
    #[serde(skip_serializing_if = "absent")]
    pub forward_auth: Option<ForwardAuth>,
    /// Limits requests at a time.
    #[serde(skip_serializing_if = "absent")]
    pub in_flight_req: Option<InFlightReq>,
    /// Holds whole bodies before passing them on.
    #[serde(skip_serializing_if = "absent")]
    pub buffering: Option<Buffering>,
    /// Stops calling a service that fails.
    #[serde(skip_serializing_if = "absent")]
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Compresses responses.
    #[serde(skip_serializing_if = "absent")]
    pub compress: Option<Compress>,
    /// Tells the servers the client's certificate in headers.
    #[serde(rename = "passTLSClientCert", skip_serializing_if = "absent")]
    pub pass_tls_client_cert: Option<PassTlsClientCert>,
    /// Tries again what failed.
    #[serde(skip_serializing_if = "absent")]
    pub retry: Option<Retry>,
    /// Finds out the content type of responses that have none.
    #[serde(skip_serializing_if = "absent")]
    pub content_type: Option<ContentType>,
    /// Turns gRPC-Web requests into gRPC.
    #[serde(skip_serializing_if = "absent")]
    pub grpc_web: Option<GrpcWeb>,
    /// A filter of one's own: its name, and its configuration.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("additionalProperties" = {"x-kubernetes-preserve-unknown-fields": true}))]
    pub plugin: BTreeMap<String, Value>,
}

/// Other middlewares, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Chain {
    /// The middlewares, outermost first.
    #[serde(skip_serializing_if = "absent")]
    pub middlewares: Vec<ObjectReference>,
}

// === impl MiddlewareSpec ===

impl MiddlewareSpec {
    /// Which keys are set, in the order of the fields. A middleware that works has exactly one.
    pub fn keys(&self) -> Vec<&'static str> {
        [
            ("addPrefix", self.add_prefix.is_some()),
            ("stripPrefix", self.strip_prefix.is_some()),
            ("stripPrefixRegex", self.strip_prefix_regex.is_some()),
            ("replacePath", self.replace_path.is_some()),
            ("replacePathRegex", self.replace_path_regex.is_some()),
            ("chain", self.chain.is_some()),
            ("ipWhiteList", self.ip_white_list.is_some()),
            ("ipAllowList", self.ip_allow_list.is_some()),
            ("headers", self.headers.is_some()),
            ("encodedCharacters", self.encoded_characters.is_some()),
            ("errors", self.errors.is_some()),
            ("rateLimit", self.rate_limit.is_some()),
            ("redirectRegex", self.redirect_regex.is_some()),
            ("redirectScheme", self.redirect_scheme.is_some()),
            ("basicAuth", self.basic_auth.is_some()),
            ("digestAuth", self.digest_auth.is_some()),
            ("forwardAuth", self.forward_auth.is_some()),
            ("inFlightReq", self.in_flight_req.is_some()),
            ("buffering", self.buffering.is_some()),
            ("circuitBreaker", self.circuit_breaker.is_some()),
            ("compress", self.compress.is_some()),
            ("passTLSClientCert", self.pass_tls_client_cert.is_some()),
            ("retry", self.retry.is_some()),
            ("contentType", self.content_type.is_some()),
            ("grpcWeb", self.grpc_web.is_some()),
            ("plugin", !self.plugin.is_empty()),
        ]
        .into_iter()
        .filter_map(|(key, set)| set.then_some(key))
        .collect()
    }
}
