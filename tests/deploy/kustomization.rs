//! The kustomizations: what each is made of, and that pods are confined, probed and given time to end.

use std::fs;

use ingora::config::Config;
use ingora::config::entry_point::LifeCycle;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::tools::{ROOT, helm, kustomize};
use super::{Objects, assert_crds, config, pod};

/// What both variants are made of, in namespace `ingora`; of the ConfigMap only the beginning of the name.
const WORKLOAD: [&str; 8] = [
    "ConfigMap ingora/ingora-config-",
    "Deployment ingora/ingora",
    "HorizontalPodAutoscaler ingora/ingora",
    "PodDisruptionBudget ingora/ingora",
    "Role ingora/ingora",
    "RoleBinding ingora/ingora",
    "Service ingora/ingora",
    "ServiceAccount ingora/ingora",
];

/// The names of rendered objects without CRDs, and without the hash in the ConfigMap's.
fn names(objects: &Objects) -> Vec<String> {
    let names = objects.names().into_iter().filter(|name| !name.starts_with("CustomResourceDefinition "));
    let without_hash = |name: String| match name.strip_prefix(WORKLOAD[0]) {
        Some(hash) if hash.len() == 10 => WORKLOAD[0].to_owned(),
        _ => name,
    };
    names.map(without_hash).collect()
}

fn workload_and(more: &[&str]) -> Vec<String> {
    let mut names: Vec<_> = WORKLOAD.iter().chain(more).map(|name| (*name).to_owned()).collect();
    names.sort();
    names
}

#[test]
fn the_base_is_all_that_a_cluster_needs() {
    let base = kustomize("deploy/base");
    assert_eq!(names(&base), workload_and(&["ClusterRole ingora", "ClusterRoleBinding ingora", "Namespace ingora"]));
    assert_crds(&base);
}

#[test]
fn the_namespaced_variant_makes_nothing_of_the_clusters_own() {
    let namespaced = kustomize("deploy/namespaced");
    let watched = ["Role default/ingora-watched", "RoleBinding default/ingora-watched"];
    assert_eq!(names(&namespaced), workload_and(&watched));
    let options = config(&namespaced).translate_options();
    assert_eq!(options.namespaces, ["default"]);
    assert!(options.disable_cluster_scope_resources);
}

/// All but the provider is the same in both.
#[test]
fn the_two_configurations_differ_in_the_provider_alone() {
    let mut namespaced = config(&kustomize("deploy/namespaced"));
    let base = config(&kustomize("deploy/base"));
    assert_ne!(namespaced.providers, base.providers);
    namespaced.providers = base.providers.clone();
    assert_eq!(namespaced, base);
}

#[test]
fn pods_are_confined() {
    for (from, objects) in rendered() {
        let pod = pod(&objects, "Deployment");
        let container = &pod["spec"]["containers"][0];
        for (pointer, expected) in [
            ("/allowPrivilegeEscalation", json!(false)),
            ("/readOnlyRootFilesystem", json!(true)),
            ("/capabilities", json!({"drop": ["ALL"]})),
            ("/privileged", Value::Null),
        ] {
            let found = container["securityContext"].pointer(pointer).unwrap_or(&Value::Null);
            assert_eq!(*found, expected, "{from}: container's securityContext{pointer}");
        }
        let user = json!({
            "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"},
        });
        assert_eq!(pod["spec"]["securityContext"], user, "{from}");
        for absent in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"] {
            assert_eq!(pod["spec"][absent], Value::Null, "{from}: {absent}");
        }
        let writable = json!([
            {"name": "config", "mountPath": "/etc/ingora", "readOnly": true}, {"name": "tmp", "mountPath": "/tmp"},
        ]);
        assert_eq!(container["volumeMounts"], writable, "{from}");
        assert_eq!(pod["spec"]["volumes"][1], json!({"name": "tmp", "emptyDir": {}}), "{from}");
        assert!(container["resources"]["requests"]["cpu"].is_string(), "{from}");
        assert!(container["resources"]["limits"]["memory"].is_string(), "{from}");
        assert_eq!(container["resources"]["limits"]["cpu"], Value::Null, "{from}: throttling makes requests slow");
    }
}

#[test]
fn probes_ask_an_entry_point_that_is_there() {
    for (from, objects) in rendered() {
        let config = config(&objects);
        let pod = pod(&objects, "Deployment");
        let container = &pod["spec"]["containers"][0];
        let ports = container["ports"].as_array().unwrap();
        for (probe, path) in [("startupProbe", "/ping"), ("livenessProbe", "/ping"), ("readinessProbe", "/ready")] {
            let asked = json!({"path": path, "port": "traefik"});
            assert_eq!(container[probe]["httpGet"], asked, "{from}: {probe}");
        }
        assert_eq!(config.ping.as_ref().unwrap().entry_point, "traefik", "{from}");
        // Each entry point is a port of the pod, and those that the Service has are among them.
        let listened: Vec<_> = config.entry_points.iter().map(|(name, e)| json!([name, e.address.port])).collect();
        let declared: Vec<_> = ports.iter().map(|port| json!([port["name"], port["containerPort"]])).collect();
        assert_eq!(listened, declared, "{from}");
        let service = objects.only("Service")["spec"]["ports"].as_array().unwrap();
        let mapped: Vec<_> = service.iter().map(|port| json!([port["port"], port["targetPort"]])).collect();
        assert_eq!(mapped, [json!([80, "web"]), json!([443, "websecure"])], "{from}");
    }
}

/// What selects pods selects those of the Deployment, and nothing selects all of a namespace.
#[test]
fn selectors_are_the_pods_labels() {
    for (from, objects) in rendered() {
        let selector = json!({"app.kubernetes.io/name": "ingora", "app.kubernetes.io/instance": "ingora"});
        let deployment = &objects.only("Deployment")["spec"];
        for (key, value) in selector.as_object().unwrap() {
            assert_eq!(deployment["template"]["metadata"]["labels"][key], *value, "{from}: {key}");
        }
        assert_eq!(deployment["selector"]["matchLabels"], selector, "{from}");
        assert_eq!(objects.only("Service")["spec"]["selector"], selector, "{from}");
        assert_eq!(objects.only("PodDisruptionBudget")["spec"]["selector"]["matchLabels"], selector, "{from}");
        let spread = deployment["template"]["spec"]["topologySpreadConstraints"].as_array().unwrap();
        assert_eq!(spread.len(), 2, "{from}");
        for constraint in spread {
            assert_eq!(constraint["labelSelector"]["matchLabels"], selector, "{from}");
        }
        let target = &objects.only("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"];
        assert_eq!(*target, json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "ingora"}), "{from}");
        assert_eq!(deployment["replicas"], Value::Null, "{from}: each apply would undo what the autoscaler did");
    }
}

/// A pod is not killed before its running requests had the time that they were promised.
#[test]
fn pods_are_given_the_time_that_they_take_to_end() {
    for (from, objects) in rendered() {
        let given = pod(&objects, "Deployment")["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap();
        let seconds = |life: &LifeCycle| {
            let whole = [&life.request_accept_grace_timeout, &life.grace_time_out];
            whole.iter().filter_map(|d| d.positive()).map(|d| d.as_secs()).sum::<u64>()
        };
        let config = config(&objects);
        let taken = config.entry_points.values().map(|e| seconds(&e.transport.life_cycle)).max().unwrap();
        assert!(taken + 5 <= given, "{from}: up to {taken} s of {given} s");
        for (name, entry_point) in &config.entry_points {
            let accepts = entry_point.transport.life_cycle.request_accept_grace_timeout.positive();
            assert!(accepts.is_some(), "{from}: {name}: requests, and probes, still come in at first");
        }
    }
}

#[test]
fn another_namespace_is_one_line() {
    let directory = TempDir::new_in(format!("{ROOT}/target")).unwrap();
    let base = format!("{ROOT}/deploy/base");
    // kustomize wants bases by relative paths.
    let up = "../".repeat(directory.path().components().count() - 1);
    let text = format!("namespace: edge\nresources: [{}{}]\n", up, base.trim_start_matches('/'));
    fs::write(directory.path().join("kustomization.yaml"), text).unwrap();
    let moved = kustomize(directory.path());
    assert_eq!(moved.only("Namespace")["metadata"]["name"], "edge");
    for binding in moved.0.iter().filter(|o| o["kind"].as_str().unwrap().ends_with("Binding")) {
        assert_eq!(binding["subjects"][0]["namespace"], "edge", "{binding}");
    }
    let elsewhere: Vec<_> = moved.names().into_iter().filter(|n| n.contains(" ingora/")).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[test]
fn the_image_has_the_projects_version() {
    for (from, objects) in rendered() {
        let image = concat!("ingora:", env!("CARGO_PKG_VERSION"));
        assert_eq!(pod(&objects, "Deployment")["spec"]["containers"][0]["image"], image, "{from}");
    }
}

/// The configurations are what people read, too: nothing in them is without effect.
#[test]
fn what_is_in_the_configurations_has_an_effect() {
    for file in ["deploy/workload/ingora.yaml", "deploy/namespaced/ingora.yaml"] {
        let config = Config::from_yaml(&fs::read_to_string(file).unwrap()).unwrap();
        assert!(config.warnings().is_empty(), "{file}: {:?}", config.warnings());
    }
}

/// Both variants, and the chart's with an autoscaler, as the kustomizations have one.
fn rendered() -> [(&'static str, Objects); 4] {
    let namespaced = "autoscaling: {enabled: true}\nrbac: {namespaced: true}";
    [
        ("deploy/base", kustomize("deploy/base")),
        ("deploy/namespaced", kustomize("deploy/namespaced")),
        ("chart", helm("autoscaling: {enabled: true}").unwrap()),
        ("chart, namespaced", helm(namespaced).unwrap()),
    ]
}
