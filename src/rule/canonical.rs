//! The forms of a host and of a path that rules are compared with. Borrowed in the common case.

use std::borrow::Cow;

/// The path that rules see: every `%XX` of the escaped path decoded, except those of reserved characters, so that
/// `/a%2Fb` never equals `/a/b`. What would not be UTF-8 stays escaped, too.
pub fn routing_path(escaped_path: &str) -> Cow<'_, str> {
    if memchr::memchr(b'%', escaped_path.as_bytes()).is_none() {
        return Cow::Borrowed(escaped_path);
    }
    let mut path = String::with_capacity(escaped_path.len());
    let mut decoded = Vec::new();
    let mut rest = escaped_path;
    while let Some(start) = rest.find('%') {
        let (before, escape) = rest.split_at(start);
        if !before.is_empty() {
            push_decoded(&mut path, &mut decoded);
            path.push_str(before);
        }
        let byte = escape.get(1..3).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let length = match byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if is_reserved(byte) => {
                push_decoded(&mut path, &mut decoded);
                push_escaped(&mut path, byte);
                3
            }
            Some(byte) => {
                decoded.push(byte);
                3
            }
            None => {
                push_decoded(&mut path, &mut decoded);
                path.push('%');
                1
            }
        };
        rest = escape.get(length..).unwrap_or_default();
    }
    push_decoded(&mut path, &mut decoded);
    path.push_str(rest);
    Cow::Owned(path)
}

/// The host that rules see: without port, spaces around it and the brackets of an IPv6 address, in lower case. A trailing
/// dot stays, as only the matchers of a whole name pass over it: see [`without_dot`].
pub fn canonical_host(host: &str) -> Cow<'_, str> {
    let host = without_port(host.trim()).trim();
    if host.bytes().any(|b| b.is_ascii_uppercase() || !b.is_ascii()) {
        return Cow::Owned(host.to_lowercase());
    }
    Cow::Borrowed(host)
}

/// The same name for a host that ends in a dot.
pub fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// Several colons without brackets are an IPv6 address, not a port.
fn without_port(host: &str) -> &str {
    if let Some((inner, after)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        && (after.is_empty() || after.starts_with(':'))
    {
        return inner;
    }
    match host.split_once(':') {
        Some((name, port)) if !port.contains(':') => name,
        _ => host,
    }
}

/// RFC 3986's reserved characters, and `%` itself.
fn is_reserved(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@' | b'[' | b']')
}

fn push_decoded(path: &mut String, decoded: &mut Vec<u8>) {
    for chunk in decoded.utf8_chunks() {
        path.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| push_escaped(path, *byte));
    }
    decoded.clear();
}

fn push_escaped(path: &mut String, byte: u8) {
    path.push_str(percent_encoding::percent_encode_byte(byte));
}
