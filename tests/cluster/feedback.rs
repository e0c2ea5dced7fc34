//! What became of objects, told in the cluster: conditions in `status`, Events, and one writer of several.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::api::{DynamicObject, ListParams};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::in_cluster;
use crate::support::cluster::Account;
use crate::support::manifests::service;
use crate::support::{Backend, Cluster, Gateway, middleware, object, route};

const TRAEFIK: &str = "traefik.io/v1alpha1";
/// Longer than a Lease that nobody renews, or than what is looked at twice a minute.
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until something is as it should be.
async fn until<T: std::fmt::Debug>(what: &str, look: impl AsyncFn() -> T, good: impl Fn(&T) -> bool) -> T {
    let start = Instant::now();
    loop {
        let found = look().await;
        if good(&found) {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: still {found:#?}");
        sleep(Duration::from_millis(20)).await;
    }
}

impl Cluster {
    async fn read(&self, kind: &str, name: &str) -> DynamicObject {
        self.api(TRAEFIK, kind, "default").get(name).await.unwrap()
    }

    /// `Accepted=True(Accepted)`, … of an object; empty where it has no status.
    async fn conditions(&self, kind: &str, name: &str) -> Vec<String> {
        let object = self.read(kind, name).await;
        let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array).cloned();
        let text = |c: &Value, key: &str| c[key].as_str().unwrap_or_default().to_owned();
        let generation = object.metadata.generation;
        let say = |c: &Value| {
            let old = if c["observedGeneration"].as_i64() == generation { "" } else { " of an older generation" };
            format!("{}={}({}){old}", text(c, "type"), text(c, "status"), text(c, "reason"))
        };
        conditions.iter().flatten().map(say).collect()
    }

    async fn until_conditions(&self, kind: &str, name: &str, expected: &[&str]) {
        until(&format!("{kind} {name}"), async || self.conditions(kind, name).await, |found| found == expected).await;
    }

    /// The Events on an object: `Warning ServiceNotFound ×1: note`, in order.
    async fn events(&self, kind: &str, name: &str) -> Vec<String> {
        let uid = self.read(kind, name).await.metadata.uid.unwrap();
        let events = self.api("events.k8s.io/v1", "Event", "default").list(&ListParams::default()).await.unwrap();
        let of = |e: &&DynamicObject| e.data["regarding"]["uid"] == uid.as_str();
        let say = |e: &DynamicObject| {
            let text = |key: &str| e.data[key].as_str().unwrap_or_default().to_owned();
            let count = e.data.pointer("/series/count").and_then(Value::as_i64).unwrap_or(1);
            assert_eq!(e.data["regarding"]["name"], name);
            assert_eq!(e.data["reportingController"], "ingora");
            format!("{} {} ×{count}: {}", text("type"), text("reason"), text("note"))
        };
        // For a moment, a Service that comes has no EndpointSlice.
        let mut found: Vec<_> =
            events.items.iter().filter(of).map(say).filter(|e| !e.contains("NoEndpoints")).collect();
        found.sort_unstable();
        found
    }

    async fn until_events(&self, kind: &str, name: &str, expected: &[&str]) {
        let starts = |found: &Vec<String>| {
            found.len() == expected.len() && found.iter().zip(expected).all(|(found, e)| found.starts_with(e))
        };
        until(&format!("Events of {kind} {name}"), async || self.events(kind, name).await, starts).await;
    }

    /// The resourceVersion of each custom resource.
    async fn versions(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for kind in ["IngressRoute", "Middleware"] {
            for object in self.api(TRAEFIK, kind, "default").list(&ListParams::default()).await.unwrap() {
                let metadata = object.metadata;
                found.insert(format!("{kind} {}", metadata.name.unwrap()), metadata.resource_version.unwrap());
            }
        }
        found
    }

    async fn holder(&self) -> String {
        let lease = self.api("coordination.k8s.io/v1", "Lease", "default").get_opt("ingora").await.unwrap();
        let holder = lease.and_then(|lease| Some(lease.data.pointer("/spec/holderIdentity")?.as_str()?.to_owned()));
        holder.unwrap_or_default()
    }
}

const GOOD: [&str; 3] = ["Accepted=True(Accepted)", "ResolvedRefs=True(ResolvedRefs)", "Programmed=True(Programmed)"];

fn missing_service() -> [&'static str; 3] {
    ["Accepted=True(Accepted)", "ResolvedRefs=False(ServiceNotFound)", "Programmed=False(ServiceNotFound)"]
}

/// Nothing is written for a while in which it could have been.
async fn is_quiet(cluster: &Cluster) {
    let before = cluster.versions().await;
    sleep(Duration::from_secs(4)).await;
    assert_eq!(cluster.versions().await, before);
}

async fn gateway(cluster: &Cluster, account: &Account) -> Gateway {
    cluster.gateway(account, "metrics: {prometheus: {}}").await
}

#[test]
fn conditions_and_events_follow_what_becomes_of_objects() {
    in_cluster(async {
        let cluster = Cluster::start().await;
        let backend = Backend::named("one").await;
        let account = cluster.account().await;
        cluster.apply(route("good").rule("Host(`good.example`) && PathPrefix(`/x`)").to(&backend)).await;
        cluster.apply(route("broken").rule("Host(`broken.example`)").to_service("missing")).await;
        cluster.apply(route("nonsense").rule("Nonsense(`x`)").to_service("good-0")).await;
        cluster.apply(middleware("unused", "addPrefix: {prefix: /a}")).await;
        let spec = "{ingressClassName: other, routes: [{match: Host(`x`), services: [{name: missing}]}]}";
        cluster.apply(object("IngressRoute", "others", spec)).await;
        let old = json!({
            "apiVersion": "traefik.containo.us/v1alpha1", "kind": "Middleware",
            "metadata": {"name": "old", "namespace": "default"}, "spec": {"stripPrefix": {"prefixes": ["/a"]}},
        });
        cluster.apply_one(&old).await.unwrap();
        let gateway = gateway(&cluster, &account).await;

        cluster.until_conditions("IngressRoute", "good", &GOOD).await;
        cluster.until_conditions("IngressRoute", "broken", &missing_service()).await;
        let invalid =
            ["Accepted=False(InvalidRule)", "ResolvedRefs=True(ResolvedRefs)", "Programmed=False(InvalidRule)"];
        cluster.until_conditions("IngressRoute", "nonsense", &invalid).await;
        cluster.until_conditions("Middleware", "unused", &GOOD).await;
        let status = cluster.read("IngressRoute", "good").await.data["status"].clone();
        assert_eq!((&status["hosts"], &status["routes"]), (&json!("good.example"), &json!("1/1")));
        let status = cluster.read("IngressRoute", "broken").await.data["status"].clone();
        let message = status["conditions"][1]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("spec.routes[0].services[0].name: "), "{message}");
        assert_eq!(status["routes"], "0/1");
        let old = cluster.api("traefik.containo.us/v1alpha1", "Middleware", "default");
        until("the other group", async || old.get("old").await.unwrap().data["status"].clone(), |s| !s.is_null()).await;

        cluster
            .until_events("IngressRoute", "broken", &["Warning ServiceNotFound ×1: spec.routes[0].services[0].name: "])
            .await;
        cluster.until_events("IngressRoute", "nonsense", &["Warning InvalidRule ×1: spec.routes[0].match: "]).await;
        assert_eq!(cluster.events("IngressRoute", "good").await, [""; 0]);
        is_quiet(&cluster).await;
        // Of a class that isn't served, neither is told.
        assert_eq!(cluster.conditions("IngressRoute", "others").await, [""; 0]);
        assert_eq!(cluster.events("IngressRoute", "others").await, [""; 0]);

        // Mended, and broken again: the same Event, once more.
        cluster.apply(service("missing", &[&backend])).await;
        cluster.until_conditions("IngressRoute", "broken", &GOOD).await;
        let mended = "Normal Mended ×1: ServiceNotFound: spec.routes";
        cluster.until_events("IngressRoute", "broken", &[mended, "Warning ServiceNotFound ×1: "]).await;
        cluster.delete("v1", "Service", "default", "missing").await;
        cluster.until_conditions("IngressRoute", "broken", &missing_service()).await;
        cluster.until_events("IngressRoute", "broken", &[mended, "Warning ServiceNotFound ×2: "]).await;

        // A new generation of a good object, and nothing else.
        let before = cluster.versions().await;
        cluster.apply(route("good").rule("Host(`better.example`)").to_service("good-0")).await;
        let hosts = async || cluster.read("IngressRoute", "good").await.data["status"]["hosts"].clone();
        until("the hosts", hosts, |hosts| hosts == "better.example").await;
        cluster.until_conditions("IngressRoute", "good", &GOOD).await;
        let after = cluster.versions().await;
        let changed: Vec<_> = after.iter().filter(|(name, version)| before[*name] != **version).collect();
        assert_eq!(changed.len(), 1, "{changed:?}");
        assert_eq!(gateway.log().matches("can't be written").count(), 0, "{}", gateway.log());
        assert_eq!(gateway.metric("ingora_feedback_leader ").await, 1.0);
        assert!(gateway.metric("ingora_feedback_statuses_total ").await >= 6.0);
    });
}

#[test]
fn a_new_writer_writes_nothing_that_is_there_already() {
    in_cluster(async {
        let cluster = Cluster::start().await;
        let backend = Backend::named("one").await;
        let account = cluster.account().await;
        cluster.apply(route("good").rule("Host(`good.example`)").to(&backend)).await;
        cluster.apply(route("broken").rule("Host(`broken.example`)").to_service("missing")).await;
        let mut first = gateway(&cluster, &account).await;
        cluster.until_conditions("IngressRoute", "good", &GOOD).await;
        cluster.until_conditions("IngressRoute", "broken", &missing_service()).await;
        cluster.until_events("IngressRoute", "broken", &["Warning ServiceNotFound ×1: "]).await;
        let (versions, events) = (cluster.versions().await, cluster.events("IngressRoute", "broken").await);
        first.signal("TERM");
        assert!(first.exit().await.success());
        assert_eq!(cluster.holder().await, "", "the Lease is given back");

        let second = gateway(&cluster, &account).await;
        second.logs("this process writes statuses and Events").await;
        until("Events looked at", async || second.metric("ingora_feedback_events_total ").await, |n| *n >= 1.0).await;
        sleep(Duration::from_secs(2)).await;
        assert_eq!(cluster.versions().await, versions);
        assert_eq!(cluster.events("IngressRoute", "broken").await, events);
        assert_eq!(second.metric("ingora_feedback_statuses_total ").await, 0.0);
        // And what changed while nobody wrote is known.
        cluster.apply(service("missing", &[&backend])).await;
        cluster.until_conditions("IngressRoute", "broken", &GOOD).await;
    });
}

#[test]
fn one_of_two_writes_and_the_other_takes_over() {
    in_cluster(async {
        let cluster = Cluster::start().await;
        let backend = Backend::named("one").await;
        let account = cluster.account().await;
        cluster.apply(route("good").rule("Host(`good.example`)").to(&backend)).await;
        let first = gateway(&cluster, &account).await;
        first.logs("this process writes statuses and Events").await;
        let holder = cluster.holder().await;
        let second = gateway(&cluster, &account).await;
        second.logs(&format!("{holder} writes statuses and Events")).await;
        cluster.until_conditions("IngressRoute", "good", &GOOD).await;
        assert_eq!(second.metric("ingora_feedback_statuses_total ").await, 0.0);
        assert_eq!(second.metric("ingora_feedback_leader ").await, 0.0);

        // Killed: the other waits until the Lease is over.
        drop(first);
        cluster.apply(route("broken").rule("Host(`broken.example`)").to_service("missing")).await;
        cluster.until_conditions("IngressRoute", "broken", &missing_service()).await;
        assert_ne!(cluster.holder().await, holder);
        assert_eq!(second.metric("ingora_feedback_leader ").await, 1.0);
        assert_eq!(second.metric("ingora_feedback_statuses_total ").await, 1.0, "only the one that is new");
    });
}

/// An object that isn't in the configuration at all, since it does not fit its type, is told so all the same.
#[test]
fn objects_that_fit_no_type_are_told_so() {
    in_cluster(async {
        let cluster = Cluster::bare(&[]).await;
        cluster.install_loose_crds("traefik.io").await;
        let backend = Backend::named("one").await;
        let account = cluster.account().await;
        cluster.apply(service("web", &[&backend])).await;
        cluster.apply(object("IngressRoute", "bad", "{routes: none}")).await;
        cluster
            .apply(object(
                "IngressRouteTCP",
                "bad-tcp",
                "{routes: [{match: HostSNI(`*`), services: [{name: gone, port: 1}]}]}",
            ))
            .await;
        let gateway = gateway(&cluster, &account).await;
        let invalid = "Accepted=False(InvalidObject)";
        let refused = |found: &Vec<String>| found.first().is_some_and(|first| first == invalid);
        until("the refused one", async || cluster.conditions("IngressRoute", "bad").await, refused).await;
        cluster.until_events("IngressRoute", "bad", &["Warning InvalidObject ×1: spec.routes: "]).await;
        let unusable = ["Warning ServiceNotFound ×1: ", "Warning ServiceUnusable ×1: "];
        cluster.until_events("IngressRouteTCP", "bad-tcp", &unusable).await;

        let good = "{routes: [{match: Host(`bad.example`), kind: Rule, services: [{name: web, port: 80}]}]}";
        cluster.apply(object("IngressRoute", "bad", good)).await;
        cluster.until_conditions("IngressRoute", "bad", &GOOD).await;
        let mended = ["Normal Mended ×1: InvalidObject: ", "Warning InvalidObject ×1: "];
        cluster.until_events("IngressRoute", "bad", &mended).await;
        // Broken once more it serves as it was, and says that too.
        cluster.apply(object("IngressRoute", "bad", "{routes: none}")).await;
        let serves = ["Accepted=False(InvalidObject)", GOOD[1], GOOD[2]];
        cluster.until_conditions("IngressRoute", "bad", &serves).await;
        assert_eq!(gateway.get("bad.example", "/").await.status(), 200);
    });
}

#[test]
fn kinds_without_a_status_have_events_alone() {
    in_cluster(async {
        let cluster = Cluster::bare(&[]).await;
        cluster
            .install("", |crd| {
                let version = &mut crd["spec"]["versions"][0];
                version.as_object_mut().unwrap().remove("subresources");
                version.as_object_mut().unwrap().remove("additionalPrinterColumns");
                version["schema"]["openAPIV3Schema"]["properties"].as_object_mut().unwrap().remove("status");
            })
            .await;
        let account = cluster.account().await;
        cluster.apply(route("broken").rule("Host(`broken.example`)").to_service("missing")).await;
        cluster.apply(route("worse").rule("Host(`worse.example`)").to_service("missing")).await;
        let gateway = gateway(&cluster, &account).await;
        cluster.until_events("IngressRoute", "broken", &["Warning ServiceNotFound ×1: "]).await;
        cluster.until_events("IngressRoute", "worse", &["Warning ServiceNotFound ×1: "]).await;
        let words = "ingressroutes.traefik.io has no status subresource";
        gateway.logs(words).await;
        is_quiet(&cluster).await;
        assert_eq!(gateway.log().matches(words).count(), 1, "{}", gateway.log());
        assert_eq!(cluster.conditions("IngressRoute", "broken").await, [""; 0]);

        // Ours are installed over them.
        cluster.install_crds("").await;
        cluster.until_conditions("IngressRoute", "broken", &missing_service()).await;
    });
}

#[test]
fn rights_to_write_removed_and_returned() {
    in_cluster(async {
        let cluster = Cluster::start().await;
        let backend = Backend::named("one").await;
        let rule = |groups: &[&str], resources: &[&str], verbs: &[&str]| json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
        let reading = || {
            vec![
                rule(&["traefik.io", "traefik.containo.us"], &["*"], &["list", "watch"]),
                rule(&[""], &["services", "secrets", "configmaps", "nodes"], &["list", "watch"]),
                rule(&["discovery.k8s.io"], &["endpointslices"], &["list", "watch"]),
            ]
        };
        let lease = rule(&["coordination.k8s.io"], &["leases"], &["get", "create", "update"]);
        let events = rule(&["events.k8s.io"], &["events"], &["create", "patch"]);
        let statuses = rule(&["traefik.io", "traefik.containo.us"], &["ingressroutes/status"], &["patch"]);
        let with = |more: &[&Value]| Value::from_iter(reading().into_iter().chain(more.iter().map(|r| (*r).clone())));

        // None at all: traffic is served, one message says what is missing.
        let account = cluster.account_with("ingora", &with(&[])).await;
        cluster.apply(route("good").rule("Host(`good.example`)").to(&backend)).await;
        cluster.apply(route("broken").rule("Host(`broken.example`)").to_service("missing")).await;
        let gateway = gateway(&cluster, &account).await;
        gateway.until("good.example", "/", |reply| reply.status() == 200).await;
        gateway.logs("no statuses and Events without the Lease default/ingora").await;
        cluster.permit("ingora", &with(&[&lease])).await;
        let words = ["status of ingressroutes.traefik.io can't be written", "Events can't be written"];
        until("the Lease", async || cluster.holder().await, |holder| !holder.is_empty()).await;
        for words in words {
            gateway.logs(words).await;
        }
        cluster.permit("ingora", &with(&[&lease, &events])).await;
        cluster.until_events("IngressRoute", "broken", &["Warning ServiceNotFound ×1: "]).await;
        cluster.permit("ingora", &with(&[&lease, &events, &statuses])).await;
        cluster.until_conditions("IngressRoute", "good", &GOOD).await;
        cluster.until_conditions("IngressRoute", "broken", &missing_service()).await;
        gateway.logs("status of ingressroutes.traefik.io can be written again").await;

        // Taken away, and given back.
        cluster.permit("ingora", &with(&[&lease, &events])).await;
        cluster.apply(service("missing", &[&backend])).await;
        let again = format!("{}: ", words[0]);
        until("the message", async || gateway.log().matches(&again).count(), |n| *n == 2).await;
        cluster.permit("ingora", &with(&[&lease, &events, &statuses])).await;
        cluster.until_conditions("IngressRoute", "broken", &GOOD).await;
        for words in words {
            assert!(gateway.log().matches(words).count() <= 2, "{}", gateway.log());
        }
        gateway.until("good.example", "/", |reply| reply.status() == 200).await;
    });
}
