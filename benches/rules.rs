//! What routing costs: reading rules, building the index, looking a request up, and making a table of many objects.
//! `cargo bench --bench rules`; with `-- --quick` in a minute or so.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http::HeaderMap;
use ingora::config::Config;
use ingora::control::Recipe;
use ingora::objects::Snapshot;
use ingora::objects::decode::decode;
use ingora::routing::index::Index;
use ingora::rule::{HttpRule, RequestView, Syntax, parse_http};
use ingora_middleware::Registry;
use serde_json::{Value, json};

const SIZES: [usize; 4] = [1, 1_000, 10_000, 100_000];
const OBJECTS: usize = 10_000;

/// How routes differ from one another, and how those of a set are told from the requests.
#[derive(Clone, Copy)]
enum Shape {
    /// A host each.
    Hosts,
    /// A path prefix each, on one host.
    Prefixes,
}

type Rules = Vec<(Arc<HttpRule>, i64, String)>;

// === impl Shape ===

impl Shape {
    const ALL: [Shape; 2] = [Shape::Hosts, Shape::Prefixes];

    fn name(self) -> &'static str {
        match self {
            Shape::Hosts => "hosts",
            Shape::Prefixes => "prefixes",
        }
    }

    fn rule(self, n: usize) -> String {
        match self {
            Shape::Hosts => format!("Host(`h{n}.example.com`)"),
            Shape::Prefixes => format!("Host(`example.com`) && PathPrefix(`/p{n}/api`)"),
        }
    }

    /// The host and path that the rule is for.
    fn target(self, n: usize) -> (String, String) {
        match self {
            Shape::Hosts => (format!("h{n}.example.com"), "/index.html".to_owned()),
            Shape::Prefixes => ("example.com".to_owned(), format!("/p{n}/api/users")),
        }
    }

    fn rules(self, count: usize) -> Rules {
        let rule = |n| {
            let text = self.rule(n);
            (Arc::new(parse_http(&text, Syntax::V3).unwrap()), text.len() as i64, format!("r{n}"))
        };
        (0..count).map(rule).collect()
    }
}

fn index(rules: &Rules) -> Index {
    Index::build(rules.iter().map(|(rule, priority, name)| (rule.clone(), *priority, name.as_str())))
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    for (name, text, syntax) in [
        ("host", "Host(`example.com`)", Syntax::V3),
        ("typical", "Host(`example.com`) && (PathPrefix(`/api`) || PathPrefix(`/v2`)) && Method(`GET`)", Syntax::V3),
        ("regexp", "HostRegexp(`^[a-z]+\\.example\\.com$`)", Syntax::V3),
        ("v2", "Host(`a.example.com`, `b.example.com`) && PathPrefix(`/{id:[0-9]+}`)", Syntax::V2),
    ] {
        group.bench_function(name, |b| b.iter(|| parse_http(black_box(text), syntax).unwrap()));
    }
    group.finish();
}

fn build(c: &mut Criterion) {
    let mut group = c.benchmark_group("build");
    group.sample_size(10);
    for shape in Shape::ALL {
        for size in SIZES {
            let rules = shape.rules(size);
            group.throughput(Throughput::Elements(size as u64));
            group.bench_with_input(BenchmarkId::new(shape.name(), size), &rules, |b, rules| b.iter(|| index(rules)));
        }
    }
    group.finish();
}

/// Requests for routes all over the set, so that it isn't always the same few that are in the processor's cache.
fn look_up(c: &mut Criterion) {
    let mut group = c.benchmark_group("look-up");
    let headers = HeaderMap::new();
    for shape in Shape::ALL {
        for size in SIZES {
            let index = index(&shape.rules(size));
            let targets: Vec<_> = (0..1_000).map(|n| shape.target(n * 7_919 % size)).collect();
            let mut turn = 0;
            let mut find = || {
                let (host, path) = &targets[turn % targets.len()];
                turn += 1;
                let client_ip = [127, 0, 0, 1].into();
                index.find(&RequestView { host, path, method: "GET", headers: &headers, query: "", client_ip })
            };
            assert!(find().is_some());
            group.bench_function(BenchmarkId::new(shape.name(), size), |b| b.iter(|| black_box(find())));
        }
    }
    group.finish();
}

/// An IngressRoute with its Service and EndpointSlice, `OBJECTS` times.
fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::default();
    for n in 0..OBJECTS {
        for value in objects(n) {
            let decoded = decode(value);
            assert!(decoded.findings.is_empty(), "{:?}", decoded.findings);
            decoded.objects.into_iter().for_each(|object| snapshot.insert(object));
        }
    }
    snapshot
}

fn objects(n: usize) -> [Value; 3] {
    let name = format!("app-{n}");
    let metadata = json!({"name": name, "namespace": "default"});
    let slice = json!({"name": name, "namespace": "default", "labels": {"kubernetes.io/service-name": name}});
    let rule = format!("Host(`{name}.example.com`) && PathPrefix(`/api`)");
    let services = json!([{"name": name, "port": 80}]);
    let address = format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255);
    [
        json!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": metadata,
               "spec": {"entryPoints": ["web"], "routes": [{"match": rule, "kind": "Rule", "services": services}]}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata,
               "spec": {"clusterIP": "10.255.0.1", "ports": [{"port": 80, "targetPort": 8080}]}}),
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": slice, "addressType": "IPv4",
               "endpoints": [{"addresses": [address]}], "ports": [{"port": 8080}]}),
    ]
}

/// From objects to a table: the first one, and one that finds everything unchanged in the table before it.
fn table(c: &mut Criterion) {
    let config = Config::from_yaml("entryPoints: {web: {address: ':80'}}").unwrap();
    let recipe = Recipe::new(config, Registry::built_in()).unwrap();
    let snapshot = snapshot();
    let (first, diagnostics) = recipe.cook(&snapshot, None);
    assert!(diagnostics.is_empty() && first.len() == OBJECTS, "{:?}", diagnostics.first());
    let mut group = c.benchmark_group("translate and compile");
    group.sample_size(10).throughput(Throughput::Elements(OBJECTS as u64));
    // Dropping a table isn't measured: serving does it on a thread of its own.
    for (name, old) in [("first", None), ("unchanged", Some(&first))] {
        let id = BenchmarkId::new(name, OBJECTS);
        group.bench_function(id, |b| b.iter_batched(|| (), |()| recipe.cook(&snapshot, old), BatchSize::PerIteration));
    }
    group.finish();
}

criterion_group!(benches, parse, build, look_up, table);
criterion_main!(benches);
