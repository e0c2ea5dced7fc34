//! Findings and routers in, conditions out.

#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::json;

use super::*;
use crate::diagnostic::ObjectRef;
use crate::feedback::fixture::{error, object, route, served};

fn all(served: &Served) -> Vec<Desired> {
    let mut found = Vec::new();
    desired(served, |_, _| false, |d| found.push(d));
    found
}

/// `Accepted=True(Accepted)`, …, each with its message.
fn told(desired: &Desired) -> Vec<String> {
    let say = |v: &Verdict| format!("{}={}({}) {}", v.aspect.name(), truth(v.holds), v.reason, v.message);
    desired.verdicts.iter().map(|v| say(v).trim().to_owned()).collect()
}

const GOOD: [&str; 3] = ["Accepted=True(Accepted)", "ResolvedRefs=True(ResolvedRefs)", "Programmed=True(Programmed)"];

#[test]
fn a_route_is_what_its_findings_and_routers_say() {
    let warning =
        |code, message: &str| Diagnostic { severity: Severity::Warning, ..error(code, "IngressRoute", "r", message) };
    let info =
        |code, message: &str| Diagnostic { severity: Severity::Info, ..error(code, "IngressRoute", "r", message) };
    let wrong = |code, message: &str| error(code, "IngressRoute", "r", message);
    let [accepted, resolved, programmed] = GOOD;
    for (findings, serving, expected) in [
        (vec![], 2, GOOD.map(str::to_owned)),
        (
            vec![wrong("InvalidRule", "no")],
            1,
            [
                "Accepted=False(InvalidRule) spec.x: no".to_owned(),
                resolved.to_owned(),
                "Programmed=False(InvalidRule) 1/2 routes serve".to_owned(),
            ],
        ),
        (
            vec![wrong("ServiceNotFound", "no s"), wrong("ServiceNotFound", "no t")],
            0,
            [
                accepted.to_owned(),
                "ResolvedRefs=False(ServiceNotFound) spec.x: no s\nspec.x: no t".to_owned(),
                "Programmed=False(ServiceNotFound) 0/2 routes serve".to_owned(),
            ],
        ),
        (
            vec![wrong("NoEndpoints", "none")],
            1,
            [
                accepted.to_owned(),
                resolved.to_owned(),
                "Programmed=False(NoEndpoints) 1/2 routes serve\nspec.x: none".to_owned(),
            ],
        ),
        // A certificate is missing, and the routes serve all the same.
        (
            vec![wrong("SecretNotFound", "no c")],
            2,
            [accepted.to_owned(), "ResolvedRefs=False(SecretNotFound) spec.x: no c".to_owned(), programmed.to_owned()],
        ),
        (
            vec![warning("KindMissing", "write Rule"), info("PortAssumed", "80")],
            2,
            ["Accepted=True(Accepted) spec.x: write Rule".to_owned(), resolved.to_owned(), programmed.to_owned()],
        ),
        // Nobody found anything, and still it isn't there.
        (
            vec![],
            1,
            [accepted.to_owned(), resolved.to_owned(), "Programmed=False(NotServed) 1/2 routes serve".to_owned()],
        ),
    ] {
        let found = all(&served([route("r", &["a", "b"])], &findings, &[("r", serving)]));
        assert_eq!(told(&found[0]), expected, "{findings:?}");
        assert_eq!((found[0].hosts.as_str(), found[0].routes.as_str()), ("a,b", format!("{serving}/2").as_str()));
        assert_eq!(found[0].is_bad(), expected.iter().any(|e| e.contains("=False")));
    }
}

#[test]
fn what_is_only_referred_to_is_programmed_where_it_is_good() {
    let middleware = || object("Middleware", "m", json!({"addPrefix": {"prefix": "/a"}}));
    assert_eq!(told(&all(&served([middleware()], &[], &[]))[0]), GOOD);
    let findings = [error("SecretNotFound", "Middleware", "m", "no s")];
    let found = all(&served([middleware()], &findings, &[]));
    assert_eq!(
        told(&found[0]),
        [GOOD[0], "ResolvedRefs=False(SecretNotFound) spec.x: no s", "Programmed=False(SecretNotFound)"]
    );
    assert_eq!((found[0].hosts.as_str(), found[0].routes.as_str()), ("", ""));
}

#[test]
fn routes_with_the_same_rule_make_one_router() {
    assert_eq!(told(&all(&served([route("r", &["a", "a"])], &[], &[("r", 1)]))[0]), GOOD);
}

#[test]
fn nothing_is_said_of_objects_that_are_not_ours() {
    let class = Diagnostic { severity: Severity::Info, ..error(CLASS_NOT_SERVED, "IngressRoute", "other", "nginx") };
    let mut file = route("file", &["a"]);
    file["metadata"].as_object_mut().unwrap().remove("uid");
    let objects = [route("other", &["a"]), route("elsewhere/r", &["a"]), file, route("ours", &["a"])];
    let found = all(&served(objects, &[class], &[("ours", 1)]));
    let names: Vec<_> = found.iter().map(|d| d.subject.name.as_str()).collect();
    assert_eq!(names, ["ours"]);
}

#[test]
fn the_basis_changes_with_whatever_matters() {
    let basis = |served: Served| all(&served)[0].basis;
    let of = |findings: &[Diagnostic], serving| basis(served([route("r", &["a"])], findings, &[("r", serving)]));
    let good = of(&[], 1);
    assert_eq!(good, of(&[], 1));
    assert_ne!(good, of(&[], 0));
    assert_ne!(good, of(&[error("InvalidRule", "IngressRoute", "r", "no")], 1));
    let mut newer = route("r", &["a"]);
    newer["metadata"]["generation"] = json!(4);
    assert_ne!(good, basis(served([newer], &[], &[("r", 1)])));

    let known = served([route("r", &["a"])], &[], &[("r", 1)]);
    let uids = desired(&known, |_, basis| basis == good, |d| panic!("{d:?} is known"));
    assert_eq!(uids, ["IngressRoute-r"], "it is there all the same");
}

#[test]
fn a_condition_keeps_its_time_until_it_turns() {
    let at = |s| Timestamp::from_second(s).unwrap();
    let times = |status: &RouteStatus| {
        status.conditions.iter().map(|c| c.last_transition_time.0.as_second()).collect::<Vec<_>>()
    };
    let good = &all(&served([route("r", &["a"])], &[], &[("r", 1)]))[0];
    let broken = [error("ServiceNotFound", "IngressRoute", "r", "no")];
    let bad = &all(&served([route("r", &["a"])], &broken, &[("r", 0)]))[0];

    let first = good.status(&Was::default(), at(1));
    assert_eq!(times(&first), [1, 1, 1]);
    let second = bad.status(&Was::new(&first), at(2));
    assert_eq!(times(&second), [1, 2, 2]);
    let third = bad.status(&Was::new(&second), at(3));
    assert_eq!(times(&third), [1, 2, 2]);
    assert_eq!(second, third);
    assert!(Was::new(&second).says_the_same(&Was::new(&third)));
    assert!(!Was::new(&first).says_the_same(&Was::new(&second)));
    assert!(!Was::default().says_the_same(&Was::new(&first)));

    // As another process reads it from the API server.
    let read: RouteStatus = serde_json::from_value(serde_json::to_value(&second).unwrap()).unwrap();
    assert_eq!(Was::new(&read), Was::new(&second));
    assert_eq!(first.conditions[0].observed_generation, Some(3));
}

#[test]
fn messages_have_an_end() {
    let object = ObjectRef::new("IngressRoute", "default", "r");
    let finding = |i: usize| Diagnostic::error("InvalidRule", &object, format!("spec.routes[{i}]"), "é".repeat(3000));
    let long = all(&served([route("r", &["a"])], &(0..50).map(finding).collect::<Vec<_>>(), &[]));
    let message = &long[0].verdicts[0].message;
    assert!(message.len() <= MOST_BYTES + 20 && message.ends_with("…\nand 49 more"), "{}", message.len());

    let finding = |i: usize| Diagnostic::error("InvalidRule", &object, format!("spec.routes[{i}]"), "no");
    let many = all(&served([route("r", &["a"])], &(0..50).map(finding).collect::<Vec<_>>(), &[]));
    assert!(many[0].verdicts[0].message.ends_with("spec.routes[7]: no\nand 42 more"), "{:?}", many[0].verdicts[0]);
}
