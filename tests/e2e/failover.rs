//! A service that another one stands in for, and that comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::health::external;
use crate::support::manifests::service;
use crate::support::{Backend, Gateway, Manifests, object, route};

const CONFIG: &str = "providers: {manifests: {allowExternalNameServices: true}}";

fn failing_over(spec: &str) -> Manifests {
    route("r").to_service("f").by("{kind: TraefikService, port: null}")
        + object("TraefikService", "f", &format!("failover: {spec}"))
}

/// A server that is well or not, as its switch says.
async fn switched(name: &'static str) -> (Backend, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(true));
    let is_well = well.clone();
    let backend = Backend::answering(move |_| {
        let status = if is_well.load(Ordering::SeqCst) { "200 OK" } else { "500 No" };
        format!("HTTP/1.1 {status}\r\nX-Backend: {name}\r\nContent-Length: 0\r\n\r\n")
    })
    .await;
    (backend, well)
}

#[tokio::test]
async fn a_stand_in_serves_while_the_main_service_is_down() {
    let ((main, main_well), (fallback, fallback_well)) = (switched("main").await, switched("fallback").await);
    let check = "healthCheck: {path: /health, interval: 30ms}";
    let port = |backend: &Backend| backend.address.port();
    let gateway = Gateway::configured(
        CONFIG,
        failing_over(&format!(
            "{{service: {{name: main, port: {}, {check}}}, fallback: {{name: fallback, port: {}, {check}}}}}",
            port(&main),
            port(&fallback)
        )) + external("main", &main)
            + external("fallback", &fallback),
    )
    .await;
    for _ in 0..2 {
        gateway.until("a", "/", |reply| reply.status() == 200 && reply.backend() == "main").await;
        main_well.store(false, Ordering::SeqCst);
        gateway.until("a", "/", |reply| reply.status() == 200 && reply.backend() == "fallback").await;
        fallback_well.store(false, Ordering::SeqCst);
        gateway.until("a", "/", |reply| reply.status() == 503).await;
        gateway.get("a", "/").await.assert_body("no available server\n");
        fallback_well.store(true, Ordering::SeqCst);
        gateway.until("a", "/", |reply| reply.status() == 200 && reply.backend() == "fallback").await;
        main_well.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn answers_may_tell_that_the_main_service_is_down() {
    let (main, well) = switched("main").await;
    let fallback = Backend::named("fallback").await;
    let passive = "passiveHealthCheck: {failureWindow: 300ms, maxFailedAttempts: 1}";
    let gateway = Gateway::start(
        failing_over(&format!(
            "{{service: {{name: main, port: 80, {passive}}}, fallback: {{name: fallback, port: 80}}}}"
        )) + service("main", &[&main])
            + service("fallback", &[&fallback]),
    )
    .await;
    assert_eq!(gateway.get("a", "/").await.backend(), "main");
    well.store(false, Ordering::SeqCst);
    gateway.get("a", "/").await.assert_status(500);
    assert_eq!(gateway.get("a", "/").await.backend(), "fallback");
    well.store(true, Ordering::SeqCst);
    gateway.until("a", "/", |reply| reply.backend() == "main").await;
}

#[tokio::test]
async fn nobody_knows_when_a_service_without_checks_fails() {
    let backend = Backend::echo().await;
    for errors in ["", ", errors: {status: []}", ", errors: {maxRequestBodyBytes: 10}"] {
        let spec = format!("{{service: {{name: main, port: 80}}, fallback: {{name: main, port: 80}}{errors}}}");
        let gateway = Gateway::start(failing_over(&spec) + service("main", &[&backend])).await;
        gateway.get("a", "/").await.assert_status(404);
        gateway.logs("failover needs to know when its service fails").await;
    }
}

#[tokio::test]
async fn answers_that_are_failures_are_thrown_away_for_those_of_the_stand_in() {
    let ((main, well), fallback) = (switched("main").await, Backend::named("fallback").await);
    let gateway = Gateway::start(
        failing_over(
            "{service: {name: main, port: 80}, fallback: {name: fallback, port: 80}, \
             errors: {status: ['500', '502-503'], maxRequestBodyBytes: 200000}}",
        ) + service("main", &[&main])
            + service("fallback", &[&fallback]),
    )
    .await;
    let post = |length: usize| format!("POST /x HTTP/1.1\nHost: a\nContent-Length: {length}\n\n{}", "y".repeat(length));
    assert_eq!(gateway.get("a", "/").await.backend(), "main");
    assert_eq!(gateway.ask(&post(10)).await.backend(), "main");
    well.store(false, Ordering::SeqCst);
    assert_eq!(gateway.get("a", "/").await.backend(), "fallback");
    let mut client = gateway.connect().await;
    // More than Pingora keeps of a body for a second try, and as often as one likes.
    for length in [0, 5, 150_000] {
        let before = main.requests();
        assert_eq!(client.ask(&post(length)).await.assert_status(200).backend(), "fallback");
        assert_eq!((fallback.last().body.len(), main.last().body.len()), (length, length));
        assert_eq!(main.requests(), before + 1);
    }
    gateway.ask(&post(200_001)).await.assert_status(413);
    well.store(true, Ordering::SeqCst);
    assert_eq!(client.ask(&post(10)).await.backend(), "main");

    // A server that can't be reached is a failure, too.
    let gateway = Gateway::start(
        failing_over(
            "{service: {name: main, port: 80}, fallback: {name: fallback, port: 80}, errors: {status: ['502']}}",
        ) + service("main", &[&Backend::down()])
            + service("fallback", &[&fallback]),
    )
    .await;
    assert_eq!(gateway.ask(&post(100)).await.backend(), "fallback");
}

#[tokio::test]
async fn cookies_of_a_service_that_failed_are_not_set() {
    let ((main, well), fallback) = (switched("main").await, Backend::named("fallback").await);
    let sticky = |name: &str| format!("sticky: {{cookie: {{name: {name}}}}}");
    let gateway = Gateway::start(
        failing_over(&format!(
            "{{service: {{name: main, port: 80, {}}}, fallback: {{name: fallback, port: 80, {}}}, errors: {{status: ['500']}}}}",
            sticky("main"),
            sticky("fallback")
        )) + service("main", &[&main])
            + service("fallback", &[&fallback]),
    )
    .await;
    let cookie =
        |reply: &crate::support::Message| reply.header("Set-Cookie").unwrap().split('=').next().unwrap().to_owned();
    assert_eq!(cookie(&gateway.get("a", "/").await), "main");
    well.store(false, Ordering::SeqCst);
    assert_eq!(cookie(&gateway.get("a", "/").await), "fallback");
}

#[tokio::test]
async fn stand_ins_have_stand_ins() {
    let ((first, first_well), (second, second_well)) = (switched("first").await, switched("second").await);
    let (third, third_well) = switched("third").await;
    let nested = |spec: &str| object("TraefikService", "nested", &format!("failover: {spec}"));
    let by_status = "errors: {status: ['500-599']}";
    let gateway = Gateway::start(
        failing_over(&format!(
            "{{service: {{name: first, port: 80}}, fallback: {{name: nested, kind: TraefikService}}, {by_status}}}"
        )) + nested(&format!(
            "{{service: {{name: second, port: 80}}, fallback: {{name: third, port: 80}}, {by_status}}}"
        )) + service("first", &[&first])
            + service("second", &[&second])
            + service("third", &[&third]),
    )
    .await;
    let mut client = gateway.connect().await;
    let mut ask = async || client.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody").await;
    assert_eq!(ask().await.assert_status(200).backend(), "first");
    first_well.store(false, Ordering::SeqCst);
    assert_eq!(ask().await.assert_status(200).backend(), "second");
    second_well.store(false, Ordering::SeqCst);
    assert_eq!(ask().await.assert_status(200).backend(), "third");
    // Nobody stands in for the last one.
    third_well.store(false, Ordering::SeqCst);
    assert_eq!(ask().await.assert_status(500).backend(), "third");
    for backend in [&first, &second, &third] {
        assert_eq!(backend.last().body, b"body");
    }
    assert_eq!((first.requests(), second.requests(), third.requests()), (4, 3, 2));
    first_well.store(true, Ordering::SeqCst);
    assert_eq!(ask().await.assert_status(200).backend(), "first");
}

#[tokio::test]
async fn stand_ins_of_stand_ins_serve_by_health() {
    let ((first, first_well), (second, second_well)) = (switched("first").await, switched("second").await);
    let third = Backend::named("third").await;
    let checked = |name: &str, backend: &Backend| {
        format!("{{name: {name}, port: {}, healthCheck: {{path: /health, interval: 30ms}}}}", backend.address.port())
    };
    let gateway = Gateway::configured(
        CONFIG,
        failing_over(&format!(
            "{{service: {}, fallback: {{name: nested, kind: TraefikService}}}}",
            checked("first", &first)
        )) + object(
            "TraefikService",
            "nested",
            &format!("failover: {{service: {}, fallback: {{name: third, port: 80}}}}", checked("second", &second)),
        ) + external("first", &first)
            + external("second", &second)
            + service("third", &[&third]),
    )
    .await;
    let by = async |name: &str| {
        gateway.until("a", "/", |reply| reply.status() == 200 && reply.backend() == name).await;
        // It stays so.
        for _ in 0..3 {
            assert_eq!(gateway.get("a", "/").await.backend(), name);
        }
    };
    by("first").await;
    first_well.store(false, Ordering::SeqCst);
    by("second").await;
    second_well.store(false, Ordering::SeqCst);
    by("third").await;
    second_well.store(true, Ordering::SeqCst);
    by("second").await;
    first_well.store(true, Ordering::SeqCst);
    by("first").await;
}

#[tokio::test]
async fn bodies_are_sent_again_as_they_came_up_to_a_limit() {
    let ((main, well), fallback) = (switched("main").await, Backend::named("fallback").await);
    well.store(false, Ordering::SeqCst);
    let spec = "{service: {name: main, port: 80}, fallback: {name: fallback, port: 80}, \
                errors: {status: ['500'], maxRequestBodyBytes: LIMIT}}";
    let start = async |limit: &str| {
        let objects = failing_over(&spec.replace("LIMIT", limit)) + service("main", &[&main]);
        Gateway::start(objects + service("fallback", &[&fallback])).await
    };
    let body: Vec<u8> = (0..3usize << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    let chunked = |body: &[u8]| {
        let mut request = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for part in body.chunks(50_001) {
            request.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            request.extend_from_slice(part);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\n\r\n");
        request
    };
    // Without a limit.
    let gateway = start("-1").await;
    let mut client = gateway.connect().await;
    client.send(chunked(&body)).await.unwrap();
    assert_eq!(client.reply().await.unwrap().assert_status(200).backend(), "fallback");
    assert!(main.last().body == body && fallback.last().body == body);

    let gateway = start("1000").await;
    for (length, status) in [(0, 200), (1000, 200), (1001, 413)] {
        let before = main.requests();
        let mut client = gateway.connect().await;
        client.send(chunked(&body[..length])).await.unwrap();
        client.reply().await.unwrap().assert_status(status);
        assert_eq!(main.requests() - before, usize::from(status == 200), "a body of {length}");
    }
    // None at all.
    let gateway = start("0").await;
    gateway.get("a", "/").await.assert_status(200);
    gateway.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 1\n\nx").await.assert_status(413);
}

#[tokio::test]
async fn where_both_cannot_be_reached_the_client_is_told() {
    let spec = "{service: {name: main, port: 80}, fallback: {name: fallback, port: 80}, errors: {status: ['502']}}";
    let gateway = Gateway::start(
        failing_over(spec) + service("main", &[&Backend::down()]) + service("fallback", &[&Backend::down()]),
    )
    .await;
    gateway.get("a", "/").await.assert_status(502).assert_body("Bad Gateway");
}
