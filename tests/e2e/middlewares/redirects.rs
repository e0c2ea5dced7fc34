//! Redirections: which requests are sent elsewhere, where to, and with which status, in both versions of HTTP.

use super::plain_and_chained_in_tls;
use crate::support::protocol::BOTH;
use crate::support::{Backend, Gateway};

const TRUSTED: &str = "entryPoints: {web: {forwardedHeaders: {insecure: true}}}";

#[tokio::test]
async fn schemes_and_ports_are_redirected_and_methods_kept() {
    let backend = Backend::echo().await;
    let specs = [
        ("https", "redirectScheme: {scheme: https}"),
        ("permanent", "redirectScheme: {scheme: https, permanent: true}"),
        ("port", "redirectScheme: {scheme: https, port: '8443'}"),
        ("own-port", "redirectScheme: {scheme: https, port: '443'}"),
    ];
    let gateway = Gateway::start(plain_and_chained_in_tls(".example", &backend, &specs)).await;
    for protocol in BOTH {
        for (name, port, method, status, location) in [
            ("https", "", "GET", 302, "https://https.example/a%20b?c=d%zz&e"),
            ("https", "", "POST", 307, "https://https.example/a%20b?c=d%zz&e"),
            ("https", "", "HEAD", 307, "https://https.example/a%20b?c=d%zz&e"),
            ("https", ":80", "GET", 302, "https://https.example/a%20b?c=d%zz&e"),
            ("https", ":8080", "GET", 302, "https://https.example/a%20b?c=d%zz&e"),
            ("permanent", "", "GET", 301, "https://permanent.example/a%20b?c=d%zz&e"),
            ("permanent", "", "PUT", 308, "https://permanent.example/a%20b?c=d%zz&e"),
            ("port", "", "GET", 302, "https://port.example:8443/a%20b?c=d%zz&e"),
            ("own-port", "", "GET", 302, "https://own-port.example/a%20b?c=d%zz&e"),
        ] {
            let host = format!("{name}.example{port}");
            // A stranger's word for its scheme doesn't count.
            let headers = [("X-Forwarded-Proto", "https")];
            let reply = protocol.ask(&gateway, method, &host, "/a%20b?c=d%zz&e", &headers, "").await;
            reply.assert_status(status).assert_header("Location", location);
            let text = ["Moved Permanently", "Found", "Temporary Redirect", "Permanent Redirect"];
            let text = text[[301, 302, 307, 308].iter().position(|s| *s == status).unwrap()];
            reply.assert_body(if method == "HEAD" { "" } else { text });
        }
    }
    assert_eq!(backend.requests(), 0);
}

#[tokio::test]
async fn who_comes_by_tls_already_is_let_through() {
    let backend = Backend::echo().await;
    let specs = [
        ("https", "redirectScheme: {scheme: https}"),
        ("http", "redirectScheme: {scheme: http}"),
        ("regex", "redirectRegex: {regex: '^http:(.*)', replacement: 'https:$1'}"),
        ("back", "redirectRegex: {regex: '^https:(.*)', replacement: 'http:$1'}"),
    ];
    let gateway = Gateway::start(plain_and_chained_in_tls(".example", &backend, &specs)).await;
    for protocol in BOTH {
        for (name, status, location) in [
            ("https", 200, None),
            ("http", 302, Some("http://http.example/x")),
            ("regex", 200, None),
            ("back", 302, Some("http://back.example/x")),
        ] {
            let reply = protocol.ask_securely(&gateway, "GET", &format!("{name}.example"), "/x", &[]).await;
            assert_eq!((reply.status(), reply.header("Location")), (status, location), "{protocol:?} {name}");
        }
    }
    assert_eq!(backend.requests(), 4);
}

#[tokio::test]
async fn a_proxy_before_that_is_trusted_tells_the_scheme() {
    let backend = Backend::echo().await;
    let specs = [("scheme", "redirectScheme: {scheme: https}")];
    let gateway = Gateway::configured(TRUSTED, plain_and_chained_in_tls(".example", &backend, &specs)).await;
    for protocol in BOTH {
        for (told, status) in
            [("https", 200), ("HTTPS", 200), ("wss", 200), ("http", 302), ("ws", 302), ("gopher", 302), ("", 302)]
        {
            let headers = [("X-Forwarded-Proto", told)];
            let reply = protocol.ask(&gateway, "GET", "scheme.example", "/", &headers, "").await;
            assert_eq!(reply.status(), status, "{protocol:?} {told}");
        }
    }
}

#[tokio::test]
async fn urls_that_match_are_redirected() {
    let backend = Backend::echo().await;
    let specs = [
        (
            "old",
            "redirectRegex: {regex: '^http://([^/]+)/old/(.*)', replacement: 'http://${1}/new/${2}', permanent: true}",
        ),
        ("path", "redirectRegex: {regex: '^http://[^/]+/(.*)', replacement: '/to/$1'}"),
        ("same", "redirectRegex: {regex: '^http://(.*)', replacement: 'http://$1'}"),
        ("space", "redirectRegex: {regex: '.*', replacement: 'https://elsewhere.example/a b'}"),
        ("broken", "redirectRegex: {regex: '.*', replacement: '%%'}"),
    ];
    let gateway = Gateway::start(plain_and_chained_in_tls(".example", &backend, &specs)).await;
    for protocol in BOTH {
        for (name, method, target, status, location) in [
            ("old", "GET", "/old/x?y=1", 301, Some("http://old.example/new/x?y=1")),
            ("old", "DELETE", "/old/x", 308, Some("http://old.example/new/x")),
            ("old", "GET", "/other?u=http://a/old/x", 200, None),
            ("old", "GET", "/old/%3Cscript%3E?a|b", 301, Some("http://old.example/new/%3Cscript%3E?a|b")),
            ("path", "GET", "/x", 302, Some("/to/x")),
            // It is cleaned before: no location of another host comes of it.
            ("path", "GET", "//evil.example/x", 302, Some("/to/evil.example/x")),
            ("path", "GET", "/..//evil.example", 302, Some("/to/evil.example")),
            ("same", "GET", "/x", 200, None),
            ("space", "GET", "/", 302, Some("https://elsewhere.example/a%20b")),
            ("broken", "GET", "/", 500, None),
        ] {
            let reply = protocol.ask(&gateway, method, &format!("{name}.example"), target, &[], "").await;
            let found = (reply.status(), reply.header("Location"));
            assert_eq!(found, (status, location), "{protocol:?} {name} {target}");
        }
        // The port that the client asked for is part of the URL.
        let reply = protocol.get(&gateway, "old.example:8080", "/old/").await;
        reply.assert_header("Location", "http://old.example:8080/new/");
    }
}
