//! Services with real servers: the document's chapter on them, shares over many requests, names with several addresses,
//! thousands of endpoints, each protocol that servers speak, and servers that are killed.

mod distribution;
mod document;
mod external_names;
mod failure_log;
mod grpc;
mod kills;
mod many_endpoints;
mod probes;
mod protocols;

use std::collections::BTreeMap;

use crate::support::Gateway;

/// Who answers so many requests of one connection.
async fn shares(gateway: &Gateway, host: &str, target: &str, requests: usize) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for name in answers(gateway, host, target, requests).await {
        *shares.entry(name).or_default() += 1;
    }
    shares
}

/// Who answers them, in order.
async fn answers(gateway: &Gateway, host: &str, target: &str, requests: usize) -> Vec<String> {
    let mut client = gateway.connect().await;
    let request = format!("GET {target} HTTP/1.1\nHost: {host}\n\n");
    let mut names = Vec::new();
    for _ in 0..requests {
        names.push(client.ask(&request).await.assert_status(200).backend().to_owned());
    }
    names
}
