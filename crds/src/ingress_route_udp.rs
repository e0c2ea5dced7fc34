//! The kind IngressRouteUDP: where datagrams go.
//! Translated to UDP routers and services.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;

/// Where datagrams go.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "traefik.io", version = "v1alpha1", kind = "IngressRouteUDP", plural = "ingressrouteudps", namespaced)]
#[kube(derive = "Default", derive = "PartialEq", doc = "IngressRouteUDP says where UDP datagrams go.")]
#[kube(status = "crate::status::RouteStatus")]
#[serde(rename_all = "camelCase")]
pub struct IngressRouteUDPSpec {
    /// Class of the controller that serves this; wins over the annotation `kubernetes.io/ingress.class`, even if empty.
    #[serde(skip_serializing_if = "absent")]
    pub ingress_class_name: Option<String>,
    /// Names of the entry points that listen; default all UDP entry points.
    #[serde(default, skip_serializing_if = "absent")]
    pub entry_points: Vec<String>,
    /// The routes.
    pub routes: Vec<RouteUdp>,
}

/// Where datagrams go; there is nothing to match.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteUdp {
    /// Accepted, without effect.
    #[serde(skip_serializing_if = "absent")]
    pub kind: String,
    /// Where sessions go; several share them by weight.
    #[serde(skip_serializing_if = "absent")]
    pub services: Vec<ServiceUdp>,
}

/// A Kubernetes Service that datagrams go to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceUdp {
    /// Name of the Service.
    pub name: String,
    /// Namespace of the Service; default the one of this resource.
    #[serde(skip_serializing_if = "absent")]
    pub namespace: Option<String>,
    /// Number or name of a port of the Service; may be left out for type ExternalName.
    #[serde(skip_serializing_if = "absent")]
    pub port: Option<IntOrString>,
    /// Share of the sessions among the services beside it; default 1.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(min = 0))]
    pub weight: Option<i64>,
    /// Send to the Service's cluster IP instead of its pods.
    #[serde(rename = "nativeLB", skip_serializing_if = "absent")]
    pub native_lb: Option<bool>,
    /// Send to the nodes' addresses on the Service's node port.
    #[serde(rename = "nodePortLB", default, skip_serializing_if = "absent")]
    pub node_port_lb: bool,
}
