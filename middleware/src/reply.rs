//! What a filter answers in the server's place.
//! Made by filters, sent by the proxy, which walks it back through the response hooks of the outer filters first.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, StatusCode};
use pingora_http::ResponseHeader;

use crate::filter::Fault;
use crate::header::canonical;

/// A whole response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers, without `Content-Length`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Its body.
    pub body: Bytes,
}

// === impl Reply ===

impl Reply {
    /// A reply without body.
    pub fn empty(status: u16) -> Self {
        Reply { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// A reply with a body and nothing else, as Traefik writes most of its own.
    pub fn plain(status: u16, body: impl Into<Bytes>) -> Self {
        Reply { status, headers: Vec::new(), body: body.into() }
    }

    /// A reply whose body is the status's text: `Forbidden`.
    pub fn status_text(status: u16) -> Self {
        Reply::plain(status, Bytes::from_static(status_text(status).as_bytes()))
    }

    /// A reply as Go's `http.Error` writes it: the message on a line, as plain text.
    pub fn error(status: u16, message: &str) -> Self {
        Reply::plain(status, format!("{message}\n"))
            .with(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))
            .with(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The head to send: with `Content-Length`, names spelled as Go spells them.
    ///
    /// A status that is none (not 100..=999) becomes 500.
    pub fn head(&self) -> ResponseHeader {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut head = head(status, self.headers.len() + 1);
        for (name, value) in &self.headers {
            if let Err(e) = head.append_header(canonical(name.as_str()), value) {
                log::error!("reply with status {status}: header {name} left out: {e}");
            }
        }
        if let Err(e) = head.insert_header(CONTENT_LENGTH, self.body.len()) {
            log::error!("reply with status {status}: no Content-Length: {e}");
        }
        head
    }

    /// Takes the headers of `headers` in place of its own, but for `Content-Length`.
    pub(crate) fn set_headers(&mut self, headers: &HeaderMap) {
        self.headers =
            headers.iter().filter(|(n, _)| *n != CONTENT_LENGTH).map(|(n, v)| (n.clone(), v.clone())).collect();
    }
}

impl From<&Fault> for Reply {
    fn from(fault: &Fault) -> Self {
        Reply::status_text(fault.status)
    }
}

/// An empty head that keeps the case of names. The status is checked already, which is all that can fail.
fn head(status: StatusCode, headers: usize) -> ResponseHeader {
    ResponseHeader::build(status, Some(headers)).unwrap_or_else(|_| http::Response::new(()).into_parts().0.into())
}

/// The text of a status as Go has it; empty for those without.
pub fn status_text(status: u16) -> &'static str {
    match status {
        203 => "Non-Authoritative Information",
        413 => "Request Entity Too Large",
        416 => "Requested Range Not Satisfiable",
        _ => StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_carry_length_and_canonical_names() {
        let mut wire = Vec::new();
        let reply = Reply::error(500, "Bad Host");
        reply.head().header_to_h1_wire(&mut wire);
        assert_eq!(
            String::from_utf8_lossy(&wire),
            "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 9\r\n"
        );
        assert_eq!(&reply.body[..], b"Bad Host\n");
        assert_eq!(Reply::empty(7).head().status, 500);
        assert_eq!(&Reply::status_text(403).body[..], b"Forbidden");
        assert_eq!(status_text(413), "Request Entity Too Large");
    }
}
