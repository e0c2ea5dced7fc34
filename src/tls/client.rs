//! TLS with servers, where Pingora can't set it up: versions or cipher suites of a transport's own.

use super::authorities;
use super::backend::ssl::{SslContext, SslMethod, SslMode, SslVerifyMode, SslVersion};
use super::backend::{self, ErrorStack};
use super::certificate::{KeyPair, first};
use super::suites::{suites, version};
use crate::dynamic::http::ServersTransport;

/// The context of connections to servers, all settings but the server's name in it; the error says what can't be used.
pub fn context(settings: &ServersTransport) -> Result<SslContext, String> {
    let versions = version(&settings.min_version).zip(version(&settings.max_version));
    let (min, max) = versions.ok_or("minVersion, maxVersion: not a version that Go knows")?;
    let min = min.unwrap_or(SslVersion::TLS1_2);
    let wanted = suites(&settings.cipher_suites).ok_or("cipherSuites: not a suite that Go knows")?;
    let library = |e: ErrorStack| format!("the TLS library does not accept it: {}", first(&e));
    let mut context = SslContext::builder(SslMethod::tls()).map_err(library)?;
    context.set_min_proto_version(Some(min)).map_err(library)?;
    context.set_max_proto_version(max).map_err(library)?;
    let weak = matches!(min, SslVersion::TLS1 | SslVersion::TLS1_1);
    match wanted.names.is_empty() {
        false => backend::set_suites(&mut context, &wanted.names, weak).map_err(library)?,
        true if wanted.missing.is_empty() => {
            context.set_min_proto_version(Some(SslVersion::TLS1_3)).map_err(library)?
        }
        true => return Err(format!("cipherSuites: the TLS library has none of {}", wanted.missing.join(", "))),
    }
    context.set_alpn_protos(b"\x08http/1.1").map_err(library)?;
    // As the library's own connectors have it: what a slow server had no room for is written again from where it is then.
    context.set_mode(SslMode::ACCEPT_MOVING_WRITE_BUFFER);
    if settings.root_cas.is_empty() {
        context.set_default_verify_paths().map_err(library)?;
    } else {
        let believed = authorities::parse(&settings.root_cas).map_err(|e| format!("rootCAs: {e}"))?;
        context.set_cert_store(authorities::store(believed).map_err(library)?);
    }
    if let Some(pair) = settings.certificates.first() {
        KeyPair::new(pair).map_err(|e| format!("certificates: {e}"))?.offer(&mut context).map_err(library)?;
    }
    let verifies = !settings.insecure_skip_verify || settings.names_peers();
    context.set_verify(if verifies { SslVerifyMode::PEER } else { SslVerifyMode::NONE });
    Ok(context.build())
}
