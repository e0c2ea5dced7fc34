//! Middlewares that change the path.
//! Read by translation and, unchanged, by the filters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;

/// Puts a prefix before the path.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AddPrefix {
    /// The prefix; starts with `/`.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(regex(pattern = "^/"))]
    pub prefix: String,
}

/// Takes a prefix off the path, and tells it in `X-Forwarded-Prefix`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StripPrefix {
    /// The prefixes; the first in this order that the path starts with is taken off.
    #[serde(skip_serializing_if = "absent")]
    pub prefixes: Vec<String>,
    /// Whether an empty result becomes `/`; default false (true in Traefik 2).
    #[serde(skip_serializing_if = "absent")]
    pub force_slash: Option<bool>,
}

/// Takes what matches off the path's beginning, and tells it in `X-Forwarded-Prefix`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StripPrefixRegex {
    /// The regular expressions; the first one that matches counts.
    #[serde(skip_serializing_if = "absent")]
    pub regex: Vec<String>,
}

/// Replaces the path, and tells the old one in `X-Replaced-Path`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplacePath {
    /// The new path.
    #[serde(skip_serializing_if = "absent")]
    pub path: String,
}

/// Rewrites the path, and tells the old one in `X-Replaced-Path`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplacePathRegex {
    /// The regular expression to look for.
    #[serde(skip_serializing_if = "absent")]
    pub regex: String,
    /// What takes the place of each match; `$1`, `${1}` are groups.
    #[serde(skip_serializing_if = "absent")]
    pub replacement: String,
}
