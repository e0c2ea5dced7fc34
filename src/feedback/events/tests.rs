//! The planner through time: what is told, when, and how often.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::feedback::fixture::{error, object, route, snapshot};

/// A planner, the objects it tells of, and the time.
struct Stage {
    planner: Planner,
    snapshot: Snapshot,
    now: Duration,
}

impl Stage {
    fn new(routes: &[&str]) -> Self {
        let snapshot = snapshot(routes.iter().map(|name| route(name, &["a"])));
        Stage { planner: Planner::new(Duration::ZERO), snapshot, now: Duration::ZERO }
    }

    /// Time passes, these findings hold; what is written then, all of it with success.
    fn after(&mut self, seconds: u64, diagnostics: &[Diagnostic]) -> Vec<String> {
        self.now += Duration::from_secs(seconds);
        let there = |object: &ObjectReference| {
            let name = object.name.clone().unwrap();
            self.snapshot.ingress_routes.get("default", &name).is_some()
        };
        self.planner.update(findings(&self.snapshot, diagnostics), there, self.now);
        let mut told = Vec::new();
        while let Some(write) = self.planner.next(self.now) {
            self.planner.told(&write.note.name, write.count, self.now);
            let Note { regarding, reason, text, warning, .. } = &write.note;
            let kind = if *warning { "Warning" } else { "Normal" };
            let name = regarding.name.as_deref().unwrap();
            told.push(format!("{name} {kind} {reason} {text} ×{}", write.count));
        }
        told
    }
}

fn missing(route: &str) -> Diagnostic {
    error("ServiceNotFound", "IngressRoute", route, "no s")
}

#[test]
fn a_finding_is_told_once_and_its_end_once() {
    let mut stage = Stage::new(&["r"]);
    let told = "r Warning ServiceNotFound spec.x: no s";
    let mended = "r Normal Mended ServiceNotFound: spec.x: no s";
    assert_eq!(stage.after(0, &[missing("r")]), [format!("{told} ×1")]);
    for _ in 0..20 {
        assert_eq!(stage.after(60, &[missing("r")]), [""; 0]);
    }
    assert_eq!(stage.after(60, &[]), [format!("{mended} ×1")]);
    assert_eq!(stage.after(60, &[]), [""; 0]);
    // The same again is the same Event again.
    assert_eq!(stage.after(60, &[missing("r")]), [format!("{told} ×2")]);
    assert_eq!(stage.after(60, &[]), [format!("{mended} ×2")]);
    // Long after, it is news.
    assert_eq!(stage.after(7200, &[]), [""; 0]);
    assert_eq!(stage.after(0, &[missing("r")]), [format!("{told} ×1")]);
}

#[test]
fn what_stands_is_told_again_before_the_api_server_forgets_it() {
    let mut stage = Stage::new(&["r"]);
    let info = Diagnostic { severity: Severity::Info, ..error("PortAssumed", "IngressRoute", "r", "80") };
    let both = [missing("r"), info];
    assert_eq!(
        stage.after(0, &both),
        ["r Warning ServiceNotFound spec.x: no s ×1", "r Normal PortAssumed spec.x: 80 ×1"]
    );
    assert_eq!(stage.after(1799, &both), [""; 0]);
    assert_eq!(stage.after(1, &both), ["r Warning ServiceNotFound spec.x: no s ×2"], "not what is only worth knowing");
    assert_eq!(stage.after(1800, &both), ["r Warning ServiceNotFound spec.x: no s ×3"]);
}

#[test]
fn other_words_for_the_same_trouble_do_not_mend_it() {
    let mut stage = Stage::new(&["r"]);
    let three = |n| error("NoEndpoints", "IngressRoute", "r", n);
    assert_eq!(stage.after(0, &[three("none of 3")]).len(), 1);
    assert_eq!(stage.after(1, &[three("none of 4")]), ["r Warning NoEndpoints spec.x: none of 4 ×1"]);
    assert_eq!(stage.after(1, &[]), ["r Normal Mended NoEndpoints: spec.x: none of 4 ×1"]);
}

#[test]
fn nothing_is_told_of_what_is_gone_or_not_ours_or_no_object() {
    let mut stage = Stage::new(&["r", "other"]);
    let class = Diagnostic { severity: Severity::Info, ..error(CLASS_NOT_SERVED, "IngressRoute", "other", "nginx") };
    let findings = [missing("r"), missing("other"), class, missing("unknown"), error("InvalidYaml", "File", "a", "no")];
    assert_eq!(stage.after(0, &findings).len(), 1);
    stage.snapshot = Snapshot::default();
    assert_eq!(stage.after(1, &[]), [""; 0], "a deleted object is not mended");
}

#[test]
fn what_never_was_told_is_not_told_to_be_mended() {
    let mut stage = Stage::new(&["r"]);
    let findings: Vec<_> = (0..30).map(|i| error("UnknownField", "IngressRoute", "r", &i.to_string())).collect();
    assert_eq!(stage.after(0, &findings).len(), 25, "the burst of an object");
    assert_eq!(stage.after(1, &findings[..25]), [""; 0]);
    assert_eq!(stage.after(1, &[]), [""; 0], "the object has said enough");
    assert_eq!(stage.after(299, &[]).len(), 1, "one more every five minutes");
}

#[test]
fn all_objects_together_have_a_rate_too_and_errors_come_first() {
    let names: Vec<String> = (0..300).map(|i| format!("r{i}")).collect();
    let mut stage = Stage::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut findings: Vec<_> = names.iter().map(|n| Diagnostic { severity: Severity::Warning, ..missing(n) }).collect();
    findings.push(missing("r299"));
    findings[299].message = "a warning".into();
    let first = stage.after(0, &findings);
    assert_eq!(first.len(), 100);
    assert_eq!(first[0], "r299 Warning ServiceNotFound spec.x: no s ×1");
    assert_eq!(stage.after(1, &findings).len(), 20);
    assert!(stage.planner.is_waiting());
}

#[test]
fn what_failed_is_tried_again() {
    let mut stage = Stage::new(&["r"]);
    stage.planner.update(findings(&stage.snapshot, &[missing("r")]), |_| true, stage.now);
    for _ in 0..40 {
        let write = stage.planner.next(stage.now).unwrap();
        stage.planner.failed(&write.note);
    }
    let write = stage.planner.next(stage.now).unwrap();
    // Another writer told it three times.
    stage.planner.told(&write.note.name, 3, stage.now);
    assert_eq!(stage.after(1800, &[missing("r")]), ["r Warning ServiceNotFound spec.x: no s ×4"]);
}

#[test]
fn names_are_the_same_for_whoever_tells() {
    let name = |kind: &str, object_name: &str, message: &str| {
        let snapshot = snapshot([object(kind, object_name, serde_json::json!({"routes": []}))]);
        let note = findings(&snapshot, &[error("InvalidRule", kind, object_name, message)])[0].note.clone();
        assert!(note.name.len() <= 253 && note.text.len() <= 1024, "{}", note.name);
        note.name
    };
    let one = name("IngressRoute", "r", "no");
    assert_eq!(one, name("IngressRoute", "r", "no"));
    assert!(one.starts_with("r.") && one.len() == 18, "{one}");
    assert_ne!(one, name("IngressRoute", "r", "yes"));
    let _ = name("IngressRoute", &format!("{}x", "long.".repeat(50)), &"é".repeat(1000));
}
