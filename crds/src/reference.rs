//! A reference from one custom resource to another.
//! Used by routes, chains and TLS settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;

/// The name and namespace of another resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// Name of the resource, or `name@provider`.
    pub name: String,
    /// Namespace of the resource; default the one of the referring resource.
    #[serde(skip_serializing_if = "absent")]
    pub namespace: Option<String>,
}
