//! Middlewares about services that fail.
//! Read by translation; `circuitBreaker` and `retry` unchanged by the filters.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::GoDuration;
use crate::service::ServiceRef;
use crate::{DURATION, STATUS, absent};

/// Replaces error responses by a page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorPage {
    /// Codes and ranges that are replaced: `500`, `500-599`.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(inner(regex(pattern = STATUS)))]
    pub status: Vec<String>,
    /// Codes and ranges, and the code that the client gets instead.
    #[serde(skip_serializing_if = "absent")]
    pub status_rewrites: BTreeMap<String, i64>,
    /// The service that has the pages.
    #[serde(skip_serializing_if = "absent")]
    pub service: Option<ServiceRef>,
    /// Path and query of the page; `{status}`, `{originalStatus}` and `{url}` are replaced.
    #[serde(skip_serializing_if = "absent")]
    pub query: String,
    /// Request headers that the service gets; left out all, empty none.
    #[serde(skip_serializing_if = "absent")]
    pub error_request_headers: Option<Vec<String>>,
}

/// Stops calling a service that fails, for a while.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CircuitBreaker {
    /// The condition, such as `NetworkErrorRatio() > 0.30`.
    pub expression: String,
    /// Time between looks at the condition; default 100ms.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub check_period: Option<GoDuration>,
    /// Time without calls; default 10s.
    #[serde(skip_serializing_if = "absent")]
    pub fallback_duration: Option<GoDuration>,
    /// Time in which calls grow again; default 10s.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub recovery_duration: Option<GoDuration>,
    /// Status that clients get meanwhile; default 503.
    #[serde(default, skip_serializing_if = "absent")]
    #[schemars(range(min = 100, max = 599))]
    pub response_code: i64,
}

/// Tries again what failed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// Tries in all.
    #[schemars(range(min = 0))]
    pub attempts: i64,
    /// Time before the second try, growing from then on; default none.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub initial_interval: Option<GoDuration>,
    /// For all tries together; default none.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub timeout: Option<GoDuration>,
    /// Codes and ranges of responses that count as failures: `500`, `500-599`.
    #[serde(default, skip_serializing_if = "absent")]
    #[schemars(inner(regex(pattern = STATUS)))]
    pub status: Vec<String>,
    /// Do not try again where the connection failed.
    #[serde(default, skip_serializing_if = "absent")]
    pub disable_retry_on_network_error: bool,
    /// Try again by status for methods that are not idempotent too.
    #[serde(default, skip_serializing_if = "absent")]
    pub retry_non_idempotent_method: bool,
    /// The largest request body in bytes that is kept for another try; -1 is no limit, default 2 MiB.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(min = -1))]
    pub max_request_body_bytes: Option<i64>,
}
