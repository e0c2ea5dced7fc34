//! Which certificates are shown to a client that asks for a name: two look-ups, however many there are.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::backend::{ErrorStack, ssl};
use super::certificate::KeyPair;
use super::default_certificate::generated;

/// All certificates of a store, by name.
#[derive(Debug, Default)]
pub struct Certificates {
    exact: FxHashMap<Box<str>, Choice>,
    /// By what follows the `*`: `.example.com`.
    wildcard: FxHashMap<Box<str>, Choice>,
    /// None for the generated one.
    default: Option<Choice>,
}

/// The certificates for a name: one for each kind of key.
#[derive(Debug, Clone, Default)]
pub struct Choice(SmallVec<[Arc<KeyPair>; 1]>);

// === impl Certificates ===

impl Certificates {
    /// Files certificates under their names. `default` is for names that none is for; without it the generated one is.
    pub fn new(pairs: impl IntoIterator<Item = Arc<KeyPair>>, default: Option<Choice>) -> Self {
        let mut certificates = Certificates { default, ..Certificates::default() };
        for pair in pairs {
            for name in pair.names() {
                let choice = match name.strip_prefix('*') {
                    Some(domain) if domain.starts_with('.') => certificates.wildcard.entry(domain.into()),
                    _ => certificates.exact.entry(name.as_str().into()),
                };
                choice.or_default().add(&pair);
            }
        }
        certificates
    }

    /// The certificates for a server name, lower-case: those for exactly it before those for `*` and its domain.
    pub fn find(&self, name: &str) -> Option<&Choice> {
        self.exact.get(name).or_else(|| self.wildcard.get(name.get(name.find('.')?..)?))
    }

    /// The ones for all other names.
    pub fn for_others(&self) -> &Choice {
        self.default.as_ref().unwrap_or_else(|| generated())
    }
}

// === impl Choice ===

impl Choice {
    /// Adds a certificate. Of two of one kind the one that Traefik would show stays: the one whose list of names
    /// comes later, or the one that was there.
    fn add(&mut self, pair: &Arc<KeyPair>) {
        match self.0.iter_mut().find(|there| there.kind() == pair.kind()) {
            Some(there) if pair.rank() > there.rank() => *there = pair.clone(),
            Some(_) => {}
            None => self.0.push(pair.clone()),
        }
    }

    /// Gives them to a handshake; the TLS library takes the one that the client can verify.
    #[cfg(not(feature = "boringssl"))]
    pub(super) fn install(&self, ssl: &mut ssl::SslRef, _ecdsa: bool) -> Result<(), ErrorStack> {
        self.0.iter().try_for_each(|pair| pair.install(ssl))
    }

    /// Gives one to a handshake, which can hold no more: one of an elliptic curve where the client can verify it.
    #[cfg(feature = "boringssl")]
    pub(super) fn install(&self, ssl: &mut ssl::SslRef, ecdsa: bool) -> Result<(), ErrorStack> {
        use super::certificate::KeyKind;
        let fits = |pair: &&Arc<KeyPair>| (pair.kind() == KeyKind::Ecdsa) == ecdsa;
        match self.0.iter().find(fits).or(self.0.first()) {
            Some(pair) => pair.install(ssl),
            None => Ok(()),
        }
    }
}

impl From<Arc<KeyPair>> for Choice {
    fn from(pair: Arc<KeyPair>) -> Self {
        Choice(SmallVec::from_iter([pair]))
    }
}
