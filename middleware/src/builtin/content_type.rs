//! `contentType`: gives a response that has no type the one that its body looks like.
//! Acts around what is further in: the head waits for the beginning of the body.

mod sniff;

use http::Method;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use ingora_crds::middleware as config;
use pingora_http::{RequestHeader, ResponseHeader};

use crate::around::{Around, Attempt, Verdict};
use crate::filter::{Fault, Filter};
use crate::registry::BadConfig;

/// Names the types of responses.
pub(super) struct ContentType {
    detects: bool,
}

// === impl ContentType ===

impl ContentType {
    pub(super) fn new(config: &config::ContentType) -> Result<Self, BadConfig> {
        Ok(ContentType { detects: config.auto_detect != Some(false) })
    }
}

impl Filter for ContentType {
    fn around(&self) -> Option<&dyn Around> {
        self.detects.then_some(self)
    }
}

impl Around for ContentType {
    /// A body that is encoded looks like its encoding; an empty type is one that somebody wanted.
    fn looks_into(&self, request: &RequestHeader, response: &ResponseHeader) -> usize {
        let headers = &response.headers;
        let encoded = headers.get(CONTENT_ENCODING).is_some_and(|encoding| !encoding.is_empty());
        let bodiless = request.method == Method::HEAD || matches!(response.status.as_u16(), 100..=199 | 204 | 304);
        if bodiless || encoded || headers.contains_key(CONTENT_TYPE) { 0 } else { sniff::MOST }
    }

    fn saw(&self, beginning: &[u8], response: &mut ResponseHeader) -> Result<(), Fault> {
        let value = HeaderValue::from_static(sniff::media_type(beginning));
        response.insert_header(CONTENT_TYPE, value).map_err(Fault::internal)
    }

    fn judge(&self, _: &Attempt<'_>) -> Verdict {
        Verdict::Pass
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn looks(method: &str, status: u16, header: Option<(&'static str, &'static str)>) -> bool {
        let request = RequestHeader::build(method, b"/", None).unwrap();
        let mut response = ResponseHeader::build(status, None).unwrap();
        if let Some((name, value)) = header {
            response.insert_header(name, value).unwrap();
        }
        let filter = ContentType::new(&config::ContentType::default()).unwrap();
        filter.around().unwrap().looks_into(&request, &response) > 0
    }

    #[test]
    fn looks_where_go_does() {
        for (method, status, header, expected) in [
            ("GET", 200, None, true),
            ("POST", 404, None, true),
            ("GET", 200, Some(("Transfer-Encoding", "chunked")), true),
            ("GET", 200, Some(("Content-Encoding", "")), true),
            ("GET", 200, Some(("Content-Encoding", "gzip")), false),
            ("GET", 200, Some(("Content-Type", "a/b")), false),
            ("GET", 200, Some(("Content-Type", "")), false),
            ("HEAD", 200, None, false),
            ("GET", 204, None, false),
            ("GET", 304, None, false),
        ] {
            assert_eq!(looks(method, status, header), expected, "{method} {status} {header:?}");
        }
    }

    #[test]
    fn only_false_switches_it_off() {
        for (auto_detect, detects) in [(None, true), (Some(true), true), (Some(false), false)] {
            let filter = ContentType::new(&config::ContentType { auto_detect }).unwrap();
            assert_eq!(filter.around().is_some(), detects);
        }
    }

    #[test]
    fn writes_what_it_saw() {
        let mut response = ResponseHeader::build(200, None).unwrap();
        ContentType { detects: true }.saw(b"<p>", &mut response).unwrap();
        assert_eq!(response.headers[CONTENT_TYPE], "text/html; charset=utf-8");
    }
}
