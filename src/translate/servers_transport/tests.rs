//! ServersTransports in, transports out: defaults, Secrets, ranges of versions.

#![allow(clippy::unwrap_used)]
use serde_json::{Value, json};

use crate::translate::fixture::outcome;

const OBJECTS: &str = r#"
{kind: Secret, metadata: {namespace: default, name: pair}, stringData: {tls.crt: "-----BEGIN C", tls.key: "-----BEGIN hidden"}}
---
{kind: Secret, metadata: {namespace: default, name: ca}, stringData: {tls.ca: "-----BEGIN CA"}}
---
{kind: Secret, metadata: {namespace: default, name: sole}, stringData: {x: "-----BEGIN SOLE"}}
---
{kind: ConfigMap, metadata: {namespace: default, name: map}, data: {ca.crt: "-----BEGIN MAP"}}
---
"#;

fn http(spec: &str) -> (Value, Vec<String>) {
    let out = outcome(&format!(
        "{OBJECTS}{{kind: ServersTransport, metadata: {{namespace: default, name: t.x}}, spec: {spec}}}"
    ));
    (out.json("/http/serversTransports/default-t-x"), out.findings("ServersTransport"))
}

#[test]
fn http_defaults() {
    let timeouts = json!({"dialTimeout": "30s", "idleConnTimeout": "1m30s", "pingTimeout": "15s"});
    assert_eq!(http("{}"), (json!({"forwardingTimeouts": timeouts}), vec![]));
}

#[test]
fn http_fields() {
    let (json, findings) = http(
        r#"{
  serverName: srv,
  insecureSkipVerify: true,
  rootCAsSecrets: [sole, absent],
  rootCAs: [{secret: ca}, {configMap: map}, {configMap: nope}, {secret: ca, configMap: map}, {}],
  certificatesSecrets: [pair, ca],
  cipherSuites: [TLS_AES_128_GCM_SHA256],
  minVersion: VersionTLS11,
  maxVersion: VersionTLS12,
  maxIdleConnsPerHost: -1,
  forwardingTimeouts: {dialTimeout: 42s, responseHeaderTimeout: 1, idleConnTimeout: 0, readIdleTimeout: "0", pingTimeout: 42ms},
  disableHTTP2: true,
  peerCertURI: "spiffe://x",
  peerCertSANs: [{type: DNSName, value: v}],
  spiffe: {ids: [a], trustDomain: d},
}"#,
    );
    assert_eq!(
        json,
        json!({
            "serverName": "srv", "insecureSkipVerify": true,
            "rootCAs": ["-----BEGIN SOLE", "-----BEGIN CA", "-----BEGIN MAP"],
            "certificates": [{"certFile": "-----BEGIN C", "keyFile": "xxxx"}],
            "cipherSuites": ["TLS_AES_128_GCM_SHA256"], "minVersion": "VersionTLS11", "maxVersion": "VersionTLS12",
            "maxIdleConnsPerHost": -1,
            "forwardingTimeouts": {
                "dialTimeout": "42s", "responseHeaderTimeout": "1s", "idleConnTimeout": "0s", "pingTimeout": "42ms",
            },
            "disableHTTP2": true, "peerCertURI": "spiffe://x", "peerCertSANs": [{"type": "DNSName", "value": "v"}],
            "spiffe": {"ids": ["a"], "trustDomain": "d"},
        })
    );
    assert_eq!(
        findings,
        [
            "E SecretKeyMissing spec.certificatesSecrets[1]",
            "I NoEffect spec.forwardingTimeouts.pingTimeout",
            "I Deprecated spec.rootCAsSecrets",
            "E SecretNotFound spec.rootCAsSecrets[1]",
            "E ConfigMapNotFound spec.rootCAs[2]",
            "E BadRootCa spec.rootCAs[3]",
            "E BadRootCa spec.rootCAs[4]",
        ]
    );
}

#[test]
fn http_versions_and_suites() {
    for (spec, min, max, suites, findings) in [
        ("{minVersion: VersionTLS13}", json!("VersionTLS13"), Value::Null, Value::Null, vec![]),
        ("{minVersion: TLS13}", Value::Null, Value::Null, Value::Null, vec!["E UnknownTlsName spec.minVersion"]),
        (
            "{minVersion: VersionTLS13, maxVersion: VersionTLS13}",
            json!("VersionTLS12"),
            Value::Null,
            Value::Null,
            vec!["E TlsVersionsCrossed spec.minVersion"],
        ),
        (
            "{minVersion: VersionTLS13, maxVersion: x}",
            json!("VersionTLS12"),
            Value::Null,
            Value::Null,
            vec!["E UnknownTlsName spec.maxVersion"],
        ),
        (
            "{cipherSuites: [TLS_AES_128_GCM_SHA256, NOPE]}",
            Value::Null,
            Value::Null,
            Value::Null,
            vec!["E UnknownTlsName spec.cipherSuites[1]"],
        ),
    ] {
        let (json, found) = http(spec);
        assert_eq!((&json["minVersion"], &json["maxVersion"], &json["cipherSuites"]), (&min, &max, &suites), "{spec}");
        assert_eq!(found, findings, "{spec}");
    }
}

#[test]
fn tcp() {
    for (spec, expected) in [
        ("{}", json!({"dialKeepAlive": "15s", "dialTimeout": "30s", "terminationDelay": "100ms"})),
        (
            "{dialKeepAlive: -1s, dialTimeout: 5, terminationDelay: -1, proxyProtocol: {}}",
            json!({"dialKeepAlive": "-1s", "dialTimeout": "5s", "terminationDelay": "-1s", "proxyProtocol": {"version": 2}}),
        ),
        (
            "{proxyProtocol: {version: 1}, tls: {serverName: s, insecureSkipVerify: true, rootCAs: [{secret: ca}], certificatesSecrets: [pair], peerCertURI: u, peerCertSANs: [{type: URI, value: v}], spiffe: {trustDomain: d}}}",
            json!({
                "dialKeepAlive": "15s", "dialTimeout": "30s", "terminationDelay": "100ms", "proxyProtocol": {"version": 1},
                "tls": {
                    "serverName": "s", "insecureSkipVerify": true, "rootCAs": ["-----BEGIN CA"],
                    "certificates": [{"certFile": "-----BEGIN C", "keyFile": "xxxx"}], "peerCertURI": "u",
                    "peerCertSANs": [{"type": "URI", "value": "v"}], "spiffe": {"trustDomain": "d"},
                },
            }),
        ),
    ] {
        let out = outcome(&format!(
            "{OBJECTS}{{kind: ServersTransportTCP, metadata: {{namespace: default, name: t.x}}, spec: {spec}}}"
        ));
        assert_eq!(out.json("/tcp/serversTransports/default-t-x"), expected, "{spec}");
        assert_eq!(out.messages(), "", "{spec}");
    }
    let out = outcome(&format!(
        "{OBJECTS}{{kind: ServersTransportTCP, metadata: {{namespace: other, name: t}}, spec: {{tls: {{rootCAs: [{{secret: ca}}], certificatesSecrets: [pair]}}}}}}"
    ));
    assert_eq!(
        out.findings("ServersTransportTCP"),
        ["E SecretNotFound spec.tls.certificatesSecrets[0]", "E SecretNotFound spec.tls.rootCAs[0]"]
    );
    assert_eq!(out.json("/tcp/serversTransports/other-t/tls"), json!({}));
}
