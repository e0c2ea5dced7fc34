//! The routers that the configuration asks for (ping, metrics, redirections of entry points), and the services behind them:
//! what they answer, who may reach them, and that they get what their entry point gives all routers.
//! Where redirections lead is in `entry_points`; ping while the process ends also in `life_cycle`.

use std::path::Path;
use std::time::Instant;

use crate::checking::{lines, report};
use crate::support::manifests::Route;
use crate::support::tls::Tls;
use crate::support::{Backend, Gateway, Manifests, Message, PATIENCE, Wire, middleware, object, route, tcp, within};

const OWN: [&str; 3] = ["/ping", "/ready", "/metrics"];

async fn ask(gateway: &Gateway, entry_point: &str, path: &str) -> Message {
    let mut wire = Wire::connect(gateway.address(entry_point)).await;
    wire.ask(&format!("GET {path} HTTP/1.1\nHost: a.example\n\n")).await
}

/// Waits until all paths of an entry point answer as they should.
async fn until_all(gateway: &Gateway, entry_point: &str, paths: &[&str], good: impl Fn(&Message) -> bool) {
    let start = Instant::now();
    for path in paths {
        loop {
            let reply = ask(gateway, entry_point, path).await;
            if good(&reply) {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "{path} still answers {reply:?}");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

/// A route to an internal service.
fn to_internal(name: &str, service: &str) -> Route {
    route(name).to_service(service).by("kind: TraefikService")
}

/// A middleware that marks responses.
fn mark(value: &str) -> Manifests {
    middleware("mark", &format!("headers: {{customResponseHeaders: {{X-Mark: {value}}}}}"))
}

fn guard(members: &str) -> Manifests {
    middleware("guard", &format!("chain: {{middlewares: [{members}]}}"))
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
async fn middlewares_of_their_entry_point_stand_before_ping_and_metrics() {
    let config = "
entryPoints: {traefik: {http: {middlewares: [default-guard@kubernetescrd]}}}
metrics: {prometheus: {}}";
    let deny = || middleware("deny", "ipAllowList: {sourceRange: [10.0.0.0/8]}");
    let gateway = Gateway::configured(config, guard("{name: mark}") + mark("one")).await;
    for path in OWN {
        ask(&gateway, "traefik", path).await.assert_status(200).assert_header("X-Mark", "one");
    }
    // Changes are followed: of what a chain holds, and of what it is.
    gateway.change(guard("{name: mark}") + mark("two"));
    until_all(&gateway, "traefik", &OWN, |r| r.status() == 200 && r.header("X-Mark") == Some("two")).await;
    gateway.change(guard("{name: mark}, {name: deny}") + mark("two") + deny());
    until_all(&gateway, "traefik", &OWN, |r| r.status() == 403 && r.header("X-Mark") == Some("two")).await;
    // What is not there doesn't let anybody in, and is told once.
    gateway.change(mark("two") + deny());
    until_all(&gateway, "traefik", &OWN, |r| r.status() == 404).await;
    let told = |log: &str, name: &str| {
        let lines = log.lines().filter(|l| l.contains(&format!("{name} does not serve")) && !l.contains("mended"));
        let named = lines.filter(|l| l.contains("http.middlewares") && l.contains("default-guard"));
        named.count()
    };
    gateway.change(mark("three"));
    gateway.change_file("more.yaml", to_internal("noop", "noop@internal"));
    gateway.until("a.example", "/", |reply| reply.status() == 418).await;
    for name in ["ping@internal", "ready@internal", "prometheus@internal"] {
        assert_eq!(told(&gateway.log(), name), 1, "{name}\n{}", gateway.log());
    }
    gateway.change(guard("{name: mark}") + mark("three"));
    until_all(&gateway, "traefik", &OWN, |r| r.status() == 200 && r.header("X-Mark") == Some("three")).await;
}

#[tokio::test]
async fn middlewares_of_an_entry_point_stand_before_its_redirection() {
    let backend = Backend::echo().await;
    let config = "
entryPoints:
  web: {http: {middlewares: [default-mark@kubernetescrd, default-guard@kubernetescrd],
               redirections: {entryPoint: {to: ':443'}}}}";
    let allow = |range: &str| {
        mark("one") + middleware("guard", &format!("ipAllowList: {{sourceRange: [{range}]}}")) + route("r").to(&backend)
    };
    let gateway = Gateway::configured(config, allow("10.0.0.0/8")).await;
    let web = |status: u16| {
        let gateway = &gateway;
        async move { until_all(gateway, "web", &["/x"], |r| r.status() == status).await }
    };
    let refused = gateway.get("a.example", "/x").await;
    refused.assert_status(403).assert_header("X-Mark", "one").assert_no_header("Location");
    gateway.change(allow("127.0.0.0/8"));
    web(301).await;
    let sent = gateway.get("a.example", "/x").await;
    sent.assert_header("Location", "https://a.example/x").assert_header("X-Mark", "one");
    // Without its guard it is closed, and so is what stands behind it.
    gateway.change(route("r").to(&backend) + mark("one"));
    web(404).await;
    gateway.logs("web-to-443@internal does not serve").await;
    gateway.change(allow("127.0.0.0/8"));
    web(301).await;
    assert_eq!(backend.requests(), 0);
}

#[tokio::test]
async fn what_their_middlewares_count_and_ask_outlives_changes() {
    let pages = Backend::replying("HTTP/1.1 200 OK\nContent-Length: 4\n\npage").await;
    let config = "
entryPoints: {other: {http: {middlewares: [default-page@kubernetescrd, default-limit@kubernetescrd]}}}
metrics: {prometheus: {entryPoint: other}}";
    let objects = middleware("limit", "rateLimit: {average: 1, period: 1h}")
        + middleware("page", "errors: {status: ['429'], service: {name: r-0, port: 80}}");
    let with_route = route("r").to(&pages) + objects.clone();
    let gateway = Gateway::configured(config, with_route.clone()).await;
    ask(&gateway, "other", "/metrics").await.assert_status(200);
    ask(&gateway, "other", "/metrics").await.assert_status(429).assert_body("page");
    // A route that needs the same goes, and the router of our own still has it.
    let only_service = with_route.0.split("---\n").filter(|o| !o.contains("IngressRoute\n"));
    gateway.change(Manifests(only_service.map(|o| format!("---\n{o}")).collect()));
    gateway.until("a.example", "/", |reply| reply.status() == 404).await;
    ask(&gateway, "other", "/metrics").await.assert_status(429).assert_body("page");
    gateway.change(with_route);
    gateway.until("a.example", "/", |reply| reply.status() == 200).await;
    ask(&gateway, "other", "/metrics").await.assert_status(429).assert_body("page");
}

#[tokio::test]
async fn tls_of_their_entry_point_is_theirs() {
    let (backend, raw) = (Backend::echo().await, Backend::replying("HTTP/1.1 200 OK\nContent-Length: 3\n\nraw").await);
    let config = "
entryPoints:
  secure: {http: {tls: {options: default-new@kubernetescrd}}}
  both: {http: {tls: {}, redirections: {entryPoint: {to: ':443', scheme: http}}}}
metrics: {prometheus: {entryPoint: secure}}";
    let tcp = || tcp("raw").spec("entryPoints: [secure]").to(&raw);
    let routes = route("r").entry_point("secure").to(&backend) + tcp();
    let options = object("TLSOption", "new", "{minVersion: VersionTLS12}");
    let gateway = Gateway::configured(config, routes.clone() + options.clone()).await;
    let asked = async |entry_point: &str, path: &str| {
        let client = Tls::to("a.example").connect(gateway.address(entry_point)).await.unwrap();
        client.wire().ask(&format!("GET {path} HTTP/1.1\nHost: a.example\n\n")).await
    };
    assert!(asked("secure", "/metrics").await.text().contains("traefik_config_reloads_total"));
    assert_eq!(asked("secure", "/x").await.echoed().target(), "/x");
    asked("both", "/x").await.assert_status(301).assert_header("Location", "http://a.example:443/x");
    // In clear text there is none of them, and what else is there has its place.
    ask(&gateway, "both", "/x").await.assert_status(404);
    ask(&gateway, "secure", "/metrics").await.assert_body("raw");
    let until = async |path: &str, status: u16| {
        let answers = async { while asked("secure", path).await.status() != status {} };
        within(&format!("{status} for {path}"), answers).await;
    };
    // Without routes of HTTP beside it, too: who speaks TLS doesn't get to the TCP route.
    gateway.change(tcp() + options.clone());
    until("/x", 404).await;
    assert!(asked("secure", "/metrics").await.text().contains("traefik_config_reloads_total"));
    // Without its options it is closed.
    gateway.change(routes.clone());
    until("/metrics", 404).await;
    gateway.logs("prometheus@internal does not serve: the TLS options").await;
    gateway.change(routes + options);
    until("/metrics", 200).await;
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
