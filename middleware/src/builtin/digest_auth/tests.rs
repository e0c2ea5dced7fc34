//! Proofs as a client makes them, right and wrong in each part.

#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use ingora_crds::secret::Secret;

use super::*;
use crate::testing::{Outcome, Trial};

fn config(users: &[&str]) -> Auth {
    Auth { users: users.iter().map(|user| Secret((*user).into())).collect(), ..Default::default() }
}

/// `ann` with the password `secret` of the realm `traefik`.
fn ann() -> String {
    format!("ann:traefik:{}", hash(&["ann", "traefik", "secret"]))
}

fn run(filter: &Arc<DigestAuth>, trial: Trial) -> Outcome {
    trial.run_built(Arc::clone(filter) as Arc<dyn Filter>)
}

/// The challenge's parameter.
fn told(outcome: &Outcome, name: &str) -> String {
    let challenge = outcome.got("WWW-Authenticate");
    challenge.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// What a client answers a challenge with, parts replaced.
fn proof(challenge: &Outcome, replaced: &[(&str, &str)]) -> String {
    let part = |name: &str, default: &str| {
        replaced.iter().find(|(n, _)| *n == name).map_or(default, |(_, value)| *value).to_owned()
    };
    let (user, realm) = (part("username", "ann"), part("realm", "traefik"));
    let (nonce, opaque) = (part("nonce", &told(challenge, "nonce")), part("opaque", &told(challenge, "opaque")));
    let (uri, nc, qop) = (part("uri", "/a?b=1"), part("nc", "00000001"), part("qop", "auth"));
    let ha1 = hash(&[&user, &realm, &part("password", "secret")]);
    let response = hash(&[&ha1, &nonce, &nc, "c", &qop, &hash(&[&part("method", "GET"), &uri])]);
    let response = part("response", &response);
    format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", qop={qop}, nc={nc}, cnonce=\"c\", \
         response=\"{response}\", opaque=\"{opaque}\", algorithm=MD5"
    )
}

#[test]
fn asks_for_a_proof_and_takes_it() {
    let filter = Arc::new(DigestAuth::new(&config(&[&ann()])).unwrap());
    let challenge = run(&filter, Trial::get("/a?b=1"));
    assert_eq!((challenge.status(), challenge.text().as_str()), (401, "401 Unauthorized\n"));
    let header = challenge.got("WWW-Authenticate");
    assert!(header.starts_with("Digest realm=\"traefik\", nonce=\""), "{header}");
    assert!(header.ends_with("\", algorithm=MD5, qop=\"auth\""), "{header}");
    let proven = run(&filter, Trial::get("/a?b=1").header("Authorization", &proof(&challenge, &[])));
    assert!(proven.forwarded);
    assert_eq!(proven.state.notes.user.as_deref(), Some("ann"));
    assert_ne!(proven.sent("Authorization"), "-");
}

#[test]
fn refuses_what_is_wrong() {
    let filter = Arc::new(DigestAuth::new(&config(&[&ann(), "eve:other:00"])).unwrap());
    for replaced in [
        ("username", "bob"),
        ("username", "eve"),
        ("password", "wrong"),
        ("realm", "other"),
        ("opaque", "other"),
        ("uri", "/"),
        ("uri", "/a"),
        ("method", "POST"),
        ("qop", "auth-int"),
        ("nc", "x"),
        ("response", ""),
    ] {
        let challenge = run(&filter, Trial::get("/a?b=1"));
        let refused = run(&filter, Trial::get("/a?b=1").header("Authorization", &proof(&challenge, &[replaced])));
        assert_eq!(refused.status(), 401, "{replaced:?}");
        assert!(!refused.got("WWW-Authenticate").contains("stale"), "{replaced:?}");
    }
    for header in ["Digest", "Basic YW5uOnNlY3JldA==", "Digest username=\"ann"] {
        assert_eq!(run(&filter, Trial::get("/").header("Authorization", header)).status(), 401, "{header}");
    }
}

#[test]
fn a_proof_that_was_used_is_stale() {
    let filter = Arc::new(DigestAuth::new(&config(&[&ann()])).unwrap());
    let challenge = run(&filter, Trial::get("/a?b=1"));
    let ask = |replaced: &[(&str, &str)]| {
        run(&filter, Trial::get("/a?b=1").header("Authorization", &proof(&challenge, replaced)))
    };
    assert!(ask(&[("nc", "00000002")]).forwarded);
    for replaced in [("nc", "00000002"), ("nc", "00000001"), ("nonce", "made-up")] {
        let stale = ask(&[replaced]);
        assert!(stale.got("WWW-Authenticate").ends_with(", stale=true"), "{replaced:?}");
        assert_eq!(stale.status(), 401);
    }
    assert!(ask(&[("nc", "0000000a")]).forwarded);
}

#[test]
fn tells_the_user_and_hides_the_proof() {
    let settings = Auth {
        realm: "Here".into(),
        remove_header: true,
        header_field: "X-User".into(),
        ..config(&[&format!("ann:Here:{}", hash(&["ann", "Here", "secret"]).to_uppercase())])
    };
    let filter = Arc::new(DigestAuth::new(&settings).unwrap());
    let challenge = run(&filter, Trial::get("/a?b=1"));
    let proven = run(&filter, Trial::get("/a?b=1").header("Authorization", &proof(&challenge, &[("realm", "Here")])));
    assert!(proven.forwarded);
    assert_eq!([proven.sent("X-User"), proven.sent("Authorization")], ["ann", "-"]);
}

#[test]
fn names_the_field_that_is_wrong() {
    for (config, path) in [
        (config(&[]), "users"),
        (config(&["a:traefik:00", "b:00"]), "users[1]"),
        (config(&["a:traefik:00:"]), "users[0]"),
        (Auth { header_field: "a b".into(), ..config(&["a:traefik:00"]) }, "headerField"),
        (Auth { realm: "a\nb".into(), ..config(&["a:traefik:00"]) }, "realm"),
    ] {
        assert_eq!(DigestAuth::new(&config).err().unwrap().path, path, "{config:?}");
    }
}
