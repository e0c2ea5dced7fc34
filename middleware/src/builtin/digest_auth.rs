//! `digestAuth`: lets those through who prove that they know a user's password, without sending it (RFC 7616: MD5, `auth`).
//! A request filter. A user's line holds the hash of `user:realm:password`, so its realm must be the filter's.

mod credentials;
mod nonces;

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use md5::{Digest, Md5};

use self::credentials::Credentials;
use self::nonces::{Nonces, Use};
use super::basic_auth::same;
use crate::config::Auth;
use crate::filter::{Fault, Filter, Flow, Progress, RequestCx, Step};
use crate::header::{header_name, header_value};
use crate::registry::BadConfig;
use crate::reply::Reply;

/// Asks for a proof of a user's password.
pub(super) struct DigestAuth {
    /// Those of the realm.
    users: HashMap<Box<str>, User>,
    realm: Box<str>,
    opaque: String,
    nonces: Nonces,
    remove_header: bool,
    /// The header that tells the server the user, as written.
    user_header: Option<Bytes>,
}

struct User {
    name: HeaderValue,
    /// MD5 of `user:realm:password`, in lower-case hexadecimal.
    hash: Box<str>,
}

/// Why somebody isn't let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// There is no proof, or a wrong one.
    Unproven,
    /// It is right, but made with a nonce that is spent.
    Stale,
}

// === impl DigestAuth ===

impl DigestAuth {
    pub(super) fn new(config: &Auth) -> Result<Self, BadConfig> {
        if config.users.is_empty() {
            return Err(BadConfig::new("users", "are none: at least one line `user:realm:hash` is needed"));
        }
        let realm = if config.realm.is_empty() { "traefik" } else { &config.realm };
        let _: HeaderValue = header_value("realm", realm)?;
        let mut users = HashMap::new();
        for (i, line) in config.users.iter().enumerate() {
            let field = format!("users[{i}]");
            let parts: Vec<&str> = line.0.split(':').collect();
            let [name, of, hash] = parts.as_slice() else {
                return Err(BadConfig::new(field, "is not a line `user:realm:hash` with exactly two colons"));
            };
            let user = User { name: header_value(&field, name)?, hash: hash.to_ascii_lowercase().into() };
            if *of == realm {
                users.insert((*name).into(), user);
            }
        }
        let user_header = match config.header_field.as_str() {
            "" => None,
            name => {
                let _: HeaderName = header_name("headerField", name)?;
                Some(Bytes::copy_from_slice(name.as_bytes()))
            }
        };
        Ok(DigestAuth {
            users,
            realm: realm.into(),
            opaque: URL_SAFE_NO_PAD.encode(rand::random::<[u8; 12]>()),
            nonces: Nonces::default(),
            remove_header: config.remove_header,
            user_header,
        })
    }

    /// Whose request it is.
    fn user(&self, cx: &RequestCx<'_>) -> Result<(&str, &User), Refused> {
        let given = Credentials::parse(cx.header(AUTHORIZATION)).ok_or(Refused::Unproven)?;
        let (name, user) = self.users.get_key_value(given.username.as_str()).ok_or(Refused::Unproven)?;
        if given.opaque != self.opaque || given.uri != cx.target() || given.realm != *self.realm {
            return Err(Refused::Unproven);
        }
        let request = hash(&[cx.request.method.as_str(), &given.uri]);
        let proof: [&str; 6] = [&user.hash, &given.nonce, &given.nc, &given.cnonce, "auth", request.as_str()];
        if !same(hash(&proof).as_bytes(), given.response.to_ascii_lowercase().as_bytes()) {
            return Err(Refused::Unproven);
        }
        let count = u64::from_str_radix(&given.nc, 16).map_err(|_| Refused::Unproven)?;
        match self.nonces.spend(&given.nonce, count) {
            Use::Good => Ok((name, user)),
            Use::Spent => Err(Refused::Stale),
        }
    }

    fn on_request(&self, cx: &mut RequestCx<'_>) -> Progress {
        let (name, user) = match self.user(cx) {
            Ok(user) => user,
            Err(refused) => return self.refuse(refused),
        };
        cx.notes.user = Some(name.into());
        if let Some(header) = &self.user_header {
            cx.request.insert_header(header.clone(), &user.name).map_err(Fault::internal)?;
        }
        if self.remove_header {
            cx.request.remove_header(&AUTHORIZATION);
        }
        Ok(Flow::Next)
    }

    fn refuse(&self, why: Refused) -> Progress {
        let stale = if why == Refused::Stale { ", stale=true" } else { "" };
        let challenge = format!(
            "Digest realm=\"{}\", nonce=\"{}\", opaque=\"{}\", algorithm=MD5, qop=\"auth\"{stale}",
            self.realm,
            self.nonces.issue(),
            self.opaque
        );
        let challenge = HeaderValue::try_from(challenge).map_err(Fault::internal)?;
        let reply = Reply::plain(401, "401 Unauthorized\n")
            .with(CONTENT_TYPE, HeaderValue::from_static("text/plain"))
            .with(WWW_AUTHENTICATE, challenge);
        Ok(Flow::Reply(Box::new(reply)))
    }
}

impl Filter for DigestAuth {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        Step::Now(self.on_request(cx))
    }
}

/// MD5 of the parts between colons, in lower-case hexadecimal.
fn hash(parts: &[&str]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hasher = Md5::new();
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            hasher.update(b":");
        }
        hasher.update(part.as_bytes());
    }
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    hasher.finalize().iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests;
