//! Whether clients must show a certificate, and whose: Go's five policies.

use super::authorities;
use super::backend::ErrorStack;
use super::backend::ssl::{SslContextBuilder, SslVerifyMode};
use super::certificate::first;
use super::profile::Problem;
use crate::dynamic::tls::ClientAuth;

/// What is asked of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// Nothing.
    None,
    /// A certificate, whoever it is from; or none.
    Request,
    /// A certificate, whoever it is from.
    RequireAny,
    /// A certificate of an authority known here, or none.
    VerifyIfGiven,
    /// A certificate of an authority known here.
    RequireAndVerify,
}

// === impl Policy ===

impl Policy {
    /// The policy of these settings: authorities without one mean the strictest. None where the name is none of Go's.
    pub(super) fn of(auth: &ClientAuth) -> Option<Policy> {
        Some(match auth.client_auth_type.as_str() {
            "" if auth.ca_files.is_empty() => Policy::None,
            "" | "RequireAndVerifyClientCert" => Policy::RequireAndVerify,
            "NoClientCert" => Policy::None,
            "RequestClientCert" => Policy::Request,
            "RequireAnyClientCert" => Policy::RequireAny,
            "VerifyClientCertIfGiven" => Policy::VerifyIfGiven,
            _ => return None,
        })
    }

    fn verifies(self) -> bool {
        matches!(self, Policy::VerifyIfGiven | Policy::RequireAndVerify)
    }

    fn mode(self) -> SslVerifyMode {
        match self {
            Policy::None => SslVerifyMode::NONE,
            Policy::Request | Policy::VerifyIfGiven => SslVerifyMode::PEER,
            Policy::RequireAny | Policy::RequireAndVerify => SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT,
        }
    }

    /// Tells a context; the error says what can't be used.
    pub(super) fn apply(self, auth: &ClientAuth, context: &mut SslContextBuilder) -> Result<(), Problem> {
        if self == Policy::None {
            return Ok(());
        }
        if self.verifies() && auth.ca_files.is_empty() {
            return Err(Problem::Told);
        }
        let believed = authorities::parse(&auth.ca_files).map_err(Problem::Found)?;
        if self.verifies() && believed.is_empty() {
            let message = "the texts of the authorities hold no PEM certificate";
            return Err(Problem::Found(message.to_owned()));
        }
        let library = |e: ErrorStack| Problem::Found(format!("an authority can't be used: {}", first(&e)));
        believed.iter().try_for_each(|authority| context.add_client_ca(authority)).map_err(library)?;
        // Of its own, and not the context's: else OpenSSL would complete our chain with a client's authority.
        context.set_verify_cert_store(authorities::store(believed).map_err(library)?).map_err(library)?;
        match self.verifies() {
            true => context.set_verify(self.mode()),
            // Whoever it is from.
            false => context.set_verify_callback(self.mode(), |_, _| true),
        }
        Ok(())
    }
}
