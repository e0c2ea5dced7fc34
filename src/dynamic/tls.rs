//! The TLS section of the dynamic configuration: certificates, options, stores.
//! Field by field Traefik's `dynamic.TLSConfiguration`; private keys are never shown.

use serde::{Serialize, Serializer};

use super::http::is_false;
use super::{Named, Secret};

/// `tls`: certificates and how handshakes are made.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsConfiguration {
    /// Certificates by `namespace/secret`; a list in JSON.
    #[serde(skip_serializing_if = "Named::is_empty", serialize_with = "list")]
    pub certificates: Named<CertAndStores>,
    /// Options by id (`namespace-name`, or `default`).
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub options: Named<TlsOptions>,
    /// Stores by id; only `default` is used.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub stores: Named<TlsStore>,
}

/// A certificate chain and its key, both PEM texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The chain, leaf first.
    pub cert_file: String,
    /// The private key.
    pub key_file: Secret,
}

/// A certificate and the stores it is in.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertAndStores {
    /// The pair.
    #[serde(flatten)]
    pub certificate: Certificate,
    /// Names of stores; none means `default`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stores: Vec<String>,
}

/// How handshakes are made.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsOptions {
    /// `VersionTLS10` … `VersionTLS13`; empty means 1.2.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub min_version: String,
    /// The same; empty means the newest.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_version: String,
    /// Go's names of cipher suites, up to TLS 1.2.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<String>,
    /// Go's names of curves, in order of preference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub curve_preferences: Vec<String>,
    /// Client certificates.
    #[serde(skip_serializing_if = "ClientAuth::is_empty")]
    pub client_auth: ClientAuth,
    /// Refuse names that no certificate is for.
    #[serde(skip_serializing_if = "is_false")]
    pub sni_strict: bool,
    /// Protocols in order of preference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alpn_protocols: Vec<String>,
    /// No session tickets.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_session_tickets: bool,
    /// Accepted, without effect (deprecated by Traefik).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefer_server_cipher_suites: Option<bool>,
}

/// Client certificates.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientAuth {
    /// PEM texts of authorities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ca_files: Vec<String>,
    /// Go's name of the policy; empty with authorities means `RequireAndVerifyClientCert`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_auth_type: String,
}

/// The certificate for names that no other one is for.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsStore {
    /// Given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_certificate: Option<Certificate>,
    /// Asked from a resolver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_generated_cert: Option<GeneratedCert>,
}

/// A certificate asked from a resolver.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GeneratedCert {
    /// Name of the certificates resolver.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resolver: String,
    /// Its names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
}

/// The names of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// The main name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub main: String,
    /// The other names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sans: Vec<String>,
}

// === impl Certificate ===

impl Certificate {
    /// Whether both texts have a block of PEM.
    pub fn looks_like_pem(&self) -> bool {
        [&self.cert_file, &self.key_file.0].iter().all(|text| text.contains("-----BEGIN "))
    }
}

// === impl CertAndStores ===

impl CertAndStores {
    /// Whether it is in the default store, the only one that is used.
    pub fn is_used(&self) -> bool {
        self.stores.is_empty() || self.stores.iter().any(|store| store == "default")
    }
}

// === impl ClientAuth ===

impl ClientAuth {
    fn is_empty(&self) -> bool {
        *self == ClientAuth::default()
    }
}

fn list<S: Serializer>(certificates: &Named<CertAndStores>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(certificates.values())
}
