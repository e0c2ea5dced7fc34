//! Random texts, rules and requests.

use proptest::prelude::*;

use super::*;

/// Pieces that rules are made of, whole and broken.
const PIECES: &[&str] = &[
    "Host",
    "HOST",
    "HostRegexp",
    "Path",
    "PathPrefix",
    "Header",
    "Headers",
    "Query",
    "ClientIP",
    "HostSNI",
    "ALPN",
    "(",
    ")",
    "(",
    ")",
    ",",
    "!",
    "&&",
    "||",
    "&",
    "|",
    " ",
    "\n",
    "`a`",
    "`/a`",
    "`*`",
    "`*.a`",
    "``",
    "`",
    "\"",
    "\"/x\"",
    "\"\\x41\"",
    "\"\\",
    "\\u00e9",
    "é",
    "`{a:b}`",
    "`{a`",
    "`10.0.0.0/8`",
    "`k=v`",
    "1",
    "'",
    "//",
    "/*",
    "*/",
    "\r",
    "\0",
];

const MATCHERS: &[&str] = &[
    "Host(`a`)",
    "Host(`b.a`)",
    "Host(`*.a`)",
    "Host(`*`)",
    "HostRegexp(`a$`)",
    "Path(`/x`)",
    "Path(`/x/y`)",
    "PathPrefix(`/`)",
    "PathPrefix(`/x`)",
    "PathPrefix(`/y`)",
    "PathRegexp(`y`)",
    "Method(`PUT`)",
    "Header(`Host`, `a`)",
    "Query(`k`)",
];

/// Rules with every group in parentheses.
fn rule() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(MATCHERS).prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|list| format!("({})", list.join(" && "))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|list| format!("({})", list.join(" || "))),
            inner.prop_map(|rule| format!("!{rule}")),
        ]
    })
}

fn request() -> impl Strategy<Value = Request> {
    let hosts = prop::sample::select(&["", "a", "b.a", "c.b.a", "b"][..]);
    let paths = prop::sample::select(&["/", "/x", "/x/y", "/y", "/z", ""][..]);
    let methods = prop::sample::select(&["GET", "PUT"][..]);
    (hosts, paths, methods).prop_map(|(host, path, method)| Request::new(&format!("{method} {host}{path}?k")))
}

/// Evaluates a text made by `rule`, matcher by matcher, without the parser's operators.
fn reference(text: &str, request: &Request) -> bool {
    if let Some(inner) = text.strip_prefix('!') {
        return !reference(inner, request);
    }
    let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else {
        return v3(text).matches(&request.view());
    };
    let (mut depth, mut start, mut parts, mut or) = (0, 0, Vec::new(), false);
    for (position, byte) in inner.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'&' | b'|' if depth == 0 && inner.as_bytes()[position + 1] == byte => {
                or = byte == b'|';
                parts.push(inner[start..position].trim());
                start = position + 2;
            }
            _ => {}
        }
    }
    parts.push(inner[start..].trim());
    match or {
        true => parts.iter().any(|part| reference(part, request)),
        false => parts.iter().all(|part| reference(part, request)),
    }
}

fn holds(literals: &Literals, request: &Request) -> bool {
    let host = match &literals.host {
        HostLiteral::Any => true,
        HostLiteral::Exact(host) => *host == request.host,
        HostLiteral::Wildcard(domain) => request
            .host
            .split_once('.')
            .is_some_and(|(label, _)| !label.is_empty() && request.host[label.len()..] == **domain),
    };
    host && request.path.starts_with(&literals.path)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in "\\PC{0,40}|[\\x00-\\x7f]{0,40}") {
        parses_or_says_where(&text);
        parses_or_says_where(&format!("Host(\"{text}\")"));
        parses_or_says_where(&format!("Path(`/{text}`)"));
    }

    #[test]
    fn no_soup_of_tokens_panics(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..20)) {
        parses_or_says_where(&pieces.concat());
    }

    #[test]
    fn canonical_forms_are_stable(text in "(%[0-9a-f]{2}|%|\\PC){0,12}") {
        let path = routing_path(&text);
        prop_assert_eq!(routing_path(&path.replace('%', "%25")).replace("%25", "%"), path.as_ref());
        prop_assert!(!canonical_host(&text).chars().any(|c| c.is_ascii_uppercase()));
    }

    #[test]
    fn operators_mean_what_they_say(text in rule(), request in request()) {
        let rule = v3(&text);
        let expected = reference(&text, &request);
        prop_assert_eq!(rule.matches(&request.view()), expected);
        prop_assert_eq!(rule.explain(&request.view()).is_none(), expected);
    }

    #[test]
    fn literals_are_necessary(text in rule(), request in request()) {
        let rule = v3(&text);
        let literals = rule.literals();
        let found = literals.iter().any(|literals| holds(literals, &request));
        prop_assert!(found || !rule.matches(&request.view()), "{:?}", literals);
    }
}

fn parses_or_says_where(text: &str) {
    let request = Request::new("a/x?k=v");
    let connection = ConnectionView { server_name: "a", alpn: &["h2"], client_ip: request.client_ip };
    for syntax in [Syntax::V2, Syntax::V3] {
        match parse_http(text, syntax) {
            Ok(rule) => assert_eq!(rule.matches(&request.view()), rule.explain(&request.view()).is_none()),
            Err(error) => assert!(error.position <= text.len() && text.is_char_boundary(error.position), "{error}"),
        }
        match parse_tcp(text, syntax) {
            Ok(rule) => assert_eq!(rule.matches(&connection), rule.explain(&connection).is_none()),
            Err(error) => assert!(error.position <= text.len() && text.is_char_boundary(error.position), "{error}"),
        }
    }
}
