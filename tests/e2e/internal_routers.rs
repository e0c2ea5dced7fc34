//! The services of the process itself: who may reach them, and what they answer.

use std::path::Path;
use std::time::Instant;

use crate::checking::{lines, report};
use crate::support::manifests::Route;
use crate::support::{Backend, Gateway, Message, PATIENCE, Wire, route};

async fn ask(gateway: &Gateway, entry_point: &str, path: &str) -> Message {
    let mut wire = Wire::connect(gateway.address(entry_point)).await;
    wire.ask(&format!("GET {path} HTTP/1.1\nHost: a.example\n\n")).await
}

/// A route to an internal service.
fn to_internal(name: &str, service: &str) -> Route {
    route(name).to_service(service).by("kind: TraefikService")
}

#[tokio::test]
async fn ping_and_metrics_are_all_that_begins_so() {
    let backend = Backend::echo().await;
    let route = route("r").entry_point("traefik").to(&backend);
    let gateway = Gateway::configured("metrics: {prometheus: {}}", route).await;
    for path in ["/ping", "/ping/", "/ping/x", "/pingx"] {
        ask(&gateway, "traefik", path).await.assert_status(200).assert_body("OK");
    }
    for path in ["/metrics", "/metrics/", "/metrics/x?y"] {
        assert!(ask(&gateway, "traefik", path).await.text().contains("traefik_config_reloads_total"), "{path}");
    }
    assert_eq!(backend.requests(), 0);
    // Nobody else has `/ready`, so it is no more than that.
    assert_eq!(ask(&gateway, "traefik", "/ready/").await.echoed().target(), "/ready/");
    assert_eq!(ask(&gateway, "traefik", "/").await.echoed().target(), "/");
}

#[tokio::test]
async fn a_route_to_ping_has_the_status_of_the_end_too() {
    let config = "
ping: {manualRouting: true, terminatingStatusCode: 599}
entryPoints:
  web: {transport: {lifeCycle: {requestAcceptGraceTimeout: 3s}}}
  traefik: {transport: {lifeCycle: {requestAcceptGraceTimeout: 3s}}}";
    let mut gateway = Gateway::configured(config, to_internal("p", "ping@internal").entry_point("traefik")).await;
    gateway.signal("TERM");
    let start = Instant::now();
    loop {
        match gateway.ping().await {
            Some(200) => assert!(start.elapsed() < PATIENCE, "/ping does not say that it ends"),
            other => break assert_eq!(other, Some(599)),
        }
    }
    assert!(gateway.exit().await.success());
}

#[tokio::test]
async fn routes_reach_only_what_the_configuration_turned_on() {
    let objects = || {
        to_internal("ping", "ping@internal").rule("Path(`/ping`)")
            + to_internal("ready", "ready@internal").rule("Path(`/ready`)")
            + to_internal("metrics", "prometheus@internal").rule("Path(`/metrics`)")
            + to_internal("noop", "noop@internal").rule("Path(`/noop`)")
    };
    let gateway = Gateway::configured("{}", objects()).await;
    for (path, status) in [("/ping", 200), ("/ready", 200), ("/metrics", 404), ("/noop", 418)] {
        gateway.get("a.example", path).await.assert_status(status);
    }
    gateway.logs("has `metrics.prometheus`").await;
    let gateway = Gateway::configured("metrics: {prometheus: {manualRouting: true}}", objects()).await;
    gateway.get("a.example", "/metrics").await.assert_status(200);
    ask(&gateway, "traefik", "/metrics").await.assert_status(404);
    // And so says `check`, if it is told the configuration.
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).unwrap();
        directory.path().join(name)
    };
    let manifests = file("objects.yaml", &objects().0);
    let found = |config: Option<&Path>| lines(&serde_json::from_str(&report(&manifests, config)).unwrap());
    assert!(found(None).is_empty(), "{:?}", found(None));
    let said = found(Some(&file("config.yaml", "entryPoints: {web: {address: ':80'}}")));
    for (name, key) in [("metrics", "`metrics.prometheus`"), ("ping", "`ping`"), ("ready", "`ping`")] {
        let line =
            said.iter().find(|line| line.starts_with(&format!("error[ServiceUnusable] IngressRoute default/{name} ")));
        assert!(line.is_some_and(|line| line.contains(key)), "{name}: {said:?}");
    }
    assert_eq!(said.len(), 3, "{said:?}");
}
