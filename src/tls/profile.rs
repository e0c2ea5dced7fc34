//! A set of TLS options as a context of the TLS library, and how handshakes begin with it.
//! Each has a context of its own: its keys for tickets are its own too, so no session is resumed under other options.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::backend::ssl::{AlpnError, Ssl, SslContext, SslMethod, SslVersion};
use super::backend::{self, ErrorStack, Resumption};
use super::certificate::first;
use super::certificates::Choice;
use super::client_auth::Policy;
use super::suites::{groups, suites, version};
use crate::dynamic::tls::TlsOptions;

/// Protocols that need nothing of ours: a client that offers only those is served without agreeing on one, as libpq
/// wants it.
const TOLERATED: &[u8] = b"postgresql";
/// The challenge of an ACME authority, which nobody here answers.
const ACME: &str = "acme-tls/1";

/// TLS options, ready for handshakes.
pub struct Profile {
    /// Their name.
    pub name: Arc<str>,
    /// Whether names that no certificate is for are refused.
    pub sni_strict: bool,
    context: SslContext,
}

/// Why options can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A name that Go doesn't know, or authorities that aren't there: the translation has told already.
    Told,
    /// Something that only shows when the library is asked.
    Found(String),
}

// === impl Profile ===

impl Profile {
    /// Makes a context for options; beside it, the suites asked for that the library hasn't.
    ///
    /// # Errors
    /// What makes the options unusable.
    pub fn new(name: &str, options: &TlsOptions) -> Result<(Self, Vec<&'static str>), Problem> {
        let (min, max) = version(&options.min_version).zip(version(&options.max_version)).ok_or(Problem::Told)?;
        let suites = suites(&options.cipher_suites).ok_or(Problem::Told)?;
        let groups = groups(&options.curve_preferences).ok_or(Problem::Told)?;
        let policy = Policy::of(&options.client_auth).ok_or(Problem::Told)?;
        let mut min = min.unwrap_or(SslVersion::TLS1_2);
        if suites.names.is_empty() {
            if !suites.missing.is_empty() {
                let message =
                    format!("the TLS library has none of the suites asked for: {}", suites.missing.join(", "));
                return Err(Problem::Found(message));
            }
            // Nothing but TLS 1.3's own suites were named.
            min = SslVersion::TLS1_3;
        }
        let mut context = SslContext::builder(SslMethod::tls()).map_err(library)?;
        backend::prepare(&mut context);
        context.set_min_proto_version(Some(min)).map_err(library)?;
        context.set_max_proto_version(max).map_err(library)?;
        if !suites.names.is_empty() {
            let weak = matches!(min, SslVersion::TLS1 | SslVersion::TLS1_1);
            backend::set_suites(&mut context, &suites.names, weak).map_err(library)?;
        }
        backend::set_groups(&mut context, &groups).map_err(library)?;
        policy.apply(&options.client_auth, &mut context)?;
        let resumption = match (options.disable_session_tickets, policy) {
            (true, _) => Resumption::Never,
            (false, Policy::None) => Resumption::Tickets,
            (false, _) => Resumption::Remembered,
        };
        backend::set_resumption(&mut context, resumption).map_err(library)?;
        context.set_session_id_context(&Sha256::digest(name)).map_err(library)?;
        let protocols = options.alpn_protocols.clone();
        context.set_alpn_select_callback(move |_, offered| agree(&protocols, offered));
        let profile = Profile { name: name.into(), sni_strict: options.sni_strict, context: context.build() };
        Ok((profile, suites.missing))
    }

    /// Begins a handshake with these certificates; `ecdsa` tells whether the client can verify those of elliptic curves.
    pub fn begin(&self, certificates: &Choice, ecdsa: bool) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        certificates.install(&mut ssl, ecdsa)?;
        Ok(ssl)
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS options {}", self.name)
    }
}

fn library(e: ErrorStack) -> Problem {
    Problem::Found(format!("the TLS library does not accept them: {}", first(&e)))
}

/// The first of our protocols that the client offers, as Go agrees: a client that can only speak HTTP/1.1 is served by a
/// server of HTTP/2 without agreement, and any other disagreement ends the handshake.
fn agree<'o>(protocols: &[String], offered: &'o [u8]) -> Result<&'o [u8], AlpnError> {
    let ours = protocols.iter().filter(|protocol| *protocol != ACME);
    for protocol in ours {
        if let Some(found) = each(offered).find(|o| *o == protocol.as_bytes()) {
            return Ok(found);
        }
    }
    let has = |name: &[u8]| each(offered).any(|o| o == name);
    let fallback = has(b"http/1.1") && protocols.iter().any(|protocol| protocol == "h2");
    let none = protocols.is_empty() || fallback || has(TOLERATED);
    Err(if none { AlpnError::NOACK } else { AlpnError::ALERT_FATAL })
}

/// The protocols of a list as it is on the wire: each behind its length.
fn each(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = list.split_first()?;
        let (protocol, rest) = rest.split_at_checked((*length).into())?;
        list = rest;
        Some(protocol)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_on_protocols_as_go_does() {
        const H2: &[u8] = b"\x02h2";
        const BOTH: &[u8] = b"\x08http/1.1\x02h2";
        for (ours, offered, expected) in [
            (&["h2", "http/1.1"][..], BOTH, Ok(&b"h2"[..])),
            (&["http/1.1", "h2"], BOTH, Ok(b"http/1.1")),
            (&["http/1.1"], H2, Err(AlpnError::ALERT_FATAL)),
            (&["h2"], b"\x08http/1.1", Err(AlpnError::NOACK)),
            (&["h2", "acme-tls/1"], b"\x0aacme-tls/1", Err(AlpnError::ALERT_FATAL)),
            (&["h2"], b"\x0apostgresql", Err(AlpnError::NOACK)),
            (&[], H2, Err(AlpnError::NOACK)),
            (&["h2"], b"\x09h2", Err(AlpnError::ALERT_FATAL)),
        ] {
            let ours: Vec<String> = ours.iter().map(|p| (*p).to_owned()).collect();
            assert_eq!(agree(&ours, offered), expected, "{ours:?} {offered:?}");
        }
    }
}
