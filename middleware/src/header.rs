//! Headers that a filter sets or deletes, prepared when it is built; names spelled as Go spells them.
//! Used by the filters that write headers.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use pingora_http::{RequestHeader, ResponseHeader};

use crate::filter::Fault;
use crate::registry::BadConfig;

/// What proxies say of a request, which only a trusted peer may send; with `_` in place of any `-`, too.
/// Source: Traefik's "EntryPoints" reference, forwarded headers.
pub const FORWARDING: [&str; 13] = [
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-prefix",
    "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info",
    "x-scheme",
    "x-real-ip",
];

/// One header to set, or to delete where there is no value.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    name: HeaderName,
    wire: Bytes,
    value: Option<HeaderValue>,
}

// === impl Header ===

impl Header {
    /// From configuration; an empty value deletes. `field` is the map that holds the pair.
    pub(crate) fn new(field: &str, name: &str, value: &str) -> Result<Self, BadConfig> {
        let path = || format!("{field}.{name}");
        let value = match value {
            "" => None,
            value => Some(header_value(&path(), value)?),
        };
        Ok(Header { name: header_name(&path(), name)?, wire: canonical(name), value })
    }

    pub(crate) fn apply_to_request(&self, request: &mut RequestHeader) -> Result<(), Fault> {
        match &self.value {
            Some(value) => request.insert_header(self.wire.clone(), value).map_err(Fault::internal),
            None => {
                request.remove_header(&self.name);
                Ok(())
            }
        }
    }

    pub(crate) fn apply_to_response(&self, response: &mut ResponseHeader) -> Result<(), Fault> {
        match &self.value {
            Some(value) => response.insert_header(self.wire.clone(), value).map_err(Fault::internal),
            None => {
                response.remove_header(&self.name);
                Ok(())
            }
        }
    }
}

/// A header's name from configuration.
pub(crate) fn header_name(field: &str, name: &str) -> Result<HeaderName, BadConfig> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        BadConfig::new(field, format!("{name:?} is not a header name: letters, digits and !#$%&'*+-.^_`|~ are"))
    })
}

/// A header's value from configuration.
pub(crate) fn header_value(field: &str, value: &str) -> Result<HeaderValue, BadConfig> {
    HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| BadConfig::new(field, format!("{value:?} is not a header value: it holds a control character")))
}

/// The spelling that Go gives a header's name: `x-real-ip` is `X-Real-Ip`, `WWW-Authenticate` is `Www-Authenticate`.
///
/// Texts that are no header name stay as they are.
pub fn canonical(name: &str) -> Bytes {
    if name.bytes().any(|b| !b.is_ascii_graphic()) {
        return Bytes::copy_from_slice(name.as_bytes());
    }
    let mut upper = true;
    name.bytes()
        .map(|b| {
            let spelled = if upper { b.to_ascii_uppercase() } else { b.to_ascii_lowercase() };
            upper = b == b'-';
            spelled
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_names_as_go() {
        for (name, spelled) in [
            ("x-real-ip", "X-Real-Ip"),
            ("WWW-Authenticate", "Www-Authenticate"),
            ("X-XSS-Protection", "X-Xss-Protection"),
            ("a b", "a b"),
            ("", ""),
        ] {
            assert_eq!(canonical(name), spelled);
        }
    }

    #[test]
    fn refuses_what_is_no_header() {
        assert_eq!(
            Header::new("customRequestHeaders", "a b", "x").map(|_| ()).map_err(|e| e.path),
            Err("customRequestHeaders.a b".to_owned())
        );
        assert!(Header::new("m", "a", "x\ny").is_err());
        assert!(Header::new("m", "a", "").is_ok());
    }
}
