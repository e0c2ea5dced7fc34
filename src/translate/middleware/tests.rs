//! Middlewares in, filters' configuration out: defaults, references, Secrets, and what refuses them.

#![allow(clippy::unwrap_used)]
use serde_json::{Value, json};

use crate::dynamic::Section;
use crate::translate::Options;
use crate::translate::fixture::{Outcome, outcome, outcome_with};

/// For nobody: made for these tests.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIBLjCB4aADAgECAhQm7lrnr0F/hZF6o32JOmVmFCN7tTAFBgMrZXAwDDEKMAgG\n\
A1UEAwwBdDAgFw0yNjExMjYwMTIzMDBaGA8yMTI2MTEwMjAxMjMwMFowDDEKMAgG\n\
A1UEAwwBdDAqMAUGAytlcAMhAA+8Bn8nP6hDORcloS58kRKRGB7zgQpB8E12gvva\n\
ZLb0o1MwUTAdBgNVHQ4EFgQUZJuLlfy7cR9aT9VPJ8yiOAvmbzswHwYDVR0jBBgw\n\
FoAUZJuLlfy7cR9aT9VPJ8yiOAvmbzswDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXAD\n\
QQCQplWXReDGxkest+82AP74nkXN10faTxjGxVOzXhQCp1IXV50kkeMKLaYfLIcl\n\
yF79+WYqiGUXhOhCjfmNeZUC\n\
-----END CERTIFICATE-----\n";
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MC4CAQAwBQYDK2VwBCIEIARHFxgVeNoQRDVU/y6QpR6vKbBo1VvZ/P37fzvFAWGI\n\
-----END PRIVATE KEY-----\n";

const OBJECTS: &str = r#"
{kind: Secret, metadata: {namespace: default, name: pair}, stringData: {tls.crt: CERTIFICATE, tls.key: PRIVATE}}
---
{kind: Secret, metadata: {namespace: default, name: ca}, stringData: {tls.ca: CERTIFICATE}}
---
{kind: Secret, metadata: {namespace: default, name: users}, stringData: {users: "a:$apr1$x$hidden\nb:$1$x$hidden"}}
---
{kind: Secret, metadata: {namespace: default, name: digest}, stringData: {users: "a:traefik:hidden"}}
---
{kind: Secret, type: kubernetes.io/basic-auth, metadata: {namespace: default, name: login}, stringData: {username: me, password: hidden}}
---
"#;

fn middleware(spec: &str) -> Outcome {
    let objects = OBJECTS.replace("CERTIFICATE", &format!("{CERTIFICATE:?}")).replace("PRIVATE", &format!("{KEY:?}"));
    outcome(&format!("{objects}{{kind: Middleware, metadata: {{namespace: default, name: m.x}}, spec: {spec}}}"))
}

#[test]
fn translates() {
    for (spec, expected) in [
        ("{addPrefix: {prefix: /a}}", json!({"addPrefix": {"prefix": "/a"}})),
        ("{stripPrefix: {prefixes: [/a]}}", json!({"stripPrefix": {"prefixes": ["/a"]}})),
        (
            "{ipAllowList: {sourceRange: [10.0.0.0/8], rejectStatusCode: 404}}",
            json!({"ipAllowList": {"sourceRange": ["10.0.0.0/8"], "rejectStatusCode": 404}}),
        ),
        ("{contentType: {}}", json!({"contentType": {}})),
        ("{rateLimit: {average: 5}}", json!({"rateLimit": {"average": 5, "period": "1s", "burst": 1}})),
        (
            "{rateLimit: {average: 5, period: 1m, burst: 7, sourceCriterion: {requestHost: true}}}",
            json!({"rateLimit": {"average": 5, "period": "1m0s", "burst": 7, "sourceCriterion": {"requestHost": true}}}),
        ),
        (
            "{rateLimit: {redis: {}}}",
            json!({"rateLimit": {"period": "1s", "burst": 1, "redis": {
                "endpoints": ["127.0.0.1:6379"], "readTimeout": "3s", "writeTimeout": "3s", "dialTimeout": "5s",
            }}}),
        ),
        (
            "{rateLimit: {redis: {endpoints: ['r:1'], secret: login, tls: {caSecret: ca, certSecret: pair, insecureSkipVerify: true}, db: 1, poolSize: 2, minIdleConns: 3, maxActiveConns: 4, readTimeout: 6s, writeTimeout: 7s, dialTimeout: 8s}}}",
            json!({"rateLimit": {"period": "1s", "burst": 1, "redis": {
                "endpoints": ["r:1"], "username": "me", "password": "xxxx",
                "tls": {"ca": CERTIFICATE, "cert": CERTIFICATE, "key": "xxxx", "insecureSkipVerify": true},
                "db": 1, "poolSize": 2, "minIdleConns": 3, "maxActiveConns": 4,
                "readTimeout": "6s", "writeTimeout": "7s", "dialTimeout": "8s",
            }}}),
        ),
        (
            "{circuitBreaker: {expression: RequestThreshold() > 1}}",
            json!({"circuitBreaker": {
                "expression": "RequestThreshold() > 1", "checkPeriod": "100ms", "fallbackDuration": "10s", "recoveryDuration": "10s",
                "responseCode": 503,
            }}),
        ),
        (
            "{circuitBreaker: {expression: RequestThreshold() > 1, checkPeriod: 1s, fallbackDuration: 2s, recoveryDuration: 3s, responseCode: 418}}",
            json!({"circuitBreaker": {
                "expression": "RequestThreshold() > 1", "checkPeriod": "1s", "fallbackDuration": "2s", "recoveryDuration": "3s",
                "responseCode": 418,
            }}),
        ),
        ("{compress: {}}", json!({"compress": {"encodings": ["gzip", "br", "zstd"]}})),
        (
            "{compress: {encodings: [br], defaultEncoding: br, minResponseBodyBytes: 7, excludedContentTypes: [a/b]}}",
            json!({"compress": {
                "encodings": ["br"], "defaultEncoding": "br", "minResponseBodyBytes": 7, "excludedContentTypes": ["a/b"],
            }}),
        ),
        ("{retry: {attempts: 2}}", json!({"retry": {"attempts": 2, "maxRequestBodyBytes": 2_097_152}})),
        (
            "{retry: {attempts: 2, initialInterval: 10ms, timeout: 0, status: ['500-599'], maxRequestBodyBytes: -1}}",
            json!({"retry": {"attempts": 2, "initialInterval": "10ms", "status": ["500-599"], "maxRequestBodyBytes": -1}}),
        ),
        (
            "{forwardAuth: {address: 'http://a'}}",
            json!({"forwardAuth": {"address": "http://a", "maxBodySize": -1, "maxResponseBodySize": -1}}),
        ),
        (
            "{forwardAuth: {address: 'http://a', trustForwardHeader: false, maxBodySize: 1, maxResponseBodySize: 2, authResponseHeaders: [X], headerField: H, forwardBody: true, authSigninURL: s, tls: {caSecret: ca, certSecret: pair, caOptional: true}}}",
            json!({"forwardAuth": {
                "address": "http://a", "trustForwardHeader": false, "maxBodySize": 1, "maxResponseBodySize": 2,
                "authResponseHeaders": ["X"], "headerField": "H", "forwardBody": true, "authSigninURL": "s",
                "tls": {"ca": CERTIFICATE, "cert": CERTIFICATE, "key": "xxxx", "caOptional": true},
            }}),
        ),
        (
            "{basicAuth: {secret: users, realm: r, removeHeader: true, headerField: h}}",
            json!({"basicAuth": {"users": ["xxxx", "xxxx"], "realm": "r", "removeHeader": true, "headerField": "h"}}),
        ),
        ("{basicAuth: {secret: login}}", json!({"basicAuth": {"users": ["xxxx"]}})),
        ("{digestAuth: {secret: digest}}", json!({"digestAuth": {"users": ["xxxx"]}})),
        (
            "{plugin: {mine: {token: 'urn:k8s:secret:login:password', n: 1}}}",
            json!({"plugin": {"mine": {"token": "urn:k8s:secret:login:password", "n": 1}}}),
        ),
    ] {
        let out = middleware(spec);
        assert_eq!(out.json("/http/middlewares"), json!({"default-m-x": expected}), "{spec}");
        assert_eq!(out.messages(), "", "{spec}");
        let origin = out.configuration.origins.get(Section::HttpMiddleware, "default-m-x").unwrap();
        assert_eq!(origin.object.to_string(), "Middleware default/m.x", "{spec}");
        let shown = format!("{:?}", out.configuration);
        assert!(!shown.contains("hidden") && !shown.contains("PRIVATE KEY"), "{spec}");
    }
}

#[test]
fn secrets_reach_the_filters() {
    let out = middleware("{plugin: {mine: {token: 'urn:k8s:secret:login:password'}}, basicAuth: {secret: login}}");
    let translated = out.configuration.http.middlewares.values().next().unwrap();
    assert_eq!(translated.plugin.get("mine").unwrap().resolved.0, json!({"token": "hidden"}));
    let user = &translated.basic_auth.as_ref().unwrap().users.first().unwrap().0;
    assert_eq!(user, "me:{SHA}mdcsf8Pi4UWHC+qzfAtw40PqnDs=");
}

#[test]
fn a_broken_one_is_not_emitted() {
    for (spec, finding) in [
        ("{basicAuth: {secret: ''}}", "E SecretNameMissing spec.basicAuth.secret"),
        ("{basicAuth: {secret: absent}}", "E SecretNotFound spec.basicAuth.secret"),
        ("{basicAuth: {secret: pair}}", "E SecretKeyCount spec.basicAuth.secret"),
        ("{digestAuth: {secret: login}}", "E SecretKeyCount spec.digestAuth.secret"),
        ("{forwardAuth: {address: ''}}", "E NoAddress spec.forwardAuth.address"),
        ("{forwardAuth: {address: a, tls: {caSecret: absent}}}", "E SecretNotFound spec.forwardAuth.tls.caSecret"),
        ("{forwardAuth: {address: a, tls: {certSecret: ca}}}", "E SecretKeyMissing spec.forwardAuth.tls.certSecret"),
        ("{rateLimit: {redis: {secret: users}}}", "E SecretKeyMissing spec.rateLimit.redis.secret"),
        ("{rateLimit: {redis: {tls: {certSecret: absent}}}}", "E SecretNotFound spec.rateLimit.redis.tls.certSecret"),
        ("{plugin: {p: {a: [{b: 'urn:k8s:secret:x:y'}]}}}", "E SecretNotFound spec.plugin.p.a[0].b"),
        ("{errors: {status: ['500']}}", "E ServiceMissing spec.errors.service"),
        (
            "{errors: {status: ['500'], service: {name: absent, port: 80}}}",
            "E ServiceNotFound spec.errors.service.name",
        ),
        (
            "{chain: {middlewares: [{name: a}, {name: b, namespace: o}]}}",
            "E CrossNamespaceNotAllowed spec.chain.middlewares[1].namespace",
        ),
    ] {
        let out = middleware(spec);
        assert!(out.findings("Middleware").contains(&finding.to_owned()), "{spec}: {}", out.messages());
        assert_eq!(out.json("/http/middlewares"), Value::Null, "{spec}");
        assert!(!out.messages().contains("hidden"), "{spec}");
    }
}

#[test]
fn what_no_filter_can_be_built_from_is_emitted_and_told() {
    for (spec, findings) in [
        ("{}", vec!["E MiddlewareKeyCount spec"]),
        ("{addPrefix: {prefix: /a}, contentType: {}}", vec!["E MiddlewareKeyCount spec"]),
        ("{addPrefix: {}}", vec!["E BadOption spec.addPrefix.prefix"]),
        ("{headers: {}}", vec!["E BadOption spec.headers"]),
        ("{redirectScheme: {scheme: ''}}", vec!["E BadOption spec.redirectScheme.scheme"]),
        ("{circuitBreaker: {expression: ''}}", vec!["E BadOption spec.circuitBreaker.expression"]),
        ("{rateLimit: {period: -1s}}", vec!["E BadOption spec.rateLimit.period"]),
        ("{plugin: {a: {}, b: {}}}", vec!["E BadOption spec.plugin"]),
        ("{ipAllowList: {sourceRange: []}}", vec!["E BadOption spec.ipAllowList.sourceRange"]),
        ("{ipWhiteList: {sourceRange: [10.0.0.0/33]}}", vec!["E BadOption spec.ipWhiteList.sourceRange[0]"]),
        (
            "{ipAllowList: {sourceRange: ['::1'], ipStrategy: {depth: -1, excludedIPs: [x], ipv6Subnet: 129}}}",
            vec![
                "E BadOption spec.ipAllowList.ipStrategy.depth",
                "E BadOption spec.ipAllowList.ipStrategy.excludedIPs[0]",
                "E BadOption spec.ipAllowList.ipStrategy.ipv6Subnet",
            ],
        ),
        (
            "{inFlightReq: {amount: 1, sourceCriterion: {requestHost: true, requestHeaderName: X}}}",
            vec!["E BadOption spec.inFlightReq.sourceCriterion"],
        ),
        (
            "{compress: {encodings: [gzip, lz], defaultEncoding: br, excludedContentTypes: [a], includedContentTypes: [b]}}",
            vec![
                "E BadOption spec.compress.defaultEncoding",
                "E BadOption spec.compress.encodings[1]",
                "E BadOption spec.compress.includedContentTypes",
            ],
        ),
        (
            "{ipAllowList: {sourceRange: ['::1'], rejectStatusCode: 799}}",
            vec!["E BadOption spec.ipAllowList.rejectStatusCode"],
        ),
        ("{buffering: {maxResponseBodyBytes: -1}}", vec!["E BadOption spec.buffering.maxResponseBodyBytes"]),
        ("{retry: {attempts: 0}}", vec!["E BadOption spec.retry.attempts"]),
        (
            "{retry: {attempts: 1, disableRetryOnNetworkError: true}}",
            vec!["E BadOption spec.retry.disableRetryOnNetworkError"],
        ),
        (
            "{retry: {attempts: 1, status: ['500', '500,502', '500-', '5xx']}}",
            vec![
                "E BadOption spec.retry.status[1]",
                "E BadOption spec.retry.status[2]",
                "E BadOption spec.retry.status[3]",
            ],
        ),
        ("{basicAuth: {secret: digest}}", vec!["E BadUser spec.basicAuth.secret"]),
        ("{digestAuth: {secret: users}}", vec!["E BadUser spec.digestAuth.secret"; 2]),
    ] {
        let out = middleware(spec);
        assert_eq!(out.findings("Middleware"), findings, "{spec}");
        assert_eq!(out.configuration.http.middlewares.len(), 1, "{spec}");
        assert!(!out.messages().contains("hidden"), "{spec}");
    }
}

#[test]
fn options_without_effect_are_told() {
    let out = middleware(
        "{headers: {sslRedirect: true, sslTemporaryRedirect: true, sslHost: a, sslForceHost: true, featurePolicy: x}}",
    );
    let keys = ["featurePolicy", "sslForceHost", "sslHost", "sslRedirect", "sslTemporaryRedirect"];
    assert_eq!(out.findings("Middleware"), keys.map(|key| format!("W NoEffect spec.headers.{key}")));
    // In Traefik 2 redirections have one.
    let out = outcome(
        "{apiVersion: traefik.containo.us/v1alpha1, kind: Middleware, metadata: {namespace: default, name: m}, \
         spec: {headers: {sslRedirect: true, featurePolicy: x}}}",
    );
    assert_eq!(out.findings("Middleware"), ["W NoEffect spec.headers.featurePolicy"]);
    let headers = out.configuration.http.middlewares.iter().next().unwrap().1.headers.as_ref().unwrap();
    assert!(headers.ssl_redirect && headers.ssl_options_count);
}

#[test]
fn defaults_of_traefik_2_s_group_are_its_own() {
    for (spec, v3, v2) in [
        (
            "{stripPrefix: {prefixes: [/a]}}",
            json!({"prefixes": ["/a"]}),
            json!({"prefixes": ["/a"], "forceSlash": true}),
        ),
        (
            "{stripPrefix: {prefixes: [/a], forceSlash: false}}",
            json!({"prefixes": ["/a"], "forceSlash": false}),
            json!({"prefixes": ["/a"], "forceSlash": false}),
        ),
        ("{compress: {}}", json!({"encodings": ["gzip", "br", "zstd"]}), json!({"encodings": ["gzip"]})),
        ("{compress: {encodings: [br]}}", json!({"encodings": ["br"]}), json!({"encodings": ["br"]})),
        ("{contentType: {}}", json!({}), json!({"autoDetect": false})),
        ("{contentType: {autoDetect: true}}", json!({"autoDetect": true}), json!({"autoDetect": true})),
        ("{passTLSClientCert: {pem: true}}", json!({"pem": true}), json!({"pem": true})),
    ] {
        for (group, expected) in [("traefik.io", v3), ("traefik.containo.us", v2)] {
            let out = outcome(&format!(
                "{{apiVersion: {group}/v1alpha1, kind: Middleware, metadata: {{namespace: default, name: m}}, spec: {spec}}}"
            ));
            let key = spec.split(['{', ':']).nth(1).unwrap();
            assert_eq!(out.json(&format!("/http/middlewares/default-m/{key}")), expected, "{group} {spec}");
            let pass = out.configuration.http.middlewares.iter().next().unwrap().1.pass_tls_client_cert.as_ref();
            assert!(pass.is_none_or(|pass| pass.query_escaped == (group == "traefik.containo.us")), "{group}");
        }
    }
}

#[test]
fn users_who_are_never_let_in_are_told() {
    let users = |users: &str, spec: &str| {
        outcome(&format!(
            "{{kind: Secret, metadata: {{namespace: default, name: u}}, stringData: {{users: \"{users}\"}}}}\n---\n\
             {{kind: Middleware, metadata: {{namespace: default, name: m}}, spec: {spec}}}"
        ))
    };
    for (list, spec, findings) in [
        (
            "a:plain\\nb:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
            "{basicAuth: {secret: u}}",
            vec!["W UnusableUser spec.basicAuth.secret"],
        ),
        ("a:other:0\\nb:traefik:0", "{digestAuth: {secret: u}}", vec!["W UnusableUser spec.digestAuth.secret"]),
        ("a:other:0", "{digestAuth: {secret: u, realm: other}}", vec![]),
    ] {
        assert_eq!(users(list, spec).findings("Middleware"), findings, "{list}");
    }
}

#[test]
fn error_pages() {
    let service = "{kind: Service, metadata: {namespace: default, name: s}, spec: {clusterIP: 10.0.0.9, ports: [{port: 80}]}}\n---\n{kind: TraefikService, metadata: {namespace: default, name: t.s}, spec: {weighted: {services: []}}}\n---\n";
    for (reference, expected) in [
        ("{name: s, port: 80, nativeLB: true}", "default-m-x-errorpage-service"),
        ("{name: t.s, kind: TraefikService}", "default-t-s"),
    ] {
        let spec = format!(
            "{{errors: {{status: ['500-599'], query: '/{{status}}', statusRewrites: {{'500': 418}}, errorRequestHeaders: [], service: {reference}}}}}"
        );
        let out = outcome(&format!(
            "{service}{{kind: Middleware, metadata: {{namespace: default, name: m.x}}, spec: {spec}}}"
        ));
        assert_eq!(
            out.json("/http/middlewares/default-m-x"),
            json!({"errors": {
                "status": ["500-599"], "query": "/{status}", "statusRewrites": {"500": 418}, "errorRequestHeaders": [],
                "service": expected,
            }}),
            "{}",
            out.messages()
        );
    }
}

fn chains(objects: &[(&str, &str)]) -> Outcome {
    let one = |(name, members): &(&str, &str)| {
        format!(
            "{{kind: Middleware, metadata: {{namespace: default, name: {name}}}, spec: {{chain: {{middlewares: [{members}]}}}}}}"
        )
    };
    let options = Options { allow_cross_namespace: true, ..Options::default() };
    outcome_with(&objects.iter().map(one).collect::<Vec<_>>().join("\n---\n"), &options)
}

#[test]
fn chain_members_are_named() {
    let out =
        chains(&[("a", "{name: b.c}, {name: d, namespace: other}, {name: default-x@kubernetescrd}"), ("b.c", "")]);
    let members = json!(["default-b-c", "other-d", "default-x@kubernetescrd"]);
    assert_eq!(out.json("/http/middlewares/default-a"), json!({"chain": {"middlewares": members}}));
    assert_eq!(out.findings("Middleware"), ["E MiddlewareNotFound spec.chain.middlewares[1].name"]);
}

#[test]
fn circles_are_named() {
    for (objects, expected) in [
        (&[("a", "{name: a}")][..], vec![("default/a", "default-a → default-a")]),
        (&[("a", "{name: b}"), ("b", "{name: c}, {name: c}"), ("c", "")], vec![]),
        (
            &[("a", "{name: c}, {name: b}"), ("b", "{name: default-a@kubernetescrd}"), ("c", ""), ("d", "{name: a}")],
            vec![
                ("default/a", "default-a → default-b → default-a"),
                ("default/b", "default-a → default-b → default-a"),
            ],
        ),
    ] {
        let out = chains(objects);
        let found: Vec<_> = out.diagnostics.iter().filter(|d| d.code == "ChainCycle").collect();
        assert_eq!(found.len(), expected.len(), "{}", out.messages());
        for (found, (object, way)) in found.iter().zip(expected) {
            assert!(found.object.to_string().ends_with(object) && found.message.contains(way), "{found}");
        }
        assert_eq!(out.configuration.http.middlewares.len(), objects.len());
    }
    let out = chains(&[("a", "{name: c}, {name: b}"), ("b", "{name: a}"), ("c", "")]);
    let paths: Vec<_> = out.diagnostics.iter().map(|d| d.path.as_str()).collect();
    assert_eq!(paths, ["spec.chain.middlewares[1]", "spec.chain.middlewares[0]"]);
}

#[test]
fn only_selected_objects_stand_before_those_of_the_older_group() {
    let middleware = |group: &str, team: &str| {
        format!(
            "{{apiVersion: {group}/v1alpha1, kind: Middleware, spec: {{addPrefix: {{prefix: /{group}}}}}, \
             metadata: {{namespace: default, name: m, labels: {{team: {team}}}}}}}\n---\n"
        )
    };
    let both = ["W DuplicateGroup apiVersion"];
    for (selector, new, old, expected, told) in [
        ("", "a", "b", json!("/traefik.io"), &both as &[&str]),
        ("team=a", "a", "a", json!("/traefik.io"), &both),
        ("team=a", "a", "b", json!("/traefik.io"), &[]),
        ("team=a", "b", "a", json!("/traefik.containo.us"), &[]),
        ("team=a", "b", "b", Value::Null, &[]),
    ] {
        let options = Options { label_selector: selector.to_owned(), ..Options::default() };
        let (new, old) = (middleware("traefik.io", new), middleware("traefik.containo.us", old));
        for objects in [format!("{new}{old}"), format!("{old}{new}")] {
            let out = outcome_with(&objects, &options);
            assert_eq!(out.json("/http/middlewares/default-m/addPrefix/prefix"), expected, "{selector} {objects}");
            assert_eq!(out.findings("Middleware"), told, "{selector} {objects}");
        }
    }
}
