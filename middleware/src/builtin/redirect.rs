//! What both redirections answer: the code by method, and the location.
//! Used by `redirectRegex` and `redirectScheme`.

use http::Method;
use http::header::{HeaderValue, LOCATION};

use crate::path;
use crate::reply::Reply;

/// Sends the client to `url`: 301 or 302 for GET, else 308 or 307, which keep the method. 500 if `url` is none.
pub(super) fn redirect(url: &str, permanent: bool, method: &Method) -> Reply {
    let status = match (permanent, method == Method::GET) {
        (true, true) => 301,
        (true, false) => 308,
        (false, true) => 302,
        (false, false) => 307,
    };
    match location(url) {
        Some(location) => Reply::status_text(status).with(LOCATION, location),
        None => Reply::status_text(500),
    }
}

/// The URL with everything escaped that has to be; `None` if it holds control characters or bad escapes.
fn location(url: &str) -> Option<HeaderValue> {
    let (before, query) = url.find('?').map_or((url, ""), |at| url.split_at(at));
    if url.bytes().any(|b| b.is_ascii_control()) || path::decode(before).is_err() {
        return None;
    }
    let mut out = String::with_capacity(url.len());
    for (text, refused) in [(before, &b" \"<>\\^`{|}"[..]), (query, &b" "[..])] {
        for b in text.bytes() {
            if b.is_ascii() && !refused.contains(&b) {
                out.push(char::from(b));
            } else {
                out.push_str(&format!("%{b:02X}"));
            }
        }
    }
    HeaderValue::from_str(&out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_locations() {
        for (url, expected) in [
            ("https://a/b?c=d#e", Some("https://a/b?c=d#e")),
            ("/a b/é?x y|", Some("/a%20b/%C3%A9?x%20y|")),
            ("/a%20b?100%", Some("/a%20b?100%")),
            ("/100%", None),
            ("/a\nb", None),
        ] {
            let found = location(url);
            assert_eq!(found.as_ref().and_then(|v| v.to_str().ok()), expected, "{url}");
        }
    }

    #[test]
    fn chooses_the_code_by_method() {
        for (permanent, method, status, text) in [
            (true, Method::GET, 301, "Moved Permanently"),
            (true, Method::HEAD, 308, "Permanent Redirect"),
            (false, Method::GET, 302, "Found"),
            (false, Method::POST, 307, "Temporary Redirect"),
        ] {
            let reply = redirect("/x", permanent, &method);
            assert_eq!((reply.status, &reply.body[..]), (status, text.as_bytes()));
        }
        assert_eq!(redirect("/%", true, &Method::GET).status, 500);
    }
}
