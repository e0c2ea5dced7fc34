//! MD5-crypt, Poul-Henning Kamp's password hash, which Apache calls `apr1`.
//! Here because no kept-up crate has it; weak by today's measure, but what `htpasswd` writes by default.

use md5::{Digest, Md5};

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The order in which the digest's bytes are written, three to four letters.
const ORDER: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];
const LAST: usize = 11;

/// The hash of a password in full: magic (`$1$` or `$apr1$`), salt and digest.
pub(super) fn md5_crypt(password: &[u8], magic: &str, salt: &str) -> String {
    let salt_bytes = salt.as_bytes();
    let inner = Md5::new().chain_update(password).chain_update(salt_bytes).chain_update(password).finalize();
    let mut outer = Md5::new().chain_update(password).chain_update(magic).chain_update(salt_bytes);
    for piece in password.chunks(inner.len()) {
        outer.update(inner.get(..piece.len()).unwrap_or_default());
    }
    // A quirk that all implementations share: a byte per bit of the length, zero or the password's first.
    let mut length = password.len();
    while length != 0 {
        let byte = if length & 1 == 1 { 0 } else { password.first().copied().unwrap_or_default() };
        outer.update([byte]);
        length >>= 1;
    }
    let mut digest = outer.finalize();
    for round in 0..1000 {
        let mut hasher = Md5::new();
        let (first, last): (&[u8], &[u8]) = if round % 2 == 1 { (password, &digest) } else { (&digest, password) };
        hasher.update(first);
        if round % 3 != 0 {
            hasher.update(salt_bytes);
        }
        if round % 7 != 0 {
            hasher.update(password);
        }
        hasher.update(last);
        digest = hasher.finalize();
    }
    let mut out = format!("{magic}{salt}$");
    for [a, b, c] in ORDER {
        push(&mut out, u32::from(digest[a]) << 16 | u32::from(digest[b]) << 8 | u32::from(digest[c]), 4);
    }
    push(&mut out, u32::from(digest[LAST]), 2);
    out
}

/// Writes the lowest bits, six to a letter, lowest first.
fn push(out: &mut String, mut bits: u32, letters: usize) {
    for _ in 0..letters {
        out.push(char::from(ALPHABET[(bits & 63) as usize]));
        bits >>= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_openssl() {
        for (password, magic, salt, digest) in [
            ("password", "$1$", "abcdefgh", "G//4keteveJp0qb8z2DxG/"),
            ("test", "$apr1$", "xxxxxxxx", "I/Y6462WaoQEKUVxbYVZ1."),
            ("a", "$apr1$", "ab", "MW8Wizufu9hz465GKNNrn."),
            ("a longer password than the digest is", "$1$", "saltsalt", "U9q77oaHT.BgWZJjqVtOs."),
        ] {
            assert_eq!(md5_crypt(password.as_bytes(), magic, salt), format!("{magic}{salt}${digest}"));
        }
    }
}
