//! A text that is never shown: keys and passwords on their way from a Secret to where they are used.
//! A leaf: used by the filters' configuration and the dynamic configuration.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// A text that is printed, logged and serialised as `xxxx`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

// === impl Secret ===

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("xxxx")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str("xxxx")
    }
}
