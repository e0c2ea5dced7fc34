//! Basic and digest authentication: users read from a Secret beside the Middleware.
//! A Secret that is missing or malformed refuses the Middleware: never open, only closed.

use ingora_crds::middleware::{BasicAuth, DigestAuth};
use ingora_middleware::config::Auth;
use ingora_middleware::knows_hash;

use super::{Refused, Scope};
use crate::dynamic::Secret;
use crate::translate::context::Context;
use crate::translate::secret;

/// Basic authentication; users are `user:hash`.
pub(super) fn basic(cx: &mut Context<'_>, scope: &Scope<'_>, given: &BasicAuth) -> Result<Auth, Refused> {
    let path = "spec.basicAuth.secret";
    let users = secret::basic_users(&cx.reader, scope.namespace(), &given.secret).map_err(|problem| {
        problem.report(cx, scope.object, path);
        Refused
    })?;
    check(cx, scope, &users, 2, path, &given.secret);
    doubt(cx, scope, &users, path, |user| {
        let (_, hash) = user.split_once(':').filter(|(_, hash)| !hash.contains(':'))?;
        let doubt = "its hash is of no kind that is known: write bcrypt ($2y$…), apr1 ($apr1$…), MD5 ($1$…) or {SHA}…";
        (!knows_hash(hash)).then(|| doubt.to_owned())
    });
    Ok(Auth {
        users,
        realm: given.realm.clone(),
        remove_header: given.remove_header,
        header_field: given.header_field.clone(),
    })
}

/// Digest authentication; users are `user:realm:hash`.
pub(super) fn digest(cx: &mut Context<'_>, scope: &Scope<'_>, given: &DigestAuth) -> Result<Auth, Refused> {
    let path = "spec.digestAuth.secret";
    let users = secret::digest_users(&cx.reader, scope.namespace(), &given.secret).map_err(|problem| {
        problem.report(cx, scope.object, path);
        Refused
    })?;
    check(cx, scope, &users, 3, path, &given.secret);
    let realm = if given.realm.is_empty() { "traefik" } else { &given.realm };
    doubt(cx, scope, &users, path, |user| {
        let parts: Vec<&str> = user.split(':').collect();
        let [_, of, _] = parts.as_slice() else { return None };
        (*of != realm)
            .then(|| format!("its realm is {of:?}, the Middleware's is {realm:?}: hash `user:{realm}:password`"))
    });
    Ok(Auth {
        users,
        realm: given.realm.clone(),
        remove_header: given.remove_header,
        header_field: given.header_field.clone(),
    })
}

/// Warns of users who can never prove who they are, and says why.
fn doubt(cx: &mut Context<'_>, scope: &Scope<'_>, users: &[Secret], path: &str, why: impl Fn(&str) -> Option<String>) {
    for (i, user) in users.iter().enumerate() {
        if let Some(why) = why(&user.0) {
            cx.warning("UnusableUser", scope.object, path, format!("user {} is never let in: {why}", i + 1));
        }
    }
}

/// Says which user has not as many parts as needed: the filter can't be built then. Shows nothing of the user.
fn check(cx: &mut Context<'_>, scope: &Scope<'_>, users: &[Secret], parts: usize, path: &str, secret: &str) {
    let form = if parts == 2 { "user:hash" } else { "user:realm:hash" };
    for (i, user) in users.iter().enumerate() {
        let found = user.0.split(':').count();
        if found != parts {
            let message = format!(
                "user {} in Secret {}/{secret} has {found} parts between colons: write {form}",
                i + 1,
                scope.namespace()
            );
            cx.error("BadUser", scope.object, path, message);
        }
    }
}
