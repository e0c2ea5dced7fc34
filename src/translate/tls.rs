//! Translates TLSStores and TLSOptions, and loads the certificates that stores and routes name.
//! Runs before the routes: a certificate stays in the stores that it was loaded for first.

mod vocabulary;

use ingora_crds::{TLSOptionSpec, TLSStoreSpec};

use super::context::{Context, Found};
use super::names;
use super::secret::{self, SoleKey};
use crate::diagnostic::ObjectRef;
use crate::dynamic::Section;
use crate::dynamic::tls::{CertAndStores, Certificate, ClientAuth, Domain, GeneratedCert, TlsOptions, TlsStore};

pub(super) use self::vocabulary::{CIPHER_SUITES, VERSIONS, unknown};

/// The name of the store and of the options that routers use without asking.
const DEFAULT: &str = "default";
/// What a handshake offers where the options don't say, in order of preference.
const ALPN: [&str; 3] = ["h2", "http/1.1", "acme-tls/1"];

/// Translates all TLSStores and TLSOptions.
pub(super) fn translate(cx: &mut Context<'_>) {
    stores(cx);
    options(cx);
}

/// Loads the certificate in Secret `secret`, once however often it is named, and tells `object` if that fails.
pub(super) fn load_certificate(cx: &mut Context<'_>, namespace: &str, secret: &str, object: &ObjectRef, path: &str) {
    let key = format!("{namespace}/{secret}");
    if let Some(loaded) = cx.certificates.get(&key) {
        if !loaded.stores.is_empty() && !loaded.stores.iter().any(|s| s == DEFAULT) {
            let message = format!(
                "Secret {key} is already in store {}, which no route uses: name it in TLSStore default, \
                or take it out there",
                loaded.stores.join(", ")
            );
            cx.warning("CertificateInOtherStore", object, path, message);
        }
        return;
    }
    load(cx, namespace, secret, Vec::new(), object, path);
}

fn load(cx: &mut Context<'_>, namespace: &str, secret: &str, stores: Vec<String>, object: &ObjectRef, path: &str) {
    match secret::key_pair(cx.snapshot, namespace, secret) {
        Ok(certificate) => {
            doubt_pair(cx, &certificate, namespace, secret, object, path);
            let id = format!("{namespace}/{secret}");
            cx.origin(Section::Certificate, &id, object, path);
            cx.certificates.insert(id, CertAndStores { certificate, stores });
        }
        Err(problem) => problem.report(cx, object, path),
    }
}

/// Warns of a pair that doesn't look like PEM.
pub(super) fn doubt_pair(
    cx: &mut Context<'_>,
    pair: &Certificate,
    namespace: &str,
    secret: &str,
    object: &ObjectRef,
    path: &str,
) {
    for (key, text) in [("tls.crt", &pair.cert_file), ("tls.key", &pair.key_file.0)] {
        doubt_pem(cx, text, &format!("{key} of Secret {namespace}/{secret}"), object, path);
    }
}

/// Warns of a text that doesn't look like PEM; `what` names it.
pub(super) fn doubt_pem(cx: &mut Context<'_>, text: &str, what: &str, object: &ObjectRef, path: &str) {
    if !text.contains("-----BEGIN ") {
        let message = format!(
            "{what} doesn't look like PEM: it should hold a block that starts with \
            `-----BEGIN `"
        );
        cx.warning("NotPem", object, path, message);
    }
}

// --- stores ---

fn stores(cx: &mut Context<'_>) {
    let mut defaults = Vec::new();
    for Found { namespace, name, custom } in cx.objects(&cx.snapshot.tls_stores) {
        let object = ObjectRef::new("TLSStore", namespace, name);
        let id = id(namespace, name);
        if name == DEFAULT {
            defaults.push(object.clone());
        } else {
            let message = format!("only a TLSStore named `default` is used, this one is named `{name}`: rename it");
            cx.warning("StoreNotUsed", &object, "metadata.name", message);
        }
        if let Some(store) = store(cx, &id, namespace, &custom.object.spec, &object) {
            cx.origin(Section::TlsStore, &id, &object, "spec");
            cx.out.tls.stores.insert(id, store);
        }
    }
    if refuse_duplicates(cx, &defaults) {
        cx.out.tls.stores.remove(DEFAULT);
    }
}

fn store(cx: &mut Context<'_>, id: &str, namespace: &str, spec: &TLSStoreSpec, object: &ObjectRef) -> Option<TlsStore> {
    let mut store = TlsStore::default();
    if let Some(default) = &spec.default_certificate {
        let path = "spec.defaultCertificate.secretName";
        match secret::key_pair(cx.snapshot, namespace, &default.secret_name) {
            Ok(pair) => {
                doubt_pair(cx, &pair, namespace, &default.secret_name, object, path);
                store.default_certificate = Some(pair);
            }
            Err(problem) => {
                problem.report(cx, object, path);
                return None;
            }
        }
    }
    store.default_generated_cert = spec.default_generated_cert.as_ref().map(|generated| GeneratedCert {
        resolver: generated.resolver.clone(),
        domain: generated.domain.as_ref().map(|d| Domain { main: d.main.clone(), sans: d.sans.clone() }),
    });
    for (i, certificate) in spec.certificates.iter().enumerate() {
        if !cx.certificates.contains_key(&format!("{namespace}/{}", certificate.secret_name)) {
            let path = format!("spec.certificates[{i}].secretName");
            load(cx, namespace, &certificate.secret_name, vec![id.to_owned()], object, &path);
        }
    }
    Some(store)
}

// --- options ---

fn options(cx: &mut Context<'_>) {
    let mut defaults = Vec::new();
    for Found { namespace, name, custom } in cx.objects(&cx.snapshot.tls_options) {
        let object = ObjectRef::new("TLSOption", namespace, name);
        if name == DEFAULT {
            defaults.push(object.clone());
        }
        let options = option(cx, namespace, &custom.object.spec, &object);
        check(cx, &options, &object);
        let id = id(namespace, name);
        cx.origin(Section::TlsOptions, &id, &object, "spec");
        cx.out.tls.options.insert(id, options);
    }
    if refuse_duplicates(cx, &defaults) {
        cx.out.tls.options.remove(DEFAULT);
    }
}

fn option(cx: &mut Context<'_>, namespace: &str, spec: &TLSOptionSpec, object: &ObjectRef) -> TlsOptions {
    if spec.prefer_server_cipher_suites.is_some() {
        let message = "has no effect: the order of suites is the TLS library's; delete it";
        let path = "spec.preferServerCipherSuites";
        cx.info("NoEffect", object, path, message);
    }
    let auth = spec.client_auth.clone().unwrap_or_default();
    let mut ca_files = Vec::new();
    for (i, name) in auth.secret_names.iter().enumerate() {
        let path = format!("spec.clientAuth.secretNames[{i}]");
        match secret::authority(cx.snapshot, namespace, name, SoleKey::Refused) {
            Ok(text) => {
                doubt_pem(cx, &text, &format!("the authority in Secret {namespace}/{name}"), object, &path);
                ca_files.push(text);
            }
            Err(problem) => problem.report(cx, object, &path),
        }
    }
    let or = |given: &Vec<String>, default: &[&str]| match given.as_slice() {
        [] => default.iter().map(|s| (*s).to_owned()).collect(),
        given => given.to_vec(),
    };
    TlsOptions {
        min_version: spec.min_version.clone(),
        max_version: spec.max_version.clone(),
        cipher_suites: or(&spec.cipher_suites, &vocabulary::DEFAULT_CIPHER_SUITES),
        curve_preferences: spec.curve_preferences.clone(),
        client_auth: ClientAuth { ca_files, client_auth_type: auth.client_auth_type },
        sni_strict: spec.sni_strict,
        alpn_protocols: or(&spec.alpn_protocols, &ALPN),
        disable_session_tickets: spec.disable_session_tickets,
        prefer_server_cipher_suites: None,
    }
}

/// Says what makes these options unusable: routers that use them, and their hosts, then serve nothing.
fn check(cx: &mut Context<'_>, options: &TlsOptions, object: &ObjectRef) {
    let mut lists = vec![];
    let mut texts = vec![];
    for (path, value, names) in [
        ("spec.minVersion", &options.min_version, &VERSIONS[..]),
        ("spec.maxVersion", &options.max_version, &VERSIONS),
        ("spec.clientAuth.clientAuthType", &options.client_auth.client_auth_type, &vocabulary::CLIENT_AUTH_TYPES),
    ] {
        if !value.is_empty() {
            texts.push((path.to_owned(), value, names));
        }
    }
    for (path, values, names) in [
        ("spec.cipherSuites", &options.cipher_suites, &CIPHER_SUITES[..]),
        ("spec.curvePreferences", &options.curve_preferences, &vocabulary::CURVES),
    ] {
        lists.extend(values.iter().enumerate().map(|(i, value)| (format!("{path}[{i}]"), value, names)));
    }
    for (path, value, names) in texts.into_iter().chain(lists) {
        if let Some(message) = unknown(value, names) {
            cx.error("UnknownTlsName", object, path, message);
        }
    }
    let auth = &options.client_auth;
    let verifies = matches!(auth.client_auth_type.as_str(), "VerifyClientCertIfGiven" | "RequireAndVerifyClientCert");
    if verifies && auth.ca_files.is_empty() {
        let message = format!(
            "{} needs an authority, there is none: name a Secret \
            with one",
            auth.client_auth_type
        );
        let path = "spec.clientAuth.secretNames";
        cx.error("NoClientAuthority", object, path, message);
    }
    let rank = |v: &str| VERSIONS.iter().position(|known| *known == v);
    if let (Some(min), Some(max)) = (rank(&options.min_version), rank(&options.max_version))
        && min > max
    {
        let message = format!(
            "{} is below minVersion {}: no handshake \
            can succeed",
            options.max_version, options.min_version
        );
        cx.error("TlsVersionsCrossed", object, "spec.maxVersion", message);
    }
}

// --- both ---

/// `namespace-name` as it stands; an object named `default` is global.
fn id(namespace: &str, name: &str) -> String {
    if name == DEFAULT { name.to_owned() } else { names::id(namespace, name) }
}

/// Tells each of several objects named `default` that none of them is used.
fn refuse_duplicates(cx: &mut Context<'_>, defaults: &[ObjectRef]) -> bool {
    if defaults.len() < 2 {
        return false;
    }
    let namespaces: Vec<_> = defaults.iter().map(|object| object.namespace.as_str()).collect();
    for object in defaults {
        let message = format!(
            "a {} named `default` counts for all namespaces, and there is one in each of {}: none of \
            them is used, keep one",
            object.kind,
            namespaces.join(", ")
        );
        cx.error("DuplicateDefault", object, "metadata.name", message);
    }
    true
}

#[cfg(test)]
mod tests;
