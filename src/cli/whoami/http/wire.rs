//! The request as Go's `Request.Write` puts it: what `/` shows. HTTP/2 requests are shown as HTTP/1.1 too.

use std::collections::BTreeMap;

use http::header::{CONTENT_LENGTH, HOST, HeaderName, TRAILER, TRANSFER_ENCODING, USER_AGENT};
use http::request::Parts;
use http::{Method, Version};

/// Header values by Go's canonical name.
pub(super) type Headers = BTreeMap<String, Vec<String>>;

/// Writes request line, `Host`, `User-Agent`, the body's framing, the other headers by name, and the body.
pub(super) fn write_request(out: &mut Vec<u8>, head: &Parts, body: &[u8]) {
    let h2 = head.version == Version::HTTP_2;
    let chunked = !head.headers.contains_key(CONTENT_LENGTH)
        && if h2 { !body.is_empty() } else { head.headers.contains_key(TRANSFER_ENCODING) };
    let mut headers: Vec<_> = head
        .headers
        .iter()
        .filter(|(name, _)| ![HOST, USER_AGENT, CONTENT_LENGTH, TRANSFER_ENCODING, TRAILER].contains(name))
        .map(|(name, value)| (canonical(name), value.as_bytes()))
        .collect();
    // Stable: the values of one name keep their order.
    headers.sort_by(|a, b| a.0.cmp(&b.0));

    put(out, &[head.method.as_str().as_bytes(), b" ", target(head).as_bytes(), b" HTTP/1.1\r\n"]);
    put(out, &[b"Host: ", host(head).as_bytes(), b"\r\n"]);
    if let Some(agent) = head.headers.get(USER_AGENT) {
        put(out, &[b"User-Agent: ", agent.as_bytes(), b"\r\n"]);
    }
    if chunked {
        put(out, &[b"Transfer-Encoding: chunked\r\n"]);
    } else if !body.is_empty() || [Method::POST, Method::PUT, Method::PATCH].contains(&head.method) {
        put(out, &[b"Content-Length: ", body.len().to_string().as_bytes(), b"\r\n"]);
    }
    headers.iter().for_each(|(name, value)| put(out, &[name.as_bytes(), b": ", value, b"\r\n"]));
    put(out, &[b"\r\n"]);
    match (chunked, body) {
        (false, body) => put(out, &[body]),
        (true, []) => put(out, &[b"0\r\n\r\n"]),
        (true, body) => put(out, &[format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"]),
    }
}

fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// The headers as `http.Header` holds them at a Go server: without `Host`, `Transfer-Encoding` and `Trailer`.
pub(super) fn headers(head: &Parts) -> Headers {
    let mut all = Headers::new();
    for (name, value) in head.headers.iter().filter(|(name, _)| ![HOST, TRANSFER_ENCODING, TRAILER].contains(name)) {
        all.entry(canonical(name)).or_default().push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    all
}

/// The path and query as they arrived.
pub(super) fn target(head: &Parts) -> &str {
    head.uri.path_and_query().map_or("/", |target| target.as_str())
}

/// The host asked for: `:authority` or an absolute target, else the `Host` header.
pub(super) fn host(head: &Parts) -> String {
    match head.uri.authority() {
        Some(authority) => authority.to_string(),
        None => head.headers.get(HOST).map(|h| String::from_utf8_lossy(h.as_bytes()).into_owned()).unwrap_or_default(),
    }
}

/// Go's `textproto.CanonicalMIMEHeaderKey`: a capital after every hyphen.
fn canonical(name: &HeaderName) -> String {
    let capital = |part: &str| part.split_at_checked(1).map_or(String::new(), |(a, b)| a.to_uppercase() + b);
    name.as_str().split('-').map(capital).collect::<Vec<_>>().join("-")
}
