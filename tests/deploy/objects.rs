//! Rendered objects, found by kind and name.

use serde::Deserialize;
use serde_json::Value;

/// The objects of a text of YAML documents, in its order.
#[derive(Debug, Clone)]
pub struct Objects(pub Vec<Value>);

// === impl Objects ===

impl Objects {
    pub fn parse(text: &str) -> Objects {
        let documents = serde_yaml::Deserializer::from_str(text).map(|d| Value::deserialize(d).unwrap());
        Objects(documents.filter(|d| !d.is_null()).collect())
    }

    /// Kinds, namespaces and names, `Kind namespace/name`, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.0.iter().map(name).collect();
        names.sort();
        names
    }

    /// All objects of a kind.
    pub fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |object| object["kind"] == kind)
    }

    /// The one object of a kind.
    pub fn only(&self, kind: &str) -> &Value {
        let found: Vec<_> = self.of(kind).collect();
        let [one] = found.as_slice() else { panic!("{} objects of kind {kind}: {:?}", found.len(), self.names()) };
        one
    }
}

/// `Kind namespace/name`, or `Kind name`.
pub fn name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let metadata = &object["metadata"];
    let namespace = text(&metadata["namespace"]).map_or_else(String::new, |n| n + "/");
    format!("{} {namespace}{}", text(&object["kind"]).unwrap(), text(&metadata["name"]).unwrap())
}
