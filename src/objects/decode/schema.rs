//! Checks a value against a kind's OpenAPI schema as the API server would, and finds fields nobody knows.
//! One walk for all kinds; it names every wrong field, where the typed decode after it would stop at the first.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use crate::objects::field::{Field, nearest};

/// References nest no deeper than this in any kind; deeper ones are taken as "anything".
const MAX_DEPTH: usize = 64;

/// A schema made ready for checking.
#[derive(Debug, Default)]
pub(super) struct Schema {
    shape: Shape,
    properties: BTreeMap<String, Schema>,
    other_keys: OtherKeys,
    items: Option<Box<Schema>>,
    required: Vec<String>,
    pattern: Option<Regex>,
    one_of: Vec<Value>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    min_length: Option<u64>,
    max_length: Option<u64>,
    min_items: Option<u64>,
    max_items: Option<u64>,
}

/// The JSON type that a schema takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Shape {
    #[default]
    Any,
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
    IntOrString,
}

/// What a mapping may hold beside its properties.
#[derive(Debug, Default)]
enum OtherKeys {
    /// Anything, unchecked.
    #[default]
    Free,
    /// Values of one schema, as labels are.
    Of(Box<Schema>),
    /// Nothing: such a key is a mistake.
    Unknown,
}

/// What a check found: the field and a sentence.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Why the API server would refuse the object.
    pub errors: Vec<(String, String)>,
    /// Fields that it would drop.
    pub unknown: Vec<(String, String)>,
}

// === impl Schema ===

impl Schema {
    /// Prepares a JSON schema (OpenAPI v3 of a CRD, or JSON Schema with `$defs`). `strict` demands required fields:
    /// for Kubernetes' own kinds the API server does so in code, less strictly than their schemas say.
    pub fn compile(schema: &Value, strict: bool) -> Self {
        Compiler { definitions: schema.get("$defs"), strict }.schema(schema, 0)
    }

    /// Adds or replaces a property.
    pub fn with(mut self, key: &str, schema: Schema) -> Self {
        self.properties.insert(key.to_owned(), schema);
        self
    }

    /// Any text.
    pub fn string() -> Self {
        Schema { shape: Shape::String, ..Schema::default() }
    }

    /// Checks a value. Drops nulls from mappings, as the API server does, and fields nobody knows.
    pub fn check(&self, value: &mut Value, at: Field<'_>, report: &mut Report) {
        if self.shape == Shape::Boolean
            && let Some(truth) = value.as_str().and_then(yaml_1_1_boolean)
        {
            *value = Value::Bool(truth);
        }
        if !self.shape.takes(value) {
            return report.error(at, format!("expected {}, found {}", self.shape.name(), describe(value)));
        }
        if !self.one_of.is_empty() && !self.one_of.contains(value) {
            let accepted: Vec<_> = self.one_of.iter().map(plain).collect();
            report.error(at, format!("found {}, accepted: {}", describe(value), accepted.join(", ")));
        }
        match value {
            Value::Object(fields) => self.check_fields(fields, at, report),
            Value::Array(items) => {
                self.check_size(items.len(), (self.min_items, self.max_items), "items", at, report);
                if let Some(schema) = &self.items {
                    for (index, item) in items.iter_mut().enumerate() {
                        schema.check(item, Field::Item(&at, index), report);
                    }
                }
            }
            Value::String(text) => {
                if self.min_length.is_some() || self.max_length.is_some() {
                    let length = text.chars().count();
                    self.check_size(length, (self.min_length, self.max_length), "characters", at, report);
                }
                if let Some(pattern) = self.pattern.as_ref().filter(|p| !p.is_match(text)) {
                    report.error(at, format!("found {}, which does not match {pattern}", describe(value)));
                }
            }
            // Compared as floats, as the API server does.
            Value::Number(number) => match number.as_f64() {
                Some(n) if self.minimum.is_some_and(|min| n < min) || self.maximum.is_some_and(|max| n > max) => {
                    report.error(at, format!("found {number}, accepted: {}", range(self.minimum, self.maximum)));
                }
                _ => {}
            },
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn check_fields(&self, fields: &mut serde_json::Map<String, Value>, at: Field<'_>, report: &mut Report) {
        let mut unknown = Vec::new();
        fields.retain(|_, value| !value.is_null() || self.keeps_null());
        for (key, value) in fields.iter_mut() {
            let place = Field::Key(&at, key);
            match (self.properties.get(key), &self.other_keys) {
                (Some(schema), _) => schema.check(value, place, report),
                (None, OtherKeys::Of(schema)) => schema.check(value, place, report),
                (None, OtherKeys::Free) => {}
                (None, OtherKeys::Unknown) => {
                    let meant = nearest(key, self.properties.keys().map(String::as_str))
                        .map(|known| format!(": did you mean `{known}`?"));
                    let message = format!("no such field{}", meant.as_deref().unwrap_or("; it has no effect"));
                    report.unknown.push((place.to_string(), message));
                    unknown.push(key.clone());
                }
            }
        }
        for key in unknown {
            fields.remove(&key);
        }
        for key in self.required.iter().filter(|key| !fields.contains_key(*key)) {
            report.error(Field::Key(&at, key), "is required, but missing".to_owned());
        }
    }

    /// Free-form values are kept as written.
    fn keeps_null(&self) -> bool {
        matches!(self.other_keys, OtherKeys::Free)
    }

    fn check_size(
        &self,
        size: usize,
        (min, max): (Option<u64>, Option<u64>),
        what: &str,
        at: Field<'_>,
        report: &mut Report,
    ) {
        let length = size as u64;
        if min.is_some_and(|min| length < min) || max.is_some_and(|max| length > max) {
            let accepted = range(min.map(|n| n as f64), max.map(|n| n as f64));
            report.error(at, format!("has {size} {what}, accepted: {accepted}"));
        }
    }
}

// === impl Report ===

impl Report {
    fn error(&mut self, at: Field<'_>, message: String) {
        self.errors.push((at.to_string(), message));
    }
}

// === impl Shape ===

impl Shape {
    fn takes(self, value: &Value) -> bool {
        match self {
            Shape::Any => true,
            Shape::Object => value.is_object(),
            Shape::Array => value.is_array(),
            Shape::String => value.is_string(),
            Shape::Integer => value.is_i64() || value.is_u64(),
            Shape::Number => value.is_number(),
            Shape::Boolean => value.is_boolean(),
            Shape::IntOrString => value.is_i64() || value.is_u64() || value.is_string(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Shape::Any => "anything",
            Shape::Object => "a mapping",
            Shape::Array => "a list",
            Shape::String => "a string",
            Shape::Integer => "an integer",
            Shape::Number => "a number",
            Shape::Boolean => "true or false",
            Shape::IntOrString => "an integer or a string",
        }
    }
}

/// Turns schemas written as JSON into prepared ones.
struct Compiler<'s> {
    definitions: Option<&'s Value>,
    strict: bool,
}

// === impl Compiler ===

impl Compiler<'_> {
    fn schema(&self, schema: &Value, depth: usize) -> Schema {
        if depth > MAX_DEPTH {
            return Schema::default();
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let name = target.rsplit('/').next().unwrap_or_default();
            let definition = self.definitions.and_then(|d| d.get(name));
            return definition.map(|d| self.schema(d, depth + 1)).unwrap_or_default();
        }
        let sub = |schema: &Value| self.schema(schema, depth + 1);
        let flag = |key: &str| schema.get(key).and_then(Value::as_bool).unwrap_or_default();
        let properties: BTreeMap<_, _> = schema
            .get("properties")
            .and_then(Value::as_object)
            .map(|p| p.iter().map(|(key, schema)| (key.clone(), sub(schema))).collect())
            .unwrap_or_default();
        let other_keys = match schema.get("additionalProperties") {
            Some(schema @ Value::Object(_)) => OtherKeys::Of(Box::new(sub(schema))),
            Some(Value::Bool(true)) => OtherKeys::Free,
            _ if flag("x-kubernetes-preserve-unknown-fields") || properties.is_empty() => OtherKeys::Free,
            _ => OtherKeys::Unknown,
        };
        Schema {
            shape: if flag("x-kubernetes-int-or-string") { Shape::IntOrString } else { shape(schema.get("type")) },
            properties,
            other_keys,
            items: schema.get("items").map(|items| Box::new(sub(items))),
            required: if self.strict { strings(schema.get("required")) } else { Vec::new() },
            pattern: schema.get("pattern").and_then(Value::as_str).and_then(|p| Regex::new(p).ok()),
            one_of: schema.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
            minimum: schema.get("minimum").and_then(Value::as_f64),
            maximum: schema.get("maximum").and_then(Value::as_f64),
            min_length: schema.get("minLength").and_then(Value::as_u64),
            max_length: schema.get("maxLength").and_then(Value::as_u64),
            min_items: schema.get("minItems").and_then(Value::as_u64),
            max_items: schema.get("maxItems").and_then(Value::as_u64),
        }
    }
}

fn shape(name: Option<&Value>) -> Shape {
    match name.and_then(Value::as_str) {
        Some("object") => Shape::Object,
        Some("array") => Shape::Array,
        Some("string") => Shape::String,
        Some("integer") => Shape::Integer,
        Some("number") => Shape::Number,
        Some("boolean") => Shape::Boolean,
        _ => Shape::Any,
    }
}

fn strings(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Kubernetes reads YAML 1.1, where these are booleans; our YAML reader leaves them as text.
fn yaml_1_1_boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// A value as a sentence names it.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.chars().count() > 60 => {
            format!("\"{}…\"", text.chars().take(60).collect::<String>())
        }
        Value::String(text) => format!("{text:?}"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn range(min: Option<f64>, max: Option<f64>) -> String {
    // To the last digit: a value just beyond a large bound is not to look as if it were within.
    let exact = |n: f64| if n.fract() == 0.0 { format!("{n:.0}") } else { n.to_string() };
    match (min.map(exact), max.map(exact)) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("{min} or more"),
        (None, Some(max)) => format!("{max} or less"),
        (None, None) => "anything".to_owned(),
    }
}
