//! Middlewares about bodies, and the characters of paths.
//! Read by translation and, unchanged, by the filters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;

/// Holds whole bodies before passing them on. Sizes are in bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Buffering {
    /// The largest request body, larger ones get 413; default 0, no limit.
    #[serde(skip_serializing_if = "absent")]
    pub max_request_body_bytes: i64,
    /// From this size request bodies are held on disk; default 1 MiB.
    #[serde(skip_serializing_if = "absent")]
    pub mem_request_body_bytes: i64,
    /// The largest response body, larger ones become 500; default 0, no limit.
    #[serde(skip_serializing_if = "absent")]
    pub max_response_body_bytes: i64,
    /// From this size response bodies are held on disk; default 1 MiB.
    #[serde(skip_serializing_if = "absent")]
    pub mem_response_body_bytes: i64,
    /// When to try again, such as `IsNetworkError() && Attempts() < 2`.
    #[serde(skip_serializing_if = "absent")]
    pub retry_expression: String,
}

/// Compresses responses.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Compress {
    /// Content types that are not compressed; excludes `includedContentTypes`.
    #[serde(skip_serializing_if = "absent")]
    pub excluded_content_types: Vec<String>,
    /// The only content types that are compressed.
    #[serde(skip_serializing_if = "absent")]
    pub included_content_types: Vec<String>,
    /// The smallest body in bytes that is compressed; default 1024.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(min = 0))]
    pub min_response_body_bytes: Option<i64>,
    /// Encodings in order of preference; default gzip, br, zstd.
    #[serde(skip_serializing_if = "absent")]
    pub encodings: Vec<String>,
    /// Encoding for requests without `Accept-Encoding`; default none.
    #[serde(skip_serializing_if = "absent")]
    pub default_encoding: String,
}

/// Finds out the content type of responses that have none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ContentType {
    /// Deprecated: `false` switches this off.
    #[serde(skip_serializing_if = "absent")]
    pub auto_detect: Option<bool>,
}

/// Turns gRPC-Web requests into gRPC.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GrpcWeb {
    /// Origins that requests may come from; `*` is any.
    #[serde(skip_serializing_if = "absent")]
    pub allow_origins: Vec<String>,
}

/// Refuses paths with encoded characters that are not allowed, with 400.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EncodedCharacters {
    /// Allow `%2F`.
    #[serde(skip_serializing_if = "absent")]
    pub allow_encoded_slash: bool,
    /// Allow `%5C`.
    #[serde(skip_serializing_if = "absent")]
    pub allow_encoded_back_slash: bool,
    /// Allow `%00`.
    #[serde(skip_serializing_if = "absent")]
    pub allow_encoded_null_character: bool,
    /// Allow `%3B`.
    #[serde(skip_serializing_if = "absent")]
    pub allow_encoded_semicolon: bool,
    /// Allow `%25`.
    #[serde(skip_serializing_if = "absent")]
    pub allow_encoded_percent: bool,
    /// Allow `%3F`.
    #[serde(skip_serializing_if = "absent")]
    pub allow_encoded_question_mark: bool,
    /// Allow `%23`.
    #[serde(skip_serializing_if = "absent")]
    pub allow_encoded_hash: bool,
}
