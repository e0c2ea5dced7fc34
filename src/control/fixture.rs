//! What the tests of this room begin with.

#![allow(clippy::unwrap_used)]

use ingora_middleware::Registry;
use serde::Deserialize;

use super::Recipe;
use crate::config::Config;
use crate::objects::Snapshot;
use crate::objects::decode::decode;

/// A recipe of a configuration's text.
pub(super) fn recipe(config: &str) -> Recipe {
    Recipe::new(Config::from_yaml(config).unwrap(), Registry::built_in()).unwrap()
}

/// The objects of YAML documents.
pub(super) fn snapshot(documents: &str) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for document in serde_yaml::Deserializer::from_str(documents) {
        let decoded = decode(serde_json::Value::deserialize(document).unwrap());
        assert!(decoded.findings.is_empty(), "{:?}", decoded.findings);
        decoded.objects.into_iter().for_each(|object| snapshot.insert(object));
    }
    snapshot
}
