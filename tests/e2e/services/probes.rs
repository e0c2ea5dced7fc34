//! Probes of health: what servers see of them, how often they come, and that changes don't make them more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::super::health::{checked, external};
use crate::support::{Backend, Gateway, Manifests, Message, object, route, within};

const CONFIG: &str = "providers: {manifests: {allowExternalNameServices: true}}";

/// The next request that comes to a backend, which must be a probe.
async fn probe(backend: &Backend) -> Message {
    let before = backend.requests();
    within("a probe", async {
        while backend.requests() == before {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    backend.last()
}

#[tokio::test]
async fn probes_are_what_is_asked_for() {
    let backend = Backend::echo().await;
    let port = backend.address.port();
    for (check, start, host) in [
        ("path: /health", "GET /health HTTP/1.1", None),
        ("path: health", "GET /health HTTP/1.1", None),
        ("path: '/a/b?c=d', method: HEAD", "HEAD /a/b?c=d HTTP/1.1", None),
        ("path: /, method: OPTIONS, hostname: probe.example", "OPTIONS / HTTP/1.1", Some("probe.example")),
        ("path: /, headers: {Host: other.example, X-Probe: 'yes'}", "GET / HTTP/1.1", Some("other.example")),
    ] {
        let by = format!("{{port: {port}, healthCheck: {{{check}, interval: 20ms}}}}");
        let _gateway = Gateway::configured(CONFIG, checked("a", &backend, &by)).await;
        let seen = probe(&backend).await;
        assert_eq!(seen.start, start);
        seen.assert_header("Host", host.unwrap_or(&backend.address.to_string()));
        assert_eq!(seen.header("X-Probe"), check.contains("X-Probe").then_some("yes"));
        // It is nobody's request.
        seen.assert_no_header("X-Forwarded-For");
    }
}

#[tokio::test]
async fn probes_may_speak_tls_where_requests_do_not_and_as_they_do() {
    let (plain, secure) = (Backend::echo().await, Backend::tls().await);
    let health = secure.address.port();
    let transport = object("ServersTransport", "t", "insecureSkipVerify: true");
    // The server for requests is the plain one's port; the one that is probed speaks TLS at the same address.
    let server = Backend::at((secure.address.ip(), plain.address.port()).into());
    let by = |more: &str| format!("{{port: {}, serversTransport: t, {more}}}", server.address.port());
    let check = format!("healthCheck: {{path: /health, scheme: https, port: {health}, interval: 20ms}}");
    let _gateway = Gateway::configured(CONFIG, checked("a", &server, &by(&check)) + transport.clone()).await;
    assert_eq!(probe(&secure).await.start, "GET /health HTTP/1.1");

    let by =
        format!("{{port: {health}, scheme: https, serversTransport: t, healthCheck: {{path: /, interval: 20ms}}}}");
    let gateway = Gateway::configured(CONFIG, checked("a", &secure, &by) + transport).await;
    probe(&secure).await;
    gateway.get("a", "/").await.assert_status(200);
    // Without the transport nobody vouches for the certificate.
    let by = format!("{{port: {health}, scheme: https, healthCheck: {{path: /, interval: 20ms}}}}");
    let gateway = Gateway::configured(CONFIG, checked("a", &secure, &by)).await;
    within("the probe", async { while gateway.get("a", "/").await.status() != 503 {} }).await;
}

#[tokio::test]
async fn the_ill_are_probed_at_their_own_interval() {
    let (well, probes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (is_well, probed) = (well.clone(), probes.clone());
    let backend = Backend::answering(move |request| {
        probed.fetch_add(usize::from(request.target() == "/health"), Ordering::SeqCst);
        let status = if is_well.load(Ordering::SeqCst) { 200 } else { 500 };
        format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n")
    })
    .await;
    let check = "healthCheck: {path: /health, interval: 500ms, unhealthyInterval: 20ms}";
    let by = format!("{{port: {}, {check}}}", backend.address.port());
    let gateway = Gateway::configured(CONFIG, checked("a", &backend, &by)).await;
    gateway.until("a", "/", |reply| reply.status() == 503).await;
    let (before, start) = (probes.load(Ordering::SeqCst), Instant::now());
    within("more probes", async {
        while probes.load(Ordering::SeqCst) < before + 20 {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    // At the other interval they would take ten seconds.
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    well.store(true, Ordering::SeqCst);
    gateway.until("a", "/", |reply| reply.status() == 200).await;
    let (before, start) = (probes.load(Ordering::SeqCst), Instant::now());
    sleep(Duration::from_secs(1)).await;
    let most = start.elapsed().as_millis() / 450 + 1;
    let came = probes.load(Ordering::SeqCst) - before;
    assert!(came as u128 <= most, "{came} probes of a server that is well, in {:?}", start.elapsed());
}

#[tokio::test]
async fn changes_make_no_storm_of_probes() {
    const SERVICES: usize = 20;
    let mut servers = Vec::new();
    for _ in 0..SERVICES {
        servers.push(Backend::echo().await);
    }
    let marker = Backend::named("marker").await;
    let objects = |n: usize| -> Manifests {
        let mut all: Manifests = route("marker").rule(&format!("Host(`marker{n}`)")).to(&marker).into();
        for (i, server) in servers.iter().enumerate() {
            let name = format!("s{i}");
            // Every other one changes each time: the service itself, not what is asked about its health.
            let pass = i % 2 == 0 || n % 2 == 1;
            let check = "healthCheck: {path: /health, interval: 2s}";
            let by = format!("{{port: {}, passHostHeader: {pass}, {check}}}", server.address.port());
            all =
                all + route(&name).rule(&format!("Host(`{name}`)")).to_service(&name).by(&by) + external(&name, server);
        }
        all
    };
    let start = Instant::now();
    let gateway = Gateway::configured(CONFIG, objects(0)).await;
    for n in 1..=30 {
        gateway.change(objects(n));
        gateway.until(&format!("marker{n}"), "/", |reply| reply.status() == 200).await;
    }
    // One at any time within each two seconds (their times vary by 5 %), whatever changes.
    let most = start.elapsed().as_millis() / 1900 + 1;
    let took = start.elapsed();
    for server in &servers {
        assert!(server.requests() as u128 <= most, "{} probes in {took:?}", server.requests());
    }
}
