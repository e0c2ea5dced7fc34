//! What removing brings back, and that copies don't change.

#![allow(clippy::unwrap_used)]

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::objects::decode::decode;

fn object(yaml: &str) -> Object {
    decode(serde_json::Value::deserialize(serde_yaml::Deserializer::from_str(yaml)).unwrap()).objects.remove(0)
}

fn middleware(group: Group, prefix: &str) -> Object {
    let (group, spec) = (group.name(), json!({"addPrefix": {"prefix": prefix}}));
    object(&format!("{{apiVersion: {group}/v1alpha1, kind: Middleware, metadata: {{name: m}}, spec: {spec}}}"))
}

fn slice(name: &str, service: &str) -> Object {
    let label = if service.is_empty() { "" } else { "kubernetes.io/service-name: " };
    object(&format!(
        "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, endpoints: [], \
         metadata: {{name: {name}, labels: {{{label}{service}}}}}}}"
    ))
}

/// The prefix that counts, and how many findings there are.
fn state(snapshot: &Snapshot) -> (Option<&str>, usize) {
    let middleware = snapshot.middlewares.get("default", "m");
    (middleware.map(|m| m.object.spec.add_prefix.as_ref().unwrap().prefix.as_str()), snapshot.all_findings().len())
}

#[test]
fn the_older_group_comes_back() {
    use Group::{ContainoUs, TraefikIo};
    let (old, new) = (middleware(ContainoUs, "/old"), middleware(TraefikIo, "/new"));
    for order in [[&old, &new], [&new, &old]] {
        let mut snapshot = Snapshot::default();
        order.iter().for_each(|o| snapshot.insert((*o).clone()));
        assert_eq!(state(&snapshot), (Some("/new"), 1));
        let both = snapshot.clone();
        assert!(snapshot.remove(&new.key()) && !snapshot.remove(&new.key()));
        assert_eq!(state(&snapshot), (Some("/old"), 0));
        assert!(snapshot.remove(&old.key()));
        assert_eq!(state(&snapshot), (None, 0));
        assert_eq!(state(&both), (Some("/new"), 1));

        let mut snapshot = both;
        snapshot.insert(middleware(ContainoUs, "/older"));
        assert!(snapshot.remove(&old.key()));
        assert_eq!(state(&snapshot), (Some("/new"), 0));
        snapshot.remove(&new.key());
        assert_eq!(state(&snapshot), (None, 0));
    }
}

#[test]
fn slices_follow_their_label() {
    let mut snapshot = Snapshot::default();
    let names = |snapshot: &Snapshot, service| {
        let slices = snapshot.endpoint_slices.get("default", service).cloned();
        slices.iter().flat_map(|s| s.iter()).map(|s| s.metadata.name.clone().unwrap()).collect::<Vec<_>>()
    };
    for (name, service) in [("b", "s"), ("a", "s"), ("b", "s"), ("c", "t")] {
        snapshot.insert(slice(name, service));
    }
    assert_eq!((names(&snapshot, "s"), names(&snapshot, "t")), (vec!["a".into(), "b".into()], vec!["c".into()]));
    let before = snapshot.clone();
    snapshot.insert(slice("a", "t"));
    assert_eq!((names(&snapshot, "s"), names(&snapshot, "t")), (vec!["b".into()], vec!["a".into(), "c".into()]));
    snapshot.insert(slice("b", ""));
    assert!(snapshot.endpoint_slices.get("default", "s").is_none());
    assert!(!snapshot.remove(&slice("b", "").key()));
    assert!(snapshot.remove(&slice("a", "t").key()) && snapshot.remove(&slice("c", "t").key()));
    assert!(snapshot.endpoint_slices.is_empty());
    assert_eq!(names(&before, "s"), ["a", "b"]);
}

#[test]
fn what_is_told_of_an_object_goes_with_it() {
    let mut snapshot = Snapshot::default();
    let new = middleware(Group::TraefikIo, "/new");
    let finding = |code| vec![Diagnostic::warning(code, &new.key().reference(), "spec", "")];
    snapshot.insert(new.clone());
    snapshot.tell(&new.key(), finding("First"));
    snapshot.tell(&new.key(), finding("Second"));
    assert_eq!(snapshot.all_findings(), finding("Second"));
    snapshot.remove(&new.key());
    assert!(snapshot.all_findings().is_empty());
}

#[test]
fn changes_are_found_across_namespaces() {
    let mut old: Store<u8> = Store::default();
    for (namespace, name) in [("a", "x"), ("a", "y"), ("b", "x")] {
        old.insert(namespace, name, 0);
    }
    let mut new = old.clone();
    new.insert("a", "y", 1);
    new.insert("c", "x", 0);
    new.remove("b", "x");
    let found: Vec<_> =
        new.changes(&old, u8::eq).iter().map(|(namespace, name)| format!("{namespace}/{name}")).collect();
    assert_eq!(found, ["a/y", "b/x", "c/x"]);
}
