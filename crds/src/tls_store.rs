//! The kind TLSStore: certificates for clients.
//! Translated to TLS stores and certificates.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;
use crate::ingress_route::Domain;

/// Certificates for clients. Only the store named `default` is used.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "traefik.io", version = "v1alpha1", kind = "TLSStore", plural = "tlsstores", namespaced)]
#[kube(derive = "Default", derive = "PartialEq", doc = "TLSStore holds certificates for clients.")]
#[kube(status = "crate::status::Status")]
#[serde(rename_all = "camelCase", default)]
pub struct TLSStoreSpec {
    /// Shown where no other certificate fits.
    #[serde(skip_serializing_if = "absent")]
    pub default_certificate: Option<CertificateRef>,
    /// Shown where no other certificate fits, asked of a resolver; `defaultCertificate` wins.
    #[serde(skip_serializing_if = "absent")]
    pub default_generated_cert: Option<GeneratedCertificate>,
    /// More certificates.
    #[serde(skip_serializing_if = "absent")]
    pub certificates: Vec<CertificateRef>,
}

/// A certificate in a Secret.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateRef {
    /// Name of the Secret (`tls.crt`, `tls.key`), in this namespace.
    pub secret_name: String,
}

/// A certificate that a resolver obtains.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GeneratedCertificate {
    /// Name of the certificates resolver.
    #[serde(skip_serializing_if = "absent")]
    pub resolver: String,
    /// Names of the certificate.
    #[serde(skip_serializing_if = "absent")]
    pub domain: Option<Domain>,
}
