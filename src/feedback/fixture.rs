//! What the tests of this room begin with: objects as an API server would give them, findings, and what serves.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::{Facts, Served};
use crate::diagnostic::{Diagnostic, ObjectRef};
use crate::objects::Snapshot;
use crate::objects::decode::decode;

/// Serves the routers of these objects.
#[derive(Default)]
pub(super) struct Serving(pub Vec<ObjectRef>);

impl Facts for Serving {
    fn counts(&self, namespace: &str, _: &ObjectMeta) -> bool {
        namespace != "elsewhere"
    }

    fn serving(&self) -> Vec<&ObjectRef> {
        self.0.iter().collect()
    }
}

/// An object of `default`, or of the namespace in `namespace/name`, whose uid is its kind and name.
pub(super) fn object(kind: &str, name: &str, spec: Value) -> Value {
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    let metadata = json!({"name": name, "namespace": namespace, "uid": format!("{kind}-{name}"), "generation": 3});
    let api = if kind == "Service" { "v1" } else { "traefik.io/v1alpha1" };
    json!({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec})
}

/// An IngressRoute with routes for these hosts.
pub(super) fn route(name: &str, hosts: &[&str]) -> Value {
    let routes: Vec<_> = hosts.iter().map(|host| json!({"match": format!("Host(`{host}`)"), "kind": "Rule"})).collect();
    object("IngressRoute", name, json!({"routes": routes}))
}

pub(super) fn snapshot(objects: impl IntoIterator<Item = Value>) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for object in objects {
        let decoded = decode(object);
        assert!(decoded.findings.is_empty(), "{:?}", decoded.findings);
        decoded.objects.into_iter().for_each(|object| snapshot.insert(object));
    }
    snapshot
}

/// What is served: of each IngressRoute so many routers.
pub(super) fn served(
    objects: impl IntoIterator<Item = Value>,
    findings: &[Diagnostic],
    serving: &[(&str, usize)],
) -> Served {
    let of = |(name, n): &(&str, usize)| vec![ObjectRef::new("IngressRoute", "default", *name); *n];
    Served {
        snapshot: Arc::new(snapshot(objects)),
        diagnostics: findings.into(),
        facts: Arc::new(Serving(serving.iter().flat_map(of).collect())),
    }
}

/// An error of an object in `default`.
pub(super) fn error(code: &'static str, kind: &str, name: &str, message: &str) -> Diagnostic {
    Diagnostic::error(code, &ObjectRef::new(kind, "default", name), "spec.x", message)
}
