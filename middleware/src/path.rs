//! Escaped paths, as Go's `net/url` sees them: decoding, encoding, prefixes and cleanliness.
//! Used by the filters that change paths.

use std::borrow::Cow;

/// A path for the request line, from a text that may be escaped, partly escaped or not.
///
/// A text that is validly escaped stays; any other is decoded and escaped anew.
///
/// # Errors
/// Go's message for a `%` that no two hexadecimal digits follow.
pub(crate) fn escaped(text: &str) -> Result<Cow<'_, str>, String> {
    let decoded = decode(text)?;
    Ok(if text.bytes().all(|b| b == b'%' || fits_escaped_path(b)) {
        Cow::Borrowed(text)
    } else {
        encode(&decoded).into()
    })
}

/// Escapes a decoded path.
pub(crate) fn encode(path: &[u8]) -> String {
    let mut out = String::with_capacity(path.len());
    for &b in path {
        if b.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// Decodes an escaped path.
///
/// # Errors
/// Go's message for a `%` that no two hexadecimal digits follow.
pub(crate) fn decode(path: &str) -> Result<Cow<'_, [u8]>, String> {
    if !path.contains('%') {
        return Ok(Cow::Borrowed(path.as_bytes()));
    }
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, tail)) = next_byte(rest) {
        if byte == b'%' && tail.len() + 1 == rest.len() {
            let escape = &rest[..rest.len().min(3)];
            return Err(format!("invalid URL escape \"{}\"", escape.escape_ascii()));
        }
        out.push(byte);
        rest = tail;
    }
    Ok(Cow::Owned(out))
}

/// How long the beginning of the escaped `path` is that decodes to `prefix`.
pub(crate) fn escaped_prefix_len(path: &str, prefix: &[u8]) -> Option<usize> {
    if path.as_bytes().starts_with(prefix) && !prefix.contains(&b'%') {
        return Some(prefix.len());
    }
    let mut rest = path.as_bytes();
    for &wanted in prefix {
        let (byte, tail) = next_byte(rest)?;
        if byte != wanted {
            return None;
        }
        rest = tail;
    }
    Some(path.len() - rest.len())
}

/// Whether cleaning the path would leave it as it is: no `.`, `..` or empty segments.
pub(crate) fn is_clean(path: &str) -> bool {
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if segment == "." || segment == ".." || segment.is_empty() && !last {
            return false;
        }
    }
    true
}

/// The first decoded byte of an escaped path, and what follows; a `%` without two digits stands for itself.
fn next_byte(path: &[u8]) -> Option<(u8, &[u8])> {
    match path {
        [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            Some((hex(*high) << 4 | hex(*low), rest))
        }
        [byte, rest @ ..] => Some((*byte, rest)),
        [] => None,
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// Whether Go leaves the byte as it is in a path that is escaped already.
fn fits_escaped_path(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:@[]/".contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_is_not() {
        for (text, path) in [
            ("/a b", Ok("/a%20b")),
            ("/a%20b", Ok("/a%20b")),
            ("/a%20b c", Ok("/a%20b%20c")),
            ("/a%2Fb", Ok("/a%2Fb")),
            ("/a?b", Ok("/a%3Fb")),
            ("/é", Ok("/%C3%A9")),
            ("/a!(b)", Ok("/a!(b)")),
            ("/100%", Err("invalid URL escape \"%\"")),
            ("/%zz/x", Err("invalid URL escape \"%zz\"")),
        ] {
            assert_eq!(escaped(text).as_deref().map_err(String::as_str), path, "{text}");
        }
    }

    #[test]
    fn finds_prefixes_in_escaped_paths() {
        for (path, prefix, len) in [
            ("/api/x", "/api", Some(4)),
            ("/%61pi/x", "/api", Some(6)),
            ("/a%20b/x", "/a b", Some(6)),
            ("/a%2Fb/x", "/a/b", Some(6)),
            ("/ap", "/api", None),
            ("/a%25b", "/a%b", Some(6)),
            ("/a%20b", "/a%20b", None),
            ("/x", "", Some(0)),
        ] {
            assert_eq!(escaped_prefix_len(path, prefix.as_bytes()), len, "{path} {prefix}");
        }
    }

    #[test]
    fn knows_clean_paths() {
        for (path, clean) in [
            ("/", true),
            ("/a/b/", true),
            ("/a.b/..c", true),
            ("/a//b", false),
            ("//", false),
            ("/./a", false),
            ("/a/..", false),
            ("/../a", false),
        ] {
            assert_eq!(is_clean(path), clean, "{path}");
        }
    }
}
