//! What is read from Secrets and ConfigMaps, and what is said of those that don't hold it.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::translate::fixture::snapshot;

const OBJECTS: &str = r#"
{kind: Secret, metadata: {namespace: ns, name: pair}, stringData: {tls.crt: CERT, tls.key: KEY}}
---
{kind: Secret, metadata: {namespace: ns, name: no-key}, stringData: {tls.crt: CERT}}
---
{kind: Secret, metadata: {namespace: ns, name: empty-key}, stringData: {tls.crt: CERT, tls.key: ""}}
---
{kind: Secret, metadata: {namespace: ns, name: both-cas}, stringData: {tls.ca: FIRST, ca.crt: SECOND}}
---
{kind: Secret, metadata: {namespace: ns, name: ca-crt}, stringData: {ca.crt: SECOND, other: x}}
---
{kind: Secret, metadata: {namespace: ns, name: sole}, stringData: {anything: SOLE}}
---
{kind: Secret, metadata: {namespace: ns, name: two}, stringData: {a: hidden-a, b: hidden-b}}
---
{kind: Secret, metadata: {namespace: ns, name: none}}
---
{kind: Secret, metadata: {namespace: ns, name: binary}, data: {tls.ca: /w==}}
---
{kind: Secret, type: kubernetes.io/basic-auth, metadata: {namespace: ns, name: basic}, stringData: {username: user, password: password}}
---
{kind: Secret, type: kubernetes.io/basic-auth, metadata: {namespace: ns, name: basic-half}, stringData: {username: user}}
---
{kind: Secret, metadata: {namespace: ns, name: lines}, stringData: {users: "a:1\r\n\nb:2"}}
---
{kind: Secret, metadata: {namespace: ns, name: blank}, stringData: {users: "\n\n"}}
---
{kind: ConfigMap, metadata: {namespace: ns, name: both-cas}, data: {tls.ca: FIRST, ca.crt: SECOND}}
---
{kind: ConfigMap, metadata: {namespace: ns, name: ca-crt}, data: {ca.crt: SECOND}}
---
{kind: ConfigMap, metadata: {namespace: ns, name: sole}, data: {anything: SOLE}}
"#;

fn code<T: std::fmt::Debug>(read: Result<T, Problem>) -> &'static str {
    let problem = read.unwrap_err();
    assert!(!problem.message.contains("hidden"), "{}", problem.message);
    problem.code
}

#[test]
fn reads_key_pairs() {
    let objects = snapshot(OBJECTS);
    let objects = Reader::new(&objects);
    let pair = key_pair(&objects, "ns", "pair").unwrap();
    assert_eq!((pair.cert_file.as_str(), pair.key_file.0.as_str()), ("CERT", "KEY"));
    for (name, expected) in [
        ("no-key", "SecretKeyMissing"),
        ("none", "SecretKeyMissing"),
        ("empty-key", "SecretKeyEmpty"),
        ("absent", "SecretNotFound"),
        ("", "SecretNameMissing"),
    ] {
        assert_eq!(code(key_pair(&objects, "ns", name)), expected, "{name}");
    }
    assert_eq!(code(key_pair(&objects, "other", "pair")), "SecretNotFound");
}

#[test]
fn reads_authorities() {
    let objects = snapshot(OBJECTS);
    let objects = Reader::new(&objects);
    for (name, sole, expected) in [
        ("both-cas", SoleKey::Refused, Ok("FIRST")),
        ("ca-crt", SoleKey::Refused, Ok("SECOND")),
        ("sole", SoleKey::Accepted, Ok("SOLE")),
        ("sole", SoleKey::Refused, Err("SecretKeyMissing")),
        ("two", SoleKey::Accepted, Err("SecretKeyMissing")),
        ("none", SoleKey::Accepted, Err("SecretKeyMissing")),
        ("binary", SoleKey::Accepted, Err("SecretNotText")),
        ("absent", SoleKey::Accepted, Err("SecretNotFound")),
    ] {
        let read = authority(&objects, "ns", name, sole);
        assert_eq!(read.as_deref().map_err(|p| p.code), expected, "{name}");
    }
    for (name, expected) in [
        ("both-cas", Ok("FIRST")),
        ("ca-crt", Ok("SECOND")),
        ("sole", Err("ConfigMapKeyMissing")),
        ("absent", Err("ConfigMapNotFound")),
    ] {
        let read = config_map_authority(&objects, "ns", name);
        assert_eq!(read.as_deref().map_err(|p| p.code), expected, "{name}");
    }
}

#[test]
fn reads_users() {
    let objects = snapshot(OBJECTS);
    let objects = Reader::new(&objects);
    let users = |read: Result<Vec<Secret>, Problem>| {
        read.map(|users| users.into_iter().map(|u| u.0).collect::<Vec<_>>().join(" ")).map_err(|p| p.code)
    };
    for (name, expected) in [
        ("basic", Ok("user:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=")),
        ("basic-half", Err("SecretKeyMissing")),
        ("lines", Ok("a:1 b:2")),
        ("blank", Err("NoUsers")),
        ("two", Err("SecretKeyCount")),
        ("none", Err("SecretKeyCount")),
        ("absent", Err("SecretNotFound")),
    ] {
        let expected = expected.map(str::to_owned);
        assert_eq!(users(basic_users(&objects, "ns", name)), expected, "{name}");
    }
    // The type only means something to basic authentication.
    assert_eq!(users(digest_users(&objects, "ns", "basic")), Err("SecretKeyCount"));
    assert_eq!(users(digest_users(&objects, "ns", "lines")), Ok("a:1 b:2".to_owned()));
}

#[test]
fn reads_credentials() {
    let objects = snapshot(OBJECTS);
    let objects = Reader::new(&objects);
    assert_eq!(credentials(&objects, "ns", "basic").unwrap(), ("user".to_owned(), Secret("password".to_owned())));
    assert_eq!(code(credentials(&objects, "ns", "basic-half")), "SecretKeyMissing");
    assert_eq!(code(credentials(&objects, "ns", "absent")), "SecretNotFound");
}

#[test]
fn resolves_plugin_values() {
    let objects = snapshot(OBJECTS);
    let objects = Reader::new(&objects);
    let written =
        serde_json::json!({"a": ["x", {"b": "urn:k8s:secret:two:a"}], "n": 1, "urn": "an urn:k8s:secret:two:a"});
    let expected = serde_json::json!({"a": ["x", {"b": "hidden-a"}], "n": 1, "urn": "an urn:k8s:secret:two:a"});
    assert_eq!(resolve(&objects, "ns", &written).unwrap(), expected);
    for (urn, code) in [
        ("urn:k8s:secret:two", "BadSecretUrn"),
        ("urn:k8s:secret:two:a:b", "BadSecretUrn"),
        ("urn:k8s:secret:two:c", "SecretKeyMissing"),
        ("urn:k8s:secret:absent:a", "SecretNotFound"),
    ] {
        let (at, problem) = resolve(&objects, "ns", &serde_json::json!({"l": [1, {"k": urn}]})).unwrap_err();
        assert_eq!((at.as_str(), problem.code), (".l[1].k", code), "{urn}");
        assert!(!problem.message.contains("hidden"));
    }
}
