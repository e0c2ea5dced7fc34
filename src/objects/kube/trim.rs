//! Cuts an object down to what the translation reads, so that ten thousand of them stay small, and a change that means
//! nothing here (a Node's heartbeat, a new resourceVersion) is no change.

use serde_json::{Map, Value};

use crate::objects::snapshot::{SERVICE_NAME_LABEL, ZONE_LABEL};

/// The annotation that names an ingress class.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// What authorities are found under in a ConfigMap.
const AUTHORITIES: [&str; 2] = ["tls.ca", "ca.crt"];

/// Removes what nobody reads.
pub(super) fn trim(kind: &str, fields: &mut Map<String, Value>) {
    match kind {
        "Service" => {
            metadata(fields, &["uid"], None, None);
            fields.remove("status");
        }
        "EndpointSlice" => {
            metadata(fields, &[], Some(SERVICE_NAME_LABEL), None);
            for endpoint in list(fields, "endpoints") {
                if let Value::Object(endpoint) = endpoint {
                    keep(endpoint, &["addresses", "conditions", "hints"]);
                }
            }
        }
        "Secret" => metadata(fields, &["uid"], None, None),
        "ConfigMap" => {
            metadata(fields, &["uid"], None, None);
            fields.remove("binaryData");
            if let Some(Value::Object(data)) = fields.get_mut("data") {
                // The keys stay, for messages; values may be megabytes.
                let others = data.iter_mut().filter(|(key, _)| !AUTHORITIES.contains(&key.as_str()));
                others.for_each(|(_, value)| *value = Value::String(String::new()));
            }
        }
        "Node" => {
            metadata(fields, &[], Some(ZONE_LABEL), None);
            fields.remove("spec");
            if let Some(Value::Object(status)) = fields.get_mut("status") {
                keep(status, &["addresses"]);
            }
        }
        // Custom resources: selected by any label; the feedback on them needs to know which one it was.
        _ => metadata(fields, &["uid", "generation"], Some(""), Some(CLASS_ANNOTATION)),
    }
}

/// Keeps of the metadata the name, the namespace and `more`; of the labels that one (`""`: all), of the annotations that one.
fn metadata(fields: &mut Map<String, Value>, more: &[&str], label: Option<&str>, annotation: Option<&str>) {
    let Some(Value::Object(metadata)) = fields.get_mut("metadata") else { return };
    let one = |fields: Option<Value>, name: Option<&str>| match (fields, name) {
        (Some(Value::Object(all)), Some("")) => Some(Value::Object(all)),
        (Some(Value::Object(mut all)), Some(name)) => {
            keep(&mut all, &[name]);
            Some(Value::Object(all)).filter(|kept| kept.as_object().is_some_and(|kept| !kept.is_empty()))
        }
        _ => None,
    };
    let labels = one(metadata.remove("labels"), label);
    let annotations = one(metadata.remove("annotations"), annotation);
    metadata.retain(|key, _| matches!(key.as_str(), "name" | "namespace") || more.contains(&key.as_str()));
    metadata.extend(labels.map(|labels| ("labels".to_owned(), labels)));
    metadata.extend(annotations.map(|annotations| ("annotations".to_owned(), annotations)));
}

fn keep(fields: &mut Map<String, Value>, names: &[&str]) {
    fields.retain(|key, _| names.contains(&key.as_str()));
}

fn list<'v>(fields: &'v mut Map<String, Value>, name: &str) -> impl Iterator<Item = &'v mut Value> {
    fields.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn trimmed(kind: &str, value: Value) -> Value {
        let mut fields = value.as_object().cloned().unwrap();
        trim(kind, &mut fields);
        Value::Object(fields)
    }

    fn with_metadata(mut value: Value, more: Value) -> Value {
        let mut metadata = json!({
            "name": "n", "namespace": "ns", "uid": "u", "resourceVersion": "7", "generation": 2,
            "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{}], "ownerReferences": [{}],
            "labels": {"a": "b", "kubernetes.io/service-name": "s"},
            "annotations": {"kubernetes.io/ingress.class": "c", "x": "y"},
        });
        metadata.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        value["metadata"] = metadata;
        value
    }

    #[test]
    fn keeps_what_is_read() {
        let cases = [
            (
                "EndpointSlice",
                json!({
                    "addressType": "IPv4", "ports": [{"port": 80}],
                    "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true}, "nodeName": "x",
                        "targetRef": {"name": "p"}, "zone": "z", "hints": {"forZones": [{"name": "z"}]}}],
                }),
                json!({
                    "addressType": "IPv4", "ports": [{"port": 80}],
                    "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true},
                        "hints": {"forZones": [{"name": "z"}]}}],
                    "metadata": {"name": "n", "namespace": "ns", "labels": {"kubernetes.io/service-name": "s"}},
                }),
            ),
            (
                "Node",
                json!({
                    "spec": {"podCIDR": "10.0.0.0/24"},
                    "status": {"addresses": [{"type": "InternalIP", "address": "10.1.0.1"}], "conditions": [{}], "images": [{}]},
                }),
                json!({
                    "status": {"addresses": [{"type": "InternalIP", "address": "10.1.0.1"}]},
                    "metadata": {"name": "n", "namespace": "ns"},
                }),
            ),
            (
                "ConfigMap",
                json!({"data": {"ca.crt": "PEM", "big": "data"}, "binaryData": {"b": "AA=="}}),
                json!({"data": {"ca.crt": "PEM", "big": ""}, "metadata": {"name": "n", "namespace": "ns", "uid": "u"}}),
            ),
            (
                "IngressRoute",
                json!({"spec": {"routes": []}}),
                json!({
                    "spec": {"routes": []},
                    "metadata": {
                        "name": "n", "namespace": "ns", "uid": "u", "generation": 2,
                        "labels": {"a": "b", "kubernetes.io/service-name": "s"},
                        "annotations": {"kubernetes.io/ingress.class": "c"},
                    },
                }),
            ),
        ];
        for (kind, given, expected) in cases {
            assert_eq!(trimmed(kind, with_metadata(given, json!({}))), expected, "{kind}");
        }
    }

    #[test]
    fn a_new_resource_version_is_no_change() {
        let service = json!({"spec": {"clusterIP": "10.0.0.1"}, "status": {"loadBalancer": {}}});
        let before = trimmed("Service", with_metadata(service.clone(), json!({})));
        let after = trimmed("Service", with_metadata(service, json!({"resourceVersion": "8"})));
        assert_eq!(before, after);
    }
}
