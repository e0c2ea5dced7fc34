//! Middlewares that authenticate.
//! Read by translation, which puts the Secrets' contents in for the references.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;

/// Basic authentication.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BasicAuth {
    /// Secret of type `kubernetes.io/basic-auth`, or one with a single key: lines `user:hash`.
    #[serde(skip_serializing_if = "absent")]
    pub secret: String,
    /// Realm shown to the user; default `traefik`.
    #[serde(skip_serializing_if = "absent")]
    pub realm: String,
    /// Keep `Authorization` from the servers.
    #[serde(skip_serializing_if = "absent")]
    pub remove_header: bool,
    /// Header that tells the servers the user.
    #[serde(skip_serializing_if = "absent")]
    pub header_field: String,
}

/// Digest authentication.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DigestAuth {
    /// Secret with a single key: lines `user:realm:hash`.
    #[serde(skip_serializing_if = "absent")]
    pub secret: String,
    /// Realm shown to the user; default `traefik`.
    #[serde(skip_serializing_if = "absent")]
    pub realm: String,
    /// Keep `Authorization` from the servers.
    #[serde(skip_serializing_if = "absent")]
    pub remove_header: bool,
    /// Header that tells the servers the user.
    #[serde(skip_serializing_if = "absent")]
    pub header_field: String,
}

/// Authentication by another server: a 2xx answer lets the request through, any other goes to the client.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForwardAuth {
    /// URL of the server.
    pub address: String,
    /// TLS to the server.
    #[serde(skip_serializing_if = "absent")]
    pub tls: Option<ClientTls>,
    /// Whether `X-Forwarded-*` headers of the request are believed; left out, only some are replaced.
    #[serde(skip_serializing_if = "absent")]
    pub trust_forward_header: Option<bool>,
    /// Headers copied from the answer to the request.
    #[serde(default, skip_serializing_if = "absent")]
    pub auth_response_headers: Vec<String>,
    /// Regular expression of such headers.
    #[serde(default, skip_serializing_if = "absent")]
    pub auth_response_headers_regex: String,
    /// Request headers that the server gets; default all.
    #[serde(default, skip_serializing_if = "absent")]
    pub auth_request_headers: Vec<String>,
    /// Cookies copied from the answer to the response.
    #[serde(default, skip_serializing_if = "absent")]
    pub add_auth_cookies_to_response: Vec<String>,
    /// Header of the answer that tells the user.
    #[serde(default, skip_serializing_if = "absent")]
    pub header_field: String,
    /// Send the request's body too.
    #[serde(default, skip_serializing_if = "absent")]
    pub forward_body: bool,
    /// The largest body in bytes sent; default -1, no limit.
    #[serde(skip_serializing_if = "absent")]
    pub max_body_size: Option<i64>,
    /// The largest body in bytes of an answer; default -1, no limit.
    #[serde(skip_serializing_if = "absent")]
    pub max_response_body_size: Option<i64>,
    /// Leave `Location` of the answer as it is, instead of making it absolute.
    #[serde(default, skip_serializing_if = "absent")]
    pub preserve_location_header: bool,
    /// Ask with the request's method instead of GET.
    #[serde(default, skip_serializing_if = "absent")]
    pub preserve_request_method: bool,
    /// URL that clients are redirected to instead of an answer of 401.
    #[serde(rename = "authSigninURL", default, skip_serializing_if = "absent")]
    pub auth_signin_url: String,
}

/// TLS to a server that a middleware calls. Secrets are in the middleware's namespace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientTls {
    /// Secret with the authority (`tls.ca` or `ca.crt`).
    #[serde(skip_serializing_if = "absent")]
    pub ca_secret: String,
    /// Secret with the client certificate (`tls.crt`, `tls.key`).
    #[serde(skip_serializing_if = "absent")]
    pub cert_secret: String,
    /// Take any certificate.
    #[serde(skip_serializing_if = "absent")]
    pub insecure_skip_verify: bool,
    /// Deprecated: accepted, without effect.
    #[serde(skip_serializing_if = "absent")]
    pub ca_optional: Option<bool>,
}
