//! `headers`: custom headers, CORS, and security headers.
//! A request and response filter; on a response security headers come first, so custom ones win.

mod cors;
mod custom;
mod security;

use ingora_crds::middleware as config;

use self::cors::Cors;
use self::custom::Custom;
use self::security::Security;
use crate::filter::{Fault, Filter, Flow, Progress, RequestCx, ResponseCx, Step};
use crate::registry::BadConfig;
use crate::reply::Reply;

/// Sets headers, answers CORS preflights, adds security headers.
pub(super) struct Headers {
    cors: Option<Cors>,
    custom: Custom,
    security: Option<Security>,
}

// === impl Headers ===

impl Headers {
    pub(super) fn new(config: &config::Headers) -> Result<Self, BadConfig> {
        let headers =
            Headers { cors: Cors::new(config)?, custom: Custom::new(config)?, security: Security::new(config)? };
        let empty = config.custom_request_headers.is_empty() && config.custom_response_headers.is_empty();
        if headers.cors.is_none() && headers.security.is_none() && empty {
            return Err(BadConfig::new("", "sets nothing: at least one header option is needed"));
        }
        Ok(headers)
    }

    fn on_request(&self, cx: &mut RequestCx<'_>) -> Progress {
        if let Some(reply) = self.cors.as_ref().and_then(|cors| cors.preflight(cx)) {
            return Ok(Flow::Reply(Box::new(reply)));
        }
        self.custom.on_request(cx)?;
        let Some(security) = &self.security else { return Ok(Flow::Next) };
        // It stands inside of the custom and CORS headers, which it gets, and isn't a secured response.
        let mut refusal = match (security.allows_host(cx), security.elsewhere(cx)) {
            (false, _) => Reply::error(500, "Bad Host"),
            (true, Some(redirection)) => redirection,
            (true, None) => {
                security.note_tls(cx);
                return Ok(Flow::Next);
            }
        };
        let mut head = refusal.head();
        let mut outer = ResponseCx { request: cx.request, response: &mut head, client: cx.client, slot: &mut *cx.slot };
        self.outer_response(&mut outer)?;
        refusal.set_headers(&head.headers);
        Ok(Flow::Reply(Box::new(refusal)))
    }

    fn outer_response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
        self.custom.on_response(cx)?;
        self.cors.as_ref().map_or(Ok(()), |cors| cors.on_response(cx))
    }
}

impl Filter for Headers {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        Step::Now(self.on_request(cx))
    }

    fn response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
        if let Some(security) = &self.security {
            security.on_response(cx)?;
        }
        self.outer_response(cx)
    }
}

#[cfg(test)]
mod tests;
