//! Servers that fall ill and get well: found out by probes, or by their answers; and what changes leave of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::time::sleep;

use crate::support::{Backend, Gateway, Manifests, PATIENCE, route, within};

const CONFIG: &str = "providers: {manifests: {allowExternalNameServices: true}}";

/// A route to a server that has a health check, which only Services of type ExternalName may have.
pub fn checked(name: &str, backend: &Backend, settings: &str) -> Manifests {
    route(name).rule(&format!("Host(`{name}`)")).to_service(name).by(settings) + external(name, backend)
}

pub fn external(name: &str, backend: &Backend) -> Manifests {
    let object = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "type": "ExternalName", "externalName": backend.address.ip(), "ports": [{"port": backend.address.port()}],
        },
    });
    Manifests(format!("---\n{}", serde_yaml::to_string(&object).unwrap()))
}

fn port(backend: &Backend) -> u16 {
    backend.address.port()
}

/// A server that is well, or not, as the test says, and counts its probes.
struct Patient {
    backend: Backend,
    well: Arc<AtomicBool>,
    probes: Arc<AtomicUsize>,
}

impl Patient {
    async fn new() -> Patient {
        let (well, probes) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let (is_well, probed) = (well.clone(), probes.clone());
        let backend = Backend::answering(move |request| {
            if !request.target().starts_with("/health") {
                return "HTTP/1.1 200 OK\r\nX-Backend: patient\r\nContent-Length: 0\r\n\r\n".to_owned();
            }
            probed.fetch_add(1, Ordering::SeqCst);
            match is_well.load(Ordering::SeqCst) {
                true => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
                false => "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
            }
        })
        .await;
        Patient { backend, well, probes }
    }

    fn is_well(&self, well: bool) {
        self.well.store(well, Ordering::SeqCst);
    }

    fn probes(&self) -> usize {
        self.probes.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_server_that_fails_its_check_gets_no_requests_until_it_passes() {
    let patient = Patient::new().await;
    let check = "{path: /health, interval: 50ms, hostname: probe.example, method: GET, headers: {X-Probe: 'yes'}}";
    let by = format!("{{port: {}, healthCheck: {check}}}", port(&patient.backend));
    let gateway = Gateway::configured(CONFIG, checked("a", &patient.backend, &by)).await;
    gateway.get("a", "/").await.assert_status(200);
    for _ in 0..2 {
        patient.is_well(false);
        gateway.until("a", "/", |reply| reply.status() == 503).await;
        gateway.get("a", "/").await.assert_status(503).assert_body("no available server\n");
        patient.is_well(true);
        gateway.until("a", "/", |reply| reply.status() == 200).await;
    }
    gateway.logs("is down").await;
    gateway.logs("is up").await;
    let before = patient.probes();
    within("a probe", async {
        while patient.probes() == before {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let seen = patient.backend.last();
    assert_eq!(seen.start, "GET /health HTTP/1.1");
    seen.assert_header("Host", "probe.example").assert_header("X-Probe", "yes");
}

#[tokio::test]
async fn what_is_known_survives_changes_and_nobody_is_probed_more_for_them() {
    let patient = Patient::new().await;
    patient.is_well(false);
    let settings = |more: &str| {
        let check = "healthCheck: {path: /health, interval: 20ms, unhealthyInterval: 1h}";
        format!("{{port: {}, {check}{more}}}", port(&patient.backend))
    };
    let gateway = Gateway::configured(CONFIG, checked("a", &patient.backend, &settings(""))).await;
    gateway.until("a", "/", |reply| reply.status() == 503).await;
    let (probes, marker) = (patient.probes(), Backend::echo().await);
    for n in 0..20 {
        // Elsewhere, then of the service itself.
        let by = settings(if n < 10 { "" } else { ", passHostHeader: false" });
        let by = if n % 2 == 0 { by } else { by.replace("false", "true") };
        let marker = route("marker").rule(&format!("Host(`marker{n}`)")).to(&marker);
        gateway.change(checked("a", &patient.backend, &by) + marker);
        gateway.until(&format!("marker{n}"), "/", |reply| reply.status() == 200).await;
        gateway.get("a", "/").await.assert_status(503);
    }
    assert_eq!(patient.probes(), probes);
}

#[tokio::test]
async fn a_check_may_have_another_port_and_follow_redirects_and_want_one_status() {
    let health = Backend::answering(|request| match request.target() {
        "/moved" => "HTTP/1.1 302 Found\r\nLocation: here\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "/here" => "HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n".to_owned(),
        _ => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
    })
    .await;
    let address = std::net::SocketAddr::new(health.address.ip(), crate::support::ports::free().port());
    // Nobody listens at the server's own port: a request that gets there is 502, one that is held back 503.
    let server = Backend::at(address);
    for (check, expected) in [
        ("path: /moved", 503),
        ("path: /moved, followRedirects: false", 502),
        ("path: /moved, status: 418", 502),
        ("path: /else, status: 418", 503),
        ("path: /else, timeout: 10s", 502),
    ] {
        let check = format!("healthCheck: {{{check}, port: {}, interval: 20ms}}", port(&health));
        let by = format!("{{port: {}, {check}}}", port(&server));
        let gateway = Gateway::configured(CONFIG, checked("a", &server, &by)).await;
        let before = health.requests();
        within("probes", async {
            while health.requests() < before + 4 {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        gateway.get("a", "/").await.assert_status(expected);
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_its_check_is_down() {
    let silent = Backend::serving(|mut wire, seen| async move {
        while let Some(request) = wire.request().await? {
            let probe = request.target() == "/health";
            seen.push(request);
            if probe {
                sleep(PATIENCE).await;
            }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await?;
        }
        Ok(())
    })
    .await;
    let by = format!("{{port: {}, healthCheck: {{path: /health, interval: 20ms, timeout: 50ms}}}}", port(&silent));
    let gateway = Gateway::configured(CONFIG, checked("a", &silent, &by)).await;
    gateway.until("a", "/", |reply| reply.status() == 503).await;
    gateway.logs("no answer within 50ms").await;
}

#[tokio::test]
async fn grpc_servers_are_asked_in_their_way() {
    let serving = Arc::new(AtomicBool::new(true));
    let says = serving.clone();
    let backend = Backend::accepting(move |tcp, _| {
        let says = says.clone();
        async move {
            let mut connection = h2::server::handshake(tcp).await.map_err(std::io::Error::other)?;
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let good = request.uri().path() != "/grpc.health.v1.Health/Check"
                    || (request.method() == "POST" && request.headers()["content-type"] == "application/grpc");
                let status = if good && says.load(Ordering::SeqCst) { 1 } else { 2 };
                let head = http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
                let mut send = respond.send_response(head, false).map_err(std::io::Error::other)?;
                let message = Bytes::copy_from_slice(&[0, 0, 0, 0, 2, 8, status]);
                send.send_data(message, false).map_err(std::io::Error::other)?;
                let trailers = [(http::HeaderName::from_static("grpc-status"), http::HeaderValue::from_static("0"))];
                send.send_trailers(trailers.into_iter().collect()).map_err(std::io::Error::other)?;
            }
            Ok(())
        }
    })
    .await;
    let by = format!("{{port: {}, scheme: h2c, healthCheck: {{mode: grpc, interval: 50ms}}}}", port(&backend));
    let gateway = Gateway::configured(CONFIG, checked("a", &backend, &by)).await;
    let ask = |expected: u16| gateway.until("a", "/", move |reply| reply.status() == expected);
    ask(200).await;
    serving.store(false, Ordering::SeqCst);
    ask(503).await;
    serving.store(true, Ordering::SeqCst);
    ask(200).await;
    gateway.logs("not SERVING").await;
}

#[tokio::test]
async fn answers_tell_of_health_too() {
    let (well, failing) = (Backend::named("well").await, Arc::new(AtomicBool::new(true)));
    let fails = failing.clone();
    let ill = Backend::answering(move |_| {
        let status = if fails.load(Ordering::SeqCst) { "500 No" } else { "200 OK" };
        format!("HTTP/1.1 {status}\r\nX-Backend: ill\r\nContent-Length: 0\r\n\r\n")
    })
    .await;
    let by = "passiveHealthCheck: {failureWindow: 1s, maxFailedAttempts: 2}";
    let gateway = Gateway::start(route("r").to_all(&[&ill, &well]).by(by)).await;
    let mut failures = 0;
    for _ in 0..20 {
        failures += usize::from(gateway.get("a", "/").await.status() == 500);
    }
    assert_eq!(failures, 2);
    gateway.logs("left alone").await;
    // After the window it is tried again.
    failing.store(false, Ordering::SeqCst);
    gateway.until("a", "/", |reply| reply.backend() == "ill").await;

    // One that can't be reached is left alone, too: its requests go to the other at once.
    let gateway =
        Gateway::start(route("r").to_all(&[&Backend::down(), &well]).by("passiveHealthCheck: {failureWindow: 1h}"))
            .await;
    for _ in 0..10 {
        assert_eq!(gateway.get("a", "/").await.backend(), "well");
    }
    assert_eq!(gateway.log().matches("goes from").count(), 1, "only the first request met it");

    // Each request counts once, the last server's too.
    let by = "passiveHealthCheck: {failureWindow: 1h, maxFailedAttempts: 2}";
    let gateway = Gateway::start(route("r").to(&Backend::down()).by(by)).await;
    for status in [502, 502, 503] {
        gateway.get("a", "/").await.assert_status(status);
    }
}

#[tokio::test]
async fn a_check_that_is_not_possible_is_told_and_closes() {
    let backend = Backend::echo().await;
    let by = format!("{{port: {}, healthCheck: {{path: 'http://elsewhere/'}}}}", port(&backend));
    let gateway = Gateway::configured(CONFIG, checked("a", &backend, &by)).await;
    gateway.get("a", "/").await.assert_status(404);
    gateway.logs("healthCheck.path").await;
}
