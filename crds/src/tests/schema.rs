//! What the API server checks of a custom resource, as far as these schemas ask for it.

#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use regex::Regex;
use serde_json::Value;

/// Made once: it takes a while.
static CRDS: LazyLock<Vec<CustomResourceDefinition>> = LazyLock::new(crate::crd::all);

/// The schema of that kind's `spec`.
pub fn of_spec(kind: &str) -> Value {
    let crd = CRDS.iter().find(|c| c.spec.names.kind == kind).unwrap();
    let schema = serde_json::to_value(crd.spec.versions[0].schema.as_ref().unwrap()).unwrap();
    schema["openAPIV3Schema"]["properties"]["spec"].clone()
}

/// What the value breaks, each as `path: rule`.
pub fn violations(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut broken = |rule: &str| found.push(format!("{path}: {rule}"));
    if schema["x-kubernetes-preserve-unknown-fields"] == true {
        return found;
    }
    let fits = match schema["type"].as_str() {
        None => schema["x-kubernetes-int-or-string"] == true && (value.is_i64() || value.is_string()),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some(_) => false,
    };
    if !fits {
        broken("type");
    }
    if schema["enum"].as_array().is_some_and(|e| !e.contains(value)) {
        broken("enum");
    }
    if schema["minimum"].as_f64().zip(value.as_f64()).is_some_and(|(least, v)| v < least) {
        broken("minimum");
    }
    if schema["maximum"].as_f64().zip(value.as_f64()).is_some_and(|(most, v)| v > most) {
        broken("maximum");
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str())
        && !Regex::new(pattern).unwrap().is_match(text)
    {
        broken("pattern");
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            found.push(format!("{path}.{name}: required"));
        }
    }
    for (path, schema, value) in children(schema, value, path) {
        match schema {
            Some(schema) => found.extend(violations(schema, value, &path)),
            None => found.push(format!("{path}: unknown")),
        }
    }
    found
}

/// The fields of the schema that the value doesn't have.
pub fn uncovered(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let missing = properties.filter(|(name, _)| value.get(name.as_str()).is_none());
    let mut found: Vec<String> = missing.map(|(name, _)| format!("{path}.{name}")).collect();
    for (path, schema, value) in children(schema, value, path) {
        found.extend(schema.map(|schema| uncovered(schema, value, &path)).into_iter().flatten());
    }
    found
}

/// The parts of a value, each with its path and the schema for it, if there is one.
fn children<'a>(schema: &'a Value, value: &'a Value, path: &str) -> Vec<(String, Option<&'a Value>, &'a Value)> {
    let of = |name: &str| schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
    match value {
        Value::Object(map) => map.iter().map(|(name, v)| (format!("{path}.{name}"), of(name), v)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(i, v)| (format!("{path}[{i}]"), schema.get("items"), v)).collect()
        }
        _ => Vec::new(),
    }
}
