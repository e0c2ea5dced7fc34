//! `rateLimit` with its buckets in a Redis cluster: three real servers that share the slots of keys.

use std::time::Instant;

use tokio::time::{Duration, sleep};

use crate::support::redis::Redis;
use crate::support::{Backend, Gateway, PATIENCE, middleware, ports, route};

const SLOTS: [&str; 3] = ["0 5460", "5461 10922", "10923 16383"];
const SOURCES: usize = 12;

/// Three servers that know each other.
async fn cluster() -> Vec<Redis> {
    let mut nodes = Vec::new();
    let mut buses = Vec::new();
    for slots in SLOTS {
        let bus = ports::free().port().to_string();
        let node = Redis::with(&["--cluster-enabled", "yes", "--cluster-port", &bus]).await;
        assert!(node.say(&format!("CLUSTER ADDSLOTSRANGE {slots}")).await.contains("+OK"));
        nodes.push(node);
        buses.push(bus);
    }
    for (node, bus) in nodes.iter().zip(&buses).skip(1) {
        let port = node.address.port();
        let met = nodes[0].say(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}")).await;
        assert!(met.contains("+OK"), "{met}");
    }
    let start = Instant::now();
    for node in &nodes {
        while !node.say("CLUSTER INFO").await.contains("cluster_state:ok") {
            assert!(start.elapsed() < PATIENCE, "the cluster does not come about");
            sleep(Duration::from_millis(20)).await;
        }
    }
    nodes
}

#[tokio::test]
async fn buckets_are_spread_over_a_cluster_and_shared_by_gateways() {
    let nodes = cluster().await;
    let backend = Backend::echo().await;
    let endpoints: Vec<String> = nodes[..2].iter().map(|node| format!("'{}'", node.address)).collect();
    let limit = format!(
        "rateLimit: {{average: 1, period: 1h, burst: 2, sourceCriterion: {{requestHeaderName: X-User}}, redis: \
         {{endpoints: [{}]}}}}",
        endpoints.join(", ")
    );
    let objects = route("r").middlewares(&["limit"]).to(&backend) + middleware("limit", &limit);
    let (one, other) = (Gateway::start(objects.clone()).await, Gateway::start(objects).await);
    let ask = async |gateway: &Gateway, user: usize| {
        gateway.ask(&format!("GET / HTTP/1.1\nHost: a\nX-User: user-{user}\n\n")).await.status()
    };
    for user in 0..SOURCES {
        let statuses = [ask(&one, user).await, ask(&other, user).await, ask(&one, user).await, ask(&other, user).await];
        assert_eq!(statuses, [200, 200, 429, 429], "user {user}");
    }
    let mut keys = 0;
    for node in &nodes {
        let size = node.say("DBSIZE").await;
        let size: usize = size.trim_start_matches(':').split(' ').next().unwrap().parse().unwrap();
        assert!(size > 0, "one server holds nothing");
        keys += size;
    }
    assert_eq!(keys, SOURCES);
}
