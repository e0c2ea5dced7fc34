//! The first look at a request's target and `Host`: what is malformed is refused, and paths are cleaned.
//! Traefik's entry-point order: raw `#`, normalise, sanitise, query; Go's server for `Host`.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue, Uri, Version, header};
use pingora_http::RequestHeader;

use super::request_head::escaped;
use crate::config;
use crate::config::entry_point::http::UnderscoreHeaders;

/// How an entry point cleans paths.
#[derive(Debug, Default)]
pub struct PathRules {
    sanitize: bool,
    encode_semicolons: bool,
    /// Escapes that are refused; none by default.
    refused: Vec<&'static str>,
    underscores: UnderscoreHeaders,
}

/// Why a request is refused before it is routed; always 400.
pub type Refusal = &'static str;

// === impl PathRules ===

impl PathRules {
    /// The rules of an entry point.
    pub fn new(settings: &config::entry_point::Http) -> Self {
        let allowed = &settings.encoded_characters;
        let characters = [
            ("%2F", allowed.allow_encoded_slash),
            ("%5C", allowed.allow_encoded_back_slash),
            ("%00", allowed.allow_encoded_null_character),
            ("%3B", allowed.allow_encoded_semicolon),
            ("%25", allowed.allow_encoded_percent),
            ("%3F", allowed.allow_encoded_question_mark),
            ("%23", allowed.allow_encoded_hash),
        ];
        PathRules {
            sanitize: settings.sanitize_path,
            encode_semicolons: settings.encode_query_semicolons,
            refused: characters.into_iter().filter(|(_, allowed)| !allowed).map(|(escape, _)| escape).collect(),
            underscores: settings.underscore_headers_strategy,
        }
    }

    /// Gives the request a `Host`, an origin-form target and a clean path; `Err` says why it is refused.
    pub(super) fn clean(&self, request: &mut RequestHeader) -> pingora_error::Result<Result<(), Refusal>> {
        if let Err(refusal) = settle_host(request)? {
            return Ok(Err(refusal));
        }
        if !self.underscored(request) {
            return Ok(Err("a header has an underscore in its name"));
        }
        // In HTTP/1 that is done before the head is parsed.
        if request.version == Version::HTTP_2
            && let Some(target) = request.uri.path_and_query()
            && let Cow::Owned(target) = escaped(target.as_str().as_bytes())
        {
            let uri = String::from_utf8(target).ok().and_then(|t| rebuilt(&request.uri, request.version, &t));
            match uri {
                Some(uri) => request.set_uri(uri),
                None => return Ok(Err("the request target is malformed")),
            }
        }
        let (path, query) = (request.uri.path(), request.uri.query());
        let (path, query) = match self.clean_target(path, query) {
            Ok(cleaned) => cleaned,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if matches!(path, Cow::Owned(_)) || matches!(query, Some(Cow::Owned(_))) {
            let target = match query {
                Some(query) => format!("{path}?{query}"),
                None => path.into_owned(),
            };
            match rebuilt(&request.uri, request.version, &target) {
                Some(uri) => request.set_uri(uri),
                None => return Ok(Err("the request target is malformed")),
            }
        }
        Ok(Ok(()))
    }

    /// A path and a query as rules and servers see them; borrowed where there is nothing to clean.
    ///
    /// # Errors
    /// Why the request is refused.
    pub fn clean_target<'t>(
        &self,
        path: &'t str,
        query: Option<&'t str>,
    ) -> Result<(Cow<'t, str>, Option<Cow<'t, str>>), Refusal> {
        let normal = normalize(path)?;
        if self.refused.iter().any(|escape| normal.contains(escape)) {
            return Err("the path has an encoded character that is not allowed here");
        }
        let clean = if self.sanitize { sanitize(normal) } else { normal };
        let semicolon = if self.encode_semicolons { "%3B" } else { "&" };
        let query = query.map(|query| match memchr::memchr(b';', query.as_bytes()) {
            Some(_) => Cow::Owned(query.replace(';', semicolon)),
            None => Cow::Borrowed(query),
        });
        Ok((clean, query))
    }
}

impl PathRules {
    /// Treats headers with `_` in their name, which many servers take for `-`; false where they are refused.
    fn underscored(&self, request: &mut RequestHeader) -> bool {
        if self.underscores == UnderscoreHeaders::Keep {
            return true;
        }
        let names: Vec<HeaderName> = request.headers.keys().filter(|n| n.as_str().contains('_')).cloned().collect();
        if self.underscores == UnderscoreHeaders::Reject {
            return names.is_empty();
        }
        for name in &names {
            request.remove_header(name);
        }
        true
    }
}

/// The URI with another path and query; its authority stays only in HTTP/2, where it is the host.
fn rebuilt(old: &Uri, version: Version, target: &str) -> Option<Uri> {
    let mut parts = http::uri::Parts::default();
    parts.path_and_query = Some(target.parse().ok()?);
    if version == Version::HTTP_2 {
        parts.scheme = old.scheme().cloned();
        parts.authority = old.authority().cloned();
    }
    Uri::from_parts(parts).ok()
}

/// HTTP/1.1 needs a Host (RFC 9112 §3.2); HTTP/2's `:authority` becomes it.
fn settle_host(request: &mut RequestHeader) -> pingora_error::Result<Result<(), Refusal>> {
    if let Some(authority) = request.uri.authority() {
        let authority = authority.as_str();
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        if request.headers.get(header::HOST).is_none_or(|h| h.as_bytes() != authority.as_bytes()) {
            let Ok(host) = HeaderValue::from_str(authority) else { return Ok(Err("the authority is malformed")) };
            request.insert_header(header::HOST, host)?;
        }
        return Ok(Ok(()));
    }
    match request.headers.get(header::HOST) {
        None if request.version == Version::HTTP_11 => Ok(Err("missing required Host header")),
        Some(host) if !valid_host(host.as_bytes()) => Ok(Err("malformed Host header")),
        _ => Ok(Ok(())),
    }
}

/// The characters that Go's server takes in a Host (`httpguts.ValidHostHeader`).
fn valid_host(host: &[u8]) -> bool {
    host.iter().all(|b| b.is_ascii_alphanumeric() || b"!$%&'()*+,-.:;=[]_~".contains(b))
}

/// Decodes `%XX` of unreserved characters, and writes the others in upper case (RFC 3986 §6.2.2).
fn normalize(path: &str) -> Result<Cow<'_, str>, Refusal> {
    if memchr::memchr(b'%', path.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(path));
    }
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while let Some(&b) = bytes.get(i) {
        if b != b'%' {
            out.push(b);
            i += 1;
            continue;
        }
        let hex = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
        let (Some(high), Some(low)) = (hex(i + 1), hex(i + 2)) else {
            return Err("the path has a % that two hexadecimal digits don't follow");
        };
        let decoded = (high * 16 + low) as u8;
        if decoded.is_ascii_alphanumeric() || b"-._~".contains(&decoded) {
            out.push(decoded);
        } else {
            out.extend(format!("%{decoded:02X}").bytes());
        }
        i += 3;
    }
    match String::from_utf8(out) {
        Ok(normal) if normal == path => Ok(Cow::Borrowed(path)),
        Ok(normal) => Ok(Cow::Owned(normal)),
        Err(_) => Err("the path is not text"),
    }
}

/// Resolves `.`, `..` and `//` (Go's `path.Clean`, the trailing slash kept).
fn sanitize(path: Cow<'_, str>) -> Cow<'_, str> {
    let bytes = path.as_bytes();
    // `*` is the target of a server-wide OPTIONS.
    let clean = !bytes.windows(2).any(|w| w == b"//" || w == b"/.") && bytes.first() == Some(&b'/');
    if clean || path == "*" {
        return path;
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let mut out = String::with_capacity(path.len() + 1);
    for segment in &segments {
        out.push('/');
        out.push_str(segment);
    }
    if out.is_empty() || path.ends_with('/') {
        out.push('/');
    }
    if out == *path { path } else { Cow::Owned(out) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn normalizes_percent_encoding() {
        for (path, normal) in
            [("/a", "/a"), ("/%61%2fb", "/a%2Fb"), ("/%7Euser/%2e%2E", "/~user/.."), ("/a%20b", "/a%20b")]
        {
            assert_eq!(normalize(path).unwrap(), normal);
        }
        for path in ["/%", "/%4", "/%zz"] {
            assert!(normalize(path).is_err(), "{path}");
        }
    }

    #[test]
    fn sanitizes_dots_and_slashes() {
        for (path, clean) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/../b", "/b"),
            ("/../../etc", "/etc"),
            ("/a//b/", "/a/b/"),
            ("/a/./b", "/a/b"),
            ("/a/b/..", "/a"),
            ("/a/b/../", "/a/"),
            ("/a/b/.", "/a/b"),
            ("//", "/"),
            ("/.well-known/x", "/.well-known/x"),
            ("/a/.hidden", "/a/.hidden"),
            ("*", "*"),
        ] {
            assert_eq!(sanitize(Cow::Borrowed(path)), clean, "{path}");
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        let rules = PathRules { sanitize: true, ..PathRules::default() };
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        request.set_version(Version::HTTP_11);
        assert_eq!(rules.clean(&mut request).unwrap(), Err("missing required Host header"));
        request.insert_header("Host", "a b").unwrap();
        assert_eq!(rules.clean(&mut request).unwrap(), Err("malformed Host header"));
    }

    #[test]
    fn reads_semicolons_as_ampersands_unless_told_to_escape_them() {
        for (encode_semicolons, expected) in [(false, "a=1&b=2"), (true, "a=1%3Bb=2")] {
            let rules = PathRules { encode_semicolons, ..PathRules::default() };
            let (_, query) = rules.clean_target("/", Some("a=1;b=2")).unwrap();
            assert_eq!(query.unwrap(), expected);
        }
    }
}
