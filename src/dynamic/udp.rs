//! The UDP section of the dynamic configuration: routers and services.
//! Field by field Traefik's `dynamic.UDPConfiguration`.

use serde::Serialize;

use super::Named;
use super::http::WeightedService;

/// `udp`: everything about UDP sessions. Maps are by generated name.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UdpConfiguration {
    /// Which entry points go where.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub routers: Named<UdpRouter>,
    /// Where sessions go.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub services: Named<UdpService>,
}

/// One route of an `IngressRouteUDP`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UdpRouter {
    /// Names of entry points; none means every UDP one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry_points: Vec<String>,
    /// Name of the service.
    pub service: String,
}

/// Where sessions go: exactly one of the kinds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum UdpService {
    /// Servers.
    LoadBalancer(UdpServersLoadBalancer),
    /// Services, by weight.
    Weighted(UdpWeighted),
}

/// A set of servers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UdpServersLoadBalancer {
    /// The servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<UdpServer>,
}

/// One server.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UdpServer {
    /// `host:port`.
    pub address: String,
}

/// Services by weight.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UdpWeighted {
    /// The children.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<WeightedService>,
}
