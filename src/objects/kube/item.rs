//! An object as the API server sends it, whatever it looks like inside: a list or a watch never fails for one of them.
//! Made by the client, cut down and decoded by the watcher.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::api::ApiResource;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The object's fields, and of its metadata what watching needs.
#[derive(Debug, Clone)]
pub(super) struct Item {
    metadata: ObjectMeta,
    /// All of it.
    pub fields: Map<String, Value>,
}

// === impl Item ===

impl Item {
    /// Its namespace; empty for objects that have none.
    pub fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let fields = Map::deserialize(d)?;
        let text = |key| fields.get("metadata")?.get(key)?.as_str().map(str::to_owned);
        let metadata = ObjectMeta {
            name: text("name"),
            namespace: text("namespace"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        Ok(Item { metadata, fields })
    }
}

impl Resource for Item {
    type DynamicType = ApiResource;
    type Scope = kube::core::DynamicResourceScope;

    fn kind(api: &ApiResource) -> Cow<'_, str> {
        (&api.kind).into()
    }

    fn group(api: &ApiResource) -> Cow<'_, str> {
        (&api.group).into()
    }

    fn version(api: &ApiResource) -> Cow<'_, str> {
        (&api.version).into()
    }

    fn api_version(api: &ApiResource) -> Cow<'_, str> {
        (&api.api_version).into()
    }

    fn plural(api: &ApiResource) -> Cow<'_, str> {
        (&api.plural).into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
