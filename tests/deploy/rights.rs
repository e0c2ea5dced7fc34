//! Who may do what: the whole list, the same from kustomize and from the chart.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Objects;
use super::tools::{helm, kustomize};

/// A verb on a resource: `group/resource[name] verb`, with `@namespace` where it is for one only.
fn rights(objects: &Objects) -> BTreeSet<String> {
    let roles = objects.0.iter().filter(|o| o["kind"] == "Role" || o["kind"] == "ClusterRole");
    roles.flat_map(of_role).collect()
}

fn of_role(role: &Value) -> Vec<String> {
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    let place = role["metadata"]["namespace"].as_str().map_or_else(String::new, |n| format!(" @{n}"));
    let mut found = Vec::new();
    for rule in role["rules"].as_array().unwrap() {
        let names = list(&rule["resourceNames"]).join(",");
        let names = if names.is_empty() { names } else { format!("[{names}]") };
        for group in list(&rule["apiGroups"]) {
            for resource in list(&rule["resources"]) {
                found.extend(list(&rule["verbs"]).iter().map(|v| format!("{group}/{resource}{names} {v}{place}")));
            }
        }
    }
    found
}

/// What is needed, in short: in each watched namespace, or in the whole cluster.
fn needed(place: &str, nodes: bool) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    for crd in ingora_crds::crd::all() {
        let (group, plural) = (&crd.spec.group, &crd.spec.names.plural);
        needed.extend(["list", "watch"].map(|verb| format!("{group}/{plural} {verb}{place}")));
        needed.insert(format!("{group}/{plural}/status patch{place}"));
    }
    let watched = ["/services", "/secrets", "/configmaps", "discovery.k8s.io/endpointslices"];
    for resource in watched.into_iter().chain(nodes.then_some("/nodes")) {
        needed.extend(["list", "watch"].map(|verb| format!("{resource} {verb}{place}")));
    }
    needed.extend(["create", "patch"].map(|verb| format!("events.k8s.io/events {verb}{place}")));
    needed.extend(["get", "patch", "update"].map(|v| format!("coordination.k8s.io/leases[ingora] {v} @ingora")));
    needed.insert("coordination.k8s.io/leases create @ingora".to_owned());
    needed
}

#[test]
fn nothing_is_allowed_that_is_not_needed() {
    let two = "rbac: {namespaced: true}\nproviders: {kubernetesCRD: {namespaces: [a, b]}}";
    let in_both = needed(" @a", false).union(&needed(" @b", false)).cloned().collect();
    for (from, objects, expected) in [
        ("deploy/base", kustomize("deploy/base"), needed("", true)),
        ("deploy/namespaced", kustomize("deploy/namespaced"), needed(" @default", false)),
        ("chart", helm("{}").unwrap(), needed("", true)),
        (
            "chart, without Nodes",
            helm("providers: {kubernetesCRD: {disableClusterScopeResources: true}}").unwrap(),
            needed("", false),
        ),
        ("chart, its own namespace", helm("rbac: {namespaced: true}").unwrap(), needed(" @ingora", false)),
        ("chart, two namespaces", helm(two).unwrap(), in_both),
        ("chart, somebody else's rights", helm("rbac: {enabled: false}").unwrap(), BTreeSet::new()),
    ] {
        let rights = rights(&objects);
        let more: Vec<_> = rights.difference(&expected).collect();
        let less: Vec<_> = expected.difference(&rights).collect();
        assert!(more.is_empty() && less.is_empty(), "{from}: too much {more:#?}, too little {less:#?}");
    }
}

/// Each role is bound to the account that the pods have, and to nobody else.
#[test]
fn only_the_pods_account_has_the_rights() {
    for objects in [
        kustomize("deploy/base"),
        kustomize("deploy/namespaced"),
        helm("{}").unwrap(),
        helm("rbac: {namespaced: true}").unwrap(),
        helm("serviceAccount: {name: mine}").unwrap(),
    ] {
        let account = objects.only("Deployment")["spec"]["template"]["spec"]["serviceAccountName"].clone();
        let subjects = serde_json::json!([{"kind": "ServiceAccount", "name": account, "namespace": "ingora"}]);
        let (mut bound, mut there) = (BTreeSet::new(), BTreeSet::new());
        for object in &objects.0 {
            let kind = object["kind"].as_str().unwrap();
            let metadata = &object["metadata"];
            match kind {
                "Role" | "ClusterRole" => {
                    there.insert(format!("{kind} {} {}", metadata["namespace"], metadata["name"]));
                }
                "RoleBinding" | "ClusterRoleBinding" => {
                    assert_eq!(object["subjects"], subjects, "{object}");
                    let role = &object["roleRef"];
                    assert_eq!(role["kind"], kind.strip_suffix("Binding").unwrap());
                    let name = format!("{} {}", metadata["namespace"], role["name"]);
                    bound.insert(format!("{} {name}", role["kind"].as_str().unwrap()));
                }
                _ => {}
            }
        }
        assert_eq!(bound, there);
        let pod = &objects.only("Deployment")["spec"]["template"]["spec"];
        assert_eq!(pod["automountServiceAccountToken"], true);
        let made = objects.of("ServiceAccount").next();
        assert_eq!(made.is_none(), account == "mine");
        assert!(made.is_none_or(|made| made["automountServiceAccountToken"] == false));
    }
}
