//! What ingora writes back into a custom resource: its `status`.
//! Never read for serving. Objects of Traefik's own CRDs, which have no status, are no different.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;

/// The condition that the object's own fields are valid.
pub const ACCEPTED: &str = "Accepted";
/// The condition that everything the object refers to exists, and may be referred to.
pub const RESOLVED_REFS: &str = "ResolvedRefs";
/// The condition that all that the object asks for is served.
pub const PROGRAMMED: &str = "Programmed";

/// What became of an object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// `Accepted`: the object's own fields are valid. `ResolvedRefs`: all that it refers to exists. `Programmed`: what it
    /// asks for is served.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// What became of an object with routes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteStatus {
    /// The hosts that the routes ask for, as a text to be shown.
    #[serde(skip_serializing_if = "absent")]
    pub hosts: String,
    /// How many of the routes serve, as a text to be shown: `2/3`.
    #[serde(skip_serializing_if = "absent")]
    pub routes: String,
    /// `Accepted`: the object's own fields are valid. `ResolvedRefs`: all that it refers to exists. `Programmed`: what it
    /// asks for is served.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
