//! Middlewares that limit how much a client may ask.
//! Read by translation, which puts the Secrets' contents in for the references.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::SourceCriterion;
use super::auth::ClientTls;
use crate::duration::GoDuration;
use crate::{DURATION, absent};

/// Limits the rate of requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RateLimit {
    /// Requests in a period; 0 is no limit.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(min = 0))]
    pub average: i64,
    /// The period; default 1s.
    #[serde(skip_serializing_if = "absent")]
    pub period: Option<GoDuration>,
    /// Requests that may come at once; default 1.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(min = 0))]
    pub burst: i64,
    /// Which requests are counted together; default those of the same peer.
    #[serde(skip_serializing_if = "absent")]
    pub source_criterion: Option<SourceCriterion>,
    /// Where replicas share their counts.
    #[serde(skip_serializing_if = "absent")]
    pub redis: Option<Redis>,
}

/// A Redis server or cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Redis {
    /// Addresses `host:port`; default `127.0.0.1:6379`.
    #[serde(skip_serializing_if = "absent")]
    pub endpoints: Vec<String>,
    /// Secret with `username` and `password`, in this namespace.
    #[serde(skip_serializing_if = "absent")]
    pub secret: String,
    /// TLS to it.
    #[serde(skip_serializing_if = "absent")]
    pub tls: Option<ClientTls>,
    /// Number of the database.
    #[serde(skip_serializing_if = "absent")]
    pub db: i64,
    /// Connections; 0 is 10 per processor.
    #[serde(skip_serializing_if = "absent")]
    pub pool_size: i64,
    /// Idle connections that are kept.
    #[serde(skip_serializing_if = "absent")]
    pub min_idle_conns: i64,
    /// The most connections; 0 is no limit.
    #[serde(skip_serializing_if = "absent")]
    pub max_active_conns: i64,
    /// To read an answer; default 3s.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub read_timeout: Option<GoDuration>,
    /// To write a command; default 3s.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub write_timeout: Option<GoDuration>,
    /// To connect; default 5s.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub dial_timeout: Option<GoDuration>,
}

/// Limits requests at a time; more get 429.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct InFlightReq {
    /// The most requests.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(min = 0))]
    pub amount: i64,
    /// Which requests are counted together; default those for the same host.
    #[serde(skip_serializing_if = "absent")]
    pub source_criterion: Option<SourceCriterion>,
}
