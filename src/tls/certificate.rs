//! A certificate chain with its key, parsed from PEM once, and the names that it is for.

use std::fmt;
use std::net::IpAddr;

use super::backend::{ErrorStack, Nid, PKey, Private, X509, ext, pkey, ssl};
use crate::dynamic::tls::Certificate;

/// A chain and its key, ready for handshakes.
pub struct KeyPair {
    chain: Vec<X509>,
    key: PKey<Private>,
    kind: KeyKind,
    names: Vec<String>,
    rank: String,
}

/// The kind of a key: a client may know how to verify one and not another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA.
    Rsa,
    /// An elliptic curve of NIST.
    Ecdsa,
    /// Ed25519.
    Ed25519,
}

// === impl KeyPair ===

impl KeyPair {
    /// Parses a pair; the error says which half is wrong, and how.
    pub fn new(pair: &Certificate) -> Result<Self, String> {
        let chain = X509::stack_from_pem(pair.cert_file.as_bytes())
            .map_err(|e| format!("tls.crt is not a PEM certificate: {}", first(&e)))?;
        // Without a password: else the library would ask for one on the terminal.
        let key = PKey::private_key_from_pem_callback(pair.key_file.0.as_bytes(), |_| Ok(0))
            .map_err(|_| "tls.key is not a PEM private key without password".to_owned())?;
        KeyPair::of(chain, key)
    }

    pub(super) fn of(chain: Vec<X509>, key: PKey<Private>) -> Result<Self, String> {
        let Some(leaf) = chain.first() else { return Err("tls.crt holds no PEM certificate".to_owned()) };
        let public =
            leaf.public_key().map_err(|e| format!("the public key of tls.crt can't be read: {}", first(&e)))?;
        if !public.public_eq(&key) {
            return Err("tls.key does not belong to the first certificate of tls.crt".to_owned());
        }
        let kind = match key.id() {
            pkey::Id::RSA => KeyKind::Rsa,
            pkey::Id::EC => KeyKind::Ecdsa,
            pkey::Id::ED25519 => KeyKind::Ed25519,
            _ => return Err("tls.key is neither an RSA nor an ECDSA nor an Ed25519 key".to_owned()),
        };
        let names = names(leaf);
        let mut sorted = names.clone();
        sorted.sort();
        sorted.dedup();
        let pair = KeyPair { chain, key, kind, rank: sorted.join(","), names };
        pair.try_out().map_err(|e| format!("the TLS library does not accept it: {}", first(&e)))?;
        Ok(pair)
    }

    /// Lower-case: the common name and the alternative names, addresses among them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The kind of its key.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The chain, leaf first, and the key.
    pub fn into_parts(self) -> (Vec<X509>, PKey<Private>) {
        (self.chain, self.key)
    }

    /// Of two certificates for a name, Traefik takes the one whose list of names comes later.
    pub(super) fn rank(&self) -> &str {
        &self.rank
    }

    /// Gives it to a handshake.
    pub(super) fn install(&self, ssl: &mut ssl::SslRef) -> Result<(), ErrorStack> {
        let Some((leaf, above)) = self.chain.split_first() else { return Ok(()) };
        ext::ssl_use_certificate(ssl, leaf)?;
        ext::ssl_use_private_key(ssl, &self.key)?;
        above.iter().try_for_each(|certificate| ext::ssl_add_chain_cert(ssl, certificate))
    }

    /// Shows it to all servers of a context that ask for one.
    pub fn offer(&self, context: &mut ssl::SslContextBuilder) -> Result<(), ErrorStack> {
        let Some((leaf, above)) = self.chain.split_first() else { return Ok(()) };
        context.set_certificate(leaf)?;
        context.set_private_key(&self.key)?;
        above.iter().try_for_each(|certificate| context.add_extra_chain_cert(certificate.clone()))
    }

    /// What a handshake would stumble over shows here: keys that are too short, for one.
    fn try_out(&self) -> Result<(), ErrorStack> {
        let context = ssl::SslContext::builder(ssl::SslMethod::tls())?.build();
        self.install(&mut *ssl::Ssl::new(&context)?)
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} key pair for {}", self.kind, self.rank)
    }
}

/// Parses many pairs, on as many threads as there are processors: reading a key takes a tenth of a millisecond.
pub fn parse(pairs: &[&Certificate]) -> Vec<Result<KeyPair, String>> {
    const WORTH_A_THREAD: usize = 64;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = pairs.len().div_ceil(threads).max(WORTH_A_THREAD);
    let parse = |pairs: &[&Certificate]| -> Vec<_> { pairs.iter().map(|pair| KeyPair::new(pair)).collect() };
    if pairs.len() <= share {
        return parse(pairs);
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = pairs.chunks(share).map(|pairs| (pairs, scope.spawn(move || parse(pairs)))).collect();
        let lost = |pairs: &[&Certificate]| pairs.iter().map(|_| Err("it could not be read".to_owned())).collect();
        running.into_iter().flat_map(|(pairs, thread)| thread.join().unwrap_or_else(|_| lost(pairs))).collect()
    })
}

fn names(leaf: &X509) -> Vec<String> {
    let mut names = Vec::new();
    for entry in leaf.subject_name().entries_by_nid(Nid::COMMONNAME) {
        names.extend(std::str::from_utf8(entry.data().as_slice()).ok().map(str::to_owned));
    }
    for name in leaf.subject_alt_names().iter().flatten() {
        names.extend(name.dnsname().map(str::to_owned));
        names.extend(name.ipaddress().and_then(address).map(|ip| ip.to_string()));
    }
    let mut seen = Vec::new();
    for name in names {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if !name.is_empty() && !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

/// The first of the library's errors, without file names and numbers.
pub(super) fn first(errors: &ErrorStack) -> String {
    let reason = |e: &pingora::tls::error::Error| e.reason().map(|reason| reason.to_string());
    errors.errors().iter().find_map(reason).unwrap_or_else(|| "unknown error".to_owned())
}
