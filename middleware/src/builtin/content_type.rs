//! `contentType`: accepted, without effect.
//! Traefik's looks into bodies to name their type; here a response has the type that its server gave it.

use ingora_crds::middleware as config;

use crate::filter::Filter;
use crate::registry::BadConfig;

/// Leaves responses as they are.
pub(super) struct ContentType;

// === impl ContentType ===

impl ContentType {
    pub(super) fn new(_: &config::ContentType) -> Result<Self, BadConfig> {
        Ok(ContentType)
    }
}

impl Filter for ContentType {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::Trial;

    #[test]
    fn invents_no_type() {
        for auto_detect in [None, Some(false), Some(true)] {
            let outcome = Trial::get("/").run(ContentType::new(&config::ContentType { auto_detect }).unwrap());
            assert_eq!((outcome.forwarded, outcome.got("Content-Type").as_str()), (true, "-"));
        }
    }
}
