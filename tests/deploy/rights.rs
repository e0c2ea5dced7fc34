//! Who may do what: the whole list, the same from kustomize and from the chart.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::Objects;
use super::tools::{helm, kustomize};

/// A verb on a resource, everywhere or in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    pub group: String,
    /// With its subresource: `ingressroutes/status`.
    pub resource: String,
    /// The only object that it is for.
    pub name: Option<String>,
    pub verb: String,
    pub namespace: Option<String>,
}

/// All rights that the roles among the objects give.
pub fn rights(objects: &Objects) -> BTreeSet<Right> {
    let roles = objects.0.iter().filter(|o| o["kind"] == "Role" || o["kind"] == "ClusterRole");
    roles.flat_map(of_role).collect()
}

fn of_role(role: &Value) -> Vec<Right> {
    let namespace = role["metadata"]["namespace"].as_str();
    let mut found = Vec::new();
    for rule in role["rules"].as_array().unwrap() {
        let names = match rule["resourceNames"].is_array() {
            true => list(&rule["resourceNames"]).into_iter().map(Some).collect(),
            false => vec![None],
        };
        for (group, resource) in pairs(&list(&rule["apiGroups"]), &list(&rule["resources"])) {
            for (name, verb) in pairs(&names, &list(&rule["verbs"])) {
                let (group, resource, namespace) = (group.clone(), resource.clone(), namespace.map(str::to_owned));
                found.push(Right { group, resource, name, verb, namespace });
            }
        }
    }
    found
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}

fn pairs<A: Clone, B: Clone>(a: &[A], b: &[B]) -> Vec<(A, B)> {
    a.iter().flat_map(|a| b.iter().map(|b| (a.clone(), b.clone()))).collect()
}

// === impl Right ===

impl Right {
    /// From `group/resource verb`, with `[name]` and ` @namespace` where there are any.
    fn parse(text: &str) -> Right {
        let (text, namespace) = text.split_once(" @").map_or((text, None), |(t, n)| (t, Some(n.to_owned())));
        let (text, verb) = text.split_once(' ').unwrap();
        let (text, name) = match text.trim_end_matches(']').split_once('[') {
            Some((text, name)) => (text, Some(name.to_owned())),
            None => (text, None),
        };
        let (group, resource) = text.split_once('/').unwrap();
        Right { group: group.to_owned(), resource: resource.to_owned(), name, verb: verb.to_owned(), namespace }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.group, self.resource)?;
        self.name.iter().try_for_each(|name| write!(f, "[{name}]"))?;
        write!(f, " {}", self.verb)?;
        self.namespace.iter().try_for_each(|namespace| write!(f, " @{namespace}"))
    }
}

/// What is needed, in short: in each watched namespace, or in the whole cluster.
fn needed(place: &str, nodes: bool) -> BTreeSet<Right> {
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
    needed.extend(["get", "update"].map(|v| format!("coordination.k8s.io/leases[ingora] {v} @ingora")));
    needed.insert("coordination.k8s.io/leases create @ingora".to_owned());
    needed.iter().map(|text| Right::parse(text)).collect()
}

#[test]
fn nothing_is_allowed_that_is_not_needed() {
    let two = "rbac: {namespaced: true}\nproviders: {kubernetesCRD: {namespaces: [a, b]}}";
    let in_both = needed(" @a", false).union(&needed(" @b", false)).cloned().collect();
    let reading: BTreeSet<_> = needed("", true).into_iter().filter(|r| ["list", "watch"].contains(&&*r.verb)).collect();
    let events = |verb| Right::parse(&format!("events.k8s.io/events {verb}"));
    let elsewhere = ["[x] get", "[x] update", " create"];
    let elsewhere = elsewhere.map(|what| Right::parse(&format!("coordination.k8s.io/leases{what} @other")));
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
        (
            "chart, nothing is written",
            helm("providers: {kubernetesCRD: {feedback: {status: false, events: false}}}").unwrap(),
            reading.clone(),
        ),
        (
            "chart, a Lease elsewhere",
            helm("providers: {kubernetesCRD: {feedback: {status: false, leaseName: x, leaseNamespace: other}}}")
                .unwrap(),
            reading.iter().cloned().chain(["create", "patch"].map(events)).chain(elsewhere).collect(),
        ),
        ("chart, somebody else's rights", helm("rbac: {enabled: false}").unwrap(), BTreeSet::new()),
    ] {
        let rights = rights(&objects);
        let more: Vec<_> = rights.difference(&expected).map(Right::to_string).collect();
        let less: Vec<_> = expected.difference(&rights).map(Right::to_string).collect();
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
