//! The kind IngressRoute: which HTTP requests go where.
//! Translated to HTTP routers.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;
use crate::reference::ObjectReference;
use crate::service::ServiceRef;

/// Which HTTP requests go where.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "traefik.io", version = "v1alpha1", kind = "IngressRoute", plural = "ingressroutes", namespaced)]
#[kube(derive = "Default", derive = "PartialEq", doc = "IngressRoute says which HTTP requests go where.")]
#[kube(status = "crate::status::RouteStatus")]
#[serde(rename_all = "camelCase")]
pub struct IngressRouteSpec {
    /// Class of the controller that serves this; wins over the annotation `kubernetes.io/ingress.class`, even if empty.
    #[serde(skip_serializing_if = "absent")]
    pub ingress_class_name: Option<String>,
    /// Names of the entry points that listen; default all default entry points.
    #[serde(default, skip_serializing_if = "absent")]
    pub entry_points: Vec<String>,
    /// The routes.
    pub routes: Vec<Route>,
    /// IngressRoutes that requests pass first; their routes hand over to these.
    #[serde(default, skip_serializing_if = "absent")]
    pub parent_refs: Vec<ObjectReference>,
    /// Serve TLS connections only; `{}` is enough.
    #[serde(skip_serializing_if = "absent")]
    pub tls: Option<Tls>,
}

/// A rule, and where the requests that it matches go.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["match"]))]
pub struct Route {
    /// The rule, such as ``Host(`example.com`) && PathPrefix(`/api`)``.
    #[serde(rename = "match", skip_serializing_if = "absent")]
    pub rule: String,
    /// `Rule`, the only kind there is.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("enum" = ["Rule"]))]
    pub kind: String,
    /// The route with the greatest priority is tried first; 0 stands for the length of the rule.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(max = 9223372036854774807_i64))]
    pub priority: i64,
    /// Deprecated: syntax of the rule, `v3` or `v2`.
    #[serde(skip_serializing_if = "absent")]
    pub syntax: String,
    /// Where requests go; several share them by weight.
    #[serde(skip_serializing_if = "absent")]
    pub services: Vec<ServiceRef>,
    /// What happens to a request on its way, outermost first.
    #[serde(skip_serializing_if = "absent")]
    pub middlewares: Vec<ObjectReference>,
    /// What is observed; fields left out follow the entry point.
    #[serde(skip_serializing_if = "absent")]
    pub observability: Option<Observability>,
}

/// What is observed of a route's requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Observability {
    /// Write access log lines.
    #[serde(skip_serializing_if = "absent")]
    pub access_logs: Option<bool>,
    /// Count in the metrics.
    #[serde(skip_serializing_if = "absent")]
    pub metrics: Option<bool>,
    /// Make spans.
    #[serde(skip_serializing_if = "absent")]
    pub tracing: Option<bool>,
    /// How much the spans tell; default `minimal`.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("enum" = ["minimal", "detailed"]))]
    pub trace_verbosity: String,
}

/// TLS of a route.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tls {
    /// Secret with the certificate (`tls.crt`, `tls.key`), in this namespace.
    #[serde(skip_serializing_if = "absent")]
    pub secret_name: String,
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

/// The names of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Domain {
    /// The main name.
    #[serde(skip_serializing_if = "absent")]
    pub main: String,
    /// The other names.
    #[serde(skip_serializing_if = "absent")]
    pub sans: Vec<String>,
}
