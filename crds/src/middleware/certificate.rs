//! The middleware `passTLSClientCert`.
//! Read by translation and, unchanged, by the filter.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;

/// Tells the servers the client's certificate in headers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PassTlsClientCert {
    /// Send the certificates in `X-Forwarded-Tls-Client-Cert`.
    #[serde(skip_serializing_if = "absent")]
    pub pem: bool,
    /// Send these of their fields in `X-Forwarded-Tls-Client-Cert-Info`.
    #[serde(skip_serializing_if = "absent")]
    pub info: Option<CertificateInfo>,
    /// Whether certificates are escaped as in a query: as in Traefik 2.3, for objects of its group. Not a field of manifests.
    #[serde(skip)]
    pub query_escaped: bool,
}

/// Which fields of a certificate are told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificateInfo {
    /// The end of its validity.
    #[serde(skip_serializing_if = "absent")]
    pub not_after: bool,
    /// The beginning of its validity.
    #[serde(skip_serializing_if = "absent")]
    pub not_before: bool,
    /// The alternative names.
    #[serde(skip_serializing_if = "absent")]
    pub sans: bool,
    /// The serial number.
    #[serde(skip_serializing_if = "absent")]
    pub serial_number: bool,
    /// Parts of the subject.
    #[serde(skip_serializing_if = "absent")]
    pub subject: Option<Subject>,
    /// Parts of the issuer.
    #[serde(skip_serializing_if = "absent")]
    pub issuer: Option<Issuer>,
}

/// Which parts of a certificate's subject are told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Subject {
    /// `C`
    #[serde(skip_serializing_if = "absent")]
    pub country: bool,
    /// `ST`
    #[serde(skip_serializing_if = "absent")]
    pub province: bool,
    /// `L`
    #[serde(skip_serializing_if = "absent")]
    pub locality: bool,
    /// `O`
    #[serde(skip_serializing_if = "absent")]
    pub organization: bool,
    /// `OU`
    #[serde(skip_serializing_if = "absent")]
    pub organizational_unit: bool,
    /// `CN`
    #[serde(skip_serializing_if = "absent")]
    pub common_name: bool,
    /// `SN`
    #[serde(skip_serializing_if = "absent")]
    pub serial_number: bool,
    /// `DC`
    #[serde(skip_serializing_if = "absent")]
    pub domain_component: bool,
}

/// Which parts of a certificate's issuer are told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Issuer {
    /// `C`
    #[serde(skip_serializing_if = "absent")]
    pub country: bool,
    /// `ST`
    #[serde(skip_serializing_if = "absent")]
    pub province: bool,
    /// `L`
    #[serde(skip_serializing_if = "absent")]
    pub locality: bool,
    /// `O`
    #[serde(skip_serializing_if = "absent")]
    pub organization: bool,
    /// `CN`
    #[serde(skip_serializing_if = "absent")]
    pub common_name: bool,
    /// `SN`
    #[serde(skip_serializing_if = "absent")]
    pub serial_number: bool,
    /// `DC`
    #[serde(skip_serializing_if = "absent")]
    pub domain_component: bool,
}
