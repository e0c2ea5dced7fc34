//! What a cluster costs: the start with many objects, a change's way from the API to a client, a storm of endpoint changes.
//! `make bench-cluster` builds a release and runs it against a real API server on this machine; it ends by itself.
//!
//! ROUTES=10000      IngressRoutes, each with a Service and an EndpointSlice
//! CHANGES=300       changes whose way is timed
//! STORM=1000        endpoint changes a second, asked for; what was reached is told
//! STORM_SECONDS=15  length of the storm
//! INGORA_BINARY     the binary; set by make

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, dead_code, unused_imports)]

#[path = "../tests"]
mod tests {
    pub(crate) mod support;
}

#[path = "load/figures.rs"]
mod figures;

pub(crate) use tests::support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use figures::{cpu, knob, memory};
use support::{Backend, Cluster, Gateway, Wire};

const NAMESPACE: &str = "bench";
const TRAEFIK: &str = "traefik.io/v1alpha1";
const SLICES: &str = "discovery.k8s.io/v1";
/// Requests to the API server at a time.
const AT_ONCE: usize = 32;

fn main() {
    // `cargo test --benches` has nothing to test here.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    support::cluster::prepare();
    support::namespace::alone(async {
        Bench::run().await;
    });
}

struct Bench {
    cluster: Cluster,
    backend: Backend,
    routes: usize,
}

impl Bench {
    async fn run() {
        let routes = knob("ROUTES", 10_000);
        let bench = Bench { cluster: Cluster::start().await, backend: Backend::named("bench").await, routes };
        let account = bench.cluster.account().await;
        println!("{routes} IngressRoutes, Services and EndpointSlices");
        let start = Instant::now();
        bench.fill().await;
        println!("  written in                       {:8.1} s", start.elapsed().as_secs_f64());

        let start = Instant::now();
        let gateway = bench.cluster.gateway(&account, "{}").await;
        println!("start to ready                     {:8.2} s   (goal 5)", start.elapsed().as_secs_f64());
        gateway.get("r0.example", "/").await.assert_status(200);
        println!("  processor time                   {:8.2} s", cpu(gateway.pid()).as_secs_f64());
        println!("  resident memory                  {:8.1} MiB (goal 250)", memory(gateway.pid(), "VmRSS"));
        println!("  at most                          {:8.1} MiB", memory(gateway.pid(), "VmHWM"));

        bench.changes(&gateway).await;
        bench.storm(&gateway).await;
        println!("  resident memory after all        {:8.1} MiB", memory(gateway.pid(), "VmRSS"));
    }

    async fn fill(&self) {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        self.cluster.apply_one(&namespace).await.unwrap();
        let kinds = [(TRAEFIK, "IngressRoute"), ("v1", "Service"), (SLICES, "EndpointSlice")];
        for (api, kind) in kinds {
            let objects = self.cluster.api(api, kind, NAMESPACE);
            stream::iter(0..self.routes)
                .for_each_concurrent(AT_ONCE, |n| {
                    let (objects, object) = (objects.clone(), self.object(kind, n));
                    async move {
                        objects.create(&PostParams::default(), &object).await.unwrap();
                    }
                })
                .await;
        }
    }

    fn object(&self, kind: &str, n: usize) -> DynamicObject {
        let name = format!("r{n}");
        let value = match kind {
            "IngressRoute" => json!({
                "apiVersion": TRAEFIK, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE},
                "spec": {"entryPoints": ["web"], "routes": [route(&name, "/")]},
            }),
            "Service" => json!({
                "apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE},
                "spec": {"clusterIP": "None", "ports": [{"name": "http", "port": 80}]},
            }),
            _ => json!({
                "apiVersion": SLICES, "kind": kind,
                "metadata": {
                    "name": format!("{name}-1"), "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": name},
                },
                "addressType": "IPv4", "ports": [{"name": "http", "port": self.backend.address.port()}],
                "endpoints": self.endpoints(n, 0),
            }),
        };
        serde_json::from_value(value).unwrap()
    }

    /// The backend, and addresses where nobody listens: different ones for each route and each version.
    fn endpoints(&self, n: usize, version: usize) -> Value {
        let ready = json!({"ready": true, "serving": true, "terminating": false});
        let gone = json!({"ready": false, "serving": false, "terminating": true});
        let [.., a, b] = n.to_be_bytes();
        let other = format!("10.{}.{a}.{b}", 100 + version % 100);
        json!([
            {"addresses": [self.backend.address.ip()], "conditions": ready},
            {"addresses": [other], "conditions": gone},
        ])
    }

    /// From the API server's answer to a change, until a client is served by it.
    async fn changes(&self, gateway: &Gateway) {
        let changes = knob("CHANGES", 300);
        let routes = self.cluster.api(TRAEFIK, "IngressRoute", NAMESPACE);
        let mut wire = gateway.connect().await;
        let mut taken = Vec::new();
        for change in 0..changes {
            let n = change * 7919 % self.routes;
            let (name, path) = (format!("r{n}"), format!("/change-{change}"));
            let patch = json!({"spec": {"routes": [route(&name, &path)]}});
            routes.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
            let start = Instant::now();
            let request = format!("GET {path} HTTP/1.1\nHost: {name}.example\n\n");
            while wire.ask(&request).await.status() != 200 {
                tokio::time::sleep(Duration::from_micros(500)).await;
            }
            taken.push(start.elapsed());
            // Apart from one another, as changes by people are.
            tokio::time::sleep(Duration::from_millis(120)).await;
        }
        taken.sort();
        let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        println!("change in the API to served, p50   {:8.1} ms  (goal 20)", at(0.50));
        println!("                             p99   {:8.1} ms  (goal 100)", at(0.99));
        println!("                             max   {:8.1} ms", at(1.0));
    }

    async fn storm(&self, gateway: &Gateway) {
        let (wanted, seconds) = (knob("STORM", 1000), knob("STORM_SECONDS", 15));
        let slices = self.cluster.api(SLICES, "EndpointSlice", NAMESPACE);
        let (before, start) = (cpu(gateway.pid()), Instant::now());
        let done = Arc::new(AtomicUsize::new(0));
        let length = Duration::from_secs(seconds as u64);
        stream::iter(0..wanted * seconds)
            .for_each_concurrent(AT_ONCE, |change| {
                let (slices, done) = (slices.clone(), done.clone());
                let due = Duration::from_secs_f64(change as f64 / wanted as f64);
                async move {
                    tokio::time::sleep_until((start + due).into()).await;
                    if start.elapsed() > length {
                        return;
                    }
                    let n = change * 7919 % self.routes;
                    let patch = json!({"endpoints": self.endpoints(n, 1 + change / self.routes)});
                    let name = format!("r{n}-1");
                    slices.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
            .await;
        let took = start.elapsed().as_secs_f64();
        let share = (cpu(gateway.pid()) - before).as_secs_f64() / took;
        let rate = done.load(Ordering::Relaxed) as f64 / took;
        println!("storm of endpoint changes          {rate:8.0} /s");
        println!("  processor                        {:8.1} % of a core (goal 20 at 1000/s)", share * 100.0);
        println!("  the same at 1000/s               {:8.1} %", share * 100.0 * 1000.0 / rate);
        gateway.get("r1.example", "/none").await.assert_status(200);
    }
}

fn route(name: &str, path: &str) -> Value {
    let rule = format!("Host(`{name}.example`) && PathPrefix(`{path}`)");
    json!({"match": rule, "kind": "Rule", "services": [{"name": name, "port": 80}]})
}
