//! What is rendered, given to a real API server: it takes all of it, and the pods start with exactly those rights, which
//! are enough, and of which each is needed.

use std::collections::BTreeSet;
use std::future::Future;

use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

use super::audit::Audit;
use super::objects::name;
use super::pod::Pod;
use super::rights::{Right, rights};
use super::root::get;
use super::tools::{helm, helm_with_crds, kustomize, prepare};
use super::{Objects, pod};
use crate::cluster::in_cluster;
use crate::support::{Backend, Cluster, route};

/// Runs a test that starts an API server and gives it what was rendered.
fn deployed(test: impl Future<Output = ()>) {
    prepare();
    in_cluster(test);
}

/// Applies all of it, with strict validation. Namespaces last: one that is needed is made by the way, without its labels.
async fn apply(cluster: &Cluster, objects: &Objects) {
    let (namespaces, others): (Vec<_>, Vec<_>) = objects.0.iter().partition(|object| object["kind"] == "Namespace");
    for object in others.into_iter().chain(namespaces) {
        cluster.apply_one(object).await.unwrap_or_else(|e| panic!("{}: {e}", name(object)));
    }
}

#[test]
fn an_api_server_takes_all_of_it() {
    deployed(async {
        let cluster = Cluster::bare(&[]).await;
        let everything = "
deployment: {kind: DaemonSet, revisionHistoryLimit: 3, minReadySeconds: 5, podAnnotations: {a: b}, dnsPolicy: Default,
  imagePullSecrets: [{name: s}], additionalVolumes: [{name: ca, secret: {secretName: ca}}]}
ports: {web: {port: 80, hostPort: 80, appProtocol: http}, dns: {port: 5353, protocol: UDP, expose: true}}
service: {spec: {externalTrafficPolicy: Local}, loadBalancerSourceRanges: [10.0.0.0/8], annotations: {a: b}}
podDisruptionBudget: {minAvailable: 50%}
additionalVolumeMounts: [{name: ca, mountPath: /ca, readOnly: true}]
tolerations: [{operator: Exists}]
nodeSelector: {disk: ssd}
affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}
rbac: {namespaced: true}
providers: {kubernetesCRD: {namespaces: [shop, default]}}
extraObjects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: more, namespace: ingora}}]
";
        for (from, objects) in [
            ("deploy/base", kustomize("deploy/base")),
            ("deploy/namespaced", kustomize("deploy/namespaced")),
            ("chart", helm_with_crds("autoscaling: {enabled: true}")),
            ("chart, with much that can be set", helm(everything).unwrap()),
        ] {
            apply(&cluster, &objects).await;
            // Applied again, it changes nothing: nobody who watches for drift finds any.
            for object in &objects.0 {
                let version = async || {
                    let applied = cluster.apply_one(object).await.unwrap();
                    applied.metadata.resource_version.unwrap()
                };
                assert_eq!(version().await, version().await, "{from}: {}", name(object));
            }
        }
    });
}

/// The namespace's policy, `restricted`, lets the pods in, and looks at them.
#[test]
fn the_strictest_policy_admits_the_pods() {
    deployed(async {
        let cluster = Cluster::bare(&[]).await;
        let base = kustomize("deploy/base");
        apply(&cluster, &base).await;
        let low_port = helm("ports: {web: {port: 80}}").unwrap();
        for (from, objects, kind) in [
            ("deploy/base", base, "Deployment"),
            ("chart", helm("{}").unwrap(), "Deployment"),
            ("chart, a low port", low_port, "Deployment"),
            ("chart, DaemonSet", helm("deployment: {kind: DaemonSet}").unwrap(), "DaemonSet"),
        ] {
            let template = pod(&objects, kind);
            let mut pod = json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "one", "namespace": "ingora", "labels": template["metadata"]["labels"]},
                "spec": template["spec"],
            });
            admitted(&cluster, &pod).await.unwrap_or_else(|e| panic!("{from}: {e}"));
            pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
            let refused = admitted(&cluster, &pod).await.unwrap_err().to_string();
            assert!(refused.contains("violates PodSecurity \"restricted"), "{from}: {refused}");
        }
    });
}

/// Creates a pod, without keeping it.
async fn admitted(cluster: &Cluster, pod: &Value) -> kube::Result<()> {
    let parameters = PostParams { dry_run: true, ..PostParams::default() };
    let pod = serde_json::from_value(pod.clone()).unwrap();
    cluster.api("v1", "Pod", "ingora").create(&parameters, &pod).await.map(drop)
}

/// Streams no lists, so that both ways of reading are seen: where lists are streamed, `watch` alone is asked for.
const PAGES: &str = "--feature-gates=WatchList=false";

/// With the rights that it comes with the pod does all it is for, asks for nothing else, and needs each of them.
#[test]
fn the_rights_are_enough_and_none_is_idle() {
    deployed(async {
        for directory in ["deploy/base", "deploy/namespaced"] {
            let audit = Audit::new();
            let [policy, log] = audit.arguments();
            let cluster = Cluster::bare(&[&policy, &log, PAGES]).await;
            cluster.install_crds("").await;
            let objects = kustomize(directory);
            apply(&cluster, &objects).await;
            apply(&cluster, &of_every_kind("all")).await;

            let pod = Pod::start(&objects, &cluster).await;
            pod.until_ready().await;
            for probe in ["startupProbe", "livenessProbe"] {
                assert_eq!(pod.probe(probe).await, Some(200), "{probe}");
            }

            let rights = rights(&objects);
            let idle = || -> Vec<String> {
                let requests = audit.requests("ingora", "ingora");
                let idle = rights.iter().filter(|right| !requests.iter().any(|request| right.allows(&request.right)));
                idle.map(Right::to_string).collect()
            };
            // The last one is of use to the pod that comes next, and finds Events that were told before.
            let last = |idle: &[String]| idle.iter().all(|right| right.starts_with("events.k8s.io/events patch"));
            pod.running.until(&format!("{directory}: the use of rights"), async || last(&idle())).await;
            drop(pod);
            delete_lease(&cluster).await;
            let pod = Pod::start(&objects, &cluster).await;
            pod.running.until("the use of every right", async || idle().is_empty()).await;
            let refused: BTreeSet<_> = audit.requests("ingora", "ingora").into_iter().filter(|r| !r.allowed).collect();
            assert!(refused.is_empty(), "{directory}: {refused:#?}\n{}", pod.log());
        }
    });
}

/// Another pod need not wait until it has run out.
async fn delete_lease(cluster: &Cluster) {
    let leases = cluster.api("coordination.k8s.io/v1", "Lease", "ingora");
    let _ = leases.delete("ingora", &DeleteParams::default()).await;
}

/// An object of every kind in both groups; some have nothing that they refer to, so there is something to tell of them.
fn of_every_kind(name: &str) -> Objects {
    let route = json!({"match": "Host(`a.example`)", "kind": "Rule", "services": [{"name": "none", "port": 80}]});
    let tcp = json!({"match": "HostSNI(`*`)", "services": [{"name": "none", "port": 80}]});
    let udp = json!({"services": [{"name": "none", "port": 80}]});
    let mut objects = Vec::new();
    for group in ingora_crds::crd::GROUPS {
        for (kind, spec) in [
            ("IngressRoute", json!({"routes": [route]})),
            ("IngressRouteTCP", json!({"routes": [tcp]})),
            ("IngressRouteUDP", json!({"routes": [udp]})),
            ("Middleware", json!({"stripPrefix": {"prefixes": ["/a"]}})),
            ("MiddlewareTCP", json!({"ipAllowList": {"sourceRange": ["10.0.0.0/8"]}})),
            ("ServersTransport", json!({"serverName": "a.example"})),
            ("ServersTransportTCP", json!({"dialTimeout": "1s"})),
            ("TLSOption", json!({"minVersion": "VersionTLS12"})),
            ("TLSStore", json!({"certificates": [{"secretName": "none"}]})),
            ("TraefikService", json!({"weighted": {"services": [{"name": "none", "port": 80}]}})),
        ] {
            // The groups' objects of one name would be one.
            let name = format!("{name}-{}", group.len());
            objects.push(json!({
                "apiVersion": format!("{group}/v1alpha1"), "kind": kind,
                "metadata": {"name": name, "namespace": "default"}, "spec": spec,
            }));
        }
    }
    Objects(objects)
}

/// While a pod ends, those in front of it hear so, and what they still send is served.
#[test]
fn a_pod_that_ends_serves_on_for_a_while() {
    deployed(async {
        let cluster = Cluster::start().await;
        let objects = kustomize("deploy/base");
        apply(&cluster, &objects).await;
        let backend = Backend::named("one").await;
        cluster.apply(route("a").rule("PathPrefix(`/`)").entry_point("web").to(&backend)).await;
        let pod = Pod::start(&objects, &cluster).await;
        pod.until_ready().await;
        let served = async || get(pod.address("web"), "/").await == Some(200);
        pod.running.until("the route", served).await;

        pod.running.signal("TERM");
        pod.running.until("the end", async || pod.probe("readinessProbe").await == Some(503)).await;
        assert!(served().await, "{}", pod.log());
    });
}

/// Each verb of each rule, taken away from the pods' account, is missed, for every resource of the rule.
#[test]
fn each_verb_taken_away_is_missed() {
    deployed(async {
        let cluster = Cluster::bare(&[PAGES]).await;
        let objects = kustomize("deploy/base");
        apply(&cluster, &objects).await;
        for (run, (role, rule, verb)) in verbs(&objects).into_iter().enumerate() {
            // Something of which nothing is told yet; and nobody who tells.
            apply(&cluster, &of_every_kind(&format!("run-{run}"))).await;
            delete_lease(&cluster).await;
            let mut without = role.clone();
            let verbs = without["rules"][rule]["verbs"].as_array_mut().unwrap();
            verbs.retain(|v| *v != verb);
            if verbs.is_empty() {
                without["rules"].as_array_mut().unwrap().remove(rule);
            }
            cluster.apply_one(&without).await.unwrap();
            let pod = Pod::start(&objects, &cluster).await;
            for told in missed(&role["rules"][rule], &verb) {
                pod.running.until(&told, async || pod.log().contains(&told)).await;
            }
            drop(pod);
            cluster.apply_one(role).await.unwrap();
        }
    });
}

/// The verbs of rules: the role, the rule's position, the verb.
fn verbs(objects: &Objects) -> Vec<(&Value, usize, String)> {
    let mut verbs = Vec::new();
    for role in objects.of("ClusterRole").chain(objects.of("Role")) {
        for (position, rule) in role["rules"].as_array().unwrap().iter().enumerate() {
            let all = rule["verbs"].as_array().unwrap().iter();
            verbs.extend(all.map(|verb| (role, position, verb.as_str().unwrap().to_owned())));
        }
    }
    verbs
}

/// What the log says where a verb is missing: of each resource something.
fn missed(rule: &Value, verb: &str) -> Vec<String> {
    let mut told = Vec::new();
    for group in rule["apiGroups"].as_array().unwrap() {
        for resource in rule["resources"].as_array().unwrap() {
            let (group, resource) = (group.as_str().unwrap(), resource.as_str().unwrap());
            told.push(match verb {
                "list" | "watch" if group.is_empty() => {
                    format!("kubernetes: {resource}: this account must not read it")
                }
                "list" | "watch" => format!("kubernetes: {resource}.{group}: this account must not read it"),
                // The API server's words.
                _ => format!("cannot {verb} resource \"{resource}\" in API group \"{group}\""),
            });
        }
    }
    told
}
