//! X-Forwarded headers: what is believed of those that come in, and what servers are told.
//! Traefik's `forwardedHeaders` (entry points reference) and its `forwardedheaders` middleware.

use bytes::BytesMut;
use http::{HeaderName, HeaderValue, Version, header};
use ingora_middleware::FORWARDING;
use memchr::{memchr, memrchr};
use pingora_error::Result;
use pingora_http::RequestHeader;

use super::connection::Facts;
use super::request_head::Fields;
use crate::config;

/// The name that a client's address is passed on by.
pub const FORWARDED_FOR: &str = "X-Forwarded-For";
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

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

/// Tells the proxy that the fields are in a request's head already.
pub(super) struct Written;

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

    /// The fields that every request of a connection gets, as text; see [`ForwardedHeaders::write`].
    pub(super) fn of_connection(&self, client_ip: &HeaderValue, tls: bool) -> Vec<u8> {
        let proto = if tls { "https" } else { "http" };
        let mut fields = Vec::new();
        for part in [b"X-Real-Ip: ", client_ip.as_bytes(), b"\r\nX-Forwarded-Proto: ", proto.as_bytes()] {
            fields.extend_from_slice(part);
        }
        for part in [b"\r\nX-Forwarded-Server: ", self.server.as_bytes(), b"\r\n"] {
            fields.extend_from_slice(part);
        }
        fields
    }

    /// Writes the fields into the text of a head that has none of them, before it is parsed: the same as
    /// [`ForwardedHeaders::rewrite`], without growing Pingora's two maps field by field, which costs as much as all
    /// the rest that we do with a request. False where the head is not that simple.
    pub(super) fn write(&self, head: &mut BytesMut, fields: &Fields, facts: &Facts) -> bool {
        let host = fields.host.clone().and_then(|host| head.get(host)).unwrap_or_default();
        if self.settings.add_x_forwarded_scheme_headers || !fields.plain || host.is_empty() {
            return false;
        }
        let port = port(host).unwrap_or(if facts.client.tls.is_some() { b"443" } else { b"80" });
        let mut lines = Vec::with_capacity(facts.fields.len() + host.len() + 64);
        for part in [&facts.fields, &b"X-Forwarded-Port: "[..], port, b"\r\nX-Forwarded-Host: ", host, b"\r\n\r\n"] {
            lines.extend_from_slice(part);
        }
        head.truncate(fields.end);
        head.extend_from_slice(&lines);
        true
    }

    /// Removes what an untrusted peer may not say, and fills in what is missing.
    pub(super) fn rewrite(&self, request: &mut RequestHeader, facts: &Facts, upgrade: bool) -> Result<()> {
        if !self.settings.trusts(facts.client.peer.ip()) {
            remove_managed(request);
        }
        self.remove_nominated(request);
        let absent =
            |request: &RequestHeader, name: &HeaderName| request.headers.get(name).is_none_or(|value| value.is_empty());
        // Those who look at it see all of it: a proxy before may have written a line of its own below the client's.
        if request.headers.get_all(&X_FORWARDED_FOR).iter().nth(1).is_some()
            && let Some(value) = joined(request, &X_FORWARDED_FOR).and_then(|v| HeaderValue::try_from(v).ok())
        {
            request.insert_header(FORWARDED_FOR, value)?;
        }
        if absent(request, &X_REAL_IP) {
            request.insert_header("X-Real-Ip", facts.client_ip.clone())?;
        }
        let tls = facts.client.tls.is_some();
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
            let port =
                host.as_ref().and_then(|h| HeaderValue::from_bytes(port(h.as_bytes())?).ok()).unwrap_or_else(|| {
                    let secure = request.headers.get(&X_FORWARDED_PROTO).is_some_and(|p| p == "https" || p == "wss");
                    HeaderValue::from_static(if tls || secure { "443" } else { "80" })
                });
            request.insert_header("X-Forwarded-Port", port)?;
        }
        if let Some(host) = host.filter(|h| !h.is_empty() && absent(request, &X_FORWARDED_HOST)) {
            request.insert_header("X-Forwarded-Host", host)?;
        }
        request.insert_header("X-Forwarded-Server", self.server.clone())?;
        if self.settings.add_x_forwarded_scheme_headers
            && let Some(proto) = request.headers.get(&X_FORWARDED_PROTO).cloned()
        {
            request.insert_header("X-Forwarded-Scheme", proto.clone())?;
            request.insert_header("X-Scheme", proto)?;
        }
        Ok(())
    }

    /// The last step before a server: the peer joins X-Forwarded-For, what was about this connection only goes, and a length
    /// is said once.
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
        let mut lengths = request.headers.get_all(header::CONTENT_LENGTH).iter();
        if let (Some(length), Some(_)) = (lengths.next().cloned(), lengths.next()) {
            request.insert_header(header::CONTENT_LENGTH, length)?;
        }
        self.remove_hop_by_hop(request, upgrade)
    }

    /// Removes the fields that `Connection` names (RFC 9110 §7.6.1). Before filters and rules see the request: what a
    /// filter adds can't be named away by a client.
    fn remove_nominated(&self, request: &mut RequestHeader) {
        for name in nominated(request).iter().filter(|name| !self.connection.contains(name)) {
            request.remove_header(name.as_str());
        }
    }

    fn remove_hop_by_hop(&self, request: &mut RequestHeader, upgrade: bool) -> Result<()> {
        // The commonest requests have none of them, or a lone `Connection: keep-alive`.
        if !request.headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
            return Ok(());
        }
        // Those that filters were to see, and servers are not.
        if !self.connection.is_empty() {
            for name in nominated(request).iter().filter(|name| self.connection.contains(name)) {
                request.remove_header(name.as_str());
            }
        }
        let trailers = request
            .headers
            .get_all(header::TE)
            .iter()
            .any(|v| v.to_str().is_ok_and(|v| v.split(',').any(|t| t.trim().eq_ignore_ascii_case("trailers"))));
        let protocol = request.headers.get(header::UPGRADE).cloned().filter(|_| upgrade);
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

/// The fields that `Connection` names and may take away: neither the forwarding ones, nor Host and the framing of the body;
/// the hop-by-hop fields have their own rules.
fn nominated(request: &RequestHeader) -> Vec<String> {
    let kept = |name: &str| {
        FORWARDING.contains(&name)
            || matches!(name, "" | "host" | "content-length" | "transfer-encoding" | "te" | "upgrade")
    };
    let values = request.headers.get_all(header::CONNECTION).iter().filter_map(|v| v.to_str().ok());
    let names = values.flat_map(|v| v.split(',')).map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !kept(name)).collect()
}

fn remove_managed(request: &mut RequestHeader) {
    let is_managed = |name: &HeaderName| {
        let name = name.as_str();
        // Cheap first: almost no name begins with `x`.
        name.starts_with('x') && (FORWARDING.contains(&name) || FORWARDING.contains(&name.replace('_', "-").as_str()))
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

/// The port in a Host, if it has one.
fn port(host: &[u8]) -> Option<&[u8]> {
    let colon = memrchr(b':', host)?;
    let (before, port) = (host.get(..colon)?, host.get(colon + 1..)?);
    let bare_ipv6 = memchr(b':', before).is_some() && !before.ends_with(b"]");
    (!bare_ipv6 && !port.is_empty()).then_some(port)
}

/// Whether a request asks for a websocket.
pub(super) fn is_websocket(request: &RequestHeader) -> bool {
    request.headers.get(header::UPGRADE).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Whether a request asks for another protocol on its connection (RFC 9110 §7.8): HTTP/1.1 only. One with a body is
/// served as if it didn't ask, which it must reckon with: filters are to see that body.
pub(super) fn is_upgrade(request: &RequestHeader) -> bool {
    let has_body = || {
        request.headers.contains_key(header::TRANSFER_ENCODING)
            || request.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
    };
    request.version == Version::HTTP_11
        && request.headers.contains_key(header::UPGRADE)
        && request
            .headers
            .get_all(header::CONNECTION)
            .iter()
            .any(|v| v.to_str().is_ok_and(|v| v.split(',').any(|t| t.trim().eq_ignore_ascii_case("upgrade"))))
        && !has_body()
}

fn hostname() -> String {
    hostname::get().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_port_of_a_host() {
        for (host, expected) in
            [("a", None), ("a:81", Some("81")), ("[::1]:81", Some("81")), ("[::1]", None), ("::1", None), ("a:", None)]
        {
            assert_eq!(port(host.as_bytes()), expected.map(str::as_bytes), "{host}");
        }
    }
}
