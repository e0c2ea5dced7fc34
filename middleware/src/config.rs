//! What a filter is configured with: a `Middleware` object with its references resolved.
//! Field by field Traefik's `dynamic.Middleware`; written by translation, read by the registry.

use std::collections::BTreeMap;

use ingora_crds::duration::GoDuration;
use ingora_crds::middleware::{
    AddPrefix, Buffering, CircuitBreaker, Compress, ContentType, EncodedCharacters, GrpcWeb, Headers, InFlightReq,
    IpAllowList, IpWhiteList, PassTlsClientCert, RedirectRegex, RedirectScheme, ReplacePath, ReplacePathRegex, Retry,
    SourceCriterion, StripPrefix, StripPrefixRegex,
};
use ingora_crds::secret::Secret;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// A middleware: exactly one key is set in one that works.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Middleware {
    /// Puts a prefix before the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_prefix: Option<AddPrefix>,
    /// Takes a prefix off the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strip_prefix: Option<StripPrefix>,
    /// Takes what matches off the path's beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strip_prefix_regex: Option<StripPrefixRegex>,
    /// Sets the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_path: Option<ReplacePath>,
    /// Rewrites the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_path_regex: Option<ReplacePathRegex>,
    /// Other middlewares, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<Chain>,
    /// Lets addresses through (deprecated name).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_white_list: Option<IpWhiteList>,
    /// Lets addresses through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_allow_list: Option<IpAllowList>,
    /// Sets headers, CORS, security headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,
    /// Refuses encoded characters in paths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoded_characters: Option<EncodedCharacters>,
    /// Replaces error responses by a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<ErrorPage>,
    /// Limits the rate of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Redirects by a regular expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_regex: Option<RedirectRegex>,
    /// Redirects to another scheme or port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_scheme: Option<RedirectScheme>,
    /// Basic authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<Auth>,
    /// Digest authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_auth: Option<Auth>,
    /// Authentication by another server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward_auth: Option<ForwardAuth>,
    /// Limits requests at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight_req: Option<InFlightReq>,
    /// Holds whole bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buffering: Option<Buffering>,
    /// Stops calling a service that fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Compresses responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compress: Option<Compress>,
    /// Passes the client's certificate on in headers.
    #[serde(rename = "passTLSClientCert", skip_serializing_if = "Option::is_none")]
    pub pass_tls_client_cert: Option<PassTlsClientCert>,
    /// Tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Finds out the content type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// gRPC-Web to gRPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_web: Option<GrpcWeb>,
    /// Filters of one's own, by name; exactly one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub plugin: BTreeMap<String, Plugin>,
}

/// Other middlewares, in order, by generated name.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Chain {
    /// Their names, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<String>,
}

/// Replaces error responses by a page.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorPage {
    /// Codes and ranges: `500`, `500-599`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// Codes or ranges to the code the client sees.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub status_rewrites: BTreeMap<String, i64>,
    /// Name of the service that has the pages.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// Path and query of the page, with `{status}`, `{originalStatus}` and `{url}`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// Request headers that the page's service gets; absent means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_request_headers: Option<Vec<String>>,
}

/// Limits the rate of requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Requests per period; 0 is no limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub average: i64,
    /// The period; default 1 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<GoDuration>,
    /// Requests at once; default 1.
    #[serde(skip_serializing_if = "is_zero")]
    pub burst: i64,
    /// What is counted together; default the peer's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_criterion: Option<SourceCriterion>,
    /// Counts shared by replicas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<Redis>,
}

/// A Redis server or cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Redis {
    /// `host:port`; default `127.0.0.1:6379`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
    /// TLS to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// User.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// Password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Number of the database.
    #[serde(skip_serializing_if = "is_zero")]
    pub db: i64,
    /// Connections; 0 is the client's default.
    #[serde(skip_serializing_if = "is_zero")]
    pub pool_size: i64,
    /// Idle connections kept.
    #[serde(skip_serializing_if = "is_zero")]
    pub min_idle_conns: i64,
    /// Most connections; 0 is no limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_active_conns: i64,
    /// Default 3 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_timeout: Option<GoDuration>,
    /// Default 3 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_timeout: Option<GoDuration>,
    /// Default 5 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dial_timeout: Option<GoDuration>,
}

/// TLS to a server that a filter calls, PEM texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientTls {
    /// Authorities.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ca: String,
    /// Client certificate.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert: String,
    /// Its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// Take any certificate.
    #[serde(skip_serializing_if = "is_false")]
    pub insecure_skip_verify: bool,
    /// Accepted, without effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_optional: Option<bool>,
}

/// Basic or digest authentication.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// `user:hash` (basic) or `user:realm:hash` (digest).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<Secret>,
    /// Default `traefik`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub realm: String,
    /// Whether the server doesn't see `Authorization`.
    #[serde(skip_serializing_if = "is_false")]
    pub remove_header: bool,
    /// The header that tells the server the user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub header_field: String,
}

/// Authentication by another server.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ForwardAuth {
    /// Its URL.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// TLS to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// Whether the client's X-Forwarded headers are believed; absent is Traefik's legacy mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_forward_header: Option<bool>,
    /// Headers copied from its answer to the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub auth_response_headers: Vec<String>,
    /// The same by a regular expression.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub auth_response_headers_regex: String,
    /// Headers copied from the request; none means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub auth_request_headers: Vec<String>,
    /// Cookies copied from its answer to the response.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_auth_cookies_to_response: Vec<String>,
    /// The header of its answer that tells the user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub header_field: String,
    /// Send it the body.
    #[serde(skip_serializing_if = "is_false")]
    pub forward_body: bool,
    /// The largest body sent; -1 is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_body_size: Option<i64>,
    /// The largest answer read; -1 is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_response_body_size: Option<i64>,
    /// Leave `Location` of its answer as it is.
    #[serde(skip_serializing_if = "is_false")]
    pub preserve_location_header: bool,
    /// Ask with the request's method instead of GET.
    #[serde(skip_serializing_if = "is_false")]
    pub preserve_request_method: bool,
    /// Where a client without credentials is sent.
    #[serde(rename = "authSigninURL", skip_serializing_if = "String::is_empty")]
    pub auth_signin_url: String,
}

/// The configuration of a filter of one's own. Shown as written in the object; values from Secrets are not shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plugin {
    /// As written, with `urn:k8s:secret:` references.
    pub shown: Value,
    /// With the references resolved: what the filter is built from.
    pub resolved: Resolved,
}

/// A value that may hold secrets; its `Debug` doesn't show it.
#[derive(Clone, Default, PartialEq)]
pub struct Resolved(pub Value);

// === impl Plugin ===

impl Serialize for Plugin {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.shown.serialize(s)
    }
}

impl std::fmt::Debug for Resolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("xxxx")
    }
}

fn is_zero(n: &i64) -> bool {
    *n == 0
}

fn is_false(b: &bool) -> bool {
    !*b
}
