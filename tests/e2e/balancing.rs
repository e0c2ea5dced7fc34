//! Who gets the next request: round robin, weights, connections that are used again, and the Host that servers see.

use std::collections::BTreeMap;

use crate::support::manifests::service;
use crate::support::{Backend, Gateway, Wire, middleware, object, route};

#[tokio::test]
async fn servers_take_turns() {
    let [a, b, c] = &[Backend::named("a").await, Backend::named("b").await, Backend::named("c").await];
    let gateway = Gateway::start(route("all").to_all(&[a, b, c])).await;
    let counts = count(&gateway, 30).await;
    assert_eq!(counts, BTreeMap::from([("a".into(), 10), ("b".into(), 10), ("c".into(), 10)]));
}

#[tokio::test]
async fn services_of_a_route_have_weights() {
    let [a, b, never] = &[Backend::named("a").await, Backend::named("b").await, Backend::named("never").await];
    let gateway =
        Gateway::start(route("w").to(a).by("weight: 3").to(b).by("weight: 1").to(never).by("weight: 0")).await;
    assert_eq!(count(&gateway, 40).await, BTreeMap::from([("a".into(), 30), ("b".into(), 10)]));
}

#[tokio::test]
async fn a_traefik_service_has_weights_down_to_its_leaves() {
    let [a, b, c] = &[Backend::named("a").await, Backend::named("b").await, Backend::named("c").await];
    let gateway = Gateway::start(
        route("r").to_service("outer").by("{kind: TraefikService, port: null}")
            + object(
                "TraefikService",
                "outer",
                "weighted: {services: [{name: inner, kind: TraefikService, weight: 1}, {name: c, port: 80, weight: 1}]}",
            )
            + object(
                "TraefikService",
                "inner",
                "weighted: {services: [{name: a, port: 80, weight: 3}, {name: b, port: 80, weight: 1}]}",
            )
            + service("a", &[a])
            + service("b", &[b])
            + service("c", &[c]),
    )
    .await;
    let counts = count(&gateway, 40).await;
    assert_eq!(counts, BTreeMap::from([("a".into(), 15), ("b".into(), 5), ("c".into(), 20)]));
}

#[tokio::test]
async fn connections_to_servers_are_used_again() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    for _ in 0..10 {
        client.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(200);
    }
    for _ in 0..10 {
        gateway.get("a", "/").await.assert_status(200);
    }
    // A reply may be with its client a moment before its connection is back in the pool.
    assert_eq!(backend.requests(), 20);
    assert!(backend.connections() <= 5, "{} connections", backend.connections());
}

#[tokio::test]
async fn a_connection_that_its_server_closed_is_not_a_failed_request() {
    // Closes after each reply, without saying so.
    let backend = Backend::serving(|mut wire, seen| async move {
        if let Some(request) = wire.request().await? {
            seen.push(request);
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await?;
        }
        Ok(())
    })
    .await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let mut client = gateway.connect().await;
    for _ in 0..20 {
        client.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(200);
    }
    assert_eq!(backend.requests(), 20);
}

#[tokio::test]
async fn servers_see_the_clients_host_unless_it_is_not_passed_on() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        route("passed").rule("Host(`a.example`)").to(&backend)
            + route("kept").rule("Host(`b.example`)").to(&backend).by("passHostHeader: false"),
    )
    .await;
    gateway.get("a.example:8080", "/").await.echoed().assert_header("Host", "a.example:8080");
    let seen = gateway.get("b.example", "/").await.echoed();
    seen.assert_header("Host", &backend.address.to_string()).assert_header("X-Forwarded-Host", "b.example");
}

#[tokio::test]
async fn services_within_a_service_bring_their_own_middlewares() {
    let [a, b] = &[Backend::named("a").await, Backend::named("b").await];
    let header = |name: &str| {
        let both = "headers: {customRequestHeaders: {X-Own: NAME}, customResponseHeaders: {X-Own: NAME}}";
        middleware(name, &both.replace("NAME", name))
    };
    let own = |service: &str| format!("{{name: {service}, port: 80, middlewares: [{{name: own-{service}}}]}}");
    let gateway = Gateway::start(
        route("r").to_service("w").by("{kind: TraefikService, port: null}")
            + object("TraefikService", "w", &format!("weighted: {{services: [{}, {}]}}", own("a"), own("b")))
            + route("f").rule("Host(`f`)").priority(99).to_service("f").by("{kind: TraefikService, port: null}")
            + object(
                "TraefikService",
                "f",
                &format!(
                    "failover: {{service: {{name: down, port: 80}}, fallback: {}, errors: {{status: ['502']}}}}",
                    own("b")
                ),
            )
            + route("refused")
                .rule("Host(`refused`)")
                .priority(99)
                .to_service("x")
                .by("{kind: TraefikService, port: null}")
            + object(
                "TraefikService",
                "x",
                "weighted: {services: [{name: refusing, port: 80, middlewares: [{name: nobody}]}]}",
            )
            + middleware("nobody", "ipAllowList: {sourceRange: [192.0.2.1/32]}")
            + header("own-a")
            + header("own-b")
            + service("a", &[a])
            + service("b", &[b])
            + service("refusing", &[a])
            + service("down", &[&Backend::down()]),
    )
    .await;
    for _ in 0..4 {
        let reply = gateway.get("a", "/").await;
        let expected = format!("own-{}", reply.backend());
        reply.assert_header("X-Own", &expected).echoed().assert_header("X-Own", &expected);
    }
    let reply = gateway.get("f", "/").await;
    assert_eq!(reply.backend(), "b");
    reply.assert_header("X-Own", "own-b").echoed().assert_header("X-Own", "own-b");
    gateway.get("refused", "/").await.assert_status(403);
}

async fn count(gateway: &Gateway, requests: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut client: Wire = gateway.connect().await;
    for _ in 0..requests {
        let reply = client.ask("GET / HTTP/1.1\nHost: a\n\n").await;
        *counts.entry(reply.backend().to_owned()).or_default() += 1;
    }
    counts
}
