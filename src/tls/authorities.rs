//! Authorities from PEM texts: those that servers are believed by, and those that clients' certificates come from.

use super::backend::x509::store::{X509Store, X509StoreBuilder};
use super::backend::{ErrorStack, X509};
use super::certificate::first;

/// All certificates of these texts; the error says what one of them is.
pub fn authorities(texts: &[String]) -> Result<Vec<X509>, String> {
    let mut all = Vec::new();
    for text in texts {
        let parsed = X509::stack_from_pem(text.as_bytes());
        all.extend(parsed.map_err(|e| format!("an authority is not a PEM certificate: {}", first(&e)))?);
    }
    Ok(all)
}

/// What believes these authorities and no others.
pub fn store(authorities: Vec<X509>) -> Result<X509Store, ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    authorities.into_iter().try_for_each(|authority| store.add_cert(authority))?;
    Ok(store.build())
}
