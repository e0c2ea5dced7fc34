//! `headers`: custom ones, CORS and security headers, in both versions of HTTP, with and without TLS.

use super::plain_and_chained_in_tls;
use crate::support::protocol::BOTH;
use crate::support::{Backend, Gateway};

const TRUSTED: &str = "entryPoints: {web: {forwardedHeaders: {insecure: true}}}";
const APP: (&str, &str) = ("Origin", "https://app.example");
const PUT: (&str, &str) = ("Access-Control-Request-Method", "PUT");

#[tokio::test]
async fn custom_headers_are_set_and_deleted() {
    let backend = Backend::replying(
        "HTTP/1.1 200 OK\nX-Powered-By: x\nX-Old: a\nX-Old: b\nSet-Cookie: a=1\nContent-Length: 0\n\n",
    )
    .await;
    let spec = "headers: {customRequestHeaders: {X-New: request, X-Gone: '', Host: inner.example, Authorization: ''}, \
                customResponseHeaders: {X-New: response, X-Powered-By: '', X-Old: ours, x-lower: here}}";
    let gateway = Gateway::start(plain_and_chained_in_tls("", &backend, &[("h", spec)])).await;
    for protocol in BOTH {
        let headers =
            [("X-Gone", "1"), ("x-gone", "2"), ("X-New", "client"), ("Authorization", "Basic x"), ("X-Stays", "é")];
        let plain = protocol.ask(&gateway, "GET", "h", "/", &headers, "").await;
        let plain_seen = backend.last();
        let secure = protocol.ask_securely(&gateway, "GET", "h", "/", &headers).await;
        for (reply, seen) in [(plain, plain_seen), (secure, backend.last())] {
            reply.assert_header("X-New", "response").assert_no_header("X-Powered-By").assert_header("X-Old", "ours");
            reply.assert_header("Set-Cookie", "a=1").assert_header("x-lower", "here");
            seen.assert_header("X-New", "request").assert_no_header("X-Gone").assert_no_header("Authorization");
            seen.assert_header("Host", "inner.example").assert_header("X-Forwarded-Host", "h");
            seen.assert_header("X-Stays", "é");
        }
    }
}

#[tokio::test]
async fn preflights_are_answered_whoever_asks() {
    let backend = Backend::echo().await;
    let listed =
        "accessControlAllowMethods: [GET, PUT], accessControlAllowHeaders: [X-A, X-B], accessControlMaxAge: 100";
    let specs = [
        ("listed", format!("headers: {{{listed}, accessControlAllowOriginList: ['https://app.example']}}")),
        ("any", format!("headers: {{{listed}, accessControlAllowOriginList: ['*']}}")),
        (
            "pattern",
            format!("headers: {{{listed}, accessControlAllowOriginListRegex: ['^https://[a-z]+\\.example$']}}"),
        ),
        (
            "credentials",
            "headers: {accessControlAllowCredentials: true, accessControlAllowMethods: ['*'], \
             accessControlAllowHeaders: ['*'], accessControlAllowOriginList: ['*']}"
                .to_owned(),
        ),
    ];
    let specs: Vec<_> = specs.iter().map(|(name, spec)| (*name, spec.as_str())).collect();
    let gateway = Gateway::start(plain_and_chained_in_tls("", &backend, &specs)).await;
    for protocol in BOTH {
        for (name, origin, allowed) in [
            ("listed", "https://app.example", Some("https://app.example")),
            ("listed", "https://evil.example", None),
            ("listed", "https://app.example.evil.example", None),
            ("listed", "HTTPS://APP.EXAMPLE", None),
            ("listed", "https://app.example, https://evil.example", None),
            ("listed", "null", None),
            ("listed", "not an origin", None),
            ("listed", "https://äpp.example", None),
            ("any", "null", Some("*")),
            ("pattern", "https://shop.example", Some("https://shop.example")),
            ("pattern", "https://shop.example.evil", None),
            ("pattern", "https://shöp.example", None),
            ("credentials", "https://anybody.example", Some("https://anybody.example")),
        ] {
            let headers = [("Origin", origin), PUT, ("Access-Control-Request-Headers", "X-Asked")];
            let reply = protocol.ask(&gateway, "OPTIONS", name, "/x", &headers, "").await;
            let what = format!("{protocol:?} {name} {origin}");
            assert_eq!((reply.status(), reply.text().as_str()), (200, ""), "{what}");
            assert_eq!(reply.header("Access-Control-Allow-Origin"), allowed, "{what}");
            reply.assert_header("Content-Length", "0");
            let echoes = name == "credentials";
            assert_eq!(reply.header("Access-Control-Allow-Credentials"), echoes.then_some("true"), "{what}");
            let (methods, headers) = if echoes { ("PUT", "X-Asked") } else { ("GET,PUT", "X-A,X-B") };
            reply.assert_header("Access-Control-Allow-Methods", methods);
            reply.assert_header("Access-Control-Allow-Headers", headers);
        }
        assert_eq!(backend.requests(), 0);
    }
}

#[tokio::test]
async fn what_is_no_preflight_goes_on() {
    let backend = Backend::echo().await;
    let spec = "headers: {accessControlAllowOriginList: ['https://app.example'], accessControlExposeHeaders: [X-A, X-B], \
                accessControlAllowCredentials: true, addVaryHeader: true}";
    let gateway = Gateway::start(plain_and_chained_in_tls("", &backend, &[("h", spec)])).await;
    for protocol in BOTH {
        for (method, headers) in [
            ("OPTIONS", &[][..]),
            ("OPTIONS", &[APP][..]),
            ("OPTIONS", &[PUT][..]),
            ("OPTIONS", &[("Origin", ""), PUT][..]),
            ("GET", &[APP, PUT][..]),
        ] {
            let reply = protocol.ask(&gateway, method, "h", "/x", headers, "").await;
            assert_eq!(reply.echoed().method(), method, "{protocol:?} {headers:?}");
            let origin = headers.contains(&APP).then_some("https://app.example");
            assert_eq!(reply.header("Access-Control-Allow-Origin"), origin, "{headers:?}");
            reply.assert_header("Access-Control-Expose-Headers", "X-A,X-B").assert_header("Vary", "Origin");
        }
    }
}

#[tokio::test]
async fn responses_are_secured() {
    let backend = Backend::replying("HTTP/1.1 404 Not Found\nX-Frame-Options: SAMEORIGIN\nContent-Length: 0\n\n").await;
    let all = "headers: {frameDeny: true, contentTypeNosniff: true, browserXssFilter: true, referrerPolicy: no-referrer, \
               permissionsPolicy: 'camera=()', contentSecurityPolicy: \"script-src $NONCE\", \
               contentSecurityPolicyReportOnly: \"default-src 'self'\", stsSeconds: 60, stsPreload: true, \
               stsIncludeSubdomains: true}";
    let custom = "headers: {frameDeny: true, customFrameOptionsValue: SAMEORIGIN, browserXssFilter: true, \
                  customBrowserXSSValue: '0', stsSeconds: 1, forceSTSHeader: true}";
    let specs = [
        ("all", all),
        ("custom", custom),
        (
            "development",
            "headers: {stsSeconds: 1, forceSTSHeader: true, allowedHosts: [other], isDevelopment: true, frameDeny: true}",
        ),
    ];
    let gateway = Gateway::start(plain_and_chained_in_tls("", &backend, &specs)).await;
    for protocol in BOTH {
        let mut nonces = Vec::new();
        for secure in [false, true] {
            let ask = async |host| match secure {
                false => protocol.get(&gateway, host, "/").await,
                true => protocol.ask_securely(&gateway, "GET", host, "/", &[]).await,
            };
            let reply = ask("all").await;
            reply
                .assert_status(404)
                .assert_header("X-Frame-Options", "DENY")
                .assert_header("X-Content-Type-Options", "nosniff")
                .assert_header("X-Xss-Protection", "1; mode=block")
                .assert_header("Referrer-Policy", "no-referrer")
                .assert_header("Permissions-Policy", "camera=()")
                .assert_header("Content-Security-Policy-Report-Only", "default-src 'self'");
            let sts = reply.header("Strict-Transport-Security");
            assert_eq!(sts, secure.then_some("max-age=60; includeSubDomains; preload"), "{protocol:?}");
            let policy = reply.header("Content-Security-Policy").unwrap();
            assert!(policy.starts_with("script-src 'nonce-") && policy.len() > 30, "{policy}");
            nonces.push(policy.to_owned());
            let reply = ask("custom").await;
            reply.assert_header("X-Frame-Options", "SAMEORIGIN").assert_header("X-Xss-Protection", "0");
            reply.assert_header("Strict-Transport-Security", "max-age=1");
            let reply = ask("development").await;
            reply.assert_status(404).assert_header("X-Frame-Options", "DENY");
            reply.assert_no_header("Strict-Transport-Security");
        }
        assert_ne!(nonces[0], nonces[1]);
    }
}

#[tokio::test]
async fn a_proxy_before_that_is_trusted_tells_of_tls_and_hosts() {
    let backend = Backend::echo().await;
    let specs = [(
        "h",
        "headers: {stsSeconds: 1, sslProxyHeaders: {X-Forwarded-Proto: https}, hostsProxyHeaders: [X-Forwarded-Host], \
         allowedHosts: [good.example]}",
    )];
    for (config, believed) in [(TRUSTED, true), ("{}", false)] {
        let gateway = Gateway::configured(config, plain_and_chained_in_tls("", &backend, &specs)).await;
        for protocol in BOTH {
            for (scheme, host, status, secured) in [
                ("https", "good.example", 200, true),
                ("http", "GOOD.example", 200, false),
                ("https", "evil.example", 500, false),
            ] {
                let headers = [("X-Forwarded-Proto", scheme), ("X-Forwarded-Host", host)];
                let reply = protocol.ask(&gateway, "GET", "h", "/", &headers, "").await;
                let what = format!("{protocol:?} {believed} {scheme} {host}");
                // The host that is asked for isn't among those allowed.
                assert_eq!(reply.status(), if believed { status } else { 500 }, "{what}");
                assert_eq!(reply.header("Strict-Transport-Security").is_some(), secured && believed, "{what}");
                if reply.status() == 500 {
                    reply.assert_body("Bad Host\n").assert_header("Content-Type", "text/plain; charset=utf-8");
                }
            }
        }
    }
}
