//! TLSStores and TLSOptions in, stores, options and certificates out.

#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;
use crate::translate::fixture::outcome;

const PEM: &str = r#"
---
{kind: Secret, metadata: {namespace: default, name: cert}, stringData: {tls.crt: "-----BEGIN C", tls.key: "-----BEGIN hidden"}}
---
{kind: Secret, metadata: {namespace: default, name: other}, stringData: {tls.crt: "-----BEGIN O", tls.key: "-----BEGIN hidden"}}
---
{kind: Secret, metadata: {namespace: default, name: ca}, stringData: {ca.crt: "-----BEGIN CA"}}
---
{kind: Secret, metadata: {namespace: default, name: ca2}, stringData: {tls.ca: "-----BEGIN CA2"}}
---
"#;

fn with_secrets(yaml: &str) -> crate::translate::fixture::Outcome {
    outcome(&format!("{PEM}{yaml}"))
}

#[test]
fn option_defaults() {
    let out = with_secrets("{kind: TLSOption, metadata: {namespace: default, name: foo.bar}, spec: {}}");
    assert_eq!(
        out.json("/tls/options"),
        json!({"default-foo.bar": {"alpnProtocols": ["h2", "http/1.1", "acme-tls/1"], "cipherSuites": vocabulary::DEFAULT_CIPHER_SUITES}})
    );
    assert_eq!(out.messages(), "");
    let origin = out.configuration.origins.get(Section::TlsOptions, "default-foo.bar").unwrap();
    assert_eq!(origin.object.to_string(), "TLSOption default/foo.bar");
}

#[test]
fn option_fields() {
    let out = with_secrets(
        "
kind: TLSOption
metadata: {namespace: default, name: foo}
spec:
  minVersion: VersionTLS12
  maxVersion: VersionTLS13
  cipherSuites: [TLS_RSA_WITH_AES_256_GCM_SHA384]
  curvePreferences: [CurveP521, secp384r1]
  clientAuth: {secretNames: [ca, absent, cert, ca2], clientAuthType: VerifyClientCertIfGiven}
  sniStrict: true
  alpnProtocols: [http/1.1]
  disableSessionTickets: true
  preferServerCipherSuites: true
",
    );
    assert_eq!(
        out.json("/tls/options/default-foo"),
        json!({
            "minVersion": "VersionTLS12", "maxVersion": "VersionTLS13",
            "cipherSuites": ["TLS_RSA_WITH_AES_256_GCM_SHA384"],
            "curvePreferences": ["CurveP521", "secp384r1"],
            "clientAuth": {"caFiles": ["-----BEGIN CA", "-----BEGIN CA2"], "clientAuthType": "VerifyClientCertIfGiven"},
            "sniStrict": true, "alpnProtocols": ["http/1.1"], "disableSessionTickets": true,
        })
    );
    assert_eq!(
        out.findings("TLSOption"),
        [
            "E SecretNotFound spec.clientAuth.secretNames[1]",
            "E SecretKeyMissing spec.clientAuth.secretNames[2]",
            "I NoEffect spec.preferServerCipherSuites",
        ]
    );
}

#[test]
fn broken_options_are_told() {
    for (spec, expected) in [
        ("{minVersion: VersionTLS14}", "E UnknownTlsName spec.minVersion"),
        ("{maxVersion: TLS1.2}", "E UnknownTlsName spec.maxVersion"),
        ("{minVersion: VersionTLS13, maxVersion: VersionTLS12}", "E TlsVersionsCrossed spec.maxVersion"),
        ("{cipherSuites: [TLS_AES_128_GCM_SHA256, TLS_NULL]}", "E UnknownTlsName spec.cipherSuites[1]"),
        ("{curvePreferences: [P256]}", "E UnknownTlsName spec.curvePreferences[0]"),
        ("{clientAuth: {clientAuthType: Verify}}", "E UnknownTlsName spec.clientAuth.clientAuthType"),
        (
            "{clientAuth: {clientAuthType: RequireAndVerifyClientCert}}",
            "E NoClientAuthority spec.clientAuth.secretNames",
        ),
    ] {
        let out =
            with_secrets(&format!("{{kind: TLSOption, metadata: {{namespace: default, name: o}}, spec: {spec}}}"));
        assert_eq!(out.findings("TLSOption"), [expected], "{spec}");
        assert!(out.configuration.tls.options.contains_key("default-o"), "{spec}");
    }
}

#[test]
fn names_near_a_known_one_are_suggested() {
    for (name, expected) in [
        ("TLS_RSA_WITH_AES_256_GCM_SHA38", "did you mean TLS_RSA_WITH_AES_256_GCM_SHA384?"),
        ("zzz", "such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    ] {
        let message = unknown(name, &CIPHER_SUITES).unwrap();
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(unknown("TLS_RSA_WITH_RC4_128_SHA", &CIPHER_SUITES), None);
}

#[test]
fn default_objects_are_global_and_alone() {
    let option = |ns: &str| {
        format!("{{kind: TLSOption, metadata: {{namespace: {ns}, name: default}}, spec: {{sniStrict: true}}}}\n---\n")
    };
    let store =
        |ns: &str| format!("{{kind: TLSStore, metadata: {{namespace: {ns}, name: default}}, spec: {{}}}}\n---\n");
    let one = with_secrets(&(option("a") + &store("b")));
    assert_eq!(one.json("/tls/options/default/sniStrict"), json!(true));
    assert_eq!(one.json("/tls/stores"), json!({"default": {}}));
    assert_eq!(one.messages(), "");

    let two = with_secrets(&(option("a") + &option("b") + &store("a") + &store("b")));
    assert_eq!(two.json("/tls"), json!({}));
    for kind in ["TLSOption", "TLSStore"] {
        assert_eq!(two.findings(kind), ["E DuplicateDefault metadata.name"; 2], "{kind}");
    }
    assert!(two.messages().contains("in each of a, b"), "{}", two.messages());
}

#[test]
fn stores() {
    let out = with_secrets(
        "
kind: TLSStore
metadata: {namespace: default, name: default}
spec:
  defaultCertificate: {secretName: cert}
  defaultGeneratedCert: {resolver: le, domain: {main: a.b, sans: [c.d]}}
  certificates: [{secretName: other}, {secretName: absent}, {secretName: ca}]
",
    );
    assert_eq!(
        out.json("/tls"),
        json!({
            "certificates": [{"certFile": "-----BEGIN O", "keyFile": "xxxx", "stores": ["default"]}],
            "stores": {"default": {
                "defaultCertificate": {"certFile": "-----BEGIN C", "keyFile": "xxxx"},
                "defaultGeneratedCert": {"resolver": "le", "domain": {"main": "a.b", "sans": ["c.d"]}},
            }},
        })
    );
    assert_eq!(
        out.findings("TLSStore"),
        [
            "E SecretNotFound spec.certificates[1].secretName",
            "E SecretKeyMissing spec.certificates[2].secretName",
            "W CertResolverNotUsed spec.defaultGeneratedCert.resolver",
        ]
    );
    assert!(!out.messages().contains("hidden"));
}

#[test]
fn a_store_without_its_certificate_is_left_out_with_all_it_has() {
    let out = with_secrets(
        "{kind: TLSStore, metadata: {namespace: default, name: default}, spec: {defaultCertificate: {secretName: nope}, certificates: [{secretName: cert}]}}",
    );
    assert_eq!(out.json("/tls"), json!({}));
    assert_eq!(out.findings("TLSStore"), ["E SecretNotFound spec.defaultCertificate.secretName"]);
}

#[test]
fn a_certificate_stays_where_it_was_loaded_first() {
    let out = with_secrets(
        r#"
{kind: TLSStore, metadata: {namespace: default, name: mine}, spec: {certificates: [{secretName: cert}, {secretName: cert}]}}
---
kind: IngressRouteTCP
metadata: {namespace: default, name: r1}
spec: {routes: [], tls: {secretName: cert}}
---
kind: IngressRouteTCP
metadata: {namespace: default, name: r2}
spec: {routes: [], tls: {secretName: other}}
---
kind: IngressRouteTCP
metadata: {namespace: default, name: r3}
spec: {routes: [], tls: {secretName: other}}
---
kind: IngressRouteTCP
metadata: {namespace: default, name: r4}
spec: {routes: [], tls: {secretName: cert, passthrough: true}}
"#,
    );
    assert_eq!(
        out.json("/tls/certificates"),
        json!([
            {"certFile": "-----BEGIN C", "keyFile": "xxxx", "stores": ["default-mine"]},
            {"certFile": "-----BEGIN O", "keyFile": "xxxx"},
        ])
    );
    assert_eq!(out.findings("TLSStore"), ["W StoreNotUsed metadata.name"]);
    assert_eq!(out.findings("IngressRouteTCP"), ["W CertificateInOtherStore spec.tls.secretName"]);
}

#[test]
fn what_is_no_pem_is_doubted() {
    let out = outcome(
        r#"
{kind: Secret, metadata: {namespace: default, name: odd}, stringData: {tls.crt: "-----BEGIN C", tls.key: hidden}}
---
{kind: TLSStore, metadata: {namespace: default, name: default}, spec: {certificates: [{secretName: odd}]}}
"#,
    );
    assert_eq!(out.findings("TLSStore"), ["W NotPem spec.certificates[0].secretName"]);
    assert!(out.messages().contains("tls.key of Secret default/odd") && !out.messages().contains("hidden"));
    assert_eq!(out.configuration.tls.certificates.len(), 1);
}
