//! Which route wins: hosts, paths, priorities, headers, methods, entry points, and what broken objects do to others.

use crate::support::manifests::{service, slice};
use crate::support::{Backend, Gateway, Manifests, middleware, route};
use serde_json::json;

#[tokio::test]
async fn the_right_route_wins() {
    let backends =
        backends(["host", "prefix", "path", "header", "post", "regexp", "query", "low", "high", "not"]).await;
    let [host, prefix, path, header, post, regexp, query, low, high, not] = &backends;
    let gateway = Gateway::start(
        route("host").rule("Host(`a.example`)").to(host)
            + route("prefix").rule("Host(`a.example`) && PathPrefix(`/api`)").to(prefix)
            + route("path").rule("Host(`a.example`) && Path(`/api/exactly`)").to(path)
            + route("header").rule("Host(`a.example`) && Header(`X-Canary`, `yes`)").to(header)
            + route("post").rule("Host(`a.example`) && Method(`POST`) && PathPrefix(`/`)").to(post)
            + route("regexp").rule("HostRegexp(`^[a-z]+\\.re\\.example$`)").to(regexp)
            + route("query").rule("Host(`a.example`) && Query(`version`, `2`)").to(query)
            + route("low").rule("Host(`p.example`) && PathPrefix(`/a/long/rule`)").priority(1).to(low)
            + route("high").rule("Host(`p.example`)").priority(2).to(high)
            + route("not").rule("Host(`n.example`) && !PathPrefix(`/private`)").to(not),
    )
    .await;
    for (request, expected) in [
        ("GET / HTTP/1.1\nHost: a.example\n\n", "host"),
        ("GET / HTTP/1.1\nHost: A.Example:8080\n\n", "host"),
        ("GET / HTTP/1.1\nHost: a.example.\n\n", "host"),
        ("GET /api HTTP/1.1\nHost: a.example\n\n", "prefix"),
        ("GET /apis HTTP/1.1\nHost: a.example\n\n", "prefix"),
        ("GET /api/exactly HTTP/1.1\nHost: a.example\n\n", "path"),
        ("GET /api/exactly?query HTTP/1.1\nHost: a.example\n\n", "path"),
        ("GET /api/exactly/not HTTP/1.1\nHost: a.example\n\n", "prefix"),
        ("GET / HTTP/1.1\nHost: a.example\nX-Canary: yes\n\n", "header"),
        ("GET / HTTP/1.1\nHost: a.example\nX-Canary: no\nx-canary: yes\n\n", "header"),
        ("GET / HTTP/1.1\nHost: a.example\nX-Canary: no\n\n", "host"),
        ("POST / HTTP/1.1\nHost: a.example\nContent-Length: 0\n\n", "post"),
        ("GET / HTTP/1.1\nHost: any.re.example\n\n", "regexp"),
        ("GET /?version=2 HTTP/1.1\nHost: a.example\n\n", "query"),
        ("GET /?version=3 HTTP/1.1\nHost: a.example\n\n", "host"),
        ("GET /a/long/rule HTTP/1.1\nHost: p.example\n\n", "high"),
        ("GET /public HTTP/1.1\nHost: n.example\n\n", "not"),
    ] {
        assert_eq!(gateway.ask(request).await.backend(), expected, "{request}");
    }
    for request in [
        "GET / HTTP/1.1\nHost: b.example\n\n",
        "GET / HTTP/1.1\nHost: www.a.example\n\n",
        "GET / HTTP/1.1\nHost: any1.re.example\n\n",
        "GET /private HTTP/1.1\nHost: n.example\n\n",
    ] {
        gateway.ask(request).await.assert_status(404);
    }
}

#[tokio::test]
async fn nothing_found_answers_as_traefik_does() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("a").rule("Host(`a.example`)").to(&backend)).await;
    let reply = gateway.get("b.example", "/").await;
    reply
        .assert_status(404)
        .assert_body("404 page not found\n")
        .assert_header("Content-Type", "text/plain; charset=utf-8")
        .assert_header("X-Content-Type-Options", "nosniff")
        .assert_header("Content-Length", "19");
    assert_eq!(reply.start, "HTTP/1.1 404 Not Found");
    assert_eq!(backend.connections(), 0);
}

#[tokio::test]
async fn without_any_object_everything_is_404() {
    let gateway = Gateway::start("").await;
    gateway.get("a.example", "/").await.assert_status(404);
}

#[tokio::test]
async fn a_connection_outlives_a_404() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("a").rule("Host(`a.example`)").to(&backend)).await;
    let mut client = gateway.connect().await;
    client.ask("GET / HTTP/1.1\nHost: b.example\n\n").await.assert_status(404);
    client.ask("HEAD / HTTP/1.1\nHost: b.example\n\n").await.assert_status(404);
    client.ask("GET / HTTP/1.1\nHost: a.example\n\n").await.assert_status(200);
}

#[tokio::test]
async fn a_404_for_a_request_with_a_body_is_not_lost() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("a").rule("Host(`a.example`)").to(&backend)).await;
    // The next request of the connection is served, or the client was told that it won't be.
    let mut client = gateway.connect().await;
    let reply = client.ask("POST / HTTP/1.1\nHost: b.example\nContent-Length: 4\n\nbody").await;
    reply.assert_status(404);
    match reply.has_token("Connection", "close") {
        true => client.assert_closed().await,
        false => drop(client.ask("GET / HTTP/1.1\nHost: a.example\n\n").await.echoed()),
    }
    // A client that writes all of its body before it looks for the answer finds it.
    for _ in 0..5 {
        let mut client = gateway.connect().await;
        client.say("POST / HTTP/1.1\nHost: b.example\nContent-Length: 200000\n\n").await.unwrap();
        for _ in 0..20 {
            // It may be closed already; what counts is what can be read then.
            let _ = client.send(vec![b'x'; 10_000]).await;
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        client.reply().await.unwrap_or_else(|e| panic!("the answer is lost: {e}")).assert_status(404);
    }
}

#[tokio::test]
async fn routes_belong_to_entry_points() {
    let [public, internal, both] = &backends(["public", "internal", "both"]).await;
    let gateway = Gateway::configured(
        "entryPoints: {internal: {}}",
        route("public").rule("Host(`a.example`)").entry_point("web").to(public)
            + route("internal").rule("Host(`a.example`)").entry_point("internal").to(internal)
            + route("both").rule("Host(`both.example`)").to(both),
    )
    .await;
    for (entry_point, host, expected) in [
        ("web", "a.example", "public"),
        ("internal", "a.example", "internal"),
        ("web", "both.example", "both"),
        ("internal", "both.example", "both"),
    ] {
        let mut client = crate::support::Wire::connect(gateway.address(entry_point)).await;
        let reply = client.ask(&format!("GET / HTTP/1.1\nHost: {host}\n\n")).await;
        assert_eq!(reply.backend(), expected, "{entry_point} {host}");
    }
    // `traefik` is the administrator's: no default entry point.
    let mut admin = crate::support::Wire::connect(gateway.address("traefik")).await;
    admin.ask("GET / HTTP/1.1\nHost: both.example\n\n").await.assert_status(404);
}

#[tokio::test]
async fn rules_of_the_old_group_are_read_in_the_old_syntax() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        route("old").v2().rule("Host(`a.example`, `b.example`) && PathPrefix(`/{id:[0-9]+}`)").to(&backend),
    )
    .await;
    gateway.get("a.example", "/12/x").await.assert_status(200);
    gateway.get("b.example", "/7").await.assert_status(200);
    gateway.get("b.example", "/seven").await.assert_status(404);
}

#[tokio::test]
async fn a_service_without_endpoints_is_503_where_that_is_allowed() {
    let empty = route("empty").rule("Host(`a.example`)").to_service("empty") + service("empty", &[]);
    let gateway = Gateway::configured("providers: {manifests: {allowEmptyServices: true}}", empty.clone()).await;
    gateway.get("a.example", "/").await.assert_status(503).assert_body("no available server\n");
    let gateway = Gateway::start(empty).await;
    gateway.get("a.example", "/").await.assert_status(404);
}

#[tokio::test]
async fn servers_that_only_terminate_take_no_new_clients() {
    let [old, new] = &backends(["old", "new"]).await;
    let terminating = json!({"ready": false, "serving": true, "terminating": true});
    let ready = json!({"ready": true, "serving": true, "terminating": false});
    let not_serving = json!({"ready": false, "serving": false, "terminating": true});
    let gateway = Gateway::start(
        route("some").rule("Host(`some.example`)").to_service("some")
            + service("some", &[])
            + slice("some", 1, old, &terminating)
            + slice("some", 2, new, &ready)
            + slice("some", 3, &Backend::down(), &not_serving)
            + route("none").rule("Host(`none.example`)").to_service("none")
            + service("none", &[])
            + slice("none", 1, old, &terminating),
    )
    .await;
    for _ in 0..6 {
        assert_eq!(gateway.get("some.example", "/").await.backend(), "new");
    }
    gateway.get("none.example", "/").await.assert_status(503).assert_body("no available server\n");
    assert_eq!(old.connections(), 0);
}

#[tokio::test]
async fn broken_objects_leave_the_others_alone() {
    let [good, broad] = &backends(["good", "broad"]).await;
    let gateway = Gateway::start(
        route("good").rule("Host(`good.example`)").to(good)
            + route("bad-rule").rule("Host(`bad.example`").to(good)
            + route("no-service").rule("Host(`lost.example`)").to_service("nobody")
            + route("no-middleware").rule("Host(`m.example`)").middlewares(&["nobody"]).to(good)
            + route("bad-middleware").rule("Host(`n.example`)").middlewares(&["two"]).to(good)
            + middleware("two", "{addPrefix: {prefix: /a}, stripPrefix: {prefixes: [/b]}}")
            + route("shadowed").rule("Host(`s.example`) && PathPrefix(`/x`)").middlewares(&["nobody"]).to(good)
            + route("broad").rule("Host(`s.example`)").to(broad)
            + Manifests::from(
                "---\napiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: nonsense}\nspec: 7\n",
            ),
    )
    .await;
    assert_eq!(gateway.get("good.example", "/").await.backend(), "good");
    for host in ["bad.example", "lost.example", "m.example", "n.example"] {
        gateway.get(host, "/").await.assert_status(404);
    }
    // As Traefik: a disabled router serves nothing, so the next one does.
    assert_eq!(gateway.get("s.example", "/x").await.backend(), "broad");
    let log = gateway.log();
    for name in ["bad-rule", "no-service", "no-middleware", "nonsense"] {
        assert!(log.contains(name), "nothing is said about {name}:\n{log}");
    }
}

async fn backends<const N: usize>(names: [&str; N]) -> [Backend; N] {
    let mut backends = Vec::new();
    for name in names {
        backends.push(Backend::named(name).await);
    }
    backends.try_into().unwrap_or_else(|_| unreachable!())
}
