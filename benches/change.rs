//! What a change costs: one object of 30,000 put in, the snapshot copied, translated and compiled, the old table dropped.
//! `cargo bench --bench change`.

#![allow(missing_docs, clippy::unwrap_used)]

use std::cell::Cell;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ingora::config::Config;
use ingora::control::{Cooked, Recipe};
use ingora::objects::decode::decode;
use ingora::objects::{Object, Snapshot};
use ingora::translate::Translation;
use ingora_middleware::Registry;
use serde_json::{Value, json};

const ROUTES: usize = 10_000;
/// The routes with a Middleware that is changed, and in a storm the slices that change at once.
const SOME: usize = 20;

/// A process between two changes.
struct Process {
    recipe: Recipe,
    snapshot: Snapshot,
    last: Cooked,
}

fn object(value: Value) -> Object {
    let mut decoded = decode(value);
    assert!(decoded.findings.is_empty(), "{:?}", decoded.findings);
    decoded.objects.remove(0)
}

fn name(n: usize) -> String {
    format!("app-{n}")
}

/// Route `n`; in another round with another rule.
fn route(n: usize, rule: &str) -> Object {
    let name = name(n);
    let rule = format!("Host(`{name}.example.com`) && PathPrefix(`{rule}`)");
    let middlewares = if n < SOME { json!([{"name": "prefix"}]) } else { json!([]) };
    let route = json!({"match": rule, "kind": "Rule", "middlewares": middlewares,
                       "services": [{"name": name, "port": 80}]});
    object(json!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
                  "metadata": {"name": name, "namespace": "default"},
                  "spec": {"entryPoints": ["web"], "routes": [route]}}))
}

fn service(n: usize) -> Object {
    object(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name(n), "namespace": "default"},
                  "spec": {"clusterIP": "10.255.0.1", "ports": [{"port": 80, "targetPort": 8080}]}}))
}

/// The server of route `n`, which no other has; in another round another one.
fn slice(n: usize, round: usize) -> Object {
    let address = format!("10.{}.{}.{}", round & 255, n >> 8 & 255, n & 255);
    let labels = json!({"kubernetes.io/service-name": name(n)});
    object(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                  "metadata": {"name": name(n), "namespace": "default", "labels": labels},
                  "endpoints": [{"addresses": [address]}], "ports": [{"port": 8080}]}))
}

fn middleware(prefix: &str) -> Object {
    object(json!({"apiVersion": "traefik.io/v1alpha1", "kind": "Middleware",
                  "metadata": {"name": "prefix", "namespace": "default"}, "spec": {"addPrefix": {"prefix": prefix}}}))
}

// === impl Process ===

impl Process {
    fn new() -> Self {
        let config = Config::from_yaml("entryPoints: {web: {address: ':80'}}").unwrap();
        let recipe = Recipe::new(config, Registry::built_in()).unwrap();
        let mut snapshot = Snapshot::default();
        snapshot.insert(middleware("/0"));
        for n in 0..ROUTES {
            [route(n, "/"), service(n), slice(n, 0)].into_iter().for_each(|object| snapshot.insert(object));
        }
        let last = recipe.cook_next(&snapshot, &Translation::default(), None);
        assert!(last.diagnostics.is_empty() && last.table.len() == ROUTES, "{:?}", last.diagnostics.first());
        Process { recipe, snapshot, last }
    }

    /// Takes objects in, as a source and the control loop do.
    fn take(&mut self, objects: Vec<Object>) {
        objects.into_iter().for_each(|object| self.snapshot.insert(object));
        let snapshot = self.snapshot.clone();
        self.last = self.recipe.cook_next(&snapshot, &self.last.translation, Some(&self.last.table));
    }
}

fn changes(c: &mut Criterion) {
    let mut process = Process::new();
    let round = Cell::new(0);
    let mut group = c.benchmark_group("change at 10,000 routes");
    let make: [(&str, fn(usize) -> Vec<Object>); 6] = [
        ("EndpointSlice", |round| vec![slice(round * 7_919 % ROUTES, round)]),
        ("20 EndpointSlices", |round| (0..SOME).map(|n| slice((round * 7_919 + n * 499) % ROUTES, round)).collect()),
        ("Service", |round| vec![service(round * 7_919 % ROUTES)]),
        ("IngressRoute", |round| vec![route(round * 7_919 % ROUTES, "/")]),
        ("IngressRoute, another rule", |round| vec![route(round * 7_919 % ROUTES, &format!("/{round}"))]),
        ("Middleware of 20 routes", |round| vec![middleware(&format!("/{round}"))]),
    ];
    for (name, objects) in make {
        group.bench_function(name, |b| {
            b.iter_batched(
                || {
                    round.set(round.get() + 1);
                    objects(round.get())
                },
                |objects| process.take(objects),
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.sample_size(10);
    group.bench_function("everything, from the beginning", |b| {
        b.iter(|| black_box(process.recipe.cook(&process.snapshot, None)));
    });
    group.bench_function("everything, with the table before", |b| {
        b.iter(|| black_box(process.recipe.cook(&process.snapshot, Some(&process.last.table))));
    });
    group.finish();
}

criterion_group!(benches, changes);
criterion_main!(benches);
