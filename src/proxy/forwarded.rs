//! X-Forwarded headers: what is believed of those that come in, and what servers are told.
//! Traefik's `forwardedHeaders` (entry points reference) and its `forwardedheaders` middleware.

use http::{HeaderName, HeaderValue, Version, header};
use pingora_error::Result;
use pingora_http::RequestHeader;

use super::connection::Facts;
use crate::config;

/// The name that a client's address is passed on by.
pub const FORWARDED_FOR: &str = "X-Forwarded-For";
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_SERVER: HeaderName = HeaderName::from_static("x-forwarded-server");

/// The headers that only a trusted peer may send, with `-` for any separator.
const MANAGED: [&str; 13] = [
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

/// The headers that are about one connection only (RFC 9110 §7.6.1, and Go's reverse proxy).
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
];

/// What an entry point believes and writes.
#[derive(Debug)]
pub(super) struct ForwardedHeaders {
    settings: config::entry_point::ForwardedHeaders,
    /// Fields that `Connection` may name without losing them.
    connection: Vec<String>,
    server: HeaderValue,
}

// === impl ForwardedHeaders ===

impl ForwardedHeaders {
    pub(super) fn new(settings: &config::entry_point::ForwardedHeaders) -> Self {
        let server = hostname();
        ForwardedHeaders {
            settings: settings.clone(),
            connection: settings.connection.iter().map(|c| c.to_ascii_lowercase()).collect(),
            server: HeaderValue::try_from(server).unwrap_or(HeaderValue::from_static("ingora")),
        }
    }

    /// Removes what an untrusted peer may not say, and fills in what is missing.
    pub(super) fn rewrite(&self, request: &mut RequestHeader, facts: &Facts, upgrade: bool) -> Result<()> {
        if !self.settings.trusts(facts.client.peer.ip()) {
            remove_managed(request);
        }
        let absent =
            |request: &RequestHeader, name: &HeaderName| request.headers.get(name).is_none_or(|value| value.is_empty());
        if absent(request, &X_REAL_IP) {
            request.insert_header("X-Real-Ip", facts.client_ip.clone())?;
        }
        let tls = facts.client.tls;
        if absent(request, &X_FORWARDED_PROTO) {
            let proto = match (upgrade && is_websocket(request), tls) {
                (false, false) => "http",
                (false, true) => "https",
                (true, false) => "ws",
                (true, true) => "wss",
            };
            request.insert_header("X-Forwarded-Proto", HeaderValue::from_static(proto))?;
        }
        let host = request.headers.get(header::HOST).cloned();
        if absent(request, &X_FORWARDED_PORT) {
            let port = host.as_ref().and_then(port).unwrap_or_else(|| {
                let secure = request.headers.get(&X_FORWARDED_PROTO).is_some_and(|p| p == "https" || p == "wss");
                HeaderValue::from_static(if tls || secure { "443" } else { "80" })
            });
            request.insert_header("X-Forwarded-Port", port)?;
        }
        if let Some(host) = host.filter(|h| !h.is_empty() && absent(request, &X_FORWARDED_HOST)) {
            request.insert_header("X-Forwarded-Host", host)?;
        }
        if absent(request, &X_FORWARDED_SERVER) {
            request.insert_header("X-Forwarded-Server", self.server.clone())?;
        }
        if self.settings.add_x_forwarded_scheme_headers
            && let Some(proto) = request.headers.get(&X_FORWARDED_PROTO).cloned()
        {
            request.insert_header("X-Forwarded-Scheme", proto.clone())?;
            request.insert_header("X-Scheme", proto)?;
        }
        Ok(())
    }

    /// The last step before a server: the peer joins X-Forwarded-For, and what was about this connection only goes.
    pub(super) fn forward(
        &self,
        request: &mut RequestHeader,
        facts: &Facts,
        upgrade: bool,
        append_for: bool,
    ) -> Result<()> {
        if append_for && !self.settings.not_append_x_forwarded_for {
            let known = joined(request, &X_FORWARDED_FOR);
            let value = match known {
                Some(known) => HeaderValue::try_from([&known[..], b", ", facts.client_ip.as_bytes()].concat()).ok(),
                None => Some(facts.client_ip.clone()),
            };
            if let Some(value) = value {
                request.insert_header(FORWARDED_FOR, value)?;
            }
        }
        self.remove_hop_by_hop(request, upgrade)
    }

    fn remove_hop_by_hop(&self, request: &mut RequestHeader, upgrade: bool) -> Result<()> {
        // The commonest requests have none of them, or a lone `Connection: keep-alive`.
        if !request.headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
            return Ok(());
        }
        let named: Vec<String> = request
            .headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !MANAGED.contains(&name.as_str()) && !self.connection.contains(name))
            .collect();
        let trailers = request
            .headers
            .get_all(header::TE)
            .iter()
            .any(|v| v.to_str().is_ok_and(|v| v.split(',').any(|t| t.trim().eq_ignore_ascii_case("trailers"))));
        let protocol = request.headers.get(header::UPGRADE).cloned().filter(|_| upgrade);
        for name in &named {
            // Host and the framing of the body can't be nominated away (RFC 9110 §7.6.1).
            if !matches!(name.as_str(), "" | "host" | "content-length" | "transfer-encoding") {
                request.remove_header(name.as_str());
            }
        }
        for name in &HOP_BY_HOP {
            request.remove_header(name);
        }
        if trailers {
            request.insert_header(header::TE, HeaderValue::from_static("trailers"))?;
        }
        if let Some(protocol) = protocol {
            request.insert_header(header::CONNECTION, HeaderValue::from_static("Upgrade"))?;
            request.insert_header(header::UPGRADE, protocol)?;
        }
        Ok(())
    }
}

fn remove_managed(request: &mut RequestHeader) {
    let is_managed = |name: &HeaderName| {
        let name = name.as_str();
        // Cheap first: almost no name begins with `x`.
        name.starts_with('x') && (MANAGED.contains(&name) || MANAGED.contains(&name.replace('_', "-").as_str()))
    };
    if request.headers.keys().any(is_managed) {
        let names: Vec<HeaderName> = request.headers.keys().filter(|name| is_managed(name)).cloned().collect();
        for name in &names {
            request.remove_header(name);
        }
    }
}

/// All values of a header as one, as Go joins them; absent where there is none or only empty ones.
fn joined(request: &RequestHeader, name: &HeaderName) -> Option<Vec<u8>> {
    let values: Vec<&[u8]> = request.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    Some(values.join(&b", "[..])).filter(|v| !v.is_empty())
}

fn port(host: &HeaderValue) -> Option<HeaderValue> {
    let host = host.to_str().ok()?;
    let (before, port) = host.rsplit_once(':')?;
    let bare_ipv6 = before.contains(':') && !before.ends_with(']');
    (!bare_ipv6 && !port.is_empty()).then(|| HeaderValue::from_str(port).ok())?
}

/// Whether a request asks for a websocket.
pub(super) fn is_websocket(request: &RequestHeader) -> bool {
    request.headers.get(header::UPGRADE).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Whether a request asks for another protocol on its connection (RFC 9110 §7.8): HTTP/1.1 only.
pub(super) fn is_upgrade(request: &RequestHeader) -> bool {
    request.version == Version::HTTP_11
        && request.headers.contains_key(header::UPGRADE)
        && request
            .headers
            .get_all(header::CONNECTION)
            .iter()
            .any(|v| v.to_str().is_ok_and(|v| v.split(',').any(|t| t.trim().eq_ignore_ascii_case("upgrade"))))
}

fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}
