//! The name of a header that a rule looks at.

use std::fmt;

use ::http::header::{HOST, HeaderMap, HeaderName};

/// A header's name.
#[derive(Debug)]
pub(in crate::rule) enum HeaderKey {
    /// One that a request can have.
    Name(HeaderName),
    /// One that no request has: `Host`, which is not among the headers, or what is no header's name.
    Never(Box<str>),
}

// === impl HeaderKey ===

impl HeaderKey {
    pub(super) fn new(text: &str) -> Self {
        match HeaderName::from_bytes(text.as_bytes()) {
            Ok(name) if name != HOST => HeaderKey::Name(name),
            _ => HeaderKey::Never(text.into()),
        }
    }

    pub(super) fn is_never(&self) -> bool {
        matches!(self, HeaderKey::Never(_))
    }

    /// The header's values in a request.
    pub(super) fn values<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = &'h [u8]> {
        let name = match self {
            HeaderKey::Name(name) => Some(name),
            HeaderKey::Never(_) => None,
        };
        name.into_iter().flat_map(|name| headers.get_all(name)).map(|value| value.as_bytes())
    }
}

impl fmt::Display for HeaderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderKey::Name(name) => f.write_str(name.as_str()),
            HeaderKey::Never(text) => f.write_str(text),
        }
    }
}
