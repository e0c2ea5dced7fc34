//! Certificates made for a test: an authority, what it issues, and Secrets of them.

use std::time::{SystemTime, UNIX_EPOCH};

#[cfg(feature = "boringssl")]
use boring as library;
#[cfg(not(feature = "boringssl"))]
use openssl as library;

use library::asn1::Asn1Time;
use library::bn::{BigNum, MsbOption};
use library::ec::{EcGroup, EcKey};
use library::hash::MessageDigest;
use library::nid::Nid;
use library::pkey::{PKey, Private};
use library::rsa::Rsa;
use library::ssl::{SslAcceptorBuilder, SslVerifyMode};
use library::x509::extension::{BasicConstraints, SubjectAlternativeName};
use library::x509::{X509, X509Builder, X509Extension, X509Name};
use serde_json::json;

use super::Manifests;

/// The kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Rsa,
    Ecdsa,
    Ed25519,
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Issued {
    pub certificate: X509,
    pub key: PKey<Private>,
}

/// Who issues certificates.
pub struct Authority(pub Issued);

/// Days from now, before and after which a certificate does not hold.
pub const VALID: (i64, i64) = (-1, 30);
pub const EXPIRED: (i64, i64) = (-30, -1);

// === impl Authority ===

impl Authority {
    pub fn new(name: &str) -> Authority {
        Authority(make(name, &[], Key::Ecdsa, VALID, None, true))
    }

    /// An authority below it.
    pub fn subordinate(&self, name: &str) -> Authority {
        Authority(make(name, &[], Key::Ecdsa, VALID, Some(&self.0), true))
    }

    /// A certificate for these names, with an elliptic key.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.issue_with(names, Key::Ecdsa, VALID)
    }

    pub fn issue_with(&self, names: &[&str], key: Key, validity: (i64, i64)) -> Issued {
        make(names[0], names, key, validity, Some(&self.0), false)
    }

    /// Lets a server take none but clients with a certificate of it.
    pub fn wanted(&self) -> impl FnOnce(&mut SslAcceptorBuilder) + use<> {
        let certificate = self.0.certificate.clone();
        move |acceptor| {
            acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
            acceptor.cert_store_mut().add_cert(certificate).unwrap();
        }
    }

    /// A Secret of its certificate, as `clientAuth` and `rootCAs` name them.
    pub fn secret(&self, name: &str) -> Manifests {
        super::secret(name, "ca.crt", &self.0.certificate_pem())
    }
}

// === impl Issued ===

impl Issued {
    pub fn certificate_pem(&self) -> String {
        String::from_utf8(self.certificate.to_pem().unwrap()).unwrap()
    }

    pub fn key_pem(&self) -> String {
        String::from_utf8(self.key.private_key_to_pem_pkcs8().unwrap()).unwrap()
    }

    /// A Secret of type kubernetes.io/tls.
    pub fn secret(&self, name: &str) -> Manifests {
        pair(name, &self.certificate_pem(), &self.key_pem())
    }
}

/// A Secret with these texts.
pub fn pair(name: &str, certificate: &str, key: &str) -> Manifests {
    let object = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": "default"},
        "stringData": {"tls.crt": certificate, "tls.key": key},
    });
    Manifests(format!("---\n{}", serde_yaml::to_string(&object).unwrap()))
}

fn key_of(kind: Key) -> PKey<Private> {
    match kind {
        Key::Rsa => PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap(),
        Key::Ecdsa => {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
            PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
        }
        Key::Ed25519 => {
            // Any 32 bytes are a key: PKCS #8 around them, as RFC 8410 has it. BoringSSL's crate makes none.
            let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
            der.extend([7; 32]);
            PKey::private_key_from_der(&der).unwrap()
        }
    }
}

fn make(
    name: &str,
    names: &[&str],
    kind: Key,
    validity: (i64, i64),
    issuer: Option<&Issued>,
    is_authority: bool,
) -> Issued {
    let key = key_of(kind);
    let named = |name: &str| {
        let mut builder = X509Name::builder().unwrap();
        builder.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
        builder.build()
    };
    let mut serial = BigNum::new().unwrap();
    serial.rand(100, MsbOption::MAYBE_ZERO, false).unwrap();
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let at = |days: i64| Asn1Time::from_unix(now + days * 86_400).unwrap();

    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&named(name)).unwrap();
    match issuer {
        Some(issuer) => builder.set_issuer_name(issuer.certificate.subject_name()).unwrap(),
        None => builder.set_issuer_name(&named(name)).unwrap(),
    }
    builder.set_not_before(&at(validity.0)).unwrap();
    builder.set_not_after(&at(validity.1)).unwrap();
    builder.set_pubkey(&key).unwrap();
    if is_authority {
        extend(&mut builder, &BasicConstraints::new().critical().ca().build().unwrap());
    }
    if !names.is_empty() {
        let mut alternatives = SubjectAlternativeName::new();
        for name in names {
            match name.parse::<std::net::IpAddr>() {
                Ok(_) => alternatives.ip(name),
                Err(_) if name.contains("://") => alternatives.uri(name),
                Err(_) => alternatives.dns(name),
            };
        }
        let extension = alternatives.build(&builder.x509v3_context(None, None)).unwrap();
        extend(&mut builder, &extension);
    }
    let signer = issuer.map_or(&key, |issuer| &issuer.key);
    builder.sign(signer, MessageDigest::sha256()).unwrap();
    Issued { certificate: builder.build(), key }
}

fn extend(builder: &mut X509Builder, extension: &X509Extension) {
    #[cfg(feature = "boringssl")]
    let done = builder.append_extension(extension);
    #[cfg(not(feature = "boringssl"))]
    let done = builder.append_extension2(extension);
    done.unwrap();
}
