//! The TLS library's names, OpenSSL's or BoringSSL's: they are the same, and where they aren't, it is settled here.

pub(super) use pingora::tls::error::ErrorStack;
pub(super) use pingora::tls::ext;
pub(super) use pingora::tls::hash::MessageDigest;
pub(super) use pingora::tls::nid::Nid;
pub(super) use pingora::tls::pkey::{self, PKey, Private};
pub(super) use pingora::tls::ssl;
pub(super) use pingora::tls::x509::{self, X509};

// What Pingora doesn't hand on.
#[cfg(feature = "boringssl")]
pub(super) use boring::{asn1, bn, rsa};
#[cfg(not(feature = "boringssl"))]
pub(super) use openssl::{asn1, bn, rsa};

use ssl::{SslContextBuilder, SslMode, SslOptions, SslSessionCacheMode};

/// Sessions of clients with certificates that a process remembers, for each set of options.
const SESSIONS: i32 = 4096;

/// How a client that comes again is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resumption {
    /// By a ticket that it keeps.
    Tickets,
    /// By a number; the session stays here. A ticket would hold a client's own certificate, but not those above it.
    Remembered,
    /// Not at all.
    Never,
}

/// What every context has, whatever its options.
pub(super) fn prepare(context: &mut SslContextBuilder) {
    let mut options = SslOptions::NO_COMPRESSION | SslOptions::CIPHER_SERVER_PREFERENCE;
    #[cfg(not(feature = "boringssl"))]
    {
        options |= SslOptions::NO_RENEGOTIATION;
        // A client of a TCP route that ends its half without a farewell has said all; its server may still answer.
        options |= SslOptions::IGNORE_UNEXPECTED_EOF;
    }
    // ECDH keys are never used twice; BoringSSL knows nothing else.
    options |= SslOptions::SINGLE_ECDH_USE;
    context.set_options(options);
    // An idle connection holds no buffers. What a slow client had no room for is written again from where it is then:
    // the library would take another address for a mistake, and the connection would break off.
    context.set_mode(SslMode::RELEASE_BUFFERS | SslMode::ACCEPT_MOVING_WRITE_BUFFER);
    // A record in one read of the socket, not its header first.
    context.set_read_ahead(true);
}

/// Suites up to TLS 1.2 by the library's names, first choice first. `weak` admits what TLS 1.0 and 1.1 are made of.
pub(super) fn set_suites(context: &mut SslContextBuilder, suites: &[&str], weak: bool) -> Result<(), ErrorStack> {
    let mut list = suites.join(":");
    if cfg!(not(feature = "boringssl")) && weak {
        list.push_str("@SECLEVEL=0");
    }
    context.set_cipher_list(&list)?;
    // Those of TLS 1.3, in Go's order. BoringSSL's are fixed.
    #[cfg(not(feature = "boringssl"))]
    context.set_ciphersuites("TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256")?;
    Ok(())
}

/// Groups for the exchange of keys, first choice first.
pub(super) fn set_groups(context: &mut SslContextBuilder, groups: &[&str]) -> Result<(), ErrorStack> {
    let list = groups.join(":");
    #[cfg(feature = "boringssl")]
    return context.set_curves_list(&list);
    #[cfg(not(feature = "boringssl"))]
    context.set_groups_list(&list)
}

/// Adds an extension to a certificate in the making.
pub(super) fn extend(certificate: &mut x509::X509Builder, extension: &x509::X509Extension) -> Result<(), ErrorStack> {
    #[cfg(feature = "boringssl")]
    return certificate.append_extension(extension);
    #[cfg(not(feature = "boringssl"))]
    certificate.append_extension2(extension)
}

pub(super) fn set_resumption(context: &mut SslContextBuilder, resumption: Resumption) -> Result<(), ErrorStack> {
    let cache = match resumption {
        Resumption::Remembered => SslSessionCacheMode::SERVER,
        Resumption::Tickets | Resumption::Never => SslSessionCacheMode::OFF,
    };
    context.set_session_cache_mode(cache);
    context.set_session_cache_size(SESSIONS as _);
    if resumption != Resumption::Tickets {
        context.set_options(SslOptions::NO_TICKET);
    }
    #[cfg(not(feature = "boringssl"))]
    context.set_num_tickets(if resumption == Resumption::Never { 0 } else { 1 })?;
    Ok(())
}
