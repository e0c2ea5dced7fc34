//! Turns a JSON value into typed objects, and says what is wrong with it: field, what was found, what is accepted.
//! Shared by every source. An object that the API server would refuse is left out; nothing else is.

mod kinds;
mod schema;

use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value};

pub use self::kinds::kinds;
use self::kinds::{Kind, Recognised, recognise};
use self::schema::{Report, describe};
use super::field::Field;
use super::{Group, Key, Object};
use crate::diagnostic::{Diagnostic, ObjectRef};

/// Lists in lists nest no deeper than this.
const MAX_LIST_DEPTH: usize = 8;

/// What a value holds.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The objects of the kinds that ingora reads.
    pub objects: Vec<Object>,
    /// Objects of these kinds that are left out, where they can be named; each has an error in the findings.
    pub refused: Vec<Refused>,
    /// What is wrong or doubtful. An empty `object.kind` means that the value does not say what it is.
    pub findings: Vec<Diagnostic>,
}

/// An object that is left out.
#[derive(Debug)]
pub struct Refused {
    /// What it is.
    pub key: Key<'static>,
    /// The metadata of a custom resource of a cluster.
    pub metadata: Option<Box<ObjectMeta>>,
}

/// Decodes a value: one object, or a list (`v1` `List`, or a typed one such as `ServiceList`) of any number.
/// Kinds that ingora does not read are passed over in silence.
pub fn decode(value: Value) -> Decoded {
    let mut decoded = Decoded::default();
    decoded.unfold(value, None, 0);
    decoded
}

/// How diagnostics name a value, as far as it says.
pub(super) fn reference(value: &Value) -> ObjectRef {
    let text = |pointer| value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    ObjectRef::new(
        text("/kind").unwrap_or_default(),
        text("/metadata/namespace").unwrap_or("default"),
        text("/metadata/name").or(text("/metadata/generateName")).unwrap_or_default(),
    )
}

// === impl Decoded ===

impl Decoded {
    /// Takes another value's in.
    pub(super) fn append(&mut self, mut other: Decoded) {
        self.objects.append(&mut other.objects);
        self.refused.append(&mut other.refused);
        self.findings.append(&mut other.findings);
    }

    /// `inherited` is what a typed list says of its items, which then need not say it themselves.
    fn unfold(&mut self, mut value: Value, inherited: Option<(&str, &str)>, depth: usize) {
        if let (Some((api, kind)), Value::Object(fields)) = (inherited, &mut value) {
            fields.entry("apiVersion").or_insert_with(|| api.into());
            fields.entry("kind").or_insert_with(|| kind.into());
        }
        let about = reference(&value);
        let mut fields = match value {
            Value::Object(fields) => fields,
            Value::Null => return,
            other => {
                let found = describe(&other);
                return self.invalid(&about, "", format!("expected an object with apiVersion and kind, found {found}"));
            }
        };
        let mut text = |key: &str| match fields.get(key) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            other => {
                let found = other.map_or_else(|| "it is missing".to_owned(), |v| format!("found {}", describe(v)));
                self.invalid(&about, key, format!("every object needs `{key}`; {found}"));
                None
            }
        };
        let (Some(api), Some(kind)) = (text("apiVersion"), text("kind")) else { return };
        match kind.strip_suffix("List") {
            Some(item) if item.is_empty() || fields.contains_key("items") => {
                let inherited = (!item.is_empty()).then_some((api.as_str(), item));
                self.list(fields.remove("items"), inherited, depth, &about);
            }
            _ => match recognise(&api, &kind) {
                Recognised::Kind(kind, group) => self.object(kind, group, fields, &about),
                Recognised::Foreign => {}
                Recognised::Doubtful(code, path, message) => {
                    self.findings.push(Diagnostic::warning(code, &about, path, message));
                }
            },
        }
    }

    fn list(&mut self, items: Option<Value>, inherited: Option<(&str, &str)>, depth: usize, about: &ObjectRef) {
        match items {
            None | Some(Value::Null) => {}
            Some(Value::Array(_)) if depth == MAX_LIST_DEPTH => {
                self.invalid(about, "items", format!("lists are nested more than {MAX_LIST_DEPTH} deep"));
            }
            Some(Value::Array(items)) => items.into_iter().for_each(|item| self.unfold(item, inherited, depth + 1)),
            Some(other) => self.invalid(about, "items", format!("expected a list, found {}", describe(&other))),
        }
    }

    fn object(&mut self, kind: &'static Kind, group: Group, mut fields: Map<String, Value>, about: &ObjectRef) {
        let mut about = about.clone();
        if !kind.namespaced {
            about.namespace.clear();
        }
        let before = self.findings.len();
        self.name(kind, &mut fields, &about);
        fields.remove("status").filter(|_| kind.api.is_some()).map(|status| fields.insert("status".to_owned(), status));
        if kind.name == "Secret" {
            unwrap_base64(&mut fields);
        }
        let mut value = Value::Object(fields);
        let mut report = Report::default();
        kind.schema.check(&mut value, Field::Root, &mut report);
        for (path, message) in report.unknown {
            self.findings.push(Diagnostic::warning("UnknownField", &about, path, message));
        }
        for (path, message) in report.errors {
            self.invalid(&about, &path, message);
        }
        let is_of_cluster = kind.api.is_none() && value.pointer("/metadata/uid").is_some();
        let metadata = if is_of_cluster { value.get("metadata").cloned() } else { None };
        if self.findings.iter().skip(before).all(|f| f.code != "InvalidObject") {
            match (kind.decode)(group, value) {
                Ok(object) => return self.objects.push(finished(object)),
                Err(error) => {
                    let path = error.path().to_string();
                    let message = match path.strip_prefix("data.") {
                        // Says of which character, and not what is asked for.
                        Some(_) if kind.name == "Secret" => {
                            format!("is not base64 ({}): encode it, or write it under stringData", error.into_inner())
                        }
                        _ => error.into_inner().to_string(),
                    };
                    self.invalid(&about, if path == "." { "" } else { &path }, message);
                }
            }
        }
        if !about.name.is_empty() {
            let group = kind.api.is_none().then_some(group);
            let (namespace, name) = (about.namespace.into(), about.name.into());
            let metadata = metadata.and_then(|metadata| serde_json::from_value(metadata).ok());
            self.refused.push(Refused { key: Key { kind: kind.name, group, namespace, name }, metadata });
        }
    }

    /// Checks and completes what names an object, and drops what nobody here reads but every object drags along.
    fn name(&mut self, kind: &Kind, fields: &mut Map<String, Value>, about: &ObjectRef) {
        let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(metadata) = metadata else { return }; // The schema says so.
        metadata.remove("managedFields");
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
        match metadata.get("name") {
            None | Some(Value::Null) => match metadata.get("generateName").and_then(Value::as_str) {
                Some(prefix) if !prefix.is_empty() => {
                    let message = format!("is missing: generateName {prefix:?} is used as the name");
                    self.findings.push(Diagnostic::warning("GeneratedName", about, "metadata.name", message));
                    metadata.insert("name".to_owned(), prefix.into());
                }
                _ => self.invalid(about, "metadata.name", "is required, but missing".to_owned()),
            },
            Some(Value::String(name)) if name.is_empty() => {
                self.invalid(about, "metadata.name", "is required, but empty".to_owned());
            }
            // Not refused, though the API server would: nothing depends on it, and Traefik's own documents have such names.
            Some(Value::String(name)) if !is_subdomain(name) => {
                let message = format!(
                    "{name:?} is no name that Kubernetes takes: write at most 253 lower-case letters, digits, `-` \
                     and `.`, starting and ending with a letter or digit"
                );
                self.findings.push(Diagnostic::warning("InvalidName", about, "metadata.name", message));
            }
            Some(_) => {}
        }
        if !kind.namespaced {
            metadata.remove("namespace");
        } else if !metadata.get("namespace").is_some_and(|n| !n.is_null() && *n != "") {
            metadata.insert("namespace".to_owned(), "default".into());
        }
    }

    fn invalid(&mut self, about: &ObjectRef, path: &str, message: String) {
        self.findings.push(Diagnostic::error("InvalidObject", about, path, message));
    }
}

/// Merges a Secret's `stringData` into its data, as the API server does on writing.
fn finished(object: Object) -> Object {
    let Object::Secret(mut secret) = object else { return object };
    if secret.string_data.is_some() {
        let secret: &mut Secret = Arc::make_mut(&mut secret);
        let texts = secret.string_data.take().unwrap_or_default();
        let bytes = texts.into_iter().map(|(key, text)| (key, ByteString(text.into_bytes())));
        secret.data.get_or_insert_default().extend(bytes);
    }
    Object::Secret(secret)
}

/// Go's base64 passes over line breaks, which block scalars bring; ours does not.
fn unwrap_base64(fields: &mut Map<String, Value>) {
    let Some(Value::Object(data)) = fields.get_mut("data") else { return };
    for value in data.values_mut() {
        if let Value::String(text) = value
            && text.contains(['\n', '\r'])
        {
            text.retain(|c| c != '\n' && c != '\r');
        }
    }
}

/// RFC 1123 subdomain, which Kubernetes demands of names.
fn is_subdomain(name: &str) -> bool {
    let edge = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |label: &str| match label.as_bytes() {
        [only] => edge(*only),
        [first, middle @ .., last] => edge(*first) && edge(*last) && middle.iter().all(|c| edge(*c) || *c == b'-'),
        [] => false,
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests;
