//! The HTTP service reference: a Kubernetes Service or a TraefikService, and how its servers are spoken to.
//! Used by routes, TraefikServices and the `errors` middleware.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;
use crate::duration::GoDuration;
use crate::reference::ObjectReference;

/// Where requests go: a Kubernetes Service, or a TraefikService.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRef {
    /// Name of the Service or TraefikService.
    pub name: String,
    /// What `name` names; default `Service`.
    #[serde(default, skip_serializing_if = "absent")]
    pub kind: ServiceKind,
    /// Namespace of it; default the one of this resource.
    #[serde(skip_serializing_if = "absent")]
    pub namespace: Option<String>,
    /// Number or name of a port of the Kubernetes Service.
    #[serde(skip_serializing_if = "absent")]
    pub port: Option<IntOrString>,
    /// Protocol spoken to the servers: `http`, `https` or `h2c`.
    /// Default `https` if the port is 443 or its name starts with `https`, else `http`.
    #[serde(default, skip_serializing_if = "absent")]
    pub scheme: String,
    /// How a server is chosen; default `wrr`. `RoundRobin` is the old name of `wrr`.
    #[serde(default, skip_serializing_if = "absent")]
    #[schemars(extend("enum" = ["wrr", "p2c", "hrw", "leasttime", "RoundRobin"]))]
    pub strategy: String,
    /// Whether the servers see the client's `Host`; default true.
    #[serde(skip_serializing_if = "absent")]
    pub pass_host_header: Option<bool>,
    /// How responses are passed on to the client.
    #[serde(skip_serializing_if = "absent")]
    pub response_forwarding: Option<ResponseForwarding>,
    /// Name of the ServersTransport, or `name@provider`; default the built-in one.
    #[serde(default, skip_serializing_if = "absent")]
    pub servers_transport: String,
    /// Share of the requests among the services beside it; default 1.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(min = 0))]
    pub weight: Option<i64>,
    /// Send to the Service's cluster IP instead of its pods.
    #[serde(rename = "nativeLB", skip_serializing_if = "absent")]
    pub native_lb: Option<bool>,
    /// Send to the nodes' addresses on the Service's node port.
    #[serde(rename = "nodePortLB", default, skip_serializing_if = "absent")]
    pub node_port_lb: bool,
    /// Middlewares of this service alone, outermost first.
    #[serde(default, skip_serializing_if = "absent")]
    pub middlewares: Vec<ObjectReference>,
    /// Keeps a client on one server.
    #[serde(skip_serializing_if = "absent")]
    pub sticky: Option<Box<Sticky>>,
    /// Probes of the servers; for Services of type ExternalName only.
    #[serde(skip_serializing_if = "absent")]
    pub health_check: Option<Box<HealthCheck>>,
    /// Judges servers by their answers.
    #[serde(skip_serializing_if = "absent")]
    pub passive_health_check: Option<Box<PassiveHealthCheck>>,
}

/// What a service reference names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ServiceKind {
    /// A Kubernetes Service.
    #[default]
    #[serde(alias = "")]
    Service,
    /// A TraefikService.
    TraefikService,
}

/// Stickiness of clients.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Sticky {
    /// The cookie that remembers the choice.
    #[serde(skip_serializing_if = "absent")]
    pub cookie: Option<Cookie>,
}

/// The cookie that keeps a client where it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Cookie {
    /// Name; default a generated one.
    #[serde(skip_serializing_if = "absent")]
    pub name: String,
    /// Sent over TLS only.
    #[serde(skip_serializing_if = "absent")]
    pub secure: bool,
    /// Kept from scripts.
    #[serde(skip_serializing_if = "absent")]
    pub http_only: bool,
    /// Same-site policy.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("enum" = ["none", "lax", "strict", "None", "Lax", "Strict"]))]
    pub same_site: String,
    /// Seconds it lasts; 0 is until the browser closes, negative expires it at once.
    #[serde(skip_serializing_if = "absent")]
    pub max_age: i64,
    /// Path it is sent for; default `/`.
    #[serde(skip_serializing_if = "absent")]
    pub path: Option<String>,
    /// Host it is sent to.
    #[serde(skip_serializing_if = "absent")]
    pub domain: String,
}

/// Probes of servers; those that fail get no requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheck {
    /// Scheme of the probe; default the server's.
    #[serde(skip_serializing_if = "absent")]
    pub scheme: String,
    /// `http` (default), or `grpc` for gRPC's health checking protocol.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("enum" = ["http", "grpc"]))]
    pub mode: String,
    /// Path of the probe.
    #[serde(skip_serializing_if = "absent")]
    pub path: String,
    /// Method of the probe; default `GET`.
    #[serde(skip_serializing_if = "absent")]
    pub method: String,
    /// The only good status; default any 2xx or 3xx.
    #[serde(skip_serializing_if = "absent")]
    pub status: i64,
    /// Port of the probe; default the server's.
    #[serde(skip_serializing_if = "absent")]
    pub port: i64,
    /// Time between probes; default 30s.
    #[serde(skip_serializing_if = "absent")]
    pub interval: Option<GoDuration>,
    /// Time between probes of a server that is down; default `interval`.
    #[serde(skip_serializing_if = "absent")]
    pub unhealthy_interval: Option<GoDuration>,
    /// Time a probe may take; default 5s.
    #[serde(skip_serializing_if = "absent")]
    pub timeout: Option<GoDuration>,
    /// `Host` of the probe.
    #[serde(skip_serializing_if = "absent")]
    pub hostname: String,
    /// Whether the probe follows redirects; default true.
    #[serde(skip_serializing_if = "absent")]
    pub follow_redirects: Option<bool>,
    /// Headers of the probe.
    #[serde(skip_serializing_if = "absent")]
    pub headers: BTreeMap<String, String>,
}

/// Takes a server out for a while when it fails.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PassiveHealthCheck {
    /// Time in which failures are counted, and for which the server is then left alone; default 10s.
    #[serde(skip_serializing_if = "absent")]
    pub failure_window: Option<GoDuration>,
    /// Failures that take the server out; default 1.
    #[serde(skip_serializing_if = "absent")]
    pub max_failed_attempts: Option<i64>,
}

/// How responses are passed on to the client.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseForwarding {
    /// Time between flushes to the client; negative flushes after every write. Default 100ms.
    #[serde(skip_serializing_if = "absent")]
    pub flush_interval: Option<GoDuration>,
}
