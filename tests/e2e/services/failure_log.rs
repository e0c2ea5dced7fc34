//! What the log says of requests that fail: one line each, with the status, the reason, the router, the service and the
//! server; and nothing of what may be secret.

use std::time::Duration;

use crate::support::manifests::service;
use crate::support::{Backend, Gate, Gateway, Manifests, Wire, middleware, object, route};

/// A query that must not be in any log.
const TARGET: &str = "/failing/path?token=s3cret";

/// A route twice: with Pingora proxying, and with a filter that takes its place.
fn both(backends: &[&Backend], more: &str) -> Manifests {
    let named = |name: &str| route(name).rule(&format!("Host(`{name}`)")).to_service("s").by(more);
    named("direct")
        + named("around").middlewares(&["around"])
        + middleware("around", "errors: {status: ['599'], query: /, service: {name: s, port: 80}}")
        + service("s", backends)
}

/// The lines about the failing request.
fn lines(gateway: &Gateway) -> Vec<String> {
    let log = gateway.log();
    assert!(!log.contains("s3cret"), "{log}");
    log.lines().filter(|line| line.contains("/failing/path")).map(str::to_owned).collect()
}

/// Waits for the one line about a request, which must have all of these words.
async fn told(gateway: &Gateway, words: &[&str]) {
    gateway.logs("/failing/path").await;
    let lines = lines(gateway);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    for word in words {
        assert!(lines[0].contains(word), "{word:?} is not in {}", lines[0]);
    }
}

fn ask(method: &str, host: &str) -> String {
    let body = if method == "POST" { "Content-Length: 4\nAuthorization: Basic czNjcmV0\n\nbody" } else { "\n" };
    format!("{method} {TARGET} HTTP/1.1\nHost: {host}\n{body}")
}

/// How a server ends a connection.
#[derive(Clone, Copy)]
enum End {
    Close,
    Reset,
}

/// Says something to the first request, and ends the connection.
async fn breaking(answer: &'static str, end: End) -> Backend {
    Backend::accepting(move |tcp, seen| async move {
        if matches!(end, End::Reset) {
            socket2::SockRef::from(&tcp).set_linger(Some(Duration::ZERO))?;
        }
        let mut wire = Wire::new(tcp);
        if let Some(request) = wire.request().await? {
            seen.push(request);
            wire.send(answer).await?;
        }
        Ok(())
    })
    .await
}

const HALF_A_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Le";

#[tokio::test]
async fn servers_that_fail_are_told_apart() {
    let late = Gate::new();
    let impatient = "serversTransport: impatient";
    let silent = Backend::behind(&late, "late").await;
    for (backend, more, status, reason) in [
        (Backend::down(), "{}", 502, "ConnectRefused"),
        (breaking("", End::Close).await, "{}", 502, "ConnectionClosed"),
        (breaking("", End::Reset).await, "{}", 502, "reset"),
        (breaking(HALF_A_HEAD, End::Close).await, "{}", 502, "ConnectionClosed"),
        (breaking(HALF_A_HEAD, End::Reset).await, "{}", 502, "reset"),
        (breaking("220 smtp.example ready\r\n\r\n", End::Close).await, "{}", 502, "InvalidHTTPHeader"),
        (silent, impatient, 504, "504: the server took too long: "),
    ] {
        for host in ["direct", "around"] {
            let transport = "forwardingTimeouts: {responseHeaderTimeout: 200ms}";
            let gateway =
                Gateway::start(both(&[&backend], more) + object("ServersTransport", "impatient", transport)).await;
            gateway.ask(&ask("POST", host)).await.assert_status(status);
            let server = format!("server: http://{}", backend.address);
            let router = format!("router: default-{host}-");
            let (begin, service) = (format!("{status}: "), format!("service: default-{host}-"));
            let host = format!("POST /failing/path, Host: {host}");
            told(&gateway, &["WARN", &begin, reason, &host, &router, &service, &server]).await;
        }
    }
}

#[tokio::test]
async fn that_there_is_no_server_is_told() {
    let config = "providers: {manifests: {allowEmptyServices: true}}";
    for host in ["direct", "around"] {
        let gateway = Gateway::configured(config, both(&[], "{}")).await;
        gateway.ask(&ask("GET", host)).await.assert_status(503).assert_body("no available server\n");
        let router = format!("router: default-{host}-");
        told(&gateway, &["WARN", "503: no server takes requests, GET /failing/path", &router, "server: -"]).await;
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_told() {
    for (host, end) in [("direct", End::Close), ("direct", End::Reset), ("around", End::Close), ("around", End::Reset)]
    {
        let backend = breaking("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", end).await;
        let gateway = Gateway::start(both(&[&backend], "{}")).await;
        let mut client = gateway.connect().await;
        client.say(&ask("GET", host)).await.unwrap();
        let reply = client.reply().await;
        assert!(reply.is_err(), "{reply:?}");
        // A reset may overtake what was sent before it: then there is no answer to break off.
        let words = match end {
            End::Close => "502: the response broke off after its head, with status 200: ",
            End::Reset => "502: ",
        };
        told(&gateway, &["WARN", words, &format!("server: http://{}", backend.address)]).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_told_as_such() {
    let gate = Gate::new();
    let backend = Backend::behind(&gate, "late").await;
    for host in ["direct", "around"] {
        let gateway = Gateway::start(both(&[&backend], "{}")).await;
        let mut client = gateway.connect().await;
        client.say(&ask("GET", host)).await.unwrap();
        gate.arrived().await;
        drop(client);
        let server = format!("server: http://{}", backend.address);
        told(&gateway, &["INFO", "499: the client ended the request: ", &server]).await;
        gate.open();
    }
}

#[tokio::test]
async fn a_request_that_goes_to_another_server_is_told_once() {
    // Half a head is no answer: what means the same twice goes on.
    for end in [End::Close, End::Reset] {
        let half = breaking(HALF_A_HEAD, end).await;
        let up = Backend::named("up").await;
        for host in ["direct", "around"] {
            let gateway = Gateway::start(both(&[&half, &up], "{}")).await;
            let before = half.requests();
            while half.requests() == before {
                assert_eq!(gateway.ask(&ask("GET", host)).await.assert_status(200).backend(), "up");
            }
            let (from, to) = (format!("goes from http://{}", half.address), format!("to http://{}", up.address));
            told(&gateway, &["INFO", &from, &to, "GET /failing/path"]).await;
        }
    }
}
