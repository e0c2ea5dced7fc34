//! The kind IngressRouteTCP: which TCP connections go where.
//! Translated to TCP routers and services.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;
use crate::ingress_route::Domain;
use crate::reference::ObjectReference;

/// Which TCP connections go where.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "traefik.io", version = "v1alpha1", kind = "IngressRouteTCP", plural = "ingressroutetcps", namespaced)]
#[kube(derive = "Default", derive = "PartialEq", doc = "IngressRouteTCP says which TCP connections go where.")]
#[kube(status = "crate::status::RouteStatus")]
#[serde(rename_all = "camelCase")]
pub struct IngressRouteTCPSpec {
    /// Class of the controller that serves this; wins over the annotation `kubernetes.io/ingress.class`, even if empty.
    #[serde(skip_serializing_if = "absent")]
    pub ingress_class_name: Option<String>,
    /// Names of the entry points that listen; default all default entry points.
    #[serde(default, skip_serializing_if = "absent")]
    pub entry_points: Vec<String>,
    /// The routes.
    pub routes: Vec<RouteTcp>,
    /// Serve TLS connections only.
    #[serde(skip_serializing_if = "absent")]
    pub tls: Option<TlsTcp>,
}

/// A rule, and where the connections that it matches go.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["match"]))]
pub struct RouteTcp {
    /// The rule, such as ``HostSNI(`example.com`)``; without TLS only ``HostSNI(`*`)``.
    #[serde(rename = "match", skip_serializing_if = "absent")]
    pub rule: String,
    /// Accepted, without effect.
    #[serde(skip_serializing_if = "absent")]
    pub kind: String,
    /// The route with the greatest priority is tried first; 0 stands for the length of the rule.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(max = 9223372036854774807_i64))]
    pub priority: i64,
    /// Deprecated: syntax of the rule, `v3` or `v2`.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("enum" = ["v3", "v2"]))]
    pub syntax: String,
    /// Where connections go; several share them by weight.
    #[serde(skip_serializing_if = "absent")]
    pub services: Vec<ServiceTcp>,
    /// MiddlewareTCPs that a connection passes, outermost first.
    #[serde(skip_serializing_if = "absent")]
    pub middlewares: Vec<ObjectReference>,
}

/// A Kubernetes Service that connections go to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceTcp {
    /// Name of the Service.
    pub name: String,
    /// Namespace of the Service; default the one of this resource.
    #[serde(skip_serializing_if = "absent")]
    pub namespace: Option<String>,
    /// Number or name of a port of the Service; may be left out for type ExternalName.
    #[serde(skip_serializing_if = "absent")]
    pub port: Option<IntOrString>,
    /// Share of the connections among the services beside it; default 1.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(min = 0))]
    pub weight: Option<i64>,
    /// Deprecated, use a ServersTransportTCP: milliseconds from one side's end of writing to the end of both.
    #[serde(skip_serializing_if = "absent")]
    pub termination_delay: Option<i64>,
    /// Deprecated, use a ServersTransportTCP: tell the servers the client's address by the PROXY protocol.
    #[serde(skip_serializing_if = "absent")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Name of the ServersTransportTCP, or `name@provider`; default the built-in one.
    #[serde(default, skip_serializing_if = "absent")]
    pub servers_transport: String,
    /// Speak TLS to the servers.
    #[serde(default, skip_serializing_if = "absent")]
    pub tls: bool,
    /// Send to the Service's cluster IP instead of its pods.
    #[serde(rename = "nativeLB", skip_serializing_if = "absent")]
    pub native_lb: Option<bool>,
    /// Send to the nodes' addresses on the Service's node port.
    #[serde(rename = "nodePortLB", default, skip_serializing_if = "absent")]
    pub node_port_lb: bool,
}

/// The PROXY protocol towards servers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyProtocol {
    /// Version 1 (text) or 2 (binary, the default).
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(min = 1, max = 2))]
    pub version: Option<i64>,
}

/// TLS of a TCP route.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsTcp {
    /// Secret with the certificate (`tls.crt`, `tls.key`), in this namespace.
    #[serde(skip_serializing_if = "absent")]
    pub secret_name: String,
    /// Leave TLS to the servers: bytes are passed as they come.
    #[serde(skip_serializing_if = "absent")]
    pub passthrough: bool,
    /// The TLSOption; default the one named `default`.
    #[serde(skip_serializing_if = "absent")]
    pub options: Option<ObjectReference>,
    /// The TLSStore. Accepted; only the store named `default` is used.
    #[serde(skip_serializing_if = "absent")]
    pub store: Option<ObjectReference>,
    /// Name of the certificates resolver.
    #[serde(skip_serializing_if = "absent")]
    pub cert_resolver: String,
    /// Names that the resolver asks a certificate for; default those of the rules.
    #[serde(skip_serializing_if = "absent")]
    pub domains: Vec<Domain>,
}
