//! Reads what objects keep in Secrets and ConfigMaps: key pairs, authorities, users, credentials, plugin values.
//! Gives a [`Problem`] where something is missing or malformed; never puts a Secret's value into a message.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use k8s_openapi::api::core::v1::Secret as SecretObject;
use serde_json::Value;
use sha1::{Digest, Sha1};

use super::context::Context;
use super::reader::Reader;
use crate::diagnostic::ObjectRef;
use crate::dynamic::Secret;
use crate::dynamic::tls::Certificate;

/// What is wrong with a Secret or ConfigMap that an object refers to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub code: &'static str,
    pub message: String,
}

/// Whether a Secret with one key of any name counts as an authority, as old Traefik versions had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SoleKey {
    Accepted,
    Refused,
}

/// The type of Secrets that hold a `username` and a `password`.
const BASIC_AUTH_TYPE: &str = "kubernetes.io/basic-auth";
/// How a plugin's configuration refers to a key of a Secret.
const URN: &str = "urn:k8s:secret:";

// === impl Problem ===

impl Problem {
    fn new(code: &'static str, message: String) -> Self {
        Problem { code, message }
    }

    /// Tells the owner of the reference.
    pub(super) fn report(self, cx: &mut Context<'_>, object: &ObjectRef, path: &str) {
        cx.error(self.code, object, path, self.message);
    }
}

/// A certificate and its key, from `tls.crt` and `tls.key`.
pub(super) fn key_pair(reader: &Reader<'_>, namespace: &str, name: &str) -> Result<Certificate, Problem> {
    let secret = find(reader, namespace, name)?;
    let keys = ["tls.crt", "tls.key"];
    let missing: Vec<_> = keys.into_iter().filter(|key| value(secret, key).is_none()).collect();
    if !missing.is_empty() {
        return Err(Problem::new(
            "SecretKeyMissing",
            format!(
                "Secret {namespace}/{name} has {}, but no {}: create it as `kubectl create secret tls` \
                does, with tls.crt and tls.key",
                keys_of(secret),
                missing.join(" and no "),
            ),
        ));
    }
    let empty: Vec<_> = keys.into_iter().filter(|key| value(secret, key).is_some_and(<[u8]>::is_empty)).collect();
    if !empty.is_empty() {
        return Err(Problem::new(
            "SecretKeyEmpty",
            format!("{} of Secret {namespace}/{name} is empty: put a PEM text in", empty.join(" and ")),
        ));
    }
    Ok(Certificate {
        cert_file: text(secret, namespace, name, "tls.crt")?,
        key_file: Secret(text(secret, namespace, name, "tls.key")?),
    })
}

/// The PEM text of authorities, from `tls.ca`, else `ca.crt`, else (where accepted) the only key there is.
pub(super) fn authority(reader: &Reader<'_>, namespace: &str, name: &str, sole: SoleKey) -> Result<String, Problem> {
    let secret = find(reader, namespace, name)?;
    for key in ["tls.ca", "ca.crt"] {
        if value(secret, key).is_some() {
            return text(secret, namespace, name, key);
        }
    }
    let mut keys = secret.data.iter().flatten().map(|(key, _)| key);
    if let (SoleKey::Accepted, Some(key), None) = (sole, keys.next(), keys.next()) {
        return text(secret, namespace, name, key);
    }
    Err(Problem::new(
        "SecretKeyMissing",
        format!(
            "Secret {namespace}/{name} has {}: put the authority's certificate under tls.ca or ca.crt",
            keys_of(secret)
        ),
    ))
}

/// The PEM text of authorities, from `tls.ca`, else `ca.crt` of a ConfigMap.
pub(super) fn config_map_authority(reader: &Reader<'_>, namespace: &str, name: &str) -> Result<String, Problem> {
    let Some(map) = reader.config_map(namespace, name) else {
        return Err(Problem::new(
            "ConfigMapNotFound",
            format!("ConfigMap {namespace}/{name} does not exist: create it, or correct the name"),
        ));
    };
    let data = map.data.as_ref();
    let found = ["tls.ca", "ca.crt"].into_iter().find_map(|key| data?.get(key));
    found.cloned().ok_or_else(|| {
        Problem::new(
            "ConfigMapKeyMissing",
            format!(
                "ConfigMap {namespace}/{name} has {}: put the authority's certificate under tls.ca or ca.crt",
                list(data.into_iter().flatten().map(|(key, _)| key.as_str()))
            ),
        )
    })
}

/// Users for basic authentication, as `user:hash`: from a Secret of type `kubernetes.io/basic-auth`, or from the
/// lines of a Secret with exactly one key.
pub(super) fn basic_users(reader: &Reader<'_>, namespace: &str, name: &str) -> Result<Vec<Secret>, Problem> {
    let secret = find(reader, namespace, name)?;
    if secret.type_.as_deref() != Some(BASIC_AUTH_TYPE) {
        return users(secret, namespace, name);
    }
    let (Some(_), Some(password)) = (value(secret, "username"), value(secret, "password")) else {
        return Err(credentials_missing(secret, namespace, name));
    };
    let user = text(secret, namespace, name, "username")?;
    Ok(vec![Secret(format!("{user}:{{SHA}}{}", BASE64_STANDARD.encode(Sha1::digest(password))))])
}

/// Users for digest authentication, as `user:realm:hash`: the lines of a Secret with exactly one key.
pub(super) fn digest_users(reader: &Reader<'_>, namespace: &str, name: &str) -> Result<Vec<Secret>, Problem> {
    users(find(reader, namespace, name)?, namespace, name)
}

/// A `username` and a `password`.
pub(super) fn credentials(reader: &Reader<'_>, namespace: &str, name: &str) -> Result<(String, Secret), Problem> {
    let secret = find(reader, namespace, name)?;
    if value(secret, "username").is_none() || value(secret, "password").is_none() {
        return Err(credentials_missing(secret, namespace, name));
    }
    Ok((text(secret, namespace, name, "username")?, Secret(text(secret, namespace, name, "password")?)))
}

/// A copy of a plugin's configuration in which texts `urn:k8s:secret:<name>:<key>` are replaced by what they name.
/// Problems come with the place of the text, such as `.tokens[0]`.
pub(super) fn resolve(reader: &Reader<'_>, namespace: &str, value: &Value) -> Result<Value, (String, Problem)> {
    match value {
        Value::String(text) if text.starts_with(URN) => {
            named(reader, namespace, text).map(Value::String).map_err(|problem| (String::new(), problem))
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(i, item)| resolve(reader, namespace, item).map_err(|(at, p)| (format!("[{i}]{at}"), p)))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, item)| match resolve(reader, namespace, item) {
                Ok(item) => Ok((key.clone(), item)),
                Err((at, problem)) => Err((format!(".{key}{at}"), problem)),
            })
            .collect::<Result<_, _>>()
            .map(Value::Object),
        other => Ok(other.clone()),
    }
}

fn named(reader: &Reader<'_>, namespace: &str, urn: &str) -> Result<String, Problem> {
    let mut parts = urn.strip_prefix(URN).unwrap_or_default().split(':');
    let (Some(name), Some(key), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Problem::new(
            "BadSecretUrn",
            format!("{urn:?} does not name a key of a Secret: write urn:k8s:secret:<name>:<key>"),
        ));
    };
    let secret = find(reader, namespace, name)?;
    if value(secret, key).is_none() {
        return Err(Problem::new(
            "SecretKeyMissing",
            format!("Secret {namespace}/{name} has {}, but no {key}: add it, or correct the key", keys_of(secret)),
        ));
    }
    text(secret, namespace, name, key)
}

fn users(secret: &SecretObject, namespace: &str, name: &str) -> Result<Vec<Secret>, Problem> {
    let mut keys = secret.data.iter().flatten().map(|(key, _)| key);
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return Err(Problem::new(
            "SecretKeyCount",
            format!(
                "Secret {namespace}/{name} has {}: users are read from a Secret with exactly one key, \
                one user a line",
                keys_of(secret)
            ),
        ));
    };
    let text = text(secret, namespace, name, key)?;
    let lines = text.lines().map(|line| line.strip_suffix('\r').unwrap_or(line));
    let users: Vec<_> = lines.filter(|line| !line.is_empty()).map(|line| Secret(line.to_owned())).collect();
    if users.is_empty() {
        return Err(Problem::new(
            "NoUsers",
            format!(
                "{key} of Secret {namespace}/{name} holds no users: put one user on each line, as \
                `htpasswd` writes them"
            ),
        ));
    }
    Ok(users)
}

fn credentials_missing(secret: &SecretObject, namespace: &str, name: &str) -> Problem {
    Problem::new(
        "SecretKeyMissing",
        format!("Secret {namespace}/{name} has {}: it needs username and password", keys_of(secret)),
    )
}

fn find<'a>(reader: &Reader<'a>, namespace: &str, name: &str) -> Result<&'a SecretObject, Problem> {
    match reader.secret(namespace, name) {
        Some(secret) => Ok(secret),
        None if name.is_empty() => Err(Problem::new(
            "SecretNameMissing",
            "names no Secret: write the name of one in the same \
            namespace"
                .into(),
        )),
        None => Err(Problem::new(
            "SecretNotFound",
            format!("Secret {namespace}/{name} does not exist: create it, or correct the name"),
        )),
    }
}

fn value<'a>(secret: &'a SecretObject, key: &str) -> Option<&'a [u8]> {
    Some(secret.data.as_ref()?.get(key)?.0.as_slice())
}

fn text(secret: &SecretObject, namespace: &str, name: &str, key: &str) -> Result<String, Problem> {
    String::from_utf8(value(secret, key).unwrap_or_default().to_vec()).map_err(|_| {
        Problem::new(
            "SecretNotText",
            format!(
                "{key} of Secret {namespace}/{name} is not a UTF-8 text: \
                put a text in"
            ),
        )
    })
}

fn keys_of(secret: &SecretObject) -> String {
    list(secret.data.iter().flatten().map(|(key, _)| key.as_str()))
}

/// Keys for a message: their names are no secrets.
fn list<'a>(keys: impl Iterator<Item = &'a str>) -> String {
    let keys: Vec<_> = keys.collect();
    match keys.as_slice() {
        [] => "no keys".to_owned(),
        keys => format!("the keys {}", keys.join(", ")),
    }
}

#[cfg(test)]
mod tests;
