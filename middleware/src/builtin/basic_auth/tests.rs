//! Tests of `basicAuth`: who gets in, what the server is told, what is remembered.

#![allow(clippy::unwrap_used)]

use ingora_crds::secret::Secret;

use super::*;
use crate::testing::{Outcome, Trial};

const SHA: &str = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=";
const APR1: &str = "$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/";

fn config(lines: &[&str]) -> Auth {
    Auth { users: lines.iter().map(|line| Secret((*line).to_owned())).collect(), ..Default::default() }
}

fn trial(credentials: &str) -> Trial {
    Trial::get("/").header("Authorization", &format!("Basic {}", STANDARD.encode(credentials)))
}

fn run(config: &Auth, trial: Trial) -> Outcome {
    trial.run(BasicAuth::new(config).unwrap())
}

#[test]
fn lets_those_in_who_know_the_password() {
    let bcrypt = format!("cat:{}", bcrypt::hash("test", 4).unwrap());
    let config = config(&[&format!("ann:{SHA}"), &format!("bob:{APR1}"), &bcrypt, "dan:plain"]);
    for (credentials, status) in [
        ("ann:password", 200),
        ("ann:passwort", 401),
        ("bob:test", 200),
        ("bob:tes", 401),
        ("cat:test", 200),
        ("cat:Test", 401),
        ("dan:plain", 401),
        ("eve:password", 401),
        ("ann", 401),
        (":", 401),
    ] {
        let outcome = run(&config, trial(credentials));
        assert_eq!(outcome.status(), status, "{credentials}");
        if status == 401 {
            assert_eq!(outcome.text(), "401 Unauthorized\n");
            assert_eq!(
                ["WWW-Authenticate", "Content-Type"].map(|n| outcome.got(n)),
                ["Basic realm=\"traefik\"", "text/plain"]
            );
        }
    }
    for header in ["", "Basic", "Basic !", "Bearer x", "Bäsic x"] {
        assert_eq!(run(&config, Trial::get("/").header("Authorization", header)).status(), 401, "{header}");
    }
    let lower = Trial::get("/").header("Authorization", &format!("basic {}", STANDARD.encode("ann:password")));
    assert_eq!(run(&config, lower).status(), 200);
}

#[test]
fn tells_the_server_the_user() {
    let mut config = config(&[&format!("ann:{SHA}")]);
    let outcome = run(&config, trial("ann:password").header("X-webauth-USER", "root"));
    assert_ne!(outcome.sent("Authorization"), "-");
    assert_eq!(outcome.state.notes.user.as_deref(), Some("ann"));

    config.remove_header = true;
    config.header_field = "X-WebAuth-User".into();
    config.realm = "inner".into();
    let outcome = run(&config, trial("ann:password").header("X-webauth-USER", "root"));
    assert_eq!(["Authorization", "X-WebAuth-User"].map(|n| outcome.sent(n)), ["-", "ann"]);
    let mut wire = Vec::new();
    outcome.request.header_to_h1_wire(&mut wire);
    assert!(String::from_utf8_lossy(&wire).contains("X-WebAuth-User: ann\r\n"), "spelled as written");
    assert_eq!(run(&config, Trial::get("/")).got("WWW-Authenticate"), "Basic realm=\"inner\"");
    assert_eq!(run(&config, trial("eve:x")).state.notes.user.as_deref(), Some("eve"));
}

#[test]
fn a_slow_hash_is_computed_once_and_only_for_its_user() {
    let filter = Arc::new(BasicAuth::new(&config(&[&format!("ann:{APR1}")])).unwrap());
    let run = |credentials| trial(credentials).run_built(Arc::clone(&filter) as Arc<dyn Filter>).status();
    let ann = Arc::clone(&filter.users["ann"]);
    assert_eq!((run("eve:test"), run("ann:wrong")), (401, 401));
    assert!(ann.remembered.get().is_none(), "nobody has proved anything");
    assert_eq!(run("ann:test"), 200);
    assert_eq!(ann.remembered.get(), Some(&filter.digest(b"test")));
    assert_eq!((run("ann:test"), run("ann:wrong"), run("eve:test")), (200, 401, 401));
}

#[test]
fn a_remembered_password_is_decided_at_once() {
    let filter = BasicAuth::new(&config(&[&format!("ann:{APR1}")])).unwrap();
    assert!(filter.users["ann"].remembered.set(filter.digest(b"test")).is_ok());
    let mut request = pingora_http::RequestHeader::build("GET", b"/", None).unwrap();
    let client = crate::filter::Client { peer: ([192, 0, 2, 1], 1).into(), tls: None };
    for (credentials, now) in [("ann:test", true), ("ann:wrong", false), ("eve:test", false)] {
        request.insert_header("Authorization", format!("Basic {}", STANDARD.encode(credentials))).unwrap();
        let (mut notes, mut slot) = Default::default();
        let mut cx = RequestCx { request: &mut request, client: &client, notes: &mut notes, slot: &mut slot };
        assert_eq!(matches!(filter.request(&mut cx), Step::Now(_)), now, "{credentials}");
    }
}

#[test]
fn names_what_is_wrong_without_showing_it() {
    let mut bad_header = config(&["a:b"]);
    bad_header.header_field = "X User".into();
    for (config, path) in [
        (config(&[]), "users"),
        (config(&["a:b", "secret"]), "users[1]"),
        (config(&["a:secret:c"]), "users[0]"),
        (bad_header, "headerField"),
    ] {
        let error = BasicAuth::new(&config).err().unwrap();
        assert_eq!(error.path, path);
        assert!(!error.message.contains("secret"));
    }
}
