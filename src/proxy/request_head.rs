//! The text of an HTTP/1 request's head: where it ends, where the next one begins, and what its target is.
//! Looked at before Pingora parses it; what isn't understood here is left for it to refuse.

use bytes::BytesMut;
use memchr::{memchr, memmem};

/// The length of the head up to and with the empty line that ends it. `scan` is where the next search begins.
/// A bare LF ends a line too (RFC 9112 §2.2), and empty lines before the request line are skipped.
pub(super) fn head_end(head: &[u8], scan: &mut usize) -> Option<usize> {
    loop {
        let line = head.get(*scan..)?;
        let newline = memchr(b'\n', line)?;
        let empty = matches!(line.get(..newline), Some(b"" | b"\r"));
        let begun = head.iter().take(*scan).any(|b| !matches!(b, b'\r' | b'\n'));
        *scan += newline + 1;
        if empty && begun {
            return Some(*scan);
        }
    }
}

/// Where the next pipelined request begins in what was read. None where nothing follows, or where it isn't certain
/// which bytes are this request's body: then all of them are.
pub(super) fn next_request(read: &[u8], end: usize) -> Option<usize> {
    if read.len() == end {
        return None;
    }
    let head = read.get(..end)?.to_ascii_lowercase();
    if [&b"transfer-encoding"[..], b"upgrade", b"connect "].iter().any(|word| memmem::find(&head, word).is_some()) {
        return None;
    }
    let mut mentions = memmem::find_iter(&head, "content-length");
    let length = match (mentions.next(), mentions.next()) {
        (None, _) => 0,
        (Some(at), None) => content_length(&head, at)?,
        (Some(_), Some(_)) => return None,
    };
    end.checked_add(length).filter(|next| *next < read.len())
}

/// The value of a Content-Length that begins a line at `at`; none where it is anything but digits.
fn content_length(head: &[u8], at: usize) -> Option<usize> {
    let begins_line = head.get(at.checked_sub(1)?) == Some(&b'\n');
    let value = head.get(at..)?.strip_prefix(b"content-length:").filter(|_| begins_line)?;
    let line = value.get(..memchr(b'\n', value)?)?.trim_ascii();
    let digits = !line.is_empty() && line.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(line).ok().filter(|_| digits)?.parse().ok()
}

/// Whether the target on the request line has a `#`, which no client may send (RFC 9112 §3.2).
pub(super) fn has_fragment(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    let line = memchr(b'\n', head).and_then(|newline| head.get(..newline)).unwrap_or(head);
    memchr(b'#', line).is_some()
}

/// Turns an absolute target (`GET http://host/path`) into a path and a Host, which it wins over (RFC 9112 §3.2.2).
/// Pingora refuses a Host that differs.
pub(super) fn origin_form(read: BytesMut, end: usize) -> (BytesMut, usize) {
    match rewritten(&read, end) {
        None => (read, end),
        Some(mut head) => {
            let new_end = head.len();
            head.extend_from_slice(read.get(end..).unwrap_or_default());
            (head, new_end)
        }
    }
}

fn rewritten(read: &[u8], end: usize) -> Option<BytesMut> {
    let head = read.get(..end)?;
    let line_end = memchr(b'\n', head)?;
    let line = head.get(..line_end)?.trim_ascii_end();
    let mut words = line.split(|b| *b == b' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let scheme_end = memmem::find(target, b"://")?;
    let scheme = target.get(..scheme_end)?;
    if words.next().is_some() || !(scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https")) {
        return None;
    }
    let rest = target.get(scheme_end + 3..)?;
    let authority_end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let host = authority.rsplit(|b| *b == b'@').next()?;
    let slash: &[u8] = if path.first() == Some(&b'/') { b"" } else { b"/" };
    let mut out = BytesMut::with_capacity(end);
    for part in [method, b" ", slash, path, b" ", version, b"\r\nHost: ", host, b"\r\n"] {
        out.extend_from_slice(part);
    }
    for field in head.get(line_end + 1..)?.split_inclusive(|b| *b == b'\n') {
        let is_host = field.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"host:"));
        if !is_host {
            out.extend_from_slice(field);
        }
    }
    Some(out)
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
            ("\r\n\r\nGET / HTTP/1.0\r\n\r\n", Some(22)),
            ("GET / HTTP/1.1\r\nHost: a\r\n", None),
            ("\r\n\r\n", None),
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
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", None),
            ("POST / HTTP/1.1\r\ncontent-Length: 3\r\n\r\n", "abcGET", Some(3)),
            ("POST / HTTP/1.1\r\ncontent-Length: 3\r\n\r\n", "abc", None),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", "abcGET", None),
            ("POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\n", "abcGET", None),
            ("POST / HTTP/1.1\r\nX: Content-Length: 3\r\n\r\n", "abcGET", None),
            ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", "abcGET", None),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\nGET", None),
        ] {
            let read = format!("{head}{rest}");
            assert_eq!(next_request(read.as_bytes(), head.len()), next.map(|n| head.len() + n), "{read:?}");
        }
    }

    #[test]
    fn takes_the_host_from_an_absolute_target() {
        for (read, expected) in [
            (
                "GET http://a:8/x?y HTTP/1.1\r\nHost: b\r\nX: 1\r\n\r\nrest",
                "GET /x?y HTTP/1.1\r\nHost: a:8\r\nX: 1\r\n\r\nrest",
            ),
            ("GET HTTPS://u@a HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("GET http://a?q HTTP/1.1\nhost: b\n\n", "GET /?q HTTP/1.1\r\nHost: a\r\n\n"),
            ("GET /?u=http://a HTTP/1.1\r\nHost: b\r\n\r\n", "GET /?u=http://a HTTP/1.1\r\nHost: b\r\n\r\n"),
            ("OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n"),
        ] {
            let end = head_end(read.as_bytes(), &mut 0).unwrap_or_default();
            let (head, end) = origin_form(BytesMut::from(read), end);
            assert_eq!(String::from_utf8_lossy(&head), expected);
            assert_eq!(head_end(&head, &mut 0), Some(end), "{expected:?}");
        }
    }

    #[test]
    fn sees_fragments_on_the_request_line_only() {
        assert!(has_fragment(b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(!has_fragment(b"GET /a HTTP/1.1\r\nHost: a\r\nX: #\r\n\r\n"));
    }
}
