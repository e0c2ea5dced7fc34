//! The kind ServersTransport: how HTTP servers are spoken to.
//! Translated to HTTP servers transports.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::GoDuration;
use crate::{DURATION, absent};

/// How HTTP servers are spoken to.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "traefik.io", version = "v1alpha1", kind = "ServersTransport", plural = "serverstransports", namespaced)]
#[kube(derive = "Default", derive = "PartialEq", doc = "ServersTransport says how HTTP servers are spoken to.")]
#[kube(status = "crate::status::Status")]
#[serde(rename_all = "camelCase", default)]
pub struct ServersTransportSpec {
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
    /// Cipher suites up to TLS 1.2, by their Go names.
    #[serde(skip_serializing_if = "absent")]
    pub cipher_suites: Vec<String>,
    /// The oldest version spoken: `VersionTLS10` to `VersionTLS13`.
    #[serde(skip_serializing_if = "absent")]
    pub min_version: String,
    /// The newest version spoken.
    #[serde(skip_serializing_if = "absent")]
    pub max_version: String,
    /// Idle connections kept to a server; 0 stands for 2, -1 is no limit.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(range(min = -1))]
    pub max_idle_conns_per_host: i64,
    /// Limits of time.
    #[serde(skip_serializing_if = "absent")]
    pub forwarding_timeouts: Option<ForwardingTimeouts>,
    /// Never speak HTTP/2 to `https` servers.
    #[serde(rename = "disableHTTP2", skip_serializing_if = "absent")]
    pub disable_http2: bool,
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

/// Where an authority's certificate is: in a Secret or a ConfigMap (`tls.ca` or `ca.crt`), in this namespace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.secret) || !has(self.configMap)",
    "message": "RootCA cannot have both Secret and ConfigMap defined.",
}]))]
pub struct RootCa {
    /// Name of the Secret.
    #[serde(skip_serializing_if = "absent")]
    pub secret: Option<String>,
    /// Name of the ConfigMap.
    #[serde(skip_serializing_if = "absent")]
    pub config_map: Option<String>,
}

/// Limits of time towards servers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ForwardingTimeouts {
    /// To connect; default 30s.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub dial_timeout: Option<GoDuration>,
    /// From the end of the request to the header of the response; default 0, no limit.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub response_header_timeout: Option<GoDuration>,
    /// An idle connection is kept so long; default 90s.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub idle_conn_timeout: Option<GoDuration>,
    /// HTTP/2: silence after which a ping is sent; default 0, none.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub read_idle_timeout: Option<GoDuration>,
    /// HTTP/2: for the answer to a ping; default 15s.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("pattern" = DURATION))]
    pub ping_timeout: Option<GoDuration>,
}

/// A name expected in a server's certificate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeerCertSan {
    /// What kind of name.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["URI", "DNSName"]))]
    pub kind: String,
    /// The name.
    pub value: String,
}

/// SPIFFE identities of servers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spiffe {
    /// Accepted identities; wins over `trustDomain`.
    #[serde(skip_serializing_if = "absent")]
    pub ids: Vec<String>,
    /// Accepted trust domain.
    #[serde(skip_serializing_if = "absent")]
    pub trust_domain: String,
}
