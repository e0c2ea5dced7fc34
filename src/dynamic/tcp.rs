//! The TCP section of the dynamic configuration: routers, services, middlewares, transports.
//! Field by field Traefik's `dynamic.TCPConfiguration`.

use ingora_crds::duration::GoDuration;
use serde::Serialize;

use super::Named;
use super::http::{PeerCertSan, Spiffe, WeightedService, is_false, is_zero};
use super::tls::{Certificate, Domain};

/// `tcp`: everything about TCP connections. Maps are by generated name.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpConfiguration {
    /// Which connections go where.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub routers: Named<TcpRouter>,
    /// Where connections go.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub services: Named<TcpService>,
    /// Who may connect.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub middlewares: Named<TcpMiddleware>,
    /// How servers are dialled.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub servers_transports: Named<TcpServersTransport>,
}

/// One route of an `IngressRouteTCP`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpRouter {
    /// Names of entry points; none means the default ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry_points: Vec<String>,
    /// Names of middlewares.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<String>,
    /// Name of the service.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// The rule's text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// `v2` or `v3`; empty means `core.defaultRuleSyntax`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule_syntax: String,
    /// 0 means the length of the rule.
    #[serde(skip_serializing_if = "is_zero")]
    pub priority: i64,
    /// Present where only TLS connections are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TcpRouterTls>,
}

/// The TLS part of a TCP router.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpRouterTls {
    /// Leave TLS to the server.
    pub passthrough: bool,
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

/// Where connections go: exactly one of the kinds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TcpService {
    /// Servers.
    LoadBalancer(TcpServersLoadBalancer),
    /// Services, by weight.
    Weighted(TcpWeighted),
}

/// A set of servers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpServersLoadBalancer {
    /// The servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<TcpServer>,
    /// Name of the servers transport; empty means the default one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub servers_transport: String,
    /// PROXY protocol to the servers (deprecated in favour of the servers transport).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Milliseconds after one side closed its half (deprecated likewise); negative waits for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_delay: Option<i64>,
}

/// One server.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpServer {
    /// `host:port`.
    pub address: String,
    /// Dial TLS.
    #[serde(skip_serializing_if = "is_false")]
    pub tls: bool,
}

/// Services by weight.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpWeighted {
    /// The children.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<WeightedService>,
}

/// The PROXY protocol.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyProtocol {
    /// 1 or 2.
    #[serde(skip_serializing_if = "is_zero")]
    pub version: i64,
}

/// Who may connect. Where several are set: `ipAllowList`, then `ipWhiteList`, then `inFlightConn`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpMiddleware {
    /// Connections at a time for an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight_conn: Option<InFlightConn>,
    /// Addresses (deprecated name).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_white_list: Option<TcpIpAllowList>,
    /// Addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_allow_list: Option<TcpIpAllowList>,
}

/// Connections at a time for an address.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InFlightConn {
    /// How many.
    #[serde(skip_serializing_if = "is_zero")]
    pub amount: i64,
}

/// Addresses that may connect.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpIpAllowList {
    /// Addresses and CIDRs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_range: Vec<String>,
}

/// How servers are dialled.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpServersTransport {
    /// Keep-alive probes; default 15 s, negative switches them off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dial_keep_alive: Option<GoDuration>,
    /// To connect; default 30 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dial_timeout: Option<GoDuration>,
    /// PROXY protocol to the servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Time after one side closed its half; default 100 ms, negative waits for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_delay: Option<GoDuration>,
    /// TLS to the servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TcpClientTls>,
}

/// TLS to servers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpClientTls {
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
