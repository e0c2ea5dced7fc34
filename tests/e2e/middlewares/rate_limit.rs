//! `rateLimit`: buckets of a router and a source, in memory; and buckets that routers and gateways share in a Redis.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::protocol::{BOTH, Protocol};
use crate::support::redis::Redis;
use crate::support::{Backend, Gateway, Manifests, middleware, object, route, secret};

#[tokio::test]
async fn too_many_requests_are_429() {
    for protocol in BOTH {
        let backend = Backend::echo().await;
        let gateway = Gateway::start(
            route("r").rule("Host(`a`)").middlewares(&["limit"]).to(&backend)
                + route("chained").rule("Host(`chained`)").middlewares(&["outer", "limit", "inner"]).to(&backend)
                + middleware("limit", "rateLimit: {average: 1, period: 1h, burst: 2}")
                + middleware("outer", "headers: {customResponseHeaders: {X-Outer: here}}")
                + middleware("inner", "headers: {customResponseHeaders: {X-Inner: here}}"),
        )
        .await;
        for host in ["a", "chained"] {
            for _ in 0..2 {
                protocol.get(&gateway, host, "/").await.assert_status(200);
            }
            let refused = protocol.get(&gateway, host, "/").await;
            refused.assert_status(429).assert_body("Too Many Requests").assert_header("Retry-After", "3600");
            let exact = refused.header("X-Retry-In").unwrap();
            assert!(exact.starts_with("59m5") || exact == "1h0m0s", "{exact}");
            refused.assert_no_header("X-Inner");
            assert_eq!(refused.header("X-Outer"), (host == "chained").then_some("here"));
        }
        assert_eq!(backend.requests(), 4);
    }
}

#[tokio::test]
async fn buckets_outlive_changes_and_are_a_routers_own() {
    let backend = Backend::echo().await;
    let limited = |host: &str| route(host).rule(&format!("Host(`{host}`)")).middlewares(&["limit"]).to(&backend);
    let objects = || limited("a") + limited("b") + middleware("limit", "rateLimit: {average: 1, period: 1h}");
    let gateway = Gateway::start(objects()).await;
    gateway.get("a", "/").await.assert_status(200);
    gateway.get("a", "/").await.assert_status(429);
    gateway.get("b", "/").await.assert_status(200);
    gateway.change(objects() + route("new").rule("Host(`new`)").to(&backend));
    gateway.until("new", "/", |reply| reply.status() == 200).await;
    gateway.get("a", "/").await.assert_status(429);
}

#[tokio::test]
async fn sources_are_told_apart() {
    let backend = Backend::echo().await;
    let gateway = Gateway::configured(
        "entryPoints: {web: {forwardedHeaders: {insecure: true}}}",
        route("r").middlewares(&["limit"]).to(&backend)
            + middleware(
                "limit",
                "rateLimit: {average: 1, period: 1h, sourceCriterion: {ipStrategy: {depth: 1, ipv6Subnet: 64}}}",
            ),
    )
    .await;
    for (forwarded, status) in [
        ("10.0.0.1", 200),
        ("10.0.0.1", 429),
        ("10.0.0.1, 10.0.0.2", 200),
        ("2001:db8::1", 200),
        ("2001:db8::2", 429),
        ("2001:db8:0:1::2", 200),
    ] {
        let reply = gateway.ask(&format!("GET / HTTP/1.1\nHost: a\nX-Forwarded-For: {forwarded}\n\n")).await;
        reply.assert_status(status);
    }
}

#[tokio::test]
async fn a_request_a_little_early_waits() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["limit"]).to(&backend) + middleware("limit", "rateLimit: {average: 4, burst: 1}"),
    )
    .await;
    // 250 ms a token, 125 ms of patience: six that are served take 1.25 s at least.
    let start = Instant::now();
    let mut client = gateway.connect().await;
    let mut served = 0;
    while served < 6 {
        served += usize::from(client.ask("GET / HTTP/1.1\nHost: a\n\n").await.status() == 200);
    }
    assert!(start.elapsed() >= Duration::from_millis(1245), "{:?}", start.elapsed());
}

/// A gateway whose routers `a` and `b` have the same limit of three, through a Redis.
async fn sharing(redis: &str, more: Manifests) -> (Gateway, Backend) {
    let backend = Backend::echo().await;
    let limited = |host: &str| route(host).rule(&format!("Host(`{host}`)")).middlewares(&["limit"]).to(&backend);
    let limit = format!("rateLimit: {{average: 1, period: 1h, burst: 3, redis: {redis}}}");
    let gateway = Gateway::start(limited("a") + limited("b") + middleware("limit", &limit) + more).await;
    (gateway, backend)
}

#[tokio::test]
async fn a_redis_is_shared_by_routers_and_gateways() {
    let redis = Redis::start().await;
    let settings = format!("{{endpoints: ['{}'], poolSize: 3}}", redis.address);
    let (one, _backend) = sharing(&settings, Manifests::default()).await;
    let (other, _other_backend) = sharing(&settings, Manifests::default()).await;
    one.get("a", "/").await.assert_status(200);
    Protocol::Http2.get(&one, "b", "/").await.assert_status(200);
    other.get("a", "/").await.assert_status(200);
    for (gateway, host) in [(&one, "a"), (&one, "b"), (&other, "a"), (&other, "b")] {
        let refused = gateway.get(host, "/").await;
        refused.assert_status(429).assert_body("Too Many Requests").assert_header("Retry-After", "3600");
    }
    let keys = redis.say("KEYS *").await;
    assert!(keys.contains("default-limit@kubernetescrd:127.0.0.1"), "{keys}");
    let ttl = redis.say("TTL default-limit@kubernetescrd:127.0.0.1").await;
    assert!(ttl.starts_with(":360") || ttl.starts_with(":359"), "{ttl}");
}

#[tokio::test]
async fn buckets_in_a_redis_fill_and_requests_wait_for_them() {
    let redis = Redis::start().await;
    let backend = Backend::echo().await;
    let limit = format!("rateLimit: {{average: 4, burst: 1, redis: {{endpoints: ['{}'], db: 2}}}}", redis.address);
    let gateway = Gateway::start(route("r").middlewares(&["limit"]).to(&backend) + middleware("limit", &limit)).await;
    let start = Instant::now();
    let mut client = gateway.connect().await;
    let mut served = 0;
    while served < 6 {
        served += usize::from(client.ask("GET / HTTP/1.1\nHost: a\n\n").await.status() == 200);
    }
    assert!(start.elapsed() >= Duration::from_millis(1245), "{:?}", start.elapsed());
    assert!(redis.say("INFO keyspace").await.contains("db2:keys=1"));
}

#[tokio::test]
async fn a_redis_that_is_gone_is_500_until_it_is_back() {
    let redis = Redis::start().await;
    let (gateway, backend) = sharing(&format!("{{endpoints: ['{}']}}", redis.address), Manifests::default()).await;
    gateway.get("a", "/").await.assert_status(200);
    let address = redis.address;
    drop(redis);
    gateway.get("a", "/").await.assert_status(500).assert_body("Internal Server Error");
    assert_eq!(backend.requests(), 1);
    let _again = Redis::at(address, &[]).await;
    gateway.until("a", "/", |reply| reply.status() == 200).await;
}

#[tokio::test]
async fn a_redis_may_want_a_password() {
    let redis = Redis::with(&["--requirepass", "open"]).await;
    let login = |password: &str| {
        Manifests::from(
            format!(
                "---\n{{apiVersion: v1, kind: Secret, metadata: {{name: login, namespace: default}}, \
                 stringData: {{username: default, password: {password}}}}}\n"
            )
            .as_str(),
        )
    };
    for (password, status) in [("open", 200), ("wrong", 500)] {
        let settings = format!("{{endpoints: ['{}'], secret: login}}", redis.address);
        let (gateway, _backend) = sharing(&settings, login(password)).await;
        gateway.get("a", "/").await.assert_status(status);
    }
}

#[tokio::test]
async fn a_redis_may_speak_tls() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let key = |name: &str| {
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name].map(str::to_owned)
    };
    let openssl = |arguments: &[String]| {
        let made = Command::new("openssl").args(["req", "-x509", "-days", "1"]).args(arguments).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    openssl(&[&key(&path("ca.key"))[..], &words(&format!("-out {} -subj /CN=ca", path("ca.crt")))].concat());
    let leaf = format!(
        "-out {} -subj /CN=redis -CA {} -CAkey {} -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE",
        path("redis.crt"),
        path("ca.crt"),
        path("ca.key")
    );
    openssl(&[&key(&path("redis.key"))[..], &words(&leaf)].concat());
    let (certificate, private, authority) = (path("redis.crt"), path("redis.key"), path("ca.crt"));
    let redis = Redis::with(&[
        "--port",
        "0",
        "--tls-port",
        "{port}",
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &private,
        "--tls-ca-cert-file",
        &authority,
        "--tls-auth-clients",
        "no",
    ])
    .await;
    let authority = secret("ca", "tls.ca", &fs::read_to_string(authority).unwrap());
    for (tls, status) in [("{caSecret: ca}", 200), ("{insecureSkipVerify: true}", 200), ("{}", 500)] {
        let settings = format!("{{endpoints: ['{}'], tls: {tls}}}", redis.address);
        let (gateway, _backend) = sharing(&settings, authority.clone()).await;
        gateway.get("a", "/").await.assert_status(status);
    }
}

#[tokio::test]
async fn a_wrong_option_closes_the_route() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["limit"]).to(&backend)
            + object("Middleware", "limit", "rateLimit: {average: 1, redis: {endpoints: ['nowhere']}}"),
    )
    .await;
    gateway.get("a", "/").await.assert_status(404);
    gateway.logs("\"nowhere\" is no address with a port").await;
}
