//! Password hashes as `htpasswd` writes them.
//! Read when `basicAuth` is built; verified when a user logs in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::md5_crypt::md5_crypt;

/// A password's hash.
#[derive(PartialEq, Eq)]
pub(super) enum Hash {
    /// `{SHA}`: SHA-1 in base64.
    Sha1([u8; 20]),
    /// `$2a$`, `$2b$`, `$2x$`, `$2y$`.
    Bcrypt(Box<str>),
    /// `$apr1$` and `$1$`, whole.
    Md5Crypt(Box<str>),
    /// None of these: no password is right.
    Unknown,
}

// === impl Hash ===

impl Hash {
    pub(super) fn new(text: &str) -> Self {
        if let Some(encoded) = text.strip_prefix("{SHA}") {
            let digest = STANDARD.decode(encoded).ok().and_then(|digest| digest.try_into().ok());
            return digest.map_or(Hash::Unknown, Hash::Sha1);
        }
        if ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            return Hash::Bcrypt(text.into());
        }
        if ["$apr1$", "$1$"].iter().any(|prefix| text.starts_with(prefix)) {
            return Hash::Md5Crypt(text.into());
        }
        Hash::Unknown
    }

    /// Whether verifying takes microseconds.
    pub(super) fn is_fast(&self) -> bool {
        matches!(self, Hash::Sha1(_) | Hash::Unknown)
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        match self {
            Hash::Sha1(digest) => same(&Sha1::digest(password), digest),
            Hash::Bcrypt(text) => bcrypt::verify(password, text).unwrap_or(false),
            Hash::Md5Crypt(text) => {
                let mut parts = text.splitn(4, '$').skip(1);
                let (Some(kind), Some(salt)) = (parts.next(), parts.next()) else { return false };
                same(md5_crypt(password, &format!("${kind}$"), salt).as_bytes(), text.as_bytes())
            }
            Hash::Unknown => false,
        }
    }
}

/// Equality in a time that doesn't tell where two texts differ.
pub(in crate::builtin) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifies_what_htpasswd_writes() {
        for (hash, password, right) in [
            ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "password", true),
            ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "Password", false),
            ("{SHA}W6ph", "password", false),
            ("$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/", "test", true),
            ("$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/", "tests", false),
            ("$1$abcdefgh$", "test", false),
            ("$apr1$", "", false),
            ("$2y$04$Ck0qsZ3KnN5nUZTVsWQRdu", "test", false),
            ("$6$salt$x", "x", false),
            ("plain", "plain", false),
        ] {
            assert_eq!(Hash::new(hash).verify(password.as_bytes()), right, "{hash}");
        }
        for prefix in ["$2a$", "$2b$", "$2x$", "$2y$"] {
            let Ok(parts) = bcrypt::hash_with_result("test", 4) else { continue };
            let text = parts.to_string().replacen("$2b$", prefix, 1);
            assert!(Hash::new(&text).verify(b"test"), "{text}");
            assert!(!Hash::new(&text).verify(b"tset"), "{text}");
        }
    }
}
