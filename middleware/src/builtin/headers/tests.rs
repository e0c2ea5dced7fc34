//! Tests of `headers`: custom, CORS, security, and how they go together.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::testing::{Outcome, Trial};

fn filter(json: serde_json::Value) -> Headers {
    Headers::new(&serde_json::from_value(json).unwrap()).unwrap()
}

fn run(json: serde_json::Value, trial: Trial) -> Outcome {
    trial.run(filter(json))
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn preflight(origin: &str) -> Trial {
    Trial::new("OPTIONS", "/")
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "PUT")
        .header("Access-Control-Request-Headers", "X-A, X-B")
}

#[test]
fn sets_and_deletes_custom_headers() {
    let outcome = run(
        json(
            r#"{"customRequestHeaders": {"x-new": "1", "X-Old": "", "host": "inner.example", "Accept": "b"},
                 "customResponseHeaders": {"x-powered-by": "", "X-Answer": "42"}}"#,
        ),
        Trial::get("/").header("X-OLD", "x").header("Accept", "a").answered_with("X-Powered-By", "PHP"),
    );
    assert_eq!(["X-New", "X-Old", "Host", "Accept"].map(|n| outcome.sent(n)), ["1", "-", "inner.example", "b"]);
    assert_eq!(["X-Powered-By", "X-Answer"].map(|n| outcome.got(n)), ["-", "42"]);
    let mut wire = Vec::new();
    outcome.request.header_to_h1_wire(&mut wire);
    assert!(String::from_utf8_lossy(&wire).contains("X-New: 1\r\n"), "spelled as Go does");
    assert!(!outcome.state.notes.suppress_forwarded_for);
}

#[test]
fn an_empty_forwarded_for_is_not_appended_to() {
    let outcome = run(
        json(r#"{"customRequestHeaders": {"X-Forwarded-For": ""}}"#),
        Trial::get("/").header("X-Forwarded-For", "1"),
    );
    assert_eq!((outcome.sent("X-Forwarded-For").as_str(), outcome.state.notes.suppress_forwarded_for), ("-", true));
}

#[test]
fn refuses_to_be_built_from_nothing_or_nonsense() {
    for (text, path) in [
        ("{}", ""),
        (r#"{"customRequestHeaders": {"a b": "x"}}"#, "customRequestHeaders.a b"),
        (r#"{"accessControlAllowOriginListRegex": ["ok", "("]}"#, "accessControlAllowOriginListRegex[1]"),
        (r#"{"contentSecurityPolicy": "a\nb"}"#, "contentSecurityPolicy"),
        (r#"{"sslProxyHeaders": {"é": "x"}}"#, "sslProxyHeaders.é"),
    ] {
        let error = Headers::new(&serde_json::from_str(text).unwrap()).err().unwrap();
        assert_eq!(error.path, path, "{text}");
    }
    for text in [r#"{"sslRedirect": true}"#, r#"{"addVaryHeader": true}"#, r#"{"isDevelopment": true}"#] {
        assert!(Headers::new(&serde_json::from_str(text).unwrap()).is_ok(), "{text}");
    }
}

#[test]
fn answers_preflights() {
    let lists = r#""accessControlAllowMethods": ["GET", "PUT"], "accessControlAllowHeaders": ["X-A"]"#;
    for (config, origin, expected) in [
        // allow-origin, -methods, -headers, -credentials, max-age
        (format!(r#"{{{lists}, "accessControlAllowOriginList": ["https://a"]}}"#), "https://a", ["https://a", "GET,PUT", "X-A", "-", "0"]),
        (format!(r#"{{{lists}, "accessControlAllowOriginList": ["https://a"]}}"#), "https://b", ["-", "GET,PUT", "X-A", "-", "0"]),
        (r#"{"accessControlAllowOriginList": ["*"], "accessControlMaxAge": 600}"#.into(), "https://b", ["*", "-", "-", "-", "600"]),
        (r#"{"accessControlAllowOriginList": ["*"], "accessControlAllowCredentials": true, "accessControlAllowMethods": ["*"], "accessControlAllowHeaders": ["*"]}"#.into(),
         "https://b", ["https://b", "PUT", "X-A, X-B", "true", "0"]),
        (r#"{"accessControlAllowMethods": ["*"], "accessControlAllowHeaders": ["*"]}"#.into(), "https://b", ["-", "*", "*", "-", "0"]),
        (r#"{"accessControlAllowOriginListRegex": ["\\.example$"]}"#.into(), "https://x.example", ["https://x.example", "-", "-", "-", "0"]),
        (r#"{"accessControlAllowOriginListRegex": ["\\.example$"]}"#.into(), "https://x.example.net", ["-", "-", "-", "-", "0"]),
    ] {
        let outcome = run(json(&config), preflight(origin));
        let names = ["Origin", "Methods", "Headers", "Credentials"].map(|n| format!("Access-Control-Allow-{n}"));
        let got: Vec<_> = names.iter().map(String::as_str).chain(["Access-Control-Max-Age"]).map(|n| outcome.got(n)).collect();
        assert_eq!(got, expected, "{config}");
        assert_eq!((outcome.status(), outcome.forwarded, outcome.got("Content-Length").as_str()), (200, false, "0"));
    }
}

#[test]
fn what_is_no_preflight_is_forwarded() {
    let config = r#"{"accessControlAllowMethods": ["GET"]}"#;
    assert!(run(json(config), Trial::new("OPTIONS", "/").header("Origin", "https://a")).forwarded);
    assert!(
        run(json(config), Trial::get("/").header("Origin", "a").header("Access-Control-Request-Method", "GET"))
            .forwarded
    );
    assert!(run(json(r#"{"customRequestHeaders": {"a": "b"}}"#), preflight("https://a")).forwarded);
}

#[test]
fn responses_carry_cors_headers_over_the_servers() {
    let config = r#"{"accessControlAllowOriginList": ["https://a", "*"], "accessControlAllowCredentials": true,
                     "accessControlExposeHeaders": ["X-A", "X-B"], "addVaryHeader": true}"#;
    for (origin, vary, expected) in [
        ("https://a", "", ["https://a", "true", "X-A,X-B", "Origin"]),
        ("https://b", "Accept", ["https://b", "true", "X-A,X-B", "Accept,Origin"]),
        ("https://b", "Origin", ["https://b", "true", "X-A,X-B", "Origin"]),
    ] {
        let trial = Trial::get("/").header("Origin", origin).answered_with("Access-Control-Allow-Origin", "x");
        let outcome = run(json(config), trial.answered_with("Vary", vary));
        let names = [
            "Access-Control-Allow-Origin",
            "Access-Control-Allow-Credentials",
            "Access-Control-Expose-Headers",
            "Vary",
        ];
        assert_eq!(names.map(|n| outcome.got(n)), expected);
    }
}

#[test]
fn secures_responses() {
    let outcome = run(
        json(
            r#"{"frameDeny": true, "contentTypeNosniff": true, "browserXssFilter": true, "referrerPolicy": "same-origin",
                 "permissionsPolicy": "camera=()", "contentSecurityPolicy": "default-src 'self'", "featurePolicy": "x",
                 "contentSecurityPolicyReportOnly": "img-src *", "sslRedirect": true, "sslHost": "h"}"#,
        ),
        Trial::get("/").answered_with("X-Frame-Options", "ALLOW"),
    );
    assert!(outcome.forwarded);
    for (name, value) in [
        ("X-Frame-Options", "DENY"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-XSS-Protection", "1; mode=block"),
        ("Referrer-Policy", "same-origin"),
        ("Permissions-Policy", "camera=()"),
        ("Content-Security-Policy", "default-src 'self'"),
        ("Content-Security-Policy-Report-Only", "img-src *"),
        ("Feature-Policy", "-"),
        ("Strict-Transport-Security", "-"),
    ] {
        assert_eq!(outcome.got(name), value, "{name}");
    }
}

#[test]
fn transport_security_needs_tls() {
    let sts = r#""stsSeconds": 30, "stsIncludeSubdomains": true, "stsPreload": true, "publicKey": "pin""#;
    let full = "max-age=30; includeSubDomains; preload";
    for (config, trial, expected) in [
        (format!("{{{sts}}}"), Trial::get("/"), ["-", "-"]),
        (format!("{{{sts}}}"), Trial::get("/").tls(), [full, "pin"]),
        (format!(r#"{{{sts}, "forceSTSHeader": true}}"#), Trial::get("/"), [full, "-"]),
        (
            format!(r#"{{{sts}, "sslProxyHeaders": {{"X-Forwarded-Proto": "https"}}}}"#),
            Trial::get("/").header("X-Forwarded-Proto", "https"),
            [full, "pin"],
        ),
        (
            format!(r#"{{{sts}, "sslProxyHeaders": {{"X-Forwarded-Proto": "https"}}}}"#),
            Trial::get("/").header("X-Forwarded-Proto", "http"),
            ["-", "-"],
        ),
        (format!(r#"{{{sts}, "isDevelopment": true}}"#), Trial::get("/").tls(), ["-", "-"]),
        (r#"{"stsSeconds": 30}"#.into(), Trial::get("/").tls(), ["max-age=30", "-"]),
    ] {
        let outcome = run(json(&config), trial);
        assert_eq!(["Strict-Transport-Security", "Public-Key-Pins"].map(|n| outcome.got(n)), expected, "{config}");
    }
}

#[test]
fn redirects_to_tls_as_traefik_2_did() {
    let trial = || Trial::get("/x?y=1").header("Host", "a.example");
    for (config, trial, expected) in [
        (r#"{"sslRedirect": true}"#, trial(), Some((301, "https://a.example/x?y=1"))),
        (r#"{"sslRedirect": true}"#, trial().tls(), None),
        (r#"{"sslRedirect": true, "isDevelopment": true}"#, trial(), None),
        (r#"{"sslRedirect": true, "sslTemporaryRedirect": true}"#, trial(), Some((307, "https://a.example/x?y=1"))),
        (r#"{"sslRedirect": true, "sslHost": "b.example"}"#, trial(), Some((301, "https://b.example/x?y=1"))),
        (r#"{"sslHost": "b.example"}"#, trial(), None),
        (r#"{"sslHost": "b.example", "sslForceHost": true}"#, trial().tls(), Some((301, "https://b.example/x?y=1"))),
        (r#"{"sslHost": "a.example", "sslForceHost": true}"#, trial().tls(), None),
        (
            r#"{"sslRedirect": true, "sslProxyHeaders": {"X-Forwarded-Proto": "https"}}"#,
            trial().header("X-Forwarded-Proto", "https"),
            None,
        ),
    ] {
        let options = config::Headers { ssl_options_count: true, ..serde_json::from_str(config).unwrap() };
        let outcome = trial.run(Headers::new(&options).unwrap());
        match expected {
            Some((status, location)) => {
                assert!(!outcome.forwarded, "{config}");
                assert_eq!((outcome.status(), outcome.got("Location").as_str()), (status, location), "{config}");
            }
            None => assert!(outcome.forwarded, "{config}"),
        }
    }
}

#[test]
fn refuses_other_hosts() {
    let hosts = r#""allowedHosts": ["Example.com", "b"], "hostsProxyHeaders": ["X-Host"], "frameDeny": true,
                   "customResponseHeaders": {"X-Custom": "1"}, "accessControlAllowOriginList": ["*"]"#;
    for (config, trial, allowed) in [
        (format!("{{{hosts}}}"), Trial::get("/"), true),
        (format!("{{{hosts}}}"), Trial::get("/").header("Host", "c"), false),
        (format!("{{{hosts}}}"), Trial::get("/").header("Host", "example.com:80"), false),
        (format!("{{{hosts}}}"), Trial::get("/").header("Host", "c").header("X-Host", "B"), true),
        (format!("{{{hosts}}}"), Trial::get("/").header("X-Host", "c"), false),
        (format!(r#"{{{hosts}, "isDevelopment": true}}"#), Trial::get("/").header("Host", "c"), true),
    ] {
        let outcome = run(json(&config), trial);
        assert_eq!(outcome.forwarded, allowed);
        if !allowed {
            assert_eq!((outcome.status(), outcome.text().as_str()), (500, "Bad Host\n"));
            let names = ["X-Custom", "Access-Control-Allow-Origin", "X-Frame-Options", "Content-Length"];
            assert_eq!(names.map(|n| outcome.got(n)), ["1", "*", "-", "9"]);
        }
    }
}

#[test]
fn nonces_are_fresh_and_shared_by_both_policies() {
    let config = r#"{"contentSecurityPolicy": "script-src $NONCE; style-src $NONCE", "contentSecurityPolicyReportOnly": "img-src $NONCE"}"#;
    let outcomes = [run(json(config), Trial::get("/")), run(json(config), Trial::get("/"))];
    let nonces = outcomes.map(|outcome| {
        let policy = outcome.got("Content-Security-Policy");
        let nonce = policy.split('\'').nth(1).unwrap().to_owned();
        assert_eq!(policy, format!("script-src '{nonce}'; style-src '{nonce}'"));
        assert_eq!(outcome.got("Content-Security-Policy-Report-Only"), format!("img-src '{nonce}'"));
        assert_eq!(nonce.len(), "nonce-".len() + 22);
        nonce
    });
    assert_ne!(nonces[0], nonces[1]);
}

#[test]
fn custom_headers_win_over_security_headers() {
    let config = r#"{"frameDeny": true, "contentTypeNosniff": true, "customResponseHeaders": {"X-Frame-Options": "", "X-Content-Type-Options": "x"}}"#;
    let outcome = run(json(config), Trial::get("/"));
    assert_eq!(["X-Frame-Options", "X-Content-Type-Options"].map(|n| outcome.got(n)), ["-", "x"]);
}
