//! Objects of every kind come, change and go, and what is served follows.

use std::time::Duration;

use serde_json::json;

use super::in_cluster;
use crate::support::manifests::service;
use crate::support::{Backend, Cluster, Manifests, middleware, object, route};

const TRAEFIK: &str = "traefik.io/v1alpha1";

#[test]
fn routes_services_and_endpoints_come_and_go() {
    in_cluster(async {
        let cluster = Cluster::start().await;
        let (one, two) = (Backend::named("one").await, Backend::named("two").await);
        let account = cluster.account().await;
        let gateway = cluster.gateway(&account, "{}").await;
        assert_eq!(gateway.get("a.example", "/").await.status(), 404);

        // In any order: the route is there before its Service.
        let rule = "Host(`a.example`)";
        let to_service = Manifests::from(route("a").rule(rule).to_service("s"));
        cluster.apply(&to_service).await;
        gateway.logs("ServiceNotFound").await;
        cluster.apply(service("s", &[&one])).await;
        gateway.until("a.example", "/", |reply| reply.header("x-backend") == Some("one")).await;

        // A changed EndpointSlice.
        cluster.apply(service("s", &[&two])).await;
        gateway.until("a.example", "/", |reply| reply.header("x-backend") == Some("two")).await;
        cluster.delete("discovery.k8s.io/v1", "EndpointSlice", "default", "s-0").await;
        gateway.until("a.example", "/", |reply| reply.status() == 404).await;
        cluster.apply(service("s", &[&one, &two])).await;
        gateway.until("a.example", "/", |reply| reply.header("x-backend") == Some("one")).await;
        gateway.until("a.example", "/", |reply| reply.header("x-backend") == Some("two")).await;

        // A changed route, then none.
        cluster.apply(route("a").rule("Host(`b.example`)").to_service("s")).await;
        gateway.until("b.example", "/", |reply| reply.status() == 200).await;
        assert_eq!(gateway.get("a.example", "/").await.status(), 404);
        cluster.delete(TRAEFIK, "IngressRoute", "default", "a").await;
        gateway.until("b.example", "/", |reply| reply.status() == 404).await;

        // And a Service.
        cluster.apply(&to_service).await;
        gateway.until("a.example", "/", |reply| reply.status() == 200).await;
        cluster.delete("v1", "Service", "default", "s").await;
        gateway.until("a.example", "/", |reply| reply.status() == 404).await;
    });
}

#[test]
fn what_routes_refer_to_comes_and_goes() {
    in_cluster(async {
        let cluster = Cluster::start().await;
        let backend = Backend::named("one").await;
        let account = cluster.account().await;
        let gateway = cluster.gateway(&account, "{}").await;
        let guarded = route("a").rule("Host(`a.example`)").middlewares(&["m"]).to(&backend);
        cluster.apply(guarded).await;
        gateway.logs("MiddlewareUnusable").await;
        let seen = || backend.last().target().to_owned();

        // Middleware.
        cluster.apply(middleware("m", "addPrefix: {prefix: /one}")).await;
        gateway.until("a.example", "/", |reply| reply.status() == 200).await;
        assert_eq!(seen(), "/one/");
        cluster.apply(middleware("m", "addPrefix: {prefix: /two}")).await;
        gateway.until("a.example", "/", |_| seen() == "/two/").await;

        // Secret.
        cluster.apply(object("Middleware", "m", "{addPrefix: null, basicAuth: {secret: users}}")).await;
        gateway.until("a.example", "/", |reply| reply.status() == 404).await;
        let users = |password: &str| {
            let data = json!({"username": "u", "password": password});
            serde_yaml::to_string(&json!({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/basic-auth",
                "metadata": {"name": "users", "namespace": "default"}, "stringData": data,
            }))
            .unwrap()
        };
        cluster.apply(users("p").as_str()).await;
        gateway.until("a.example", "/", |reply| reply.status() == 401).await;
        // u:p, then u:q
        let ask = |basic: &'static str| format!("GET / HTTP/1.1\nHost: a.example\nAuthorization: Basic {basic}\n\n");
        assert_eq!(gateway.ask(&ask("dTpw")).await.status(), 200);
        cluster.apply(users("q").as_str()).await;
        let mut patience = 2000;
        while gateway.ask(&ask("dTpx")).await.status() != 200 {
            patience -= 1;
            assert!(patience > 0, "the new password is never taken");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(gateway.ask(&ask("dTpw")).await.status(), 401);
        cluster.delete("v1", "Secret", "default", "users").await;
        gateway.until("a.example", "/", |reply| reply.status() == 404).await;
        cluster.delete(TRAEFIK, "Middleware", "default", "m").await;
    });
}

/// Every kind is followed: a count per kind in the metrics goes up with an object, and down again.
#[test]
fn every_kind_is_followed() {
    in_cluster(async {
        let cluster = Cluster::start().await;
        let account = cluster.account().await;
        let gateway = cluster.gateway(&account, "metrics: {prometheus: {}}").await;
        let custom = [
            ("IngressRoute", "routes: [{match: Host(`a`), kind: Rule}]"),
            ("IngressRouteTCP", "routes: [{match: HostSNI(`*`)}]"),
            ("IngressRouteUDP", "routes: [{}]"),
            ("Middleware", "addPrefix: {prefix: /a}"),
            ("MiddlewareTCP", "ipAllowList: {sourceRange: [10.0.0.0/8]}"),
            ("TraefikService", "weighted: {services: [{name: s, port: 80}]}"),
            ("TLSOption", "minVersion: VersionTLS12"),
            ("TLSStore", "defaultCertificate: {secretName: s}"),
            ("ServersTransport", "serverName: a"),
            ("ServersTransportTCP", "dialTimeout: 1s"),
        ];
        let mut objects = Vec::new();
        for group in ["traefik.io", "traefik.containo.us"] {
            for (kind, spec) in custom {
                let spec = crate::support::manifests::yaml(spec);
                objects.push((format!("{group}/v1alpha1"), kind, format!(".{group}"), json!({"spec": spec})));
            }
        }
        let core = |api: &str, kind, group: &str, fields| (api.to_owned(), kind, group.to_owned(), fields);
        objects.push(core("v1", "Service", "", json!({"spec": {"ports": [{"port": 80}]}})));
        objects.push(core("v1", "Secret", "", json!({"stringData": {"a": "b"}})));
        objects.push(core("v1", "ConfigMap", "", json!({"data": {"a": "b"}})));
        objects.push(core("v1", "Node", "", json!({})));
        let slice = json!({"addressType": "IPv4", "endpoints": [], "ports": []});
        objects.push(core("discovery.k8s.io/v1", "EndpointSlice", ".discovery.k8s.io", slice));
        for (api, kind, group, fields) in objects {
            let mut object = json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x"}});
            if kind != "Node" {
                object["metadata"]["namespace"] = "default".into();
            }
            object.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            let resource = format!("{}s{group}", kind.to_lowercase());
            let count = format!("ingora_source_objects{{namespace=\"\",resource=\"{resource}\"}} ");
            let before = gateway.metric(&count).await;
            cluster.apply_one(&object).await.unwrap_or_else(|e| panic!("{e}\n{object}"));
            gateway.until_metric(&count, before + 1.0).await;
            cluster.delete(&api, kind, "default", "x").await;
            gateway.until_metric(&count, before).await;
        }
    });
}

#[test]
fn namespaces_labels_and_classes_narrow_it_down() {
    in_cluster(async {
        let cluster = Cluster::start().await;
        let backend = Backend::named("one").await;
        let account = cluster.account().await;
        let in_namespace = |manifests: Manifests, namespace: &str| {
            Manifests(manifests.0.replace("namespace: default", &format!("namespace: {namespace}")))
        };
        for namespace in ["one", "two", "three"] {
            let host = format!("Host(`{namespace}.example`)");
            cluster.apply(in_namespace(route("a").rule(&host).to(&backend).into(), namespace)).await;
        }
        let config = "providers: {kubernetesCRD: {namespaces: [one, two], disableClusterScopeResources: true}}";
        let gateway = cluster.gateway(&account, config).await;
        gateway.until("one.example", "/", |reply| reply.status() == 200).await;
        gateway.until("two.example", "/", |reply| reply.status() == 200).await;
        assert_eq!(gateway.get("three.example", "/").await.status(), 404);
        drop(gateway);

        let label = |name: &str, rule: &str, labels: serde_json::Value, annotations: serde_json::Value| {
            let spec = json!({"routes": [{"match": rule, "kind": "Rule", "services": [{"name": "a-0", "port": 80}]}]});
            let metadata = json!({"name": name, "namespace": "one", "labels": labels, "annotations": annotations});
            json!({"apiVersion": TRAEFIK, "kind": "IngressRoute", "metadata": metadata, "spec": spec})
        };
        let class = json!({"kubernetes.io/ingress.class": "mine"});
        for object in [
            label("both", "Host(`both.example`)", json!({"team": "x"}), class.clone()),
            label("label", "Host(`label.example`)", json!({"team": "x"}), json!({})),
            label("class", "Host(`class.example`)", json!({}), class),
        ] {
            cluster.apply_one(&object).await.unwrap();
        }
        let config = "providers: {kubernetesCRD: {labelSelector: team=x, ingressClass: mine}}";
        let gateway = cluster.gateway(&account, config).await;
        gateway.until("both.example", "/", |reply| reply.status() == 200).await;
        for host in ["label.example", "class.example", "one.example"] {
            assert_eq!(gateway.get(host, "/").await.status(), 404, "{host}");
        }
        // A label that is gone takes the object away, though it was only changed.
        cluster.apply_one(&label("both", "Host(`both.example`)", json!({"team": "y"}), json!({}))).await.unwrap();
        gateway.until("both.example", "/", |reply| reply.status() == 404).await;
    });
}

#[test]
fn two_groups_at_once() {
    in_cluster(async {
        let cluster = Cluster::start().await;
        let (old, new) = (Backend::named("old").await, Backend::named("new").await);
        let account = cluster.account().await;
        cluster.apply(service("old", &[&old])).await;
        cluster.apply(service("new", &[&new])).await;
        cluster.apply(route("a").v2().rule("Host(`a.example`, `b.example`)").to_service("old")).await;
        let gateway = cluster.gateway(&account, "{}").await;
        gateway.until("b.example", "/", |reply| reply.header("x-backend") == Some("old")).await;
        // Of two with the same name, traefik.io's counts.
        cluster.apply(route("a").rule("Host(`a.example`)").to_service("new")).await;
        gateway.until("a.example", "/", |reply| reply.header("x-backend") == Some("new")).await;
        gateway.logs("DuplicateGroup").await;
        assert_eq!(gateway.get("b.example", "/").await.status(), 404);
        cluster.delete(TRAEFIK, "IngressRoute", "default", "a").await;
        gateway.until("b.example", "/", |reply| reply.header("x-backend") == Some("old")).await;
    });
}

/// What the server lets through though it makes no sense here, beside what does.
#[test]
fn bad_objects_beside_good_ones() {
    in_cluster(async {
        let cluster = Cluster::bare(&[]).await;
        // Traefik users may have CRDs that check less than ours.
        cluster.install_loose_crds("traefik.io").await;
        let backend = Backend::named("one").await;
        let account = cluster.account().await;
        cluster.apply(route("good").rule("Host(`good.example`)").to(&backend)).await;
        let bad = |spec: serde_json::Value| {
            let metadata = json!({"name": "bad", "namespace": "default"});
            json!({"apiVersion": TRAEFIK, "kind": "IngressRoute", "metadata": metadata, "spec": spec})
        };
        cluster.apply_one(&bad(json!({"routes": "none"}))).await.unwrap();
        let gateway = cluster.gateway(&account, "{}").await;
        gateway.until("good.example", "/", |reply| reply.status() == 200).await;
        gateway.logs("InvalidObject").await;
        // Mended; then broken again, which leaves it as it was.
        let good = json!({"routes": [{"match": "Host(`bad.example`)", "services": [{"name": "good-0", "port": 80}]}]});
        cluster.apply_one(&bad(good)).await.unwrap();
        gateway.until("bad.example", "/", |reply| reply.status() == 200).await;
        gateway.logs("mended: error[InvalidObject]").await;
        cluster.apply_one(&bad(json!({"routes": [{"match": 7}]}))).await.unwrap();
        gateway.logs("KeptLastGood").await;
        assert_eq!(gateway.get("bad.example", "/").await.status(), 200);
        // The watch of the kind goes on.
        cluster.apply(route("later").rule("Host(`later.example`)").to_service("good-0")).await;
        gateway.until("later.example", "/", |reply| reply.status() == 200).await;
        cluster.delete(TRAEFIK, "IngressRoute", "default", "bad").await;
        gateway.until("bad.example", "/", |reply| reply.status() == 404).await;
    });
}

/// Two objects that make a router of the same name: the first in order of their names is served.
#[test]
fn conflicting_objects() {
    in_cluster(async {
        let cluster = Cluster::start().await;
        let (one, two) = (Backend::named("one").await, Backend::named("two").await);
        let account = cluster.account().await;
        let gateway = cluster.gateway(&account, "{}").await;
        let rule = "Host(`a.example`)";
        cluster.apply(service("one", &[&one]) + service("two", &[&two])).await;
        cluster.apply(route("a.b").rule(rule).to_service("two")).await;
        gateway.until("a.example", "/", |reply| reply.header("x-backend") == Some("two")).await;
        cluster.apply(route("a-b").rule(rule).to_service("one")).await;
        gateway.until("a.example", "/", |reply| reply.header("x-backend") == Some("one")).await;
        gateway.logs("RouterNameCollision").await;
        cluster.delete(TRAEFIK, "IngressRoute", "default", "a-b").await;
        gateway.until("a.example", "/", |reply| reply.header("x-backend") == Some("two")).await;
    });
}
