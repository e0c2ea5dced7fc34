//! Objects of a cluster: applied, deleted and read as an administrator.

use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Cluster;
use crate::support::{Manifests, within};

// === impl Cluster ===

impl Cluster {
    /// Applies documents as `kubectl apply --server-side` does, with strict validation. Services get addresses that the
    /// server chooses.
    pub async fn apply(&self, manifests: impl Into<Manifests>) {
        for mut document in documents(&manifests.into().0) {
            if document["kind"] == "Service" {
                document["spec"].as_object_mut().unwrap().remove("clusterIP");
            }
            self.apply_one(&document).await.unwrap_or_else(|e| panic!("{e}\n{document}"));
        }
    }

    /// Applies one object, which the API server may refuse.
    pub async fn apply_one(&self, object: &Value) -> kube::Result<DynamicObject> {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
        let (kind, name) = (text("/kind").unwrap(), text("/metadata/name").unwrap());
        let namespace = text("/metadata/namespace").unwrap_or("default");
        if namespace != "default" && kind != "Namespace" {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            Box::pin(self.apply_one(&namespace)).await?;
        }
        let mut parameters = PatchParams::apply("test").force();
        parameters.field_validation = Some(kube::api::ValidationDirective::Strict);
        self.api(text("/apiVersion").unwrap(), kind, namespace).patch(name, &parameters, &Patch::Apply(object)).await
    }

    /// Deletes an object, and waits until it is gone.
    pub async fn delete(&self, api: &str, kind: &str, namespace: &str, name: &str) {
        let objects = self.api(api, kind, namespace);
        objects.delete(name, &DeleteParams::default()).await.unwrap();
        within("the deletion", async { while objects.get_opt(name).await.unwrap().is_some() {} }).await;
    }

    /// The objects of a kind, in a namespace where it has them.
    pub fn api(&self, api: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let (group, version) = api.split_once('/').unwrap_or(("", api));
        let lower = kind.to_lowercase();
        let plural = match lower.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None if lower.ends_with("ss") => format!("{lower}es"),
            None => format!("{lower}s"),
        };
        let resource = ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: api.to_owned(),
            kind: kind.to_owned(),
            plural,
        };
        let cluster_wide =
            ["CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "Namespace", "Node"].contains(&kind);
        match cluster_wide {
            true => Api::all_with(self.admin(), &resource),
            false => Api::namespaced_with(self.admin(), namespace, &resource),
        }
    }

    /// Installs ingora's CRDs: those whose name ends with `suffix`, such as `.traefik.io`; returns when they serve.
    pub async fn install_crds(&self, suffix: &str) {
        self.install(suffix, |_| {}).await;
    }

    /// The same, but they take everything for a spec, as CRDs of old versions do.
    pub async fn install_loose_crds(&self, suffix: &str) {
        let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        self.install(suffix, |crd| crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = anything.clone()).await;
    }

    /// Installs ingora's CRDs, each as it is after `change`.
    pub async fn install(&self, suffix: &str, change: impl Fn(&mut Value)) {
        let mut names = Vec::new();
        for mut document in documents(&ingora_crds::yaml()) {
            let name = document["metadata"]["name"].as_str().unwrap().to_owned();
            if name.ends_with(suffix) {
                change(&mut document);
                self.apply_one(&document).await.unwrap_or_else(|e| panic!("{name}: {e}"));
                names.push(name);
            }
        }
        let crds = self.api("apiextensions.k8s.io/v1", "CustomResourceDefinition", "");
        let serves = |crd: &DynamicObject| {
            let conditions = crd.data.pointer("/status/conditions").and_then(Value::as_array);
            conditions.is_some_and(|c| c.iter().any(|c| c["type"] == "Established" && c["status"] == "True"))
        };
        for name in names {
            within(&name, async { while !serves(&crds.get(&name).await.unwrap()) {} }).await;
        }
    }
}

/// The documents of a YAML text.
pub fn documents(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text).map(|d| Value::deserialize(d).unwrap());
    documents.filter(|d| !d.is_null()).collect()
}
