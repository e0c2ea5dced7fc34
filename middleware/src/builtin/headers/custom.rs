//! Custom headers of request and response.
//! The part of `headers` that sets and deletes what it is told.

use http::header::HeaderValue;
use ingora_crds::middleware as config;

use crate::filter::{Fault, RequestCx, ResponseCx};
use crate::header::{Header, header_value};
use crate::registry::BadConfig;

pub(super) struct Custom {
    request: Vec<Header>,
    response: Vec<Header>,
    host: Option<HeaderValue>,
    /// `X-Forwarded-For: ""`: neither what the client sent nor the peer is told to the server.
    suppress_forwarded_for: bool,
}

// === impl Custom ===

impl Custom {
    pub(super) fn new(config: &config::Headers) -> Result<Self, BadConfig> {
        const REQUEST: &str = "customRequestHeaders";
        const RESPONSE: &str = "customResponseHeaders";
        let mut custom =
            Custom { request: Vec::new(), response: Vec::new(), host: None, suppress_forwarded_for: false };
        for (name, value) in &config.custom_request_headers {
            if name.eq_ignore_ascii_case("host") {
                // A request always has a host: an empty value deletes nothing.
                custom.host = match value.as_str() {
                    "" => custom.host,
                    value => Some(header_value(&format!("{REQUEST}.{name}"), value)?),
                };
                continue;
            }
            custom.suppress_forwarded_for |= value.is_empty() && name.eq_ignore_ascii_case("x-forwarded-for");
            custom.request.push(Header::new(REQUEST, name, value)?);
        }
        for (name, value) in &config.custom_response_headers {
            custom.response.push(Header::new(RESPONSE, name, value)?);
        }
        Ok(custom)
    }

    pub(super) fn on_request(&self, cx: &mut RequestCx<'_>) -> Result<(), Fault> {
        for header in &self.request {
            header.apply_to_request(cx.request)?;
        }
        if let Some(host) = &self.host {
            cx.set_host(host)?;
        }
        cx.notes.suppress_forwarded_for |= self.suppress_forwarded_for;
        Ok(())
    }

    pub(super) fn on_response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
        self.response.iter().try_for_each(|header| header.apply_to_response(cx.response))
    }
}
