//! What servers are told of clients, what clients may say themselves, and what is about one connection only.

use crate::support::{Backend, Gateway, Message, middleware, route};

const TRUSTED: &str = "entryPoints: {web: {forwardedHeaders: {trustedIPs: [127.0.0.0/8]}}}";

#[tokio::test]
async fn servers_are_told_about_the_client() {
    let seen = seen("{}", "GET / HTTP/1.1\nHost: a.example\n\n").await;
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    seen.assert_header("X-Forwarded-For", "127.0.0.1")
        .assert_header("X-Real-Ip", "127.0.0.1")
        .assert_header("X-Forwarded-Proto", "http")
        .assert_header("X-Forwarded-Host", "a.example")
        .assert_header("X-Forwarded-Port", "80")
        .assert_header("X-Forwarded-Server", hostname.trim());
    // Old applications read these names as they are written.
    for name in [
        "X-Forwarded-For",
        "X-Real-Ip",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "X-Forwarded-Server",
    ] {
        assert!(seen.head.contains(&format!("\r\n{name}: ")), "{name} in {seen:?}");
    }
}

#[tokio::test]
async fn the_port_is_the_one_in_the_host() {
    let seen = seen("{}", "GET / HTTP/1.1\nHost: a.example:8443\n\n").await;
    seen.assert_header("X-Forwarded-Port", "8443").assert_header("X-Forwarded-Host", "a.example:8443");
}

#[tokio::test]
async fn strangers_are_not_believed() {
    let request = "GET / HTTP/1.1\nHost: a.example\nX-Forwarded-For: 1.1.1.1\nX-Forwarded-For: 2.2.2.2\n\
        X_Forwarded_For: 3.3.3.3\nX-Forwarded_For: 4.4.4.4\nX-Real-Ip: 1.1.1.1\nX_Real_Ip: 1.1.1.1\n\
        X-Forwarded-Proto: https\nX-Forwarded-Host: evil\nX-Forwarded-Port: 1\nX-Forwarded-Server: evil\n\
        X-Forwarded-Prefix: /evil\nX-Forwarded-Uri: /evil\nX-Forwarded-Method: EVIL\nX-Scheme: evil\nX-Forwarded-Scheme: evil\n\
        X-Forwarded-Tls-Client-Cert: evil\nX-Forwarded-Tls-Client-Cert-Info: evil\nForwarded: for=1.1.1.1\n\n";
    let seen = seen("{}", request).await;
    seen.assert_header("X-Forwarded-For", "127.0.0.1")
        .assert_header("X-Real-Ip", "127.0.0.1")
        .assert_header("X-Forwarded-Proto", "http")
        .assert_header("X-Forwarded-Host", "a.example")
        .assert_header("X-Forwarded-Port", "80")
        .assert_header("Forwarded", "for=1.1.1.1");
    assert!(!seen.head.contains("evil"), "{seen:?}");
    for ip in ["3.3.3.3", "4.4.4.4"] {
        assert!(!seen.head.contains(ip), "{seen:?}");
    }
}

#[tokio::test]
async fn trusted_peers_are_believed() {
    let request = "GET / HTTP/1.1\nHost: a.example\nX-Forwarded-For: 1.1.1.1\nX-Forwarded-For: 2.2.2.2\nX-Real-Ip: 1.1.1.1\n\
        X-Forwarded-Proto: https\nX-Forwarded-Host: public.example\nX-Forwarded-Server: edge\nX-Forwarded-Prefix: /p\n\n";
    let seen = seen(TRUSTED, request).await;
    assert_ne!(seen.header("X-Forwarded-Server"), Some("edge"), "the last gateway names itself");
    seen.assert_header("X-Forwarded-For", "1.1.1.1, 2.2.2.2, 127.0.0.1")
        .assert_header("X-Real-Ip", "1.1.1.1")
        .assert_header("X-Forwarded-Proto", "https")
        .assert_header("X-Forwarded-Host", "public.example")
        .assert_header("X-Forwarded-Port", "443")
        .assert_header("X-Forwarded-Prefix", "/p");
}

#[tokio::test]
async fn trust_ends_at_the_range() {
    let config = "entryPoints: {web: {forwardedHeaders: {trustedIPs: [10.0.0.0/8, 127.0.0.2]}}}";
    let seen = seen(config, "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 1.1.1.1\n\n").await;
    seen.assert_header("X-Forwarded-For", "127.0.0.1");
}

#[tokio::test]
async fn insecure_believes_everybody() {
    let config = "entryPoints: {web: {forwardedHeaders: {insecure: true}}}";
    let seen = seen(config, "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 1.1.1.1\n\n").await;
    seen.assert_header("X-Forwarded-For", "1.1.1.1, 127.0.0.1");
}

#[tokio::test]
async fn the_peer_may_be_left_out() {
    let config = "entryPoints: {web: {forwardedHeaders: {insecure: true, notAppendXForwardedFor: true}}}";
    let asked = seen(config, "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 1.1.1.1\n\n").await;
    asked.assert_header("X-Forwarded-For", "1.1.1.1");
    let asked = seen(config, "GET / HTTP/1.1\nHost: a\n\n").await;
    asked.assert_no_header("X-Forwarded-For");
}

#[tokio::test]
async fn what_is_about_one_connection_stays_there() {
    let request = "GET / HTTP/1.1\nHost: a\nConnection: keep-alive, X-Secret, x-other\nX-Secret: 1\nX-Other: 2\nX-Kept: 3\n\
        Keep-Alive: timeout=5\nProxy-Connection: keep-alive\nProxy-Authorization: Basic eA==\nProxy-Authenticate: x\n\
        TE: gzip\nTrailer: X-T\n\n";
    let seen = seen("{}", request).await;
    for name in [
        "Connection",
        "X-Secret",
        "X-Other",
        "Keep-Alive",
        "Proxy-Connection",
        "Proxy-Authorization",
        "Proxy-Authenticate",
        "TE",
        "Trailer",
        "Upgrade",
    ] {
        seen.assert_no_header(name);
    }
    seen.assert_header("X-Kept", "3");
}

#[tokio::test]
async fn forwarding_headers_cant_be_nominated_away() {
    let request = "GET / HTTP/1.1\nHost: a\nConnection: X-Forwarded-For, X-Real-Ip, X-Forwarded-Host, Host\n\n";
    let seen = seen("{}", request).await;
    seen.assert_header("X-Forwarded-For", "127.0.0.1")
        .assert_header("X-Real-Ip", "127.0.0.1")
        .assert_header("X-Forwarded-Host", "a")
        .assert_header("Host", "a");
}

#[tokio::test]
async fn what_connection_names_may_be_for_filters_and_never_is_for_servers() {
    let backend = Backend::echo().await;
    let config = "entryPoints: {web: {forwardedHeaders: {connection: [X-Wanted]}}}";
    let gateway = Gateway::configured(config, route("r").rule("Header(`X-Wanted`, `1`)").to(&backend)).await;
    let request = "GET / HTTP/1.1\nHost: a\nConnection: X-Wanted, X-Unwanted\nX-Wanted: 1\nX-Unwanted: 1\n\n";
    gateway.ask(request).await.assert_status(200);
    backend.last().assert_no_header("X-Wanted").assert_no_header("X-Unwanted");
    gateway.ask("GET / HTTP/1.1\nHost: a\nX-Wanted: 1\n\n").await.assert_status(200);
    backend.last().assert_header("X-Wanted", "1");
}

#[tokio::test]
async fn te_trailers_is_passed_on() {
    seen("{}", "GET / HTTP/1.1\nHost: a\nTE: gzip, trailers\n\n").await.assert_header("TE", "trailers");
}

#[tokio::test]
async fn responses_lose_what_is_about_one_connection() {
    let backend = Backend::replying(
        "HTTP/1.1 200 OK\nConnection: X-Internal\nX-Internal: 1\nKeep-Alive: timeout=5\nProxy-Connection: x\nContent-Length: 2\n\nok",
    )
    .await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    let reply = gateway.get("a", "/").await;
    reply
        .assert_status(200)
        .assert_no_header("X-Internal")
        .assert_no_header("Keep-Alive")
        .assert_no_header("Proxy-Connection");
    assert!(!reply.has_token("Connection", "X-Internal"), "{reply:?}");
}

/// What a server sees of a request through an entry point with this configuration.
async fn seen(config: &str, request: &str) -> Message {
    let backend = Backend::echo().await;
    let gateway = Gateway::configured(config, route("r").to(&backend)).await;
    gateway.ask(request).await.echoed()
}

#[tokio::test]
async fn what_a_filter_adds_cant_be_named_away() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["h"]).to(&backend)
            + middleware("h", "headers: {customRequestHeaders: {X-Secret: added}}")
            + route("named").rule("Header(`X-Named`, `1`)").to(&backend).by("passHostHeader: false"),
    )
    .await;
    let seen =
        gateway.ask("GET / HTTP/1.1\nHost: a\nConnection: X-Secret, X-Named\nX-Secret: sent\nX-Named: 1\n\n").await;
    let seen = seen.echoed();
    seen.assert_header("X-Secret", "added").assert_no_header("X-Named").assert_header("Host", "a");
}
