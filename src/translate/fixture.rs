//! Objects from YAML for the tests of this room, and what their translation says.
//! Only compiled for tests. Nothing is checked as the API server would, so that tests reach what it would refuse.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Options, translate};
use crate::diagnostic::Diagnostic;
use crate::dynamic::Configuration;
use crate::objects::{Custom, Group, Object, Snapshot};

/// What became of some objects.
pub(super) struct Outcome {
    pub configuration: Configuration,
    pub diagnostics: Vec<Diagnostic>,
}

/// Translates the objects of a YAML text with default options.
pub(super) fn outcome(yaml: &str) -> Outcome {
    outcome_with(yaml, &Options::default())
}

/// Translates the objects of a YAML text.
pub(super) fn outcome_with(yaml: &str, options: &Options) -> Outcome {
    let (configuration, diagnostics) = translate(&snapshot(yaml), options);
    Outcome { configuration, diagnostics }
}

/// The objects of a YAML text. A Secret's `stringData` is its `data`.
pub(super) fn snapshot(yaml: &str) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for document in serde_yaml::Deserializer::from_str(yaml) {
        let value = Value::deserialize(document).unwrap();
        if !value.is_null() {
            snapshot.insert(object(value));
        }
    }
    snapshot
}

fn object(value: Value) -> Object {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let group =
        if text("apiVersion").starts_with("traefik.containo.us") { Group::ContainoUs } else { Group::TraefikIo };
    match text("kind").as_str() {
        "IngressRoute" => Object::IngressRoute(custom(group, value)),
        "IngressRouteTCP" => Object::IngressRouteTCP(custom(group, value)),
        "IngressRouteUDP" => Object::IngressRouteUDP(custom(group, value)),
        "Middleware" => Object::Middleware(custom(group, value)),
        "MiddlewareTCP" => Object::MiddlewareTCP(custom(group, value)),
        "TraefikService" => Object::TraefikService(custom(group, value)),
        "TLSOption" => Object::TLSOption(custom(group, value)),
        "TLSStore" => Object::TLSStore(custom(group, value)),
        "ServersTransport" => Object::ServersTransport(custom(group, value)),
        "ServersTransportTCP" => Object::ServersTransportTCP(custom(group, value)),
        "Service" => Object::Service(plain(value)),
        "EndpointSlice" => Object::EndpointSlice(plain(value)),
        "Secret" => {
            let mut secret: k8s_openapi::api::core::v1::Secret = serde_json::from_value(value).unwrap();
            for (key, text) in secret.string_data.take().into_iter().flatten() {
                let bytes = k8s_openapi::ByteString(text.into_bytes());
                secret.data.get_or_insert_default().insert(key, bytes);
            }
            Object::Secret(Arc::new(secret))
        }
        "ConfigMap" => Object::ConfigMap(plain(value)),
        "Node" => Object::Node(plain(value)),
        other => panic!("kind {other}"),
    }
}

fn custom<T: DeserializeOwned>(group: Group, mut value: Value) -> Custom<T> {
    value["apiVersion"] = "traefik.io/v1alpha1".into();
    Custom { group, object: plain(value) }
}

fn plain<T: DeserializeOwned>(value: Value) -> Arc<T> {
    Arc::new(serde_json::from_value(value).unwrap())
}

// === impl Outcome ===

impl Outcome {
    /// The configuration as Traefik's JSON, without what is empty; `pointer` selects a part.
    pub(super) fn json(&self, pointer: &str) -> Value {
        serde_json::to_value(&self.configuration).unwrap().pointer(pointer).cloned().unwrap_or_default()
    }

    /// Code and path of each finding on a kind of object, with its severity's first letter: `E SecretNotFound spec.x`.
    pub(super) fn findings(&self, kind: &str) -> Vec<String> {
        let found = self.diagnostics.iter().filter(|d| d.object.kind == kind);
        found.map(|d| format!("{} {} {}", letter(d), d.code, d.path)).collect()
    }

    /// All messages, for what they must or must not hold.
    pub(super) fn messages(&self) -> String {
        self.diagnostics.iter().map(|d| format!("{d}\n")).collect()
    }
}

fn letter(diagnostic: &Diagnostic) -> char {
    match diagnostic.severity {
        crate::diagnostic::Severity::Error => 'E',
        crate::diagnostic::Severity::Warning => 'W',
        crate::diagnostic::Severity::Info => 'I',
    }
}
