//! Middlewares and settings about the client's address.
//! Read by translation and, unchanged, by the filters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;

/// Lets addresses through, refuses the others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpAllowList {
    /// Addresses and CIDRs that are let through.
    pub source_range: Vec<String>,
    /// Which address counts; default the peer's.
    #[serde(skip_serializing_if = "absent")]
    pub ip_strategy: Option<IpStrategy>,
    /// Status of a refusal; default 403.
    #[serde(default, skip_serializing_if = "absent")]
    pub reject_status_code: i64,
}

/// Lets addresses through, refuses the others with 403.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpWhiteList {
    /// Addresses and CIDRs that are let through.
    pub source_range: Vec<String>,
    /// Which address counts; default the peer's.
    #[serde(skip_serializing_if = "absent")]
    pub ip_strategy: Option<IpStrategy>,
}

/// Which address is the client's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct IpStrategy {
    /// Take this entry of `X-Forwarded-For`, counted from the right; 0 does not look at it. Wins over `excludedIPs`.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(min = 0))]
    pub depth: i64,
    /// Take the rightmost entry of `X-Forwarded-For` that is not one of these addresses and CIDRs.
    #[serde(rename = "excludedIPs", skip_serializing_if = "absent")]
    pub excluded_ips: Vec<String>,
    /// Bits of an IPv6 address that count, 1 to 128; default all.
    #[serde(skip_serializing_if = "absent")]
    pub ipv6_subnet: Option<i64>,
}

/// Which requests are counted together: exactly one of the keys.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceCriterion {
    /// Those of the same client.
    #[serde(skip_serializing_if = "absent")]
    pub ip_strategy: Option<IpStrategy>,
    /// Those with the same value of this header.
    #[serde(skip_serializing_if = "absent")]
    pub request_header_name: String,
    /// Those for the same host.
    #[serde(skip_serializing_if = "absent")]
    pub request_host: bool,
}
