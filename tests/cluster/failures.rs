//! What an API server can do to those who watch it: traffic never notices, `/ready` and the metrics say so.

use std::future::Future;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::in_cluster;
use crate::support::{Backend, Cluster, Gateway, Message, Wire, route};

const PATIENCE: Duration = Duration::from_secs(60);

/// What `/ready` says.
async fn ready(gateway: &Gateway) -> Message {
    let mut wire = Wire::connect(gateway.address("traefik")).await;
    wire.ask("GET /ready HTTP/1.1\nHost: traefik\n\n").await
}

/// Waits until `/ready` says it, or no longer does.
async fn until_ready_says(gateway: &Gateway, words: &str, says: bool) {
    let start = Instant::now();
    loop {
        let reply = ready(gateway).await;
        if reply.text().contains(words) == says {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "/ready says {:?}", reply.text());
        sleep(Duration::from_millis(20)).await;
    }
}

/// Asks all the time; every answer must be 200. Gives the number of answers.
async fn traffic(gateway: &Gateway, host: &str, stop: impl Future<Output = ()>) -> usize {
    let mut wire = gateway.connect().await;
    let request = format!("GET / HTTP/1.1\nHost: {host}\n\n");
    let mut answers = 0;
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return answers,
            reply = wire.ask(&request) => {
                reply.assert_status(200);
                answers += 1;
                sleep(Duration::from_millis(2)).await;
            }
        }
    }
}

#[test]
fn api_server_killed_and_back() {
    in_cluster(async {
        let mut cluster = Cluster::start().await;
        let backend = Backend::named("one").await;
        let account = cluster.account().await;
        cluster.apply(route("a").rule("Host(`a.example`)").to(&backend)).await;
        let gateway = cluster.gateway(&account, "metrics: {prometheus: {}}").await;
        gateway.until("a.example", "/", |reply| reply.status() == 200).await;
        let answers = traffic(&gateway, "a.example", async {
            cluster.kill();
            until_ready_says(&gateway, "the API server does not answer", true).await;
            ready(&gateway).await.assert_status(200);
            let failing = r#"ingora_source_state{namespace="",resource="services",state="failing"} "#;
            gateway.until_metric(failing, 1.0).await;
            // Changed while nobody listened.
            cluster.resume().await;
            cluster.apply(route("b").rule("Host(`b.example`)").to_service("a-0")).await;
            gateway.until("b.example", "/", |reply| reply.status() == 200).await;
            until_ready_says(&gateway, "does not answer", false).await;
        })
        .await;
        assert!(answers > 100, "{answers}");
        gateway.logs("the API server answers again").await;
    });
}

#[test]
fn etcd_restarted() {
    in_cluster(async {
        let mut cluster = Cluster::start().await;
        let backend = Backend::named("one").await;
        let account = cluster.account().await;
        cluster.apply(route("a").rule("Host(`a.example`)").to(&backend)).await;
        let gateway = cluster.gateway(&account, "{}").await;
        gateway.until("a.example", "/", |reply| reply.status() == 200).await;
        traffic(&gateway, "a.example", async {
            cluster.stop_etcd();
            let start = Instant::now();
            while cluster.is_ready().await {
                assert!(start.elapsed() < PATIENCE, "the API server doesn't miss etcd");
                sleep(Duration::from_millis(50)).await;
            }
            cluster.start_etcd();
            while !cluster.is_ready().await {
                assert!(start.elapsed() < PATIENCE, "the API server doesn't find etcd again");
                sleep(Duration::from_millis(50)).await;
            }
            cluster.apply(route("b").rule("Host(`b.example`)").to_service("a-0")).await;
            gateway.until("b.example", "/", |reply| reply.status() == 200).await;
        })
        .await;
    });
}

#[test]
fn rights_removed_and_returned() {
    in_cluster(async {
        let mut cluster = Cluster::start().await;
        let backend = Backend::named("one").await;
        let account = cluster.account().await;
        cluster.apply(route("a").rule("Host(`a.example`)").to(&backend)).await;

        // Without the right to read Services there is no route; one clear message, and it is picked up.
        let rules = |resources: &[&str]| {
            json!([
                {"apiGroups": ["traefik.io", "traefik.containo.us"], "resources": ["*"], "verbs": ["list", "watch"]},
                {"apiGroups": [""], "resources": resources, "verbs": ["list", "watch"]},
                {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
            ])
        };
        let all = ["services", "secrets", "configmaps", "nodes"];
        cluster.permit("ingora", &rules(&["configmaps", "nodes", "secrets"])).await;
        let gateway = cluster.gateway(&account, "{}").await;
        gateway.logs("services: this account must not read it").await;
        assert_eq!(gateway.log().matches("must not read it").count(), 1, "{}", gateway.log());
        until_ready_says(&gateway, "services: this account must not", true).await;
        assert_eq!(gateway.get("a.example", "/").await.status(), 404);
        cluster.permit("ingora", &rules(&all)).await;
        gateway.until("a.example", "/", |reply| reply.status() == 200).await;
        gateway.logs("services: is read now").await;
        until_ready_says(&gateway, "must not", false).await;

        // Taken away later: what is known stays.
        traffic(&gateway, "a.example", async {
            cluster.permit("ingora", &json!([])).await;
            // A watch that runs is not asked again; one that begins is.
            cluster.kill();
            cluster.resume().await;
            until_ready_says(&gateway, "secrets: this account must not", true).await;
            cluster.permit("ingora", &rules(&all)).await;
            until_ready_says(&gateway, "must not", false).await;
        })
        .await;
        cluster.apply(route("b").rule("Host(`b.example`)").to_service("a-0")).await;
        gateway.until("b.example", "/", |reply| reply.status() == 200).await;
    });
}

#[test]
fn crds_installed_late() {
    in_cluster(async {
        let cluster = Cluster::bare(&[]).await;
        let backend = Backend::named("one").await;
        let account = cluster.account().await;
        let gateway = cluster.gateway(&account, "{}").await;
        gateway.logs("ingressroutes.traefik.io: the cluster doesn't have this kind").await;
        assert_eq!(gateway.get("a.example", "/").await.status(), 404);
        cluster.install_crds("ingressroutes.traefik.io").await;
        cluster.apply(route("a").rule("Host(`a.example`)").to(&backend)).await;
        gateway.until("a.example", "/", |reply| reply.status() == 200).await;
        cluster.install_crds("").await;
        gateway.logs("middlewares.traefik.containo.us: is read now").await;
        assert_eq!(gateway.log().matches("ingressroutes.traefik.io: the cluster").count(), 1, "{}", gateway.log());
        // Gone again, with its objects.
        cluster.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "ingressroutes.traefik.io").await;
        gateway.until("a.example", "/", |reply| reply.status() == 404).await;
    });
}

/// Lists in pages, where the server doesn't stream them; more objects than a page holds.
#[test]
fn pages_where_lists_are_not_streamed() {
    in_cluster(async {
        let cluster = Cluster::bare(&["--feature-gates=WatchList=false"]).await;
        cluster.install_crds("").await;
        let backend = Backend::named("one").await;
        let account = cluster.account().await;
        cluster.apply(route("a").rule("Host(`r0.example`)").to(&backend)).await;
        for n in 1..600 {
            let rule = format!("Host(`r{n}.example`)");
            cluster.apply(route(&format!("r{n}")).rule(&rule).to_service("a-0")).await;
        }
        let gateway = cluster.gateway(&account, "metrics: {prometheus: {}}").await;
        gateway.until("r0.example", "/", |reply| reply.status() == 200).await;
        gateway.until("r599.example", "/", |reply| reply.status() == 200).await;
        let routes = r#"ingora_source_objects{namespace="",resource="ingressroutes.traefik.io"} "#;
        assert_eq!(gateway.metric(routes).await, 600.0);
        cluster.apply(route("late").rule("Host(`late.example`)").to_service("a-0")).await;
        gateway.until("late.example", "/", |reply| reply.status() == 200).await;
    });
}

#[test]
fn not_ready_before_everything_was_read() {
    in_cluster(async {
        let mut cluster = Cluster::start().await;
        let backend = Backend::named("one").await;
        let account = cluster.account().await;
        cluster.apply(route("a").rule("Host(`a.example`)").to(&backend)).await;
        cluster.kill();
        let gateway = cluster.gateway_unready(&account, "{}");
        gateway.logs("the API server does not answer").await;
        let reply = ready(&gateway).await;
        reply.assert_status(503);
        assert!(reply.text().contains("waiting for ingressroutes.traefik.io"), "{}", reply.text());
        assert_eq!(gateway.ping().await, Some(503));
        cluster.resume().await;
        let start = Instant::now();
        while ready(&gateway).await.status() != 200 {
            assert!(start.elapsed() < PATIENCE, "never ready:\n{}", gateway.log());
            sleep(Duration::from_millis(20)).await;
        }
        // The first thing that is served is all of it.
        assert_eq!(gateway.get("a.example", "/").await.status(), 200);
    });
}

#[test]
fn tokens_of_files_are_read_again() {
    in_cluster(async {
        let cluster = Cluster::start().await;
        let backend = Backend::named("one").await;
        let account = cluster.account().await;
        cluster.apply(route("a").rule("Host(`a.example`)").to(&backend)).await;
        // A kubeconfig, whose token file holds nothing yet that the server takes.
        let (gateway, token_file) = cluster.gateway_with_kubeconfig("no-token-yet");
        gateway.logs("401").await;
        std::fs::write(token_file, &account.token).unwrap();
        let start = Instant::now();
        while gateway.ping().await != Some(200) {
            assert!(start.elapsed() < 2 * PATIENCE, "the new token is never read:\n{}", gateway.log());
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(gateway.get("a.example", "/").await.status(), 200);
    });
}
