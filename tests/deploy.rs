//! What is in `deploy/`, as a cluster would get it: rendered with kustomize and Helm themselves (`make tools`), parsed, and
//! held to each other, to the CRDs and to ingora's own reader of configurations. The image's root is laid out, and the
//! binary started with nothing else around it.

mod audit;
mod chart;
mod cluster;
mod image;
mod kustomization;
mod objects;
mod page;
mod pod;

mod rights;
mod root;
mod tools;
mod values;

use ingora::config::Config;
use serde_json::Value;

use self::objects::Objects;
use crate::checking::differences;

/// The CRDs are all there, as they are made from the types.
fn assert_crds(objects: &Objects) {
    let crds = ingora_crds::crd::all();
    assert_eq!(objects.of("CustomResourceDefinition").count(), crds.len());
    for crd in crds.iter().map(|crd| serde_json::to_value(crd).unwrap()) {
        let rendered =
            objects.of("CustomResourceDefinition").find(|o| o["metadata"]["name"] == crd["metadata"]["name"]);
        let rendered = rendered.unwrap_or_else(|| panic!("{} is missing", crd["metadata"]["name"]));
        let differences = differences(&floating(crd), &floating(rendered.clone()));
        assert!(differences.is_empty(), "{differences:#?}");
    }
}

/// With all numbers as `f64`: 0 and 0.0 are the same to an API server, and kustomize writes one for the other.
fn floating(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(items) => items.into_iter().map(floating).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, floating(value))).collect(),
        other => other,
    }
}

/// The pod of a Deployment or DaemonSet.
fn pod(objects: &Objects, kind: &str) -> Value {
    objects.only(kind)["spec"]["template"].clone()
}

/// The configuration in the ConfigMap, read by ingora.
fn config(objects: &Objects) -> Config {
    let text = objects.only("ConfigMap")["data"]["ingora.yaml"].as_str().unwrap().to_owned();
    Config::from_yaml(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}
