//! The headers of the question: those of the request, and what is told about it in `X-Forwarded-…`.
//! Three modes, as in Traefik: the client's `X-Forwarded-…` are believed, are removed, or, where nothing is said, partly pass.

use std::net::IpAddr;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::HOP_BY_HOP;
use crate::config;
use crate::filter::{Fault, RequestCx, first};
use crate::header::FORWARDING;
use crate::registry::BadConfig;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const HOST_TOLD: HeaderName = HeaderName::from_static("x-forwarded-host");
const METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const URI: HeaderName = HeaderName::from_static("x-forwarded-uri");

/// Makes the headers of a question.
pub(super) struct Question {
    /// Whether the request's own `X-Forwarded-…` are believed; `None` is Traefik's older mode.
    trust: Option<bool>,
    /// The only headers of the request that are sent; none is all.
    sent: Vec<HeaderName>,
}

// === impl Question ===

impl Question {
    pub(super) fn new(config: &config::ForwardAuth) -> Result<Self, BadConfig> {
        let mut sent = super::names("authRequestHeaders", &config.auth_request_headers)?;
        if config.trust_forward_header == Some(true) && !sent.is_empty() {
            sent.extend(FORWARDING.map(HeaderName::from_static));
        }
        Ok(Question { trust: config.trust_forward_header, sent })
    }

    pub(super) fn headers(&self, cx: &RequestCx<'_>) -> Result<HeaderMap, Fault> {
        let request = &cx.request.headers;
        let mut headers = HeaderMap::with_capacity(request.len() + 6);
        let nominated: Vec<String> = request
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|name| name.trim().to_ascii_lowercase())
            .collect();
        for (name, value) in request {
            let kept = (self.sent.is_empty() || self.sent.contains(name))
                && !HOP_BY_HOP.contains(name)
                && *name != HOST
                && *name != CONTENT_LENGTH
                && !(self.trust == Some(false) && is_forwarding(name))
                && !nominated.iter().any(|nominated| nominated == name.as_str());
            if kept {
                headers.append(name, value.clone());
            }
        }
        self.tell(cx, &mut headers)?;
        Ok(headers)
    }

    /// Says where the request came from, what it asks for, and how.
    fn tell(&self, cx: &RequestCx<'_>, headers: &mut HeaderMap) -> Result<(), Fault> {
        let trusted = self.trust == Some(true);
        let told = |name: &HeaderName| if trusted { first(&cx.request.headers, name) } else { "" };
        let peer = peer(cx.client.peer.ip());
        let before: Vec<&str> =
            cx.request.headers.get_all(FOR).iter().filter_map(|value| value.to_str().ok()).collect();
        let forwarded = if trusted && !before.is_empty() { format!("{}, {peer}", before.join(", ")) } else { peer };
        let scheme = if cx.client.tls.is_some() { "https" } else { "http" };
        let port = cx.host().parse::<Authority>().ok().and_then(|host| host.port_u16());
        let port = port.unwrap_or(if scheme == "https" { 443 } else { 80 }).to_string();
        let or = |name: &HeaderName, own: &str| match told(name) {
            "" => own.to_owned(),
            told => told.to_owned(),
        };
        let mut set = |name: HeaderName, value: String| -> Result<(), Fault> {
            if !value.is_empty() {
                headers.insert(name, HeaderValue::try_from(value).map_err(Fault::internal)?);
            } else {
                headers.remove(name);
            }
            Ok(())
        };
        set(FOR, forwarded)?;
        set(METHOD, or(&METHOD, cx.request.method.as_str()))?;
        set(PROTO, or(&PROTO, scheme))?;
        set(HOST_TOLD, or(&HOST_TOLD, cx.host()))?;
        set(URI, or(&URI, cx.target()))?;
        if self.trust.is_some() {
            set(PORT, or(&PORT, &port))?;
        }
        Ok(())
    }
}

fn peer(ip: IpAddr) -> String {
    ip.to_canonical().to_string()
}

fn is_forwarding(name: &HeaderName) -> bool {
    let name = name.as_str();
    FORWARDING.iter().any(|known| {
        known.len() == name.len() && known.bytes().zip(name.bytes()).all(|(k, n)| k == n || (k == b'-' && n == b'_'))
    })
}
