//! The kind TraefikService: services made of services.
//! Translated to HTTP services.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::service::{ServiceRef, Sticky};
use crate::{STATUS, absent};

/// A service made of services: exactly one of the keys.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "traefik.io", version = "v1alpha1", kind = "TraefikService", plural = "traefikservices", namespaced)]
#[kube(derive = "Default", derive = "PartialEq", doc = "TraefikService is an HTTP service made of other services.")]
#[kube(status = "crate::status::Status")]
#[serde(rename_all = "camelCase", default)]
pub struct TraefikServiceSpec {
    /// Shares requests among services by weight.
    #[serde(skip_serializing_if = "absent")]
    pub weighted: Option<Weighted>,
    /// Sends requests to a service, and copies of them to others.
    #[serde(skip_serializing_if = "absent")]
    pub mirroring: Option<Mirroring>,
    /// Shares clients among services by their address.
    #[serde(skip_serializing_if = "absent")]
    pub highest_random_weight: Option<HighestRandomWeight>,
    /// Sends requests to a service, and to another one while it fails.
    #[serde(skip_serializing_if = "absent")]
    pub failover: Option<Failover>,
}

/// Services by weight.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Weighted {
    /// The services, each with its `weight`.
    #[serde(skip_serializing_if = "absent")]
    pub services: Vec<ServiceRef>,
    /// Keeps a client on one of the services.
    #[serde(skip_serializing_if = "absent")]
    pub sticky: Option<Sticky>,
}

/// A service, and copies of its requests to others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mirroring {
    /// The service that answers.
    #[serde(flatten)]
    pub service: ServiceRef,
    /// Whether copies have the body; default true.
    #[serde(skip_serializing_if = "absent")]
    pub mirror_body: Option<bool>,
    /// The largest body in bytes that is copied, requests with a larger one are not; default -1, no limit.
    #[serde(skip_serializing_if = "absent")]
    pub max_body_size: Option<i64>,
    /// Who gets copies; their responses are thrown away.
    #[serde(default, skip_serializing_if = "absent")]
    pub mirrors: Vec<Mirror>,
}

/// A service that gets copies of requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mirror {
    /// The service.
    #[serde(flatten)]
    pub service: ServiceRef,
    /// Share of the requests that are copied, 0 (the default) to 100.
    #[serde(default, skip_serializing_if = "absent")]
    pub percent: i64,
}

/// Services by the client's address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HighestRandomWeight {
    /// The services, each with its `weight`.
    #[serde(skip_serializing_if = "absent")]
    pub services: Vec<ServiceRef>,
}

/// A service, and another where the first one fails.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failover {
    /// The main service.
    pub service: ServiceRef,
    /// The service used while the main one is down, or for requests that it failed.
    pub fallback: ServiceRef,
    /// Which answers of the main service count as failures.
    #[serde(skip_serializing_if = "absent")]
    pub errors: Option<FailoverErrors>,
}

/// Answers that count as failures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FailoverErrors {
    /// Codes and ranges: `500`, `500-599`.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(inner(regex(pattern = STATUS)))]
    pub status: Vec<String>,
    /// The largest request body in bytes kept for the fallback; default -1, no limit.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(min = -1))]
    pub max_request_body_bytes: Option<i64>,
}
