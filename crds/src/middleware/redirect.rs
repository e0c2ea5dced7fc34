//! Middlewares that redirect.
//! Read by translation and, unchanged, by the filters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;

/// Redirects requests whose URL matches.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RedirectRegex {
    /// The regular expression, matched with `scheme://host[:port]/path?query`.
    #[serde(skip_serializing_if = "absent")]
    pub regex: String,
    /// The new URL; `$1`, `${1}` are groups.
    #[serde(skip_serializing_if = "absent")]
    pub replacement: String,
    /// Answer 301 or 308 instead of 302 or 307.
    #[serde(skip_serializing_if = "absent")]
    pub permanent: bool,
}

/// Redirects requests of another scheme or port.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedirectScheme {
    /// The new scheme.
    pub scheme: String,
    /// The new port.
    #[serde(default, skip_serializing_if = "absent")]
    pub port: String,
    /// Answer 301 or 308 instead of 302 or 307.
    #[serde(default, skip_serializing_if = "absent")]
    pub permanent: bool,
}
