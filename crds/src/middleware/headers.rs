//! The middleware `headers`: custom, CORS and security headers.
//! Read by translation and, unchanged, by the filter.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;

/// Sets headers; answers CORS preflights; adds security headers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Headers {
    /// Headers of the request; an empty value removes the header.
    #[serde(skip_serializing_if = "absent")]
    pub custom_request_headers: BTreeMap<String, String>,
    /// Headers of the response; an empty value removes the header.
    #[serde(skip_serializing_if = "absent")]
    pub custom_response_headers: BTreeMap<String, String>,
    /// CORS: requests may carry credentials.
    #[serde(skip_serializing_if = "absent")]
    pub access_control_allow_credentials: bool,
    /// CORS: headers that requests may have.
    #[serde(skip_serializing_if = "absent")]
    pub access_control_allow_headers: Vec<String>,
    /// CORS: methods that requests may have.
    #[serde(skip_serializing_if = "absent")]
    pub access_control_allow_methods: Vec<String>,
    /// CORS: origins that requests may come from; `*` is any.
    #[serde(skip_serializing_if = "absent")]
    pub access_control_allow_origin_list: Vec<String>,
    /// CORS: regular expressions of such origins.
    #[serde(skip_serializing_if = "absent")]
    pub access_control_allow_origin_list_regex: Vec<String>,
    /// CORS: response headers that scripts may read.
    #[serde(skip_serializing_if = "absent")]
    pub access_control_expose_headers: Vec<String>,
    /// CORS: seconds that the answer to a preflight may be kept.
    #[serde(skip_serializing_if = "absent")]
    pub access_control_max_age: i64,
    /// CORS: add `Vary: Origin` to responses.
    #[serde(skip_serializing_if = "absent")]
    pub add_vary_header: bool,
    /// Hosts that may be asked for; others get 500. Default all.
    #[serde(skip_serializing_if = "absent")]
    pub allowed_hosts: Vec<String>,
    /// Headers that may hold the host asked for, before `Host`.
    #[serde(skip_serializing_if = "absent")]
    pub hosts_proxy_headers: Vec<String>,
    /// Headers and values that tell of TLS at a proxy before, such as `X-Forwarded-Proto: https`.
    #[serde(skip_serializing_if = "absent")]
    pub ssl_proxy_headers: BTreeMap<String, String>,
    /// `max-age` of `Strict-Transport-Security`; 0 sends no such header.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(min = 0))]
    pub sts_seconds: i64,
    /// Add `includeSubDomains` to it.
    #[serde(skip_serializing_if = "absent")]
    pub sts_include_subdomains: bool,
    /// Add `preload` to it.
    #[serde(skip_serializing_if = "absent")]
    pub sts_preload: bool,
    /// Send it without TLS too.
    #[serde(rename = "forceSTSHeader", skip_serializing_if = "absent")]
    pub force_sts_header: bool,
    /// Send `X-Frame-Options: DENY`.
    #[serde(skip_serializing_if = "absent")]
    pub frame_deny: bool,
    /// Value of `X-Frame-Options`; wins over `frameDeny`.
    #[serde(skip_serializing_if = "absent")]
    pub custom_frame_options_value: String,
    /// Send `X-Content-Type-Options: nosniff`.
    #[serde(skip_serializing_if = "absent")]
    pub content_type_nosniff: bool,
    /// Send `X-XSS-Protection: 1; mode=block`.
    #[serde(skip_serializing_if = "absent")]
    pub browser_xss_filter: bool,
    /// Value of `X-XSS-Protection`; wins over `browserXssFilter`.
    #[serde(rename = "customBrowserXSSValue", skip_serializing_if = "absent")]
    pub custom_browser_xss_value: String,
    /// Value of `Content-Security-Policy`.
    #[serde(skip_serializing_if = "absent")]
    pub content_security_policy: String,
    /// Value of `Content-Security-Policy-Report-Only`.
    #[serde(skip_serializing_if = "absent")]
    pub content_security_policy_report_only: String,
    /// Value of `Public-Key-Pins`.
    #[serde(skip_serializing_if = "absent")]
    pub public_key: String,
    /// Value of `Referrer-Policy`.
    #[serde(skip_serializing_if = "absent")]
    pub referrer_policy: String,
    /// Value of `Permissions-Policy`.
    #[serde(skip_serializing_if = "absent")]
    pub permissions_policy: String,
    /// Switch `allowedHosts`, `Strict-Transport-Security` and `Public-Key-Pins` off.
    #[serde(skip_serializing_if = "absent")]
    pub is_development: bool,
    /// Deprecated, use `permissionsPolicy`: value of `Feature-Policy`.
    #[serde(skip_serializing_if = "absent")]
    pub feature_policy: String,
    /// Deprecated, use `redirectScheme`: redirect to HTTPS.
    #[serde(skip_serializing_if = "absent")]
    pub ssl_redirect: bool,
    /// Deprecated, use `redirectScheme`: with 302 instead of 301.
    #[serde(skip_serializing_if = "absent")]
    pub ssl_temporary_redirect: bool,
    /// Deprecated, use `redirectRegex`: to this host.
    #[serde(skip_serializing_if = "absent")]
    pub ssl_host: String,
    /// Deprecated, use `redirectRegex`: HTTPS requests for other hosts too.
    #[serde(skip_serializing_if = "absent")]
    pub ssl_force_host: bool,
    /// Whether the four options above have an effect: as in Traefik 2, for objects of its group. Not a field of manifests.
    #[serde(skip)]
    pub ssl_options_count: bool,
}
