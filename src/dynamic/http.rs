//! The HTTP section of the dynamic configuration: routers, services, middlewares, transports.
//! Field by field Traefik's `dynamic.HTTPConfiguration`.

use std::collections::BTreeMap;

use ingora_crds::duration::GoDuration;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

pub use ingora_middleware::config::Middleware;

use super::Named;
use super::tls::{Certificate, Domain};

/// `http`: everything about HTTP requests. Maps are by generated name.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpConfiguration {
    /// Which requests go where.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub routers: Named<Router>,
    /// Where requests go.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub services: Named<Service>,
    /// What happens to a request, and its response, on the way.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub middlewares: Named<Middleware>,
    /// How servers are spoken to.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub servers_transports: Named<ServersTransport>,
}

/// One route of an `IngressRoute`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Router {
    /// Names of entry points; none means the default ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry_points: Vec<String>,
    /// Names of middlewares, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<String>,
    /// Name of the service; empty only for a parent router.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// The rule's text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// Parent routers, for multi-layer routing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<String>,
    /// `v2` or `v3`; empty means `core.defaultRuleSyntax`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule_syntax: String,
    /// 0 means the length of the rule.
    #[serde(skip_serializing_if = "is_zero")]
    pub priority: i64,
    /// Present where only TLS connections are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<RouterTls>,
    /// What is observed; unset fields inherit from the entry point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<Observability>,
}

/// The TLS part of a router.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouterTls {
    /// Name of the TLS options; empty means `default`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub options: String,
    /// Name of the certificates resolver.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_resolver: String,
    /// The names that a certificate is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<Domain>,
}

/// What is observed of a router's requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Observability {
    /// Write access-log lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_logs: Option<bool>,
    /// Count in the metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<bool>,
    /// Make spans.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracing: Option<bool>,
    /// `minimal` or `detailed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_verbosity: Option<String>,
}

/// Where requests go: exactly one of the kinds.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant)] // Nearly all are load balancers; a box would cost each of them.
pub enum Service {
    /// Servers.
    LoadBalancer(Box<ServersLoadBalancer>),
    /// Services, by the client's address.
    HighestRandomWeight(HighestRandomWeight),
    /// Services, by weight.
    Weighted(WeightedRoundRobin),
    /// A service, and copies of the requests to others.
    Mirroring(Mirroring),
    /// A service, and another where the first one fails.
    Failover(Failover),
}

/// A set of servers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServersLoadBalancer {
    /// Keeps a client on a server by a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// The servers; none answers 503.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<Server>,
    /// `wrr`, `p2c`, `hrw` or `leasttime`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub strategy: String,
    /// Active health check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<ServerHealthCheck>,
    /// Passive health check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive_health_check: Option<PassiveServerHealthCheck>,
    /// Whether the server sees the client's `Host`; default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass_host_header: Option<bool>,
    /// How the response is passed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_forwarding: Option<ResponseForwarding>,
    /// Name of the servers transport; empty means the default one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub servers_transport: String,
    /// Names of middlewares between router and servers, outermost first. In JSON beside `loadBalancer`, not in it.
    #[serde(skip)]
    pub middlewares: Vec<String>,
}

/// One server.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// `scheme://host:port`; scheme is `http`, `https` or `h2c`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Weight among the servers; default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
    /// Terminating: serves only clients that already stick to it.
    #[serde(skip_serializing_if = "is_false")]
    pub fenced: bool,
}

/// Stickiness of clients.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sticky {
    /// By a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<Cookie>,
}

/// The cookie that keeps a client on its server.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cookie {
    /// Its name; empty means a generated one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Only over TLS.
    #[serde(skip_serializing_if = "is_false")]
    pub secure: bool,
    /// Not for scripts.
    #[serde(skip_serializing_if = "is_false")]
    pub http_only: bool,
    /// `none`, `lax` or `strict`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub same_site: String,
    /// Seconds; 0 is a session cookie, negative expires it.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_age: i64,
    /// Default `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The host it is sent to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub domain: String,
}

/// Probes of servers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerHealthCheck {
    /// Scheme of the probe; empty means the server's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scheme: String,
    /// `http` (default) or `grpc`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
    /// Path of the probe.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Method; empty means GET.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// The one good status; 0 means 2xx and 3xx.
    #[serde(skip_serializing_if = "is_zero")]
    pub status: i64,
    /// Port; 0 means the server's.
    #[serde(skip_serializing_if = "is_zero")]
    pub port: i64,
    /// Time between probes; default 30 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<GoDuration>,
    /// Time between probes of a server that is down; default the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy_interval: Option<GoDuration>,
    /// Limit for a probe; default 5 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,
    /// `Host` of the probe.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow_redirects: Option<bool>,
    /// Headers of the probe.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// Judging servers by their answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PassiveServerHealthCheck {
    /// The window failures are counted in, and how long a server is then left alone; default 10 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_window: Option<GoDuration>,
    /// Failures that take a server down; default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_failed_attempts: Option<i64>,
}

/// How a response is passed on.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseForwarding {
    /// Time between flushes; negative flushes after each write. Default 100 ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flush_interval: Option<GoDuration>,
}

/// Services by weight.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightedRoundRobin {
    /// The children.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<WeightedService>,
    /// Keeps a client on a child by a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
}

/// A child of a weighted service.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightedService {
    /// Name of a service.
    pub name: String,
    /// Its share; default 1, 0 or less is never chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
}

/// Services by the client's address.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HighestRandomWeight {
    /// The children.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<WeightedService>,
}

/// A service, and copies of its requests to others.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mirroring {
    /// Name of the service that answers.
    pub service: String,
    /// Whether bodies are copied too; default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror_body: Option<bool>,
    /// The largest body that is copied; -1 is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_body_size: Option<i64>,
    /// Who gets copies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<MirrorService>,
}

/// A service that gets copies.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MirrorService {
    /// Name of a service.
    pub name: String,
    /// Share of the requests, 0 to 100.
    #[serde(skip_serializing_if = "is_zero")]
    pub percent: i64,
}

/// A service, and another where the first one fails.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failover {
    /// Name of the main service.
    pub service: String,
    /// Name of the other.
    pub fallback: String,
    /// Which answers count as failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<FailoverErrors>,
}

/// Answers of the main service that count as failures.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailoverErrors {
    /// Codes and ranges: `500`, `500-599`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// The largest body held for a second try; -1 is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_request_body_bytes: Option<i64>,
}

/// How servers are spoken to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServersTransport {
    /// Name expected in the server's certificate, and sent as SNI.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server_name: String,
    /// Take any certificate.
    #[serde(skip_serializing_if = "is_false")]
    pub insecure_skip_verify: bool,
    /// PEM texts of authorities.
    #[serde(rename = "rootCAs", skip_serializing_if = "Vec::is_empty")]
    pub root_cas: Vec<String>,
    /// Client certificates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Certificate>,
    /// Go's names of cipher suites.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<String>,
    /// `VersionTLS10` … `VersionTLS13`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub min_version: String,
    /// The same.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_version: String,
    /// Idle connections kept to a server; 0 means 2, -1 no limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_idle_conns_per_host: i64,
    /// Limits of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarding_timeouts: Option<ForwardingTimeouts>,
    /// Never HTTP/2 to `https` servers.
    #[serde(rename = "disableHTTP2", skip_serializing_if = "is_false")]
    pub disable_http2: bool,
    /// URI expected in the server's certificate.
    #[serde(rename = "peerCertURI", skip_serializing_if = "String::is_empty")]
    pub peer_cert_uri: String,
    /// Names expected in the server's certificate.
    #[serde(rename = "peerCertSANs", skip_serializing_if = "Vec::is_empty")]
    pub peer_cert_sans: Vec<PeerCertSan>,
    /// SPIFFE identities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spiffe: Option<Spiffe>,
}

// === impl ServersTransport ===

impl ServersTransport {
    /// Whether servers must show certificates with certain names, which are then verified whatever else is said.
    pub fn names_peers(&self) -> bool {
        !self.peer_cert_uri.is_empty() || !self.peer_cert_sans.is_empty()
    }

    /// Whether TLS needs settings that Pingora hasn't got.
    pub fn needs_tls_of_its_own(&self) -> bool {
        let old = matches!(self.min_version.as_str(), "VersionTLS10" | "VersionTLS11");
        old || !self.max_version.is_empty() || !self.cipher_suites.is_empty()
    }
}

/// A name expected in a server's certificate.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerCertSan {
    /// `URI` or `DNSName`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name.
    pub value: String,
}

/// SPIFFE identities of servers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spiffe {
    /// Accepted ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Accepted trust domain.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trust_domain: String,
}

/// Limits of time towards servers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ForwardingTimeouts {
    /// To connect; default 30 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dial_timeout: Option<GoDuration>,
    /// From the end of the request to the header of the response; default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_header_timeout: Option<GoDuration>,
    /// For an idle connection; default 90 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_conn_timeout: Option<GoDuration>,
    /// HTTP/2: silence after which a ping is sent; default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_idle_timeout: Option<GoDuration>,
    /// HTTP/2: for the ping's answer; default 15 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ping_timeout: Option<GoDuration>,
}

// === impl Service ===

impl Service {
    /// The services that it refers to; none of a load balancer's.
    pub fn children(&self) -> Vec<&str> {
        match self {
            Service::LoadBalancer(_) => Vec::new(),
            Service::Weighted(weighted) => weighted.services.iter().map(|s| s.name.as_str()).collect(),
            Service::HighestRandomWeight(hashed) => hashed.services.iter().map(|s| s.name.as_str()).collect(),
            Service::Mirroring(m) => {
                std::iter::once(m.service.as_str()).chain(m.mirrors.iter().map(|s| s.name.as_str())).collect()
            }
            Service::Failover(f) => vec![&f.service, &f.fallback],
        }
    }
}

impl Serialize for Service {
    /// One key for the kind, as Traefik has it; the middlewares of a load balancer are a key beside it.
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(None)?;
        match self {
            Service::LoadBalancer(balancer) => {
                map.serialize_entry("loadBalancer", balancer)?;
                if !balancer.middlewares.is_empty() {
                    map.serialize_entry("middlewares", &balancer.middlewares)?;
                }
            }
            Service::HighestRandomWeight(hashed) => map.serialize_entry("highestRandomWeight", hashed)?,
            Service::Weighted(weighted) => map.serialize_entry("weighted", weighted)?,
            Service::Mirroring(mirroring) => map.serialize_entry("mirroring", mirroring)?,
            Service::Failover(failover) => map.serialize_entry("failover", failover)?,
        }
        map.end()
    }
}

pub(super) fn is_zero(n: &i64) -> bool {
    *n == 0
}

pub(super) fn is_false(b: &bool) -> bool {
    !*b
}
