//! The text of an HTTP/1 request's head: where it ends, what its target is, and what its fields say of the connection.
//! Looked at once, before Pingora parses it; what isn't understood here is left for Pingora to refuse.

use std::borrow::Cow;
use std::ops::Range;

use bytes::BytesMut;
use memchr::memchr;

use super::chunks::Chunks;
use super::one_request::End;

/// Why a request is refused before it is parsed; 400, unless it says more.
pub(super) type Refusal = &'static str;

/// What Go's server answers 501 to: other codings than `chunked` are nobody's, and passed on they would hide requests.
pub(super) const UNSUPPORTED_CODING: Refusal = "Unsupported transfer encoding";

/// What the fields of a head say that matters before it is parsed.
#[derive(Debug, PartialEq)]
pub(super) struct Fields {
    /// Where the value of the one Host is; none where there is none, or several.
    pub host: Option<Range<usize>>,
    /// Nothing here says where the request comes from, asks for another protocol, or is about the connection: no
    /// field that begins with X, no Upgrade, no Connection but the ordinary ones, no folded line.
    pub plain: bool,
    /// No Upgrade and no folded line: the fields are what they seem.
    certain: bool,
    /// Where the empty line begins.
    pub end: usize,
    body: Body,
    /// Why it can't be served.
    pub fault: Option<Refusal>,
}

/// How long the body is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Body {
    Known(usize),
    /// Until its last chunk.
    Chunked,
    /// Not certain.
    Unknown,
}

/// The length of a head up to and with the empty line that ends it; it must not begin with one. `scan` is where the
/// next search begins. A bare LF ends a line too (RFC 9112 §2.2).
pub(super) fn head_end(head: &[u8], scan: &mut usize) -> Option<usize> {
    loop {
        let line = head.get(*scan..)?;
        let newline = memchr(b'\n', line)?;
        let empty = matches!(line.get(..newline), Some(b"" | b"\r"));
        *scan += newline + 1;
        if empty {
            return Some(*scan);
        }
    }
}

// === impl Fields ===

impl Fields {
    /// Reads the fields of a whole head.
    pub(super) fn of(head: &[u8]) -> Fields {
        let body = Body::Known(0);
        let mut fields = Fields { host: None, plain: true, certain: true, end: head.len(), body, fault: None };
        let (mut hosts, mut encodings) = (0, 0);
        let mut first_length: Option<&[u8]> = None;
        let mut at = memchr(b'\n', head).map_or(head.len(), |newline| newline + 1);
        while let Some(newline) = head.get(at..).and_then(|rest| memchr(b'\n', rest)) {
            let line = head.get(at..at + newline).unwrap_or_default();
            match line.first() {
                None | Some(b'\r') => {
                    fields.end = at;
                    break;
                }
                Some(b'x' | b'X') => fields.plain = false,
                Some(b' ' | b'\t') => fields.certain = false,
                Some(b'u' | b'U') => fields.certain &= value(line, "upgrade").is_none(),
                Some(b'h' | b'H') => {
                    if let Some(host) = value(line, "host") {
                        hosts += 1;
                        let start = at + line.len() - host.trim_ascii_start().len();
                        fields.host = Some(start..start + host.trim_ascii().len());
                    }
                }
                Some(b'c' | b'C') => {
                    if let Some(options) = value(line, "connection") {
                        let options = options.trim_ascii();
                        fields.plain &=
                            options.eq_ignore_ascii_case(b"keep-alive") || options.eq_ignore_ascii_case(b"close");
                    }
                    if let Some(length) = value(line, "content-length") {
                        let length = length.trim_ascii();
                        fields.body = digits(length).map_or(Body::Unknown, Body::Known);
                        if fields.body == Body::Unknown {
                            fields.fault = Some("bad Content-Length");
                        } else if first_length.is_some_and(|first| first != length) {
                            fields.fault = Some("contradicting Content-Length");
                        }
                        first_length = Some(length);
                    }
                }
                Some(b't' | b'T') => {
                    if let Some(coding) = value(line, "transfer-encoding") {
                        encodings += 1;
                        if encodings > 1 || !coding.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                            fields.fault = Some(UNSUPPORTED_CODING);
                        }
                    }
                }
                Some(_) => {}
            }
            at += newline + 1;
        }
        fields.plain &= fields.certain;
        if hosts != 1 {
            fields.host = None;
        }
        if encodings > 0 {
            // A length beside it does not count, and its connection is closed.
            fields.body = if first_length.is_none() { Body::Chunked } else { Body::Unknown };
        }
        fields
    }

    /// Where the request ends whose `head` this is. Not known where it isn't certain which bytes are its body: then all
    /// of them are.
    pub(super) fn request_end(&self, head: &[u8]) -> End {
        let connect = head.get(..8).is_some_and(|method| method.eq_ignore_ascii_case(b"connect "));
        match self.body {
            Body::Known(length) if self.certain && !connect => End::After(length),
            Body::Chunked if self.certain && !connect => End::Chunks(Chunks::new()),
            _ => End::Unknown,
        }
    }
}

/// The value of a field line, if it is of that name.
fn value<'l>(line: &'l [u8], name: &str) -> Option<&'l [u8]> {
    let (before, after) = line.split_at_checked(name.len())?;
    before.eq_ignore_ascii_case(name.as_bytes()).then(|| after.strip_prefix(b":"))?
}

/// A number of nothing but digits.
fn digits(text: &[u8]) -> Option<usize> {
    let only = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| only)?.parse().ok()
}

/// Gives a request a target that is a path, as Go's server reads it: a Host from an absolute target, which it wins over
/// (RFC 9112 §3.2.2), and escapes for what a URL may not have. The head with its new end, or why it is refused.
pub(super) fn tidy_target(read: BytesMut, end: usize) -> Result<(BytesMut, usize), Refusal> {
    let line_end = memchr(b'\n', &read).unwrap_or(read.len());
    let line = read.get(..line_end).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut words = line.splitn(3, |b| *b == b' ');
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
        return Err("malformed request line");
    };
    if target.is_empty() || !version.starts_with(b"HTTP/") || version.contains(&b' ') {
        return Err("malformed request line");
    }
    if target.iter().any(|b| *b <= b' ' || *b == 0x7f) {
        return Err("control character in the request target");
    }
    if memchr(b'#', target).is_some() {
        return Err("fragment in the request target");
    }
    let absolute = absolute(target);
    let path = match (&absolute, target.first()) {
        (Some((_, path)), _) => path,
        (None, Some(b'/')) => target,
        (None, _) if target == b"*" && method == b"OPTIONS" || method == b"CONNECT" => return Ok((read, end)),
        (None, _) => return Err("the request target is neither a path nor a URL"),
    };
    if absolute.is_none() && !path.iter().any(|b| must_escape(*b)) {
        return Ok((read, end));
    }
    let mut out = BytesMut::with_capacity(read.len() + 64);
    out.extend_from_slice(method);
    out.extend_from_slice(if path.first() == Some(&b'/') { b" " } else { b" /" });
    out.extend_from_slice(&escaped(path));
    out.extend_from_slice(b" ");
    out.extend_from_slice(version);
    out.extend_from_slice(b"\r\n");
    if let Some((host, _)) = &absolute {
        if host.is_empty() {
            return Err("the request target has no host");
        }
        for part in [b"Host: ", *host, b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    for field in read.get(line_end + 1..end).unwrap_or_default().split_inclusive(|b| *b == b'\n') {
        if absolute.is_none() || value(field, "host").is_none() {
            out.extend_from_slice(field);
        }
    }
    let new_end = out.len();
    out.extend_from_slice(read.get(end..).unwrap_or_default());
    Ok((out, new_end))
}

/// A path and query with everything escaped that Go escapes.
pub(super) fn escaped(target: &[u8]) -> Cow<'_, [u8]> {
    if !target.iter().any(|b| must_escape(*b)) {
        return Cow::Borrowed(target);
    }
    let mut out = Vec::with_capacity(target.len() + 64);
    let mut in_query = false;
    for byte in target {
        in_query |= *byte == b'?';
        // Go sends a query as it came; only what no URL can hold is escaped in it.
        if must_escape(*byte) && (!in_query || !byte.is_ascii() || b"\"<>`".contains(byte)) {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            out.push(*byte);
        }
    }
    Cow::Owned(out)
}

/// The host and port, and the path and query, of an absolute target.
fn absolute(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let http = target.split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"http://"));
    let https = target.split_at_checked(8).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"https://"));
    let (_, rest) = http.or(https)?;
    let authority_end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    Some((authority.rsplit(|b| *b == b'@').next()?, path))
}

/// What Go escapes in a path that came unescaped (`net/url`).
fn must_escape(byte: u8) -> bool {
    !byte.is_ascii() || b"\"<>\\^`{|}".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_a_head() {
        for (text, end) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Some(27)),
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody", Some(27)),
            ("GET / HTTP/1.1\nHost: a\n\n", Some(24)),
            ("GET / HTTP/1.1\r\nHost: a\r\n", None),
            ("", None),
        ] {
            assert_eq!(head_end(text.as_bytes(), &mut 0), end, "{text:?}");
        }
    }

    #[test]
    fn finds_the_end_over_several_reads() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let mut scan = 0;
        for n in 0..text.len() {
            assert_eq!(head_end(&text[..n], &mut scan), None, "{n}");
        }
        assert_eq!(head_end(text, &mut scan), Some(text.len()));
    }

    #[test]
    fn finds_the_next_request_where_that_is_certain() {
        for (head, rest, next) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", Some(0)),
            ("GET /?upgrade HTTP/1.1\r\nHost: a\r\nA: content-length\r\n\r\n", "GET", Some(0)),
            ("GET / HTTP/1.1\r\nHost: a\r\nX-Content-Length: 9\r\n\r\n", "GET", Some(0)),
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", None),
            ("POST / HTTP/1.1\r\ncontent-Length: 3\r\n\r\n", "abcGET", Some(3)),
            ("POST / HTTP/1.1\r\ncontent-Length: 3\r\n\r\n", "abc", None),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", "abcGET", Some(3)),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "abcGET", None),
            ("POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\n", "abcGET", None),
            ("POST / HTTP/1.1\r\nA: b\r\n Content-Length: 3\r\n\r\n", "abcGET", None),
            ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", "abcGET", None),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\nGET", Some(5)),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "x\r\n\r\nGET", None),
            ("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", "GET", None),
            ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET", None),
        ] {
            let read = format!("{head}{rest}");
            let own = Fields::of(head.as_bytes()).request_end(head.as_bytes()).take(rest.as_bytes());
            assert_eq!(Some(own).filter(|own| *own < rest.len()), next, "{read:?}");
        }
    }

    #[test]
    fn refuses_what_hides_requests() {
        for (fields, fault) in [
            ("Content-Length: 3", None),
            ("Content-Length: 3\r\nContent-Length: 3", None),
            ("Transfer-Encoding: Chunked", None),
            ("Transfer-Encoding: chunked\r\nContent-Length: 3", None),
            ("Content-Length: 3\r\nContent-Length: 4", Some("contradicting Content-Length")),
            ("Content-Length: 3, 3", Some("bad Content-Length")),
            ("Content-Length: -3", Some("bad Content-Length")),
            ("Content-Length:", Some("bad Content-Length")),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Some(UNSUPPORTED_CODING)),
            ("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", Some(UNSUPPORTED_CODING)),
            ("Transfer-Encoding: gzip, chunked", Some(UNSUPPORTED_CODING)),
            ("Transfer-Encoding: identity", Some(UNSUPPORTED_CODING)),
        ] {
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
            assert_eq!(Fields::of(head.as_bytes()).fault, fault, "{fields}");
        }
    }

    #[test]
    fn tidies_targets() {
        for (read, expected) in [
            ("GET /x HTTP/1.1\r\nHost: b\r\n\r\n", "GET /x HTTP/1.1\r\nHost: b\r\n\r\n"),
            (
                "GET http://a:8/x?y HTTP/1.1\r\nHost: b\r\nX: 1\r\n\r\nrest",
                "GET /x?y HTTP/1.1\r\nHost: a:8\r\nX: 1\r\n\r\nrest",
            ),
            ("GET HTTPS://u@a HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("GET http://a?q HTTP/1.1\nhost: b\n\n", "GET /?q HTTP/1.1\r\nHost: a\r\n\n"),
            ("GET /?u=http://a HTTP/1.1\r\n\r\n", "GET /?u=http://a HTTP/1.1\r\n\r\n"),
            ("OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n"),
            ("GET /\u{e9}<?{\u{e9}\" HTTP/1.1\r\n\r\n", "GET /%C3%A9%3C?{%C3%A9%22 HTTP/1.1\r\n\r\n"),
        ] {
            let end = head_end(read.as_bytes(), &mut 0).unwrap_or_default();
            let (head, end) = tidy_target(BytesMut::from(read), end).unwrap_or_default();
            assert_eq!(String::from_utf8_lossy(&head), expected);
            assert_eq!(head_end(&head, &mut 0), Some(end), "{expected:?}");
        }
    }

    #[test]
    fn refuses_what_is_no_target() {
        for line in [
            "GET x HTTP/1.1",
            "GET x:80 HTTP/1.1",
            "GET * HTTP/1.1",
            "GET /a#b HTTP/1.1",
            "GET http:///y HTTP/1.1",
            "GET ftp://a/ HTTP/1.1",
            "GET /x  HTTP/1.1",
            "GET /x y HTTP/1.1",
            "GET /\u{1} HTTP/1.1",
            "GET /\u{7f} HTTP/1.1",
            "GET /x",
            "GET  HTTP/1.1",
        ] {
            let read = format!("{line}\r\nHost: a\r\n\r\n");
            assert!(tidy_target(BytesMut::from(read.as_str()), read.len()).is_err(), "{line}");
        }
    }

    #[test]
    fn knows_plain_heads() {
        for (fields, host, plain) in [
            ("Host: a.b:1 \r\n", Some("a.b:1"), true),
            ("host:a\r\nUser-Agent: x\r\nAccept: X\r\nConnection: Keep-Alive\r\n", Some("a"), true),
            ("Host: a\r\nHost: b\r\n", None, true),
            ("Host:\r\n", Some(""), true),
            ("Accept: a\r\n", None, true),
            ("Host: a\r\nX-Forwarded-For: 1\r\n", Some("a"), false),
            ("Host: a\r\nx_real_ip: 1\r\n", Some("a"), false),
            ("Host: a\r\n X-Forwarded-For: 1\r\n", Some("a"), false),
            ("Host: a\r\nUPGRADE: websocket\r\n", Some("a"), false),
            ("Host: a\r\nConnection: keep-alive, X-A\r\n", Some("a"), false),
        ] {
            let head = format!("GET / HTTP/1.1\r\n{fields}\r\n");
            let found = Fields::of(head.as_bytes());
            assert_eq!(found.host.and_then(|h| head.get(h)), host, "{head:?}");
            assert_eq!((found.plain, found.end), (plain, head.len() - 2), "{head:?}");
        }
    }
}
