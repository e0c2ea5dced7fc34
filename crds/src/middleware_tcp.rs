//! The kind MiddlewareTCP: what happens to a TCP connection on its way.
//! Translated to TCP middlewares.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;

/// What happens to a TCP connection on its way. Of several keys, `ipAllowList` wins over `ipWhiteList` over `inFlightConn`.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "traefik.io", version = "v1alpha1", kind = "MiddlewareTCP", plural = "middlewaretcps", namespaced)]
#[kube(derive = "Default", derive = "PartialEq")]
#[kube(doc = "MiddlewareTCP is something that happens to a TCP connection on its way.")]
#[kube(status = "crate::status::Status")]
#[serde(rename_all = "camelCase", default)]
pub struct MiddlewareTCPSpec {
    /// Limits connections at a time from one address.
    #[serde(skip_serializing_if = "absent")]
    pub in_flight_conn: Option<InFlightConn>,
    /// Lets addresses through, refuses the others.
    #[serde(skip_serializing_if = "absent")]
    pub ip_allow_list: Option<IpAllowListTcp>,
    /// Deprecated name of `ipAllowList`.
    #[serde(skip_serializing_if = "absent")]
    pub ip_white_list: Option<IpAllowListTcp>,
}

/// Limits connections at a time from one address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct InFlightConn {
    /// The most connections.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(min = 0))]
    pub amount: i64,
}

/// Lets addresses through, refuses the others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct IpAllowListTcp {
    /// Addresses and CIDRs that may connect.
    #[serde(skip_serializing_if = "absent")]
    pub source_range: Vec<String>,
}
