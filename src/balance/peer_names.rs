//! What a server's certificate must say that Pingora doesn't compare: an address, or names of `peerCertSANs`.

use std::net::IpAddr;
use std::sync::Arc;

use pingora::tls::x509::X509Ref;

use crate::dynamic::http::ServersTransport;

/// What is expected of a certificate.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// The server's address must be among its names.
    pub address: Option<IpAddr>,
    /// One of these must be among its names; none for any certificate.
    pub names: Arc<[Name]>,
}

/// A name in a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A URI, such as a SPIFFE identity.
    Uri(String),
    /// A DNS name, as it is written there.
    Dns(String),
}

/// The names that a transport's servers must have one of.
pub(super) fn names(settings: &ServersTransport) -> Result<Arc<[Name]>, String> {
    let mut names = Vec::new();
    if !settings.peer_cert_uri.is_empty() {
        names.push(Name::Uri(settings.peer_cert_uri.clone()));
    }
    for san in &settings.peer_cert_sans {
        names.push(match san.kind.as_str() {
            "URI" => Name::Uri(san.value.clone()),
            "DNSName" => Name::Dns(san.value.clone()),
            other => return Err(format!("peerCertSANs: the type {other:?} is not known: write URI or DNSName")),
        });
    }
    Ok(names.into())
}

// === impl Expected ===

impl Expected {
    /// Whether any certificate will do.
    pub fn is_empty(&self) -> bool {
        self.address.is_none() && self.names.is_empty()
    }

    /// Whether a certificate is as expected (RFC 9110 §4.3.5 for addresses).
    pub fn fits(&self, certificate: &X509Ref) -> bool {
        if self.is_empty() {
            return true;
        }
        let octets = self.address.map(|address| match address {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        });
        let Some(has) = certificate.subject_alt_names() else { return false };
        let expected = |name: &Name| match name {
            Name::Uri(uri) => has.iter().any(|n| n.uri() == Some(uri)),
            Name::Dns(dns) => has.iter().any(|n| n.dnsname().is_some_and(|n| n.eq_ignore_ascii_case(dns))),
        };
        octets.is_none_or(|octets| has.iter().any(|n| n.ipaddress() == Some(octets.as_slice())))
            && (self.names.is_empty() || self.names.iter().any(expected))
    }
}
