//! Objects that change while requests run: what is served how soon, what stays, and that nobody notices.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::support::{Backend, Gate, Gateway, Manifests, Message, middleware, route, within};

const CHANGES: usize = 500;
const CLIENTS: usize = 4;

#[tokio::test]
async fn a_change_is_served_at_once() {
    let [old, new] = &[Backend::named("old").await, Backend::named("new").await];
    let gateway = Gateway::start(route("r").to(old)).await;
    let mut slowest = Duration::ZERO;
    for n in 0..10 {
        let backend = if n % 2 == 0 { new } else { old };
        let name = if n % 2 == 0 { "new" } else { "old" };
        gateway.change(route("r").to(backend));
        slowest = slowest.max(gateway.until("a", "/", |reply| reply.backend() == name).await);
    }
    println!("a change was served within {slowest:?} (10 changes; promised: 100 ms)");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}

#[tokio::test]
async fn files_come_and_go() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("a").rule("Host(`a`)").to(&backend)).await;
    gateway.get("b", "/").await.assert_status(404);
    gateway.change_file("more.yml", route("b").rule("Host(`b`)").to(&backend));
    gateway.until("b", "/", |reply| reply.status() == 200).await;
    gateway.get("a", "/").await.assert_status(200);
    std::fs::remove_file(gateway.manifest("more.yml")).unwrap();
    gateway.until("b", "/", |reply| reply.status() == 404).await;
    // Written in place, as an editor may do.
    std::fs::write(gateway.manifest("more.yaml"), Manifests::from(route("c").rule("Host(`c`)").to(&backend)).0)
        .unwrap();
    gateway.until("c", "/", |reply| reply.status() == 200).await;
    gateway.get("a", "/").await.assert_status(200);
}

#[tokio::test]
async fn broken_files_leave_the_last_good_state() {
    let backend = Backend::echo().await;
    let good = route("a").rule("Host(`a`)").to(&backend);
    let gateway = Gateway::start(good.clone()).await;
    // The other file's change is served: then the broken one was seen, too.
    gateway.change("apiVersion: traefik.io/v1alpha1\nkind: [IngressRoute\n  broken: {");
    gateway.change_file("marker.yaml", route("b").rule("Host(`b`)").to(&backend));
    gateway.until("b", "/", |reply| reply.status() == 200).await;
    gateway.get("a", "/").await.assert_status(200);
    gateway.logs("objects.yaml").await;
    gateway.change(good + route("c").rule("Host(`c`)").to(&backend));
    gateway.until("c", "/", |reply| reply.status() == 200).await;
    gateway.get("a", "/").await.assert_status(200);
}

#[tokio::test]
async fn a_request_ends_as_it_began() {
    let gate = Gate::new();
    let slow = Backend::behind(&gate, "old").await;
    let new = Backend::named("new").await;
    let header = |value| middleware("h", &format!("headers: {{customResponseHeaders: {{X-Table: {value}}}}}"));
    let gateway = Gateway::start(route("r").rule("Host(`a`)").middlewares(&["h"]).to(&slow) + header("old")).await;
    let mut client = gateway.connect().await;
    client.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    gate.arrived().await;
    let marker = route("marker").rule("Host(`marker`)").to(&new);
    gateway.change(route("r").rule("Host(`a`)").middlewares(&["h"]).to(&new) + header("new") + marker);
    gateway.until("marker", "/", |reply| reply.status() == 200).await;
    gate.open();
    client.reply().await.unwrap().assert_status(200).assert_header("X-Table", "old").assert_body("old");
    // The same connection is on the new table with its next request.
    client.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_header("X-Table", "new");
}

#[tokio::test]
async fn turns_and_connections_survive_changes_elsewhere() {
    let [a, b, c] = &[Backend::named("a").await, Backend::named("b").await, Backend::named("c").await];
    let stays = route("stays").rule("Host(`stays`)").to_all(&[a, b, c]);
    let weighted = route("weighted").rule("Host(`weighted`)").to(a).by("weight: 2").to(b);
    let marker = Backend::echo().await;
    let stays = stays + weighted;
    let gateway = Gateway::start(&stays).await;
    let mut client = gateway.connect().await;
    let mut next = async |host: &str| -> String {
        let reply: Message = client.ask(&format!("GET / HTTP/1.1\nHost: {host}\n\n")).await;
        reply.backend().to_owned()
    };
    let mut order = Vec::new();
    let mut weights = Vec::new();
    for _ in 0..3 {
        order.push(next("stays").await);
        weights.push(next("weighted").await);
    }
    assert_eq!(BTreeSet::from_iter(&order).len(), 3, "{order:?}");
    assert_eq!(BTreeSet::from_iter(&weights).len(), 2, "{weights:?}");
    let connections = (a.connections(), b.connections(), c.connections());
    for n in 0..9 {
        gateway.change(stays.clone() + route("marker").rule(&format!("Host(`marker{n}`)")).to(&marker));
        gateway.until(&format!("marker{n}"), "/", |reply| reply.status() == 200).await;
        assert_eq!(next("stays").await, order[n % 3], "after change {n}");
        assert_eq!(next("weighted").await, weights[n % 3], "after change {n}");
    }
    assert_eq!((a.connections(), b.connections(), c.connections()), connections, "connections were thrown away");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_fail_no_request() {
    let backends = [Backend::named("a").await, Backend::named("b").await, Backend::named("c").await];
    let [a, b, c] = &backends;
    // Each change brings another middleware, another set of servers, and routes that come and go.
    let version = |n: usize| -> Manifests {
        let servers = [vec![a, b], vec![b, c], vec![a, c], vec![a]];
        let mut all = route("r").rule("Host(`a`)").middlewares(&["version"]).to_all(&servers[n % 4])
            + middleware("version", &format!("headers: {{customResponseHeaders: {{X-Version: '{n}'}}}}"));
        for extra in 0..n % 5 {
            all = all + route(&format!("extra{extra}")).rule(&format!("Host(`extra{n}`)")).to(c);
        }
        all
    };
    let gateway = Arc::new(Gateway::start(version(0)).await);
    let stop = Arc::new(AtomicBool::new(false));
    let load = (0..CLIENTS).map(|client| tokio::spawn(load(gateway.clone(), stop.clone(), client)));
    let load: Vec<_> = load.collect();
    for n in 1..=CHANGES {
        gateway.change(version(n));
        sleep(Duration::from_millis(10)).await;
    }
    let last = CHANGES.to_string();
    gateway.until("a", "/", |reply| reply.header("X-Version") == Some(&last)).await;
    stop.store(true, Ordering::Relaxed);
    let mut requests = 0;
    let mut seen = BTreeSet::new();
    for client in load {
        let (count, versions) = within("the end of the load", client).await.unwrap();
        requests += count;
        seen.extend(versions);
    }
    println!("{requests} requests over {CHANGES} changes, {} of them seen, none failed", seen.len());
    assert!(requests > CHANGES && seen.len() > CHANGES / 20, "too little to mean anything: {requests}, {}", seen.len());
}

/// Requests on a connection that is kept; one in a hundred opens a new one.
async fn load(gateway: Arc<Gateway>, stop: Arc<AtomicBool>, client: usize) -> (usize, BTreeSet<String>) {
    let mut wire = gateway.connect().await;
    let mut versions = BTreeSet::new();
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        if count % 100 == 99 {
            wire = gateway.connect().await;
        }
        let request = match count % 4 {
            0 => "POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody",
            _ => "GET / HTTP/1.1\nHost: a\n\n",
        };
        let reply = wire.ask(request).await;
        assert_eq!(reply.status(), 200, "client {client}, request {count}: {reply:?}");
        versions.extend(reply.header("X-Version").map(str::to_owned));
        count += 1;
    }
    (count, versions)
}
