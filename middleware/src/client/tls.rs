//! TLS of the client: which authorities it believes, and the certificate that it shows.
//! Made when a filter is built. A server may be its own authority, as in Go.

use std::sync::{Arc, LazyLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::config::ClientTls;
use crate::registry::BadConfig;

/// The system's authorities, read once.
static SYSTEM: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        log::warn!("the system has no certificate authorities: TLS servers of middlewares need a caSecret");
    }
    Arc::new(roots)
});

/// Whether a client's TLS can be done with these settings, where another library does it.
pub(crate) fn check(tls: &ClientTls) -> Result<(), BadConfig> {
    settings(true, Some(tls)).map(drop)
}

/// What a client's TLS is done with; `needed` where its server speaks TLS at all.
pub(super) fn settings(needed: bool, tls: Option<&ClientTls>) -> Result<Arc<ClientConfig>, BadConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier = verifier(needed, tls, &provider)?;
    let unusable = |e: Error| BadConfig::new("", format!("can't be used: {e}"));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some(tls) = tls.filter(|tls| !tls.cert.is_empty()) else { return Ok(Arc::new(config.with_no_client_auth())) };
    let bad =
        |what: &str| BadConfig::new("certSecret", format!("{what}: a certificate and its key in PEM are accepted"));
    let chain = certificates(&tls.cert).map_err(|()| bad("its certificate can't be read"))?;
    let key = tls.key.as_ref().map_or("", |key| &key.0);
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| bad("its key can't be read"))?;
    let config = config.with_client_auth_cert(chain, key).map_err(|e| bad(&format!("can't be used, {e}")))?;
    Ok(Arc::new(config))
}

fn verifier(
    needed: bool,
    tls: Option<&ClientTls>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, BadConfig> {
    let authorities = match tls.map_or("", |tls| &tls.ca) {
        "" => Vec::new(),
        pem => certificates(pem)
            .map_err(|()| BadConfig::new("caSecret", "holds no certificate: certificates in PEM are accepted"))?,
    };
    if !needed || tls.is_some_and(|tls| tls.insecure_skip_verify) {
        return Ok(Arc::new(AnyCertificate(provider.clone())));
    }
    let roots = if authorities.is_empty() {
        SYSTEM.clone()
    } else {
        let mut roots = RootCertStore::empty();
        for authority in &authorities {
            roots.add(authority.clone()).map_err(|e| BadConfig::new("caSecret", format!("can't be used: {e}")))?;
        }
        Arc::new(roots)
    };
    if roots.is_empty() {
        return Ok(Arc::new(NoCertificate(provider.clone())));
    }
    let chains = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
        .build()
        .map_err(|e| BadConfig::new("caSecret", format!("can't be used: {e}")))?;
    Ok(Arc::new(Verifier { chains, authorities }))
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, ()> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().map_err(|_| ())?;
    if found.is_empty() { Err(()) } else { Ok(found) }
}

/// Believes what the authorities vouch for, and the authorities themselves.
#[derive(Debug)]
struct Verifier {
    chains: Arc<WebPkiServerVerifier>,
    authorities: Vec<CertificateDer<'static>>,
}

/// Believes everything: `insecureSkipVerify`.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

/// Believes nothing: there are no authorities.
#[derive(Debug)]
struct NoCertificate(Arc<CryptoProvider>);

// === impl Verifier ===

impl Verifier {
    /// Whether a certificate is an authority's own, for this name, at this time.
    fn is_authority(&self, certificate: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> bool {
        let valid = || {
            let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
            let now = i64::try_from(now.as_secs()).ok()?;
            let validity = parsed.validity();
            Some((validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now))
        };
        let named = || verify_server_name(&ParsedCertificate::try_from(certificate)?, name);
        self.authorities.contains(certificate) && valid() == Some(true) && named().is_ok()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(_) if self.is_authority(end_entity, server_name, now) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Verifies signatures with a provider's algorithms, and certificates as said.
macro_rules! verifies {
    ($verifier:ty, $verified:expr) => {
        impl ServerCertVerifier for $verifier {
            fn verify_server_cert(
                &self,
                _: &CertificateDer<'_>,
                _: &[CertificateDer<'_>],
                _: &ServerName<'_>,
                _: &[u8],
                _: UnixTime,
            ) -> Result<ServerCertVerified, Error> {
                $verified
            }

            fn verify_tls12_signature(
                &self,
                message: &[u8],
                cert: &CertificateDer<'_>,
                dss: &DigitallySignedStruct,
            ) -> Result<HandshakeSignatureValid, Error> {
                verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
            }

            fn verify_tls13_signature(
                &self,
                message: &[u8],
                cert: &CertificateDer<'_>,
                dss: &DigitallySignedStruct,
            ) -> Result<HandshakeSignatureValid, Error> {
                verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
            }

            fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
                self.0.signature_verification_algorithms.supported_schemes()
            }
        }
    };
}

verifies!(AnyCertificate, Ok(ServerCertVerified::assertion()));
verifies!(NoCertificate, Err(Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)));
