//! `basicAuth`: lets those through who know a user's password.
//! A request filter; slow hashes are computed off the request's thread, and once per user, not per request.

mod hash;
mod md5_crypt;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use sha2::{Digest, Sha256};

use self::hash::Hash;
pub(super) use self::hash::same;
use crate::config::Auth;
use crate::filter::{Fault, Filter, Flow, Progress, RequestCx, Step};
use crate::header::{header_name, header_value};
use crate::registry::BadConfig;
use crate::reply::Reply;

/// Asks for a user's password.
pub(super) struct BasicAuth {
    users: HashMap<Box<str>, Arc<User>>,
    /// Whose hash is computed for users that don't exist, so that time doesn't tell who does.
    decoy: Arc<User>,
    challenge: HeaderValue,
    remove_header: bool,
    /// The header that tells the server the user: as written, and as a name.
    user_header: Option<Bytes>,
    /// Of this instance alone: nobody can prepare digests for what is remembered.
    pepper: [u8; 32],
}

struct User {
    name: HeaderValue,
    hash: Hash,
    /// The digest of the password that was right once.
    remembered: OnceLock<[u8; 32]>,
}

// === impl BasicAuth ===

impl BasicAuth {
    pub(super) fn new(config: &Auth) -> Result<Self, BadConfig> {
        let mut users = HashMap::new();
        let mut decoy = None;
        for (i, line) in config.users.iter().enumerate() {
            let field = format!("users[{i}]");
            let (name, hash) =
                line.0.split_once(':').filter(|(_, hash)| !hash.contains(':')).ok_or_else(|| {
                    BadConfig::new(field.as_str(), "is not a line `user:hash` with exactly one colon")
                })?;
            let hash = Hash::new(hash);
            let user = Arc::new(User { name: header_value(&field, name)?, hash, remembered: OnceLock::new() });
            decoy.get_or_insert_with(|| Arc::clone(&user));
            users.insert(name.into(), user);
        }
        let decoy =
            decoy.ok_or_else(|| BadConfig::new("users", "are none: at least one line `user:hash` is needed"))?;
        let realm = if config.realm.is_empty() { "traefik" } else { &config.realm };
        let user_header = match config.header_field.as_str() {
            "" => None,
            name => {
                let _: HeaderName = header_name("headerField", name)?;
                Some(Bytes::copy_from_slice(name.as_bytes()))
            }
        };
        Ok(BasicAuth {
            users,
            decoy,
            challenge: header_value("realm", &format!("Basic realm=\"{realm}\""))?,
            remove_header: config.remove_header,
            user_header,
            pepper: rand::random(),
        })
    }

    fn digest(&self, password: &[u8]) -> [u8; 32] {
        Sha256::new().chain_update(self.pepper).chain_update(password).finalize().into()
    }

    fn accept(&self, cx: &mut RequestCx<'_>, user: &User) -> Progress {
        if let Some(name) = &self.user_header {
            cx.request.insert_header(name.clone(), &user.name).map_err(Fault::internal)?;
        }
        if self.remove_header {
            cx.request.remove_header(&AUTHORIZATION);
        }
        Ok(Flow::Next)
    }

    fn refuse(&self) -> Progress {
        let reply = Reply::plain(401, "401 Unauthorized\n")
            .with(CONTENT_TYPE, HeaderValue::from_static("text/plain"))
            .with(WWW_AUTHENTICATE, self.challenge.clone());
        Ok(Flow::Reply(Box::new(reply)))
    }
}

impl Filter for BasicAuth {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        let Some((name, password)) = credentials(cx.header(AUTHORIZATION)) else { return Step::Now(self.refuse()) };
        let known = self.users.get(name.as_str());
        cx.notes.user = Some(name.into());
        let user = known.unwrap_or(&self.decoy);
        let digest = self.digest(&password);
        let remembered = user.remembered.get().is_some_and(|right| same(right, &digest));
        if user.hash.is_fast() || remembered && known.is_some() {
            let right = known.is_some() && (remembered || user.hash.verify(&password));
            return Step::Now(if right { self.accept(cx, user) } else { self.refuse() });
        }
        let known = known.is_some();
        let user = Arc::clone(user);
        Step::Later(Box::pin(async move {
            let computed = Arc::clone(&user);
            let right = tokio::task::spawn_blocking(move || computed.hash.verify(&password)).await.unwrap_or(false);
            if !(right && known) {
                return self.refuse();
            }
            // Already set if two requests came at once; it is the same digest then.
            let _ = user.remembered.set(digest);
            self.accept(cx, &user)
        }))
    }
}

/// Whether a hash of a password is of a kind that `basicAuth` knows: bcrypt, `{SHA}`, apr1, MD5-crypt.
pub fn knows_hash(text: &str) -> bool {
    Hash::new(text) != Hash::Unknown
}

/// User and password of an `Authorization` header.
fn credentials(header: &str) -> Option<(String, Vec<u8>)> {
    let encoded = header.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case("basic ")).and(header.get(6..))?;
    let mut decoded = STANDARD.decode(encoded).ok()?;
    let colon = decoded.iter().position(|b| *b == b':')?;
    let password = decoded.split_off(colon + 1);
    decoded.pop();
    Some((String::from_utf8(decoded).ok()?, password))
}

#[cfg(test)]
mod tests;
