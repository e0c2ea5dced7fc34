//! Middlewares that change or refuse paths: what servers see of the target, and of what is told of the old one.
//! Paths are what clients can bend most: escapes, dots, empty segments and queries, in both versions of HTTP.

use super::alone_and_in_chains;
use crate::support::protocol::BOTH;
use crate::support::{Backend, Gateway};

/// Where the old path is told, and what.
type Told = Option<(&'static str, &'static str)>;

/// What becomes of a request.
enum Becomes {
    /// The server sees this target.
    Target(&'static str, Told),
    /// It is refused.
    Refused(u16, &'static str),
}
use Becomes::{Refused, Target};

fn prefix(told: &'static str) -> Told {
    Some(("X-Forwarded-Prefix", told))
}

fn replaced(told: &'static str) -> Told {
    Some(("X-Replaced-Path", told))
}

async fn check(config: &str, specs: &[(&str, &str)], cases: &[(&str, &str, Becomes)]) {
    let backend = Backend::echo().await;
    let gateway = Gateway::configured(config, alone_and_in_chains(&backend, specs)).await;
    for protocol in BOTH {
        for (name, target, becomes) in cases {
            for host in [(*name).to_owned(), format!("{name}-chain")] {
                let what = format!("{protocol:?} {host} {target}");
                let before = backend.requests();
                // Nobody believes a client that tells of prefixes.
                let lie = [("X-Forwarded-Prefix", "/lie")];
                let reply = protocol.ask(&gateway, "GET", &host, target, &lie, "").await;
                match becomes {
                    Target(expected, told) => {
                        assert_eq!(reply.status(), 200, "{what}: {reply:?}");
                        let seen = backend.last();
                        assert_eq!(seen.target(), *expected, "{what}");
                        for name in ["X-Forwarded-Prefix", "X-Replaced-Path"] {
                            let told = told.filter(|(told, _)| *told == name).map(|(_, value)| value);
                            assert_eq!(seen.header(name), told, "{what}: {name}");
                        }
                    }
                    Refused(status, body) => {
                        assert_eq!((reply.status(), reply.text().as_str()), (*status, *body), "{what}");
                        assert_eq!(backend.requests(), before, "{what}: no server sees it");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn prefixes_are_added_to_the_path_alone() {
    let specs = [("add", "addPrefix: {prefix: /v1}"), ("space", "addPrefix: {prefix: /a b}")];
    check(
        "{}",
        &specs,
        &[
            ("add", "/x?y=1", Target("/v1/x?y=1", None)),
            ("add", "/", Target("/v1/", None)),
            ("add", "/a%2Fb", Target("/v1/a%2Fb", None)),
            ("add", "/a%20b%3F", Target("/v1/a%20b%3F", None)),
            ("add", "/x/../y", Target("/v1/y", None)),
            ("add", "/../..", Target("/v1/", None)),
            ("add", "//x", Target("/v1/x", None)),
            ("add", "/x?next=/../y//z", Target("/v1/x?next=/../y//z", None)),
            ("add", "/x?%zz", Target("/v1/x?%zz", None)),
            ("add", "/é|{}?é|", Target("/v1/%C3%A9%7C%7B%7D?%C3%A9|", None)),
            ("space", "/x", Target("/a%20b/x", None)),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_first_listed_prefix_is_stripped() {
    let specs = [
        ("strip", "stripPrefix: {prefixes: [/api, /old/, '/a b']}"),
        ("slash", "stripPrefix: {prefixes: [/api], forceSlash: true}"),
    ];
    check(
        "{}",
        &specs,
        &[
            ("strip", "/api/x?q=/api", Target("/x?q=/api", prefix("/api"))),
            ("strip", "/api", Target("/", prefix("/api"))),
            ("strip", "/api?q", Target("/?q", prefix("/api"))),
            ("strip", "/apix", Target("/x", prefix("/api"))),
            ("strip", "/old/x", Target("/x", prefix("/old/"))),
            ("strip", "/old", Target("/old", None)),
            ("strip", "/API/x", Target("/API/x", None)),
            ("strip", "/x/api", Target("/x/api", None)),
            // An escape of a letter is that letter; one of a slash is none.
            ("strip", "/%61pi/x", Target("/x", prefix("/api"))),
            ("strip", "/a%20b/c%2Fd", Target("/c%2Fd", prefix("/a b"))),
            ("strip", "/api/%2e%2e/x", Target("/x", None)),
            // What is left must not lead elsewhere.
            ("strip", "/api../x", Refused(400, "")),
            ("strip", "/api./x", Refused(400, "")),
            ("slash", "/api", Target("/", prefix("/api"))),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_expressions_match_at_the_beginning_is_stripped() {
    check(
        "{}",
        &[("regex", "stripPrefixRegex: {regex: ['^/v[0-9]+', '/[a-z]+/é']}")],
        &[
            ("regex", "/v12/x?y", Target("/x?y", prefix("/v12"))),
            ("regex", "/v12", Target("/", prefix("/v12"))),
            ("regex", "/x/v12/y", Target("/x/v12/y", None)),
            ("regex", "/v/x", Target("/v/x", None)),
            ("regex", "/a/%C3%A9/x", Target("/x", prefix("/a/é"))),
            ("regex", "/a/%E9/x", Target("/a/%E9/x", None)),
            ("regex", "/v1../x", Refused(400, "")),
        ],
    )
    .await;
}

#[tokio::test]
async fn paths_are_replaced_and_queries_kept() {
    let specs = [
        ("replace", "replacePath: {path: /new}"),
        ("question", "replacePath: {path: '/a?b'}"),
        ("bad", "replacePath: {path: '/%zz'}"),
        ("users", "replacePathRegex: {regex: '^/users/(?P<id>[^/]+)$', replacement: '/u/${id}'}"),
        ("files", "replacePathRegex: {regex: '^/files(.*)$', replacement: '/f/$1'}"),
        ("broken", "replacePathRegex: {regex: '^/x', replacement: '/%zz'}"),
    ];
    check(
        "{}",
        &specs,
        &[
            ("replace", "/old/x%2Fy?q=1", Target("/new?q=1", replaced("/old/x%2Fy"))),
            ("replace", "/", Target("/new", replaced("/"))),
            ("question", "/?q", Target("/a%3Fb?q", replaced("/"))),
            ("bad", "/", Refused(500, "invalid URL escape \"%zz\"\n")),
            ("users", "/users/7?x=/users/8", Target("/u/7?x=/users/8", replaced("/users/7"))),
            ("users", "/users/a%2Fb", Target("/u/a%2Fb", replaced("/users/a%2Fb"))),
            ("users", "/users/a%20b", Target("/u/a%20b", replaced("/users/a%20b"))),
            ("users", "/users/7/x", Target("/users/7/x", None)),
            ("users", "/users/$1", Target("/u/$1", replaced("/users/$1"))),
            ("files", "/files", Target("/f/", replaced("/files"))),
            ("files", "/files/x", Refused(400, "")),
            ("files", "/files..", Refused(400, "")),
            ("broken", "/x", Refused(500, "invalid URL escape \"%zz\"\n")),
            ("broken", "/y", Target("/y", None)),
        ],
    )
    .await;
}

#[tokio::test]
async fn paths_that_nobody_cleaned_are_refused_where_they_would_change_their_meaning() {
    let specs = [
        ("add", "addPrefix: {prefix: /v1}"),
        ("strip", "stripPrefix: {prefixes: [/api]}"),
        ("regex", "stripPrefixRegex: {regex: ['^/v[0-9]+']}"),
        ("files", "replacePathRegex: {regex: '^/files/(.*)$', replacement: '/$1'}"),
    ];
    check(
        "entryPoints: {web: {http: {sanitizePath: false}}}",
        &specs,
        &[
            ("add", "/a/../b//c", Target("/v1/a/../b//c", None)),
            ("strip", "/other//../x", Target("/other//../x", None)),
            ("strip", "/api//etc/x", Refused(400, "")),
            ("strip", "/api/../x", Refused(400, "")),
            ("strip", "/api/./x", Refused(400, "")),
            ("strip", "/api/%2e%2e/x", Refused(400, "")),
            ("regex", "/v1//x", Refused(400, "")),
            ("files", "/files//etc/passwd", Refused(400, "")),
            ("files", "/files/../x", Refused(400, "")),
            ("files", "/files/x", Target("/x", replaced("/files/x"))),
        ],
    )
    .await;
}

#[tokio::test]
async fn encoded_characters_that_servers_read_differently_are_refused() {
    let specs = [
        ("none", "encodedCharacters: {}"),
        ("slash", "encodedCharacters: {allowEncodedSlash: true}"),
        ("back", "encodedCharacters: {allowEncodedBackSlash: true}"),
        ("nul", "encodedCharacters: {allowEncodedNullCharacter: true}"),
        ("semicolon", "encodedCharacters: {allowEncodedSemicolon: true}"),
        ("percent", "encodedCharacters: {allowEncodedPercent: true}"),
        ("question", "encodedCharacters: {allowEncodedQuestionMark: true}"),
        ("hash", "encodedCharacters: {allowEncodedHash: true}"),
    ];
    let mut cases = vec![
        ("none", "/a%20b?x=%2F%00%23", Target("/a%20b?x=%2F%00%23", None)),
        ("none", "/%41%7e", Target("/A~", None)),
        ("none", "/a%2fb", Refused(400, "")),
        ("slash", "/a%2fb", Target("/a%2Fb", None)),
        ("slash", "/a%2Fb%5C", Refused(400, "")),
        // Not what it looks like after it is decoded once more.
        ("percent", "/a%252Fb", Target("/a%252Fb", None)),
    ];
    let escapes = ["/x%2Fy", "/x%5Cy", "/x%00y", "/x%3By", "/x%25y", "/x%3Fy", "/x%23y"];
    for (i, (name, _)) in specs.iter().enumerate() {
        for (j, escape) in escapes.into_iter().enumerate() {
            let allowed = i == j + 1;
            cases.push((name, escape, if allowed { Target(escape, None) } else { Refused(400, "") }));
        }
    }
    check("{}", &specs, &cases).await;
}

#[tokio::test]
async fn a_path_that_is_none_comes_to_no_middleware() {
    let backend = Backend::echo().await;
    let specs = [("add", "addPrefix: {prefix: /v1}"), ("replace", "replacePath: {path: /new}")];
    let gateway = Gateway::start(alone_and_in_chains(&backend, &specs)).await;
    for protocol in BOTH {
        for host in ["add", "replace"] {
            for target in ["/%zz", "/%", "/a%2"] {
                protocol.get(&gateway, host, target).await.assert_status(400);
            }
        }
    }
    for target in ["/a#b", "/a b", "a"] {
        assert_eq!(gateway.get("add", target).await.status(), 400, "{target}");
    }
    assert_eq!(backend.requests(), 0);
}
