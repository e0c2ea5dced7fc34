//! The kind ServersTransportTCP: how TCP servers are spoken to.
//! Translated to TCP servers transports.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::GoDuration;
use crate::ingress_route_tcp::ProxyProtocol;
use crate::servers_transport::{PeerCertSan, RootCa, Spiffe};
use crate::{DURATION, absent};

/// How TCP servers are spoken to.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "traefik.io", version = "v1alpha1", kind = "ServersTransportTCP")]
#[kube(plural = "serverstransporttcps", namespaced, derive = "Default", derive = "PartialEq")]
#[kube(doc = "ServersTransportTCP says how TCP servers are spoken to.")]
#[kube(status = "crate::status::Status")]
#[serde(rename_all = "camelCase", default)]
pub struct ServersTransportTCPSpec {
    /// To connect; default 30s.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub dial_timeout: Option<GoDuration>,
    /// Time between keep-alive probes; default 15s, negative is none.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub dial_keep_alive: Option<GoDuration>,
    /// Tell the servers the client's address by the PROXY protocol.
    #[serde(skip_serializing_if = "absent")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// From one side's end of writing to the end of both; default 100ms, negative is no limit.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub termination_delay: Option<GoDuration>,
    /// TLS to the servers.
    #[serde(skip_serializing_if = "absent")]
    pub tls: Option<TlsClient>,
}

/// TLS to TCP servers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsClient {
    /// Name sent as SNI and expected in the server's certificate; default the server's host.
    #[serde(skip_serializing_if = "absent")]
    pub server_name: String,
    /// Take any certificate.
    #[serde(skip_serializing_if = "absent")]
    pub insecure_skip_verify: bool,
    /// Authorities of the servers' certificates; default the system's.
    #[serde(rename = "rootCAs", skip_serializing_if = "absent")]
    pub root_cas: Vec<RootCa>,
    /// Deprecated, use `rootCAs`: Secrets with authorities.
    #[serde(rename = "rootCAsSecrets", skip_serializing_if = "absent")]
    pub root_cas_secrets: Vec<String>,
    /// Secrets with client certificates (`tls.crt`, `tls.key`), in this namespace.
    #[serde(skip_serializing_if = "absent")]
    pub certificates_secrets: Vec<String>,
    /// Deprecated, use `peerCertSANs`: URI expected in the server's certificate.
    #[serde(rename = "peerCertURI", skip_serializing_if = "absent")]
    pub peer_cert_uri: String,
    /// Names of which the server's certificate must have one.
    #[serde(rename = "peerCertSANs", skip_serializing_if = "absent")]
    pub peer_cert_sans: Vec<PeerCertSan>,
    /// SPIFFE identities of the servers.
    #[serde(skip_serializing_if = "absent")]
    pub spiffe: Option<Spiffe>,
}
