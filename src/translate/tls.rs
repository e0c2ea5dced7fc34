//! Translates TLSStores and TLSOptions, and loads the certificates that stores and routes name.

mod vocabulary;

use ingora_crds::{TLSOptionSpec, TLSStoreSpec};

use super::context::Context;
use super::fragment::Ask;
use super::names;
use super::secret::{self, SoleKey};
use super::unit::Unit;
use crate::diagnostic::ObjectRef;
use crate::dynamic::Section;
use crate::dynamic::tls::{CertAndStores, Certificate, ClientAuth, Domain, GeneratedCert, TlsOptions, TlsStore};

pub(super) use self::vocabulary::{CIPHER_SUITES, VERSIONS, unknown};

/// The name of the store and of the options that routers use without asking.
pub(super) const DEFAULT: &str = "default";
/// What a handshake offers where the options don't say, in order of preference.
const ALPN: [&str; 3] = ["h2", "http/1.1", "acme-tls/1"];

/// Asks for the certificate in a Secret beside the object; `store` is the one that it is for, where it is a store's.
pub(super) fn ask(cx: &mut Context<'_>, secret: &str, path: impl Into<String>, store: Option<&str>) {
    cx.asks.push(Ask { secret: secret.into(), path: path.into(), store: store.map(str::to_owned) });
}

/// Loads a certificate, once however often it is asked for, and tells those who ask if that fails. It stays in the
/// store that it was loaded for first.
pub(super) fn load(cx: &mut Context<'_>, secret: &Unit, asks: &[(&Unit, &Ask)]) {
    let (namespace, name) = (&*secret.namespace, &*secret.name);
    let key = format!("{namespace}/{name}");
    let mut loaded: Option<Vec<String>> = None;
    for (unit, ask) in asks {
        let object = unit.reference();
        match (&loaded, &ask.store) {
            (None, store) => match secret::key_pair(&cx.reader, namespace, name) {
                Ok(certificate) => {
                    doubt_pair(cx, &certificate, namespace, name, &object, &ask.path);
                    let stores: Vec<String> = store.iter().cloned().collect();
                    loaded = Some(stores.clone());
                    cx.origin(Section::Certificate, &key, &object, &ask.path);
                    cx.out.tls.certificates.insert(&*key, CertAndStores { certificate, stores });
                }
                Err(problem) => problem.report(cx, &object, &ask.path),
            },
            (Some(stores), None) if !stores.is_empty() && !stores.iter().any(|s| s == DEFAULT) => {
                let message = format!(
                    "Secret {key} is already in store {}, which no route uses: name it in TLSStore default, \
                    or take it out there",
                    stores.join(", ")
                );
                cx.warning("CertificateInOtherStore", &object, &*ask.path, message);
            }
            (Some(_), _) => {}
        }
    }
}

/// Says that a certificate which is to be requested is not.
pub(super) fn doubt_resolver(cx: &mut Context<'_>, resolver: &str, object: &ObjectRef, path: &str) {
    if !resolver.is_empty() {
        let message = format!(
            "is {resolver:?}, and no certificate is requested: put one in a Secret, which cert-manager can write, and name \
            it in tls.secretName or in TLSStore default; until then a certificate of those that fits is used, or a \
            self-signed one"
        );
        cx.warning("CertResolverNotUsed", object, path, message);
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

/// Translates a TLSStore; `None` where it doesn't count.
pub(super) fn translate_store(cx: &mut Context<'_>, namespace: &str, name: &str) -> Option<()> {
    let custom = cx.find(|s| &s.tls_stores, namespace, name)?;
    let object = ObjectRef::new("TLSStore", namespace, name);
    let id = id(namespace, name);
    if name == DEFAULT {
        cx.defaults.push((Section::TlsStore, cx.about.clone()));
    } else {
        let message = format!("only a TLSStore named `default` is used, this one is named `{name}`: rename it");
        cx.warning("StoreNotUsed", &object, "metadata.name", message);
    }
    // Without its certificate it is no store, but still known: what was served of it stays.
    cx.origin(Section::TlsStore, &id, &object, "spec");
    if let Some(store) = store(cx, &id, namespace, &custom.object.spec, &object) {
        cx.out.tls.stores.insert(id, store);
    }
    Some(())
}

fn store(cx: &mut Context<'_>, id: &str, namespace: &str, spec: &TLSStoreSpec, object: &ObjectRef) -> Option<TlsStore> {
    let mut store = TlsStore::default();
    if let Some(default) = &spec.default_certificate {
        let path = "spec.defaultCertificate.secretName";
        match secret::key_pair(&cx.reader, namespace, &default.secret_name) {
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
    if let Some(generated) = &spec.default_generated_cert {
        doubt_resolver(cx, &generated.resolver, object, "spec.defaultGeneratedCert.resolver");
    }
    store.default_generated_cert = spec.default_generated_cert.as_ref().map(|generated| GeneratedCert {
        resolver: generated.resolver.clone(),
        domain: generated.domain.as_ref().map(|d| Domain { main: d.main.clone(), sans: d.sans.clone() }),
    });
    for (i, certificate) in spec.certificates.iter().enumerate() {
        ask(cx, &certificate.secret_name, format!("spec.certificates[{i}].secretName"), Some(id));
    }
    Some(store)
}

// --- options ---

/// Translates a TLSOption; `None` where it doesn't count.
pub(super) fn translate_options(cx: &mut Context<'_>, namespace: &str, name: &str) -> Option<()> {
    let custom = cx.find(|s| &s.tls_options, namespace, name)?;
    let object = ObjectRef::new("TLSOption", namespace, name);
    if name == DEFAULT {
        cx.defaults.push((Section::TlsOptions, cx.about.clone()));
    }
    let options = option(cx, namespace, &custom.object.spec, &object);
    check(cx, &options, &object);
    let id = id(namespace, name);
    cx.origin(Section::TlsOptions, &id, &object, "spec");
    cx.out.tls.options.insert(id, options);
    Some(())
}

fn option(cx: &mut Context<'_>, namespace: &str, spec: &TLSOptionSpec, object: &ObjectRef) -> TlsOptions {
    if spec.prefer_server_cipher_suites.is_some() {
        let message = "has no effect: the order of suites is the TLS library's; delete it";
        let path = "spec.preferServerCipherSuites";
        cx.info("NoEffect", object, path, message);
    }
    let mut auth = spec.client_auth.clone().unwrap_or_default();
    let mut ca_files = Vec::new();
    for (i, name) in auth.secret_names.iter().enumerate() {
        let path = format!("spec.clientAuth.secretNames[{i}]");
        match secret::authority(&cx.reader, namespace, name, SoleKey::Refused) {
            Ok(text) => {
                doubt_pem(cx, &text, &format!("the authority in Secret {namespace}/{name}"), object, &path);
                ca_files.push(text);
            }
            Err(problem) => problem.report(cx, object, &path),
        }
    }
    // Authorities mean this policy, those that are missing too: else losing a Secret would let everybody in.
    if auth.client_auth_type.is_empty() && !auth.secret_names.is_empty() && ca_files.is_empty() {
        auth.client_auth_type = "RequireAndVerifyClientCert".to_owned();
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

/// Of several objects named `default` none is used, which each of them is told.
pub(super) fn refuse_duplicates(cx: &mut Context<'_>) {
    for section in [Section::TlsStore, Section::TlsOptions] {
        let defaults = cx.defaults.iter().filter(|(of, _)| *of == section);
        let defaults: Vec<_> = defaults.map(|(_, object)| object.clone()).collect();
        if defaults.len() < 2 {
            continue;
        }
        match section {
            Section::TlsStore => {
                cx.out.tls.stores.remove(DEFAULT);
                cx.out.origins.remove(section, DEFAULT);
            }
            // Where they come from stays known: there are such options, though none can be used.
            _ => drop(cx.out.tls.options.remove(DEFAULT)),
        }
        let namespaces: Vec<_> = defaults.iter().map(|object| object.namespace.as_str()).collect();
        for object in &defaults {
            let message = format!(
                "a {} named `default` counts for all namespaces, and there is one in each of {}: none of \
                them is used, keep one",
                object.kind,
                namespaces.join(", ")
            );
            cx.error("DuplicateDefault", object, "metadata.name", message);
        }
    }
}

#[cfg(test)]
mod tests;
