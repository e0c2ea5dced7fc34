//! A Service with thousands of endpoints, as large Deployments have them: each gets its share, and changes are quick.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::json;

use crate::support::{Backend, Gateway, Manifests, Wire, isolated, route};

const ENDPOINTS: u32 = 5000;
/// What a slice holds by default in a cluster.
const PER_SLICE: usize = 100;
const CLIENTS: usize = 4;

fn address(n: u32) -> Ipv4Addr {
    let [_, _, a, b] = n.to_be_bytes();
    Ipv4Addr::new(10, 77, 100 + a, b)
}

fn endpoints(range: Range<u32>, port: u16) -> Manifests {
    let slices: Vec<_> = range.map(address).collect();
    slices.chunks(PER_SLICE).enumerate().fold(Manifests::default(), |all, (i, addresses)| {
        let endpoints: Vec<_> =
            addresses.iter().map(|a| json!({"addresses": [a], "conditions": {"ready": true}})).collect();
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {
                "name": format!("large-{i}"), "namespace": "default", "labels": {"kubernetes.io/service-name": "large"},
            },
            "ports": [{"name": "", "port": port}], "endpoints": endpoints,
        });
        all + format!("---\n{slice}\n").as_str()
    })
}

#[test]
fn five_thousand_endpoints_are_asked_once_each() {
    isolated(async {
        let asked: Arc<Mutex<BTreeMap<IpAddr, usize>>> = Arc::default();
        let seen = asked.clone();
        // One server takes what comes to any of their addresses.
        let backend = Backend::bound((Ipv4Addr::UNSPECIFIED, 0), move |tcp, _| {
            let seen = seen.clone();
            async move {
                let own = tcp.local_addr()?.ip();
                let mut wire = Wire::new(tcp);
                while wire.request().await?.is_some() {
                    *seen.lock().unwrap().entry(own).or_default() += 1;
                    wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await?;
                }
                Ok(())
            }
        })
        .await;
        let port = backend.address.port();
        let objects = |range: Range<u32>, host: &str| {
            route("r").rule(&format!("Host(`a`) || Host(`{host}`)")).to_service("large")
                + "---\napiVersion: v1\nkind: Service\nmetadata: {name: large, namespace: default}\n\
                   spec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}\n"
                + endpoints(range, port)
        };
        let gateway = Gateway::start(objects(0..ENDPOINTS, "all")).await;
        ask(&gateway, ENDPOINTS as usize).await;
        let expected = |range: Range<u32>| range.map(|n| (address(n).into(), 1)).collect::<BTreeMap<IpAddr, usize>>();
        assert!(*asked.lock().unwrap() == expected(0..ENDPOINTS), "{} were asked", asked.lock().unwrap().len());

        // Half of them are replaced.
        let (half, more) = (ENDPOINTS / 2, ENDPOINTS / 2 * 3);
        gateway.change(objects(half..more, "half"));
        let took = gateway.until("half", "/", |reply| reply.status() == 200).await;
        println!("a change of {half} endpoints was served within {took:?}");
        asked.lock().unwrap().clear();
        ask(&gateway, ENDPOINTS as usize).await;
        assert!(*asked.lock().unwrap() == expected(half..more), "{} were asked", asked.lock().unwrap().len());
    });
}

async fn ask(gateway: &Gateway, requests: usize) {
    let start = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut wire = gateway.connect().await;
        clients.push(tokio::spawn(async move {
            for _ in 0..requests / CLIENTS {
                wire.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(200);
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    println!("{requests} requests took {:?}", start.elapsed());
}
