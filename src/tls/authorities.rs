//! Authorities that are believed, of clients or of servers: each by itself, as in Go, whoever stands above it.
//! Certificates that are no authorities may be among them, and are then believed themselves.

use super::backend::x509::store::{X509Store, X509StoreBuilder};
use super::backend::x509::verify::X509VerifyFlags;
use super::backend::{ErrorStack, X509};
use super::certificate::first;

/// All certificates of these PEM texts.
///
/// # Errors
/// What is wrong with one of them.
pub fn parse(texts: &[String]) -> Result<Vec<X509>, String> {
    let mut all = Vec::new();
    for text in texts {
        let parsed = X509::stack_from_pem(text.as_bytes());
        all.extend(parsed.map_err(|e| format!("an authority is not a PEM certificate: {}", first(&e)))?);
    }
    Ok(all)
}

/// A store of authorities. By itself the library would follow chains up to one that nobody stands above.
///
/// # Errors
/// The library's, for one that it does not take.
pub fn store(authorities: Vec<X509>) -> Result<X509Store, ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    let flags = X509VerifyFlags::PARTIAL_CHAIN;
    #[cfg(feature = "boringssl")]
    store.set_flags(flags);
    #[cfg(not(feature = "boringssl"))]
    store.set_flags(flags)?;
    authorities.into_iter().try_for_each(|authority| store.add_cert(authority))?;
    Ok(store.build())
}

/// Whether above each of these is another one of them, or nobody: then every store does.
pub fn are_complete(authorities: &[X509]) -> bool {
    let is_above = |authority: &X509, other: &X509| {
        authority.subject_name().try_cmp(other.issuer_name()).is_ok_and(std::cmp::Ordering::is_eq)
    };
    authorities.iter().all(|one| authorities.iter().any(|other| is_above(other, one)))
}
