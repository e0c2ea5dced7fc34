//! The certificates and the sets of options of a table, made from the TLS section of the configuration.
//! What is unchanged is carried over: parsed keys, and contexts with the tickets that clients hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::connections::{Binding, DEFAULT};
use super::table::Table;
use crate::diagnostic::{Diagnostic, ObjectRef};
use crate::dynamic::tls::{CertAndStores, Certificate, TlsOptions};
use crate::dynamic::{Configuration, Section};
use crate::tls::{Certificates, KeyPair, Problem, Profile, parse};

/// What options have that name no protocols.
const ALPN: [&str; 2] = ["h2", "http/1.1"];

/// TLS of a table.
#[derive(Default)]
pub(super) struct Tls {
    pub certificates: Certificates,
    /// By name; none for options that can't be used.
    profiles: BTreeMap<String, Option<Arc<Profile>>>,
    /// The certificates of Secrets by `namespace/name`, those that stayed when they became unusable among them.
    pairs: FxHashMap<Arc<str>, Arc<KeyPair>>,
    /// The certificate of the default store.
    default: Option<Arc<KeyPair>>,
    /// What stays although its Secret can't be read any more, as long as something names it.
    kept: Vec<(Section, Arc<str>)>,
    diagnostics: Vec<Diagnostic>,
}

/// What to parse, and where it belongs.
struct Pending<'c> {
    /// Empty for the certificate of the default store.
    id: &'c Arc<str>,
    pair: &'c Certificate,
    /// What is served meanwhile, or stays.
    before: Option<&'c Arc<KeyPair>>,
}

/// Prepares the TLS section of a configuration.
pub(super) fn prepare(configuration: &Configuration, old: Option<&Table>) -> Arc<Tls> {
    let unchanged = |old: &&Table| {
        old.configuration.tls == configuration.tls
            && default_is_ambiguous(&old.configuration) == default_is_ambiguous(configuration)
            && !old.tls.profiles.is_empty()
            && old.tls.kept.iter().all(|(section, name)| configuration.origins.get(*section, name).is_some())
            && (old.tls.diagnostics.is_empty() || old.configuration.origins == configuration.origins)
    };
    if let Some(old) = old.filter(unchanged) {
        return old.tls.clone();
    }
    let mut tls = Tls::default();
    tls.add_profiles(configuration, old);
    tls.add_certificates(configuration, old);
    Arc::new(tls)
}

/// Several objects claim to be the default options: none of them is.
fn default_is_ambiguous(configuration: &Configuration) -> bool {
    !configuration.tls.options.contains_key(DEFAULT)
        && configuration.origins.get(Section::TlsOptions, DEFAULT).is_some()
}

// === impl Tls ===

impl Tls {
    pub(super) fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The options of a name, `default` where it is empty; none where they don't exist or can't be used.
    pub(super) fn profile(&self, name: &str) -> Option<&Arc<Profile>> {
        self.profiles.get(plain(name))?.as_ref()
    }

    /// What a server name gets that is bound to these options.
    pub(super) fn binding(&self, name: &str) -> Binding {
        self.profile(name).cloned().map_or(Binding::Closed, Binding::Profile)
    }

    fn add_profiles(&mut self, configuration: &Configuration, old: Option<&Table>) {
        let built_in = TlsOptions { alpn_protocols: ALPN.map(str::to_owned).to_vec(), ..TlsOptions::default() };
        let default = (!configuration.tls.options.contains_key(DEFAULT) && !default_is_ambiguous(configuration))
            .then_some((DEFAULT, &built_in));
        let named = configuration.tls.options.iter().map(|(name, options)| (&**name, options));
        for (name, options) in named.chain(default) {
            let before = old.and_then(|old| {
                let profile = old.tls.profiles.get(name)?.as_ref()?;
                let before = old.configuration.tls.options.get(name).or((name == DEFAULT).then_some(&built_in))?;
                (before == options).then_some(profile)
            });
            let profile = match before {
                Some(profile) => Some(profile.clone()),
                None => self.make(name, options, configuration),
            };
            self.profiles.insert(name.to_owned(), profile);
        }
    }

    fn make(&mut self, name: &str, options: &TlsOptions, configuration: &Configuration) -> Option<Arc<Profile>> {
        let (object, _) = origin(configuration, Section::TlsOptions, name);
        match Profile::new(name, options) {
            Ok((profile, missing)) => {
                if !missing.is_empty() {
                    let message = format!("the TLS library hasn't got {}: not offered", missing.join(", "));
                    self.diagnostics.push(Diagnostic::warning(
                        "MissingCipherSuite",
                        &object,
                        "spec.cipherSuites",
                        message,
                    ));
                }
                Some(Arc::new(profile))
            }
            Err(Problem::Told) => None,
            Err(Problem::Found(message)) => {
                self.diagnostics.push(Diagnostic::error("TLSOptionsUnusable", &object, "spec", message));
                None
            }
        }
    }

    fn add_certificates(&mut self, configuration: &Configuration, old: Option<&Table>) {
        let told_before = old.map(|old| old.tls.diagnostics.as_slice()).unwrap_or_default();
        let mut pending = Vec::new();
        for (id, CertAndStores { certificate, .. }) in
            configuration.tls.certificates.iter().filter(|(_, c)| c.is_used())
        {
            let before = old.and_then(|old| old.tls.pairs.get(id));
            let text = old.and_then(|old| old.configuration.tls.certificates.get(id)).map(|c| &c.certificate);
            match before.filter(|_| text == Some(certificate) && !was_told(told_before, configuration, id)) {
                Some(pair) => {
                    self.pairs.insert(id.clone(), pair.clone());
                }
                None => pending.push(Pending { id, pair: certificate, before }),
            }
        }
        let store = |configuration: &Configuration| {
            configuration.tls.stores.get(DEFAULT).and_then(|store| store.default_certificate.clone())
        };
        let default = store(configuration);
        let no_id: Arc<str> = "".into();
        if let Some(pair) = &default {
            let before = old.and_then(|old| old.tls.default.as_ref());
            match before.filter(|_| {
                old.and_then(|old| store(&old.configuration)).as_ref() == Some(pair) && told_before.is_empty()
            }) {
                Some(before) => self.default = Some(before.clone()),
                None => pending.push(Pending { id: &no_id, pair, before }),
            }
        }
        let pairs: Vec<&Certificate> = pending.iter().map(|p| p.pair).collect();
        for (pending, parsed) in pending.iter().zip(parse(&pairs)) {
            let pair = match parsed {
                Ok(pair) => Some(Arc::new(pair)),
                Err(message) => {
                    // What isn't PEM at all, the translation has told.
                    if pending.pair.looks_like_pem() {
                        self.tell(configuration, pending, &message);
                    }
                    pending.before.cloned()
                }
            };
            match (pair, &**pending.id) {
                (Some(pair), "") => self.default = Some(pair),
                (Some(pair), _) => {
                    self.pairs.insert(pending.id.clone(), pair);
                }
                (None, _) => {}
            }
        }
        if let Some(old) = old {
            self.keep(configuration, &old.tls);
        }
        // In the order in which they were loaded, which decides between two of a kind.
        let mut ids: Vec<&Arc<str>> = self.pairs.keys().collect();
        ids.sort_unstable();
        let ordered = ids.into_iter().filter_map(|id| self.pairs.get(id).cloned());
        self.certificates = Certificates::new(ordered, self.default.clone().map(Into::into));
    }

    /// Keeps what was served of Secrets that are named as before, and can't be read any more.
    fn keep(&mut self, configuration: &Configuration, old: &Tls) {
        let is_named = |section, name: &str| configuration.origins.get(section, name).is_some();
        let tls = &configuration.tls;
        for (id, pair) in old.pairs.iter().filter(|(id, _)| !tls.certificates.contains_key(id)) {
            if is_named(Section::Certificate, id) {
                self.pairs.insert(id.clone(), pair.clone());
                self.kept.push((Section::Certificate, id.clone()));
            }
        }
        if let Some(default) = &old.default
            && !tls.stores.contains_key(DEFAULT)
            && is_named(Section::TlsStore, DEFAULT)
        {
            self.default = Some(default.clone());
            self.kept.push((Section::TlsStore, DEFAULT.into()));
        }
    }

    fn tell(&mut self, configuration: &Configuration, pending: &Pending<'_>, message: &str) {
        let (object, path) = match &**pending.id {
            "" => {
                let (object, _) = origin(configuration, Section::TlsStore, DEFAULT);
                (object, "spec.defaultCertificate.secretName".to_owned())
            }
            id => origin(configuration, Section::Certificate, id),
        };
        let instead = match pending.before {
            Some(_) => "the one before stays",
            None => "the default one is shown instead",
        };
        let of = if pending.id.is_empty() { String::new() } else { format!(" of Secret {}", pending.id) };
        let message = format!("the certificate{of} can't be used, {instead}: {message}");
        self.diagnostics.push(Diagnostic::error("InvalidCertificate", &object, path, message));
    }
}

/// Whether something was said about a certificate: it is looked at again, and said again.
fn was_told(told: &[Diagnostic], configuration: &Configuration, id: &str) -> bool {
    if told.is_empty() {
        return false;
    }
    let (object, path) = origin(configuration, Section::Certificate, id);
    told.iter().any(|d| d.object == object && d.path == path) || told.iter().any(|d| d.message.contains(id))
}

fn origin(configuration: &Configuration, section: Section, name: &str) -> (ObjectRef, String) {
    match configuration.origins.get(section, name) {
        Some(origin) => ((*origin.object).clone(), origin.path.clone()),
        None => (ObjectRef::new("TLS", "", name), String::new()),
    }
}

/// A name of options without our own provider's; `default` where there is none.
pub(super) fn plain(name: &str) -> &str {
    match name.strip_suffix("@kubernetescrd").unwrap_or(name) {
        "" => DEFAULT,
        name => name,
    }
}
