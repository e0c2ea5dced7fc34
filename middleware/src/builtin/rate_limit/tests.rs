//! The filter on requests: sources, answers, waiting, and what it can't be built from. Buckets have tests of their own.

#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::config::Redis;
use crate::testing::Trial;

fn config(average: i64, period: &str, burst: i64, criterion: serde_json::Value) -> config::RateLimit {
    config::RateLimit {
        average,
        period: Some(period.parse().unwrap()),
        burst,
        source_criterion: serde_json::from_value(criterion).unwrap(),
        redis: None,
    }
}

#[test]
fn limits_each_source_by_itself() {
    for (criterion, same, other) in [
        (json!(null), Trial::get as fn(&str) -> Trial, (|t| Trial::get(t).peer("192.0.2.2")) as fn(&str) -> Trial),
        (json!({"requestHost": true}), Trial::get, |t| Trial::get(t).header("Host", "other")),
        (json!({"requestHeaderName": "X-A"}), |t| Trial::get(t).header("X-A", "1"), Trial::get),
        (
            json!({"ipStrategy": {"depth": 1}}),
            |t| Trial::get(t).header("X-Forwarded-For", "10.0.0.1"),
            |t| Trial::get(t).header("X-Forwarded-For", "10.0.0.1, 10.0.0.2"),
        ),
        (
            json!({"ipStrategy": {"ipv6Subnet": 64}}),
            |t| Trial::get(t).peer("2001:db8::1"),
            |t| Trial::get(t).peer("2001:db8:0:1::1"),
        ),
    ] {
        let filter = Arc::new(RateLimit::new(&config(1, "1h", 2, criterion.clone()), "m").unwrap());
        let run = |trial: Trial| trial.run_built(Arc::clone(&filter) as Arc<dyn Filter>);
        assert!(run(same("/")).forwarded && run(same("/")).forwarded, "{criterion}");
        let refused = run(same("/"));
        assert_eq!((refused.status(), refused.text().as_str()), (429, "Too Many Requests"), "{criterion}");
        assert_eq!(refused.got("Retry-After"), "3600");
        assert!(refused.got("X-Retry-In").starts_with("59m59.9") || refused.got("X-Retry-In") == "1h0m0s");
        assert!(run(other("/")).forwarded, "{criterion}");
    }
}

#[test]
fn a_request_a_little_early_waits() {
    let filter = Arc::new(RateLimit::new(&config(5, "1s", 1, json!(null)), "m").unwrap());
    let run = || Trial::get("/").run_built(Arc::clone(&filter) as Arc<dyn Filter>);
    let start = Instant::now();
    assert!(run().forwarded);
    // 200 ms a token, 100 ms of patience.
    let mut refused = 0;
    while !run().forwarded {
        refused += 1;
    }
    assert!(refused > 0 && start.elapsed() >= Duration::from_millis(200), "{refused} in {:?}", start.elapsed());
}

#[test]
fn no_average_is_no_limit() {
    let filter = Arc::new(RateLimit::new(&config(0, "1s", 1, json!(null)), "m").unwrap());
    for _ in 0..100 {
        assert!(Trial::get("/").run_built(Arc::clone(&filter) as Arc<dyn Filter>).forwarded);
    }
}

#[test]
fn a_redis_that_is_not_there_is_a_fault() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let redis = Redis { endpoints: vec![free.to_string()], ..Default::default() };
    let config = config::RateLimit { redis: Some(redis), ..config(1, "1s", 1, json!(null)) };
    let outcome = Trial::get("/").run(RateLimit::new(&config, "m").unwrap());
    assert_eq!((outcome.status(), outcome.forwarded), (500, false));
    assert!(outcome.fault.unwrap().message.contains("the shared limit can't be asked"));
}

#[test]
fn names_the_field_that_is_wrong() {
    let base = || config(1, "1s", 1, json!(null));
    let redis = |redis: Redis| config::RateLimit { redis: Some(redis), ..base() };
    let duration = |text: &str| Some(text.parse().unwrap());
    let bad_ca = config::ClientTls {
        ca: "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----".into(),
        ..Default::default()
    };
    for (config, path) in [
        (config(-1, "1s", 1, json!(null)), "average"),
        (config(1, "-1s", 1, json!(null)), "period"),
        (config(1, "1s", -1, json!(null)), "burst"),
        (config(1, "1s", 1, json!({"requestHost": true, "ipStrategy": {}})), "sourceCriterion"),
        (config(1, "1s", 1, json!({"ipStrategy": {"depth": -1}})), "sourceCriterion.ipStrategy.depth"),
        (redis(Redis { endpoints: vec!["a:1".into(), "b".into()], ..Default::default() }), "redis.endpoints[1]"),
        (redis(Redis { endpoints: vec!["a:99999".into()], ..Default::default() }), "redis.endpoints[0]"),
        (redis(Redis { endpoints: vec![":1".into()], ..Default::default() }), "redis.endpoints[0]"),
        (redis(Redis { endpoints: vec!["a b:1".into()], ..Default::default() }), "redis.endpoints[0]"),
        (redis(Redis { db: -1, ..Default::default() }), "redis.db"),
        (redis(Redis { pool_size: -1, ..Default::default() }), "redis.poolSize"),
        (redis(Redis { pool_size: 5000, ..Default::default() }), "redis.poolSize"),
        (redis(Redis { min_idle_conns: -1, ..Default::default() }), "redis.minIdleConns"),
        (redis(Redis { max_active_conns: -1, ..Default::default() }), "redis.maxActiveConns"),
        (redis(Redis { read_timeout: duration("-1s"), ..Default::default() }), "redis.readTimeout"),
        (redis(Redis { write_timeout: duration("-1s"), ..Default::default() }), "redis.writeTimeout"),
        (redis(Redis { dial_timeout: duration("-1s"), ..Default::default() }), "redis.dialTimeout"),
        (redis(Redis { tls: Some(bad_ca), ..Default::default() }), "redis.tls.caSecret"),
    ] {
        assert_eq!(RateLimit::new(&config, "m").err().map(|e| e.path).as_deref(), Some(path), "{config:?}");
    }
}
