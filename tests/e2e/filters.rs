//! Middlewares in front of real servers: what they change on the way in and out, in which order, and on errors too.

use crate::support::manifests::service;
use crate::support::{Backend, Gateway, middleware, route};

#[tokio::test]
async fn paths_are_rewritten() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        route("add").rule("Host(`add`)").middlewares(&["add"]).to(&backend)
            + route("strip").rule("Host(`strip`)").middlewares(&["strip"]).to(&backend)
            + route("strip-add").rule("Host(`strip-add`)").middlewares(&["strip", "add"]).to(&backend)
            + route("add-strip").rule("Host(`add-strip`)").middlewares(&["add", "strip"]).to(&backend)
            + route("chain").rule("Host(`chain`)").middlewares(&["chain"]).to(&backend)
            + middleware("add", "addPrefix: {prefix: /v1}")
            + middleware("strip", "stripPrefix: {prefixes: [/api]}")
            + middleware("chain", "chain: {middlewares: [{name: strip}, {name: add}]}"),
    )
    .await;
    for (host, target, expected, stripped) in [
        ("add", "/x?y=1", "/v1/x?y=1", None),
        ("strip", "/api/x", "/x", Some("/api")),
        ("strip", "/api", "/", Some("/api")),
        ("strip", "/other", "/other", None),
        ("strip-add", "/api/x", "/v1/x", Some("/api")),
        ("add-strip", "/api/x", "/v1/api/x", None),
        ("chain", "/api/x", "/v1/x", Some("/api")),
    ] {
        let seen = gateway.get(host, target).await.echoed();
        assert_eq!(seen.target(), expected, "{host} {target}");
        assert_eq!(seen.header("X-Forwarded-Prefix"), stripped, "{host} {target}");
    }
}

#[tokio::test]
async fn headers_are_set_and_deleted() {
    let backend = Backend::replying("HTTP/1.1 200 OK\nX-Powered-By: x\nX-Old: server\nContent-Length: 0\n\n").await;
    let gateway = Gateway::start(
        route("r").middlewares(&["h"]).to(&backend)
            + middleware(
                "h",
                "headers:\n  customRequestHeaders: {X-New: request, X-Gone: '', Host: inner.example}\n  \
                 customResponseHeaders: {X-New: response, X-Powered-By: '', X-Old: ours}",
            ),
    )
    .await;
    let reply = gateway.ask("GET / HTTP/1.1\nHost: a.example\nX-Gone: 1\nX-Stays: 1\n\n").await;
    reply.assert_header("X-New", "response").assert_no_header("X-Powered-By").assert_header("X-Old", "ours");
    let seen = backend.last();
    seen.assert_header("X-New", "request").assert_no_header("X-Gone").assert_header("X-Stays", "1");
    seen.assert_header("Host", "inner.example").assert_header("X-Forwarded-Host", "a.example");
}

#[tokio::test]
async fn a_middleware_may_silence_x_forwarded_for() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["h"]).to(&backend)
            + middleware("h", "headers: {customRequestHeaders: {X-Forwarded-For: ''}}"),
    )
    .await;
    gateway.get("a", "/").await.echoed().assert_no_header("X-Forwarded-For");
}

#[tokio::test]
async fn the_outermost_has_the_last_word_on_responses() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["outer", "inner"]).to(&backend)
            + middleware(
                "outer",
                "headers: {customRequestHeaders: {X-Who: outer}, customResponseHeaders: {X-Who: outer}}",
            )
            + middleware(
                "inner",
                "headers: {customRequestHeaders: {X-Who: inner}, customResponseHeaders: {X-Who: inner}}",
            ),
    )
    .await;
    let reply = gateway.get("a", "/").await;
    reply.assert_header("X-Who", "outer");
    reply.echoed().assert_header("X-Who", "inner");
}

#[tokio::test]
async fn preflights_are_answered_by_the_middleware() {
    let backend =
        Backend::replying("HTTP/1.1 200 OK\nAccess-Control-Allow-Origin: nobody\nContent-Length: 0\n\n").await;
    let gateway = Gateway::start(
        route("r").middlewares(&["cors"]).to(&backend)
            + middleware(
                "cors",
                "headers:\n  accessControlAllowMethods: [GET, PUT]\n  accessControlAllowHeaders: [X-A]\n  \
                 accessControlAllowOriginList: ['https://app.example']\n  accessControlMaxAge: 100\n  \
                 accessControlAllowCredentials: true\n  addVaryHeader: true",
            ),
    )
    .await;
    let mut client = gateway.connect().await;
    let reply = client
        .ask("OPTIONS / HTTP/1.1\nHost: a\nOrigin: https://app.example\nAccess-Control-Request-Method: PUT\n\n")
        .await;
    reply
        .assert_status(200)
        .assert_header("Access-Control-Allow-Origin", "https://app.example")
        .assert_header("Access-Control-Allow-Methods", "GET,PUT")
        .assert_header("Access-Control-Allow-Headers", "X-A")
        .assert_header("Access-Control-Max-Age", "100")
        .assert_header("Access-Control-Allow-Credentials", "true")
        .assert_header("Content-Length", "0");
    assert_eq!(backend.connections(), 0);
    // The same connection goes on with a request that is forwarded.
    let reply = client.ask("GET / HTTP/1.1\nHost: a\nOrigin: https://app.example\n\n").await;
    reply.assert_header("Access-Control-Allow-Origin", "https://app.example").assert_header("Vary", "Origin");
    let reply = client.ask("OPTIONS / HTTP/1.1\nHost: a\n\n").await;
    reply.assert_status(200);
    assert_eq!(backend.requests(), 2);
}

#[tokio::test]
async fn errors_have_the_headers_too() {
    let missing = Backend::replying("HTTP/1.1 404 Not Found\nContent-Length: 0\n\n").await;
    let silent = Backend::serving(|mut wire, _| async move { wire.request().await.map(drop) }).await;
    let guard = ["guard"];
    let gateway = Gateway::configured(
        "providers: {manifests: {allowEmptyServices: true}}",
        route("missing").rule("Host(`missing`)").middlewares(&guard).to(&missing)
            + route("down").rule("Host(`down`)").middlewares(&guard).to(&Backend::down())
            + route("silent").rule("Host(`silent`)").middlewares(&guard).to(&silent)
            + route("empty").rule("Host(`empty`)").middlewares(&guard).to_service("empty")
            + service("empty", &[])
            + middleware(
                "guard",
                "headers:\n  frameDeny: true\n  contentTypeNosniff: true\n  customResponseHeaders: {X-Custom: here}\n  \
                 accessControlAllowOriginList: ['*']",
            ),
    )
    .await;
    for (host, status) in [("missing", 404), ("down", 502), ("silent", 502), ("empty", 503)] {
        let reply = gateway.ask(&format!("GET / HTTP/1.1\nHost: {host}\nOrigin: https://app.example\n\n")).await;
        reply
            .assert_status(status)
            .assert_header("X-Frame-Options", "DENY")
            .assert_header("X-Content-Type-Options", "nosniff")
            .assert_header("X-Custom", "here")
            .assert_header("Access-Control-Allow-Origin", "*");
    }
}

#[tokio::test]
async fn an_entry_point_may_have_middlewares_for_all() {
    let backend = Backend::echo().await;
    let gateway = Gateway::configured(
        "entryPoints: {web: {http: {middlewares: [default-all@kubernetescrd]}}, other: {}}",
        route("r").middlewares(&["own"]).to(&backend)
            + middleware("all", "addPrefix: {prefix: /all}")
            + middleware("own", "addPrefix: {prefix: /own}"),
    )
    .await;
    // The entry point's come first.
    assert_eq!(gateway.get("a", "/x").await.echoed().target(), "/own/all/x");
    let mut other = crate::support::Wire::connect(gateway.address("other")).await;
    assert_eq!(other.ask("GET /x HTTP/1.1\nHost: a\n\n").await.echoed().target(), "/own/x");
}
