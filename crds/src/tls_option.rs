//! The kind TLSOption: parameters of TLS with clients.
//! Translated to TLS options.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;

/// Parameters of TLS with clients. The one named `default` holds where a route names none.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "traefik.io", version = "v1alpha1", kind = "TLSOption", plural = "tlsoptions", namespaced)]
#[kube(derive = "Default", derive = "PartialEq", doc = "TLSOption holds parameters of TLS with clients.")]
#[kube(status = "crate::status::Status")]
#[serde(rename_all = "camelCase", default)]
pub struct TLSOptionSpec {
    /// The oldest version taken: `VersionTLS10`, `VersionTLS11`, `VersionTLS12` (the default) or `VersionTLS13`.
    #[serde(skip_serializing_if = "absent")]
    pub min_version: String,
    /// The newest version taken; default no limit.
    #[serde(skip_serializing_if = "absent")]
    pub max_version: String,
    /// Cipher suites up to TLS 1.2, by their Go names.
    #[serde(skip_serializing_if = "absent")]
    pub cipher_suites: Vec<String>,
    /// Elliptic curves: `CurveP256`, `CurveP384`, `CurveP521`, `X25519`, `X25519MLKEM768`.
    #[serde(skip_serializing_if = "absent")]
    pub curve_preferences: Vec<String>,
    /// Certificates of clients.
    #[serde(skip_serializing_if = "absent")]
    pub client_auth: Option<ClientAuth>,
    /// Refuse clients whose server name no certificate fits, and those that send none.
    #[serde(skip_serializing_if = "absent")]
    pub sni_strict: bool,
    /// Application protocols in order of preference; default h2, http/1.1, acme-tls/1.
    #[serde(skip_serializing_if = "absent")]
    pub alpn_protocols: Vec<String>,
    /// Do not resume sessions by tickets.
    #[serde(skip_serializing_if = "absent")]
    pub disable_session_tickets: bool,
    /// Deprecated: accepted, without effect.
    #[serde(skip_serializing_if = "absent")]
    pub prefer_server_cipher_suites: Option<bool>,
}

/// Certificates of clients.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientAuth {
    /// Secrets with the authorities (`tls.ca` or `ca.crt`), in this namespace.
    #[serde(skip_serializing_if = "absent")]
    pub secret_names: Vec<String>,
    /// What is asked of clients; default `RequireAndVerifyClientCert` if there are authorities.
    #[serde(skip_serializing_if = "absent")]
    #[schemars(extend("enum" = [
        "NoClientCert", "RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven",
        "RequireAndVerifyClientCert",
    ]))]
    pub client_auth_type: String,
}
