//! `addPrefix`: puts a prefix before the path.
//! A request filter; the query stays.

use ingora_crds::middleware as config;

use crate::filter::{Filter, RequestCx, Step};
use crate::path;
use crate::registry::BadConfig;

/// Puts a prefix before the path.
pub(super) struct AddPrefix {
    /// Escaped, with a leading slash.
    prefix: String,
}

// === impl AddPrefix ===

impl AddPrefix {
    pub(super) fn new(config: &config::AddPrefix) -> Result<Self, BadConfig> {
        if config.prefix.is_empty() {
            return Err(BadConfig::new("prefix", "is empty: a path such as /api is needed"));
        }
        let slash = if config.prefix.starts_with('/') { "" } else { "/" };
        Ok(AddPrefix { prefix: format!("{slash}{}", path::encode(config.prefix.as_bytes())) })
    }
}

impl Filter for AddPrefix {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        cx.splice_path(&self.prefix, 0).into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::Trial;

    #[test]
    fn puts_the_prefix_before_the_escaped_path() {
        for (prefix, target, sent) in [
            ("/api", "/x", "/api/x"),
            ("/api", "/x?a=/b", "/api/x?a=/b"),
            ("api", "/", "/api/"),
            ("/a b", "/x", "/a%20b/x"),
            ("/api", "/x%2Fy?", "/api/x%2Fy?"),
        ] {
            let filter = AddPrefix::new(&config::AddPrefix { prefix: prefix.into() }).unwrap();
            assert_eq!(Trial::get(target).run(filter).target(), sent);
        }
    }

    #[test]
    fn needs_a_prefix() {
        assert_eq!(AddPrefix::new(&config::AddPrefix::default()).err().unwrap().path, "prefix");
    }
}
