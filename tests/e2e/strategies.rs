//! How requests are shared among servers: each strategy, over ten thousand requests where shares are counted; and
//! requests that go to another server because theirs fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::support::manifests::service;
use crate::support::{Backend, Gate, Gateway, Wire, object, route, within};

const REQUESTS: usize = 10_000;
const CLIENTS: usize = 4;

/// Requests over a few connections; who answered how many of them.
async fn shares(gateway: &Gateway, requests: usize) -> BTreeMap<String, usize> {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut wire = gateway.connect().await;
        clients.push(tokio::spawn(async move {
            let mut shares: BTreeMap<String, usize> = BTreeMap::new();
            for _ in 0..requests / CLIENTS {
                let reply = wire.ask("GET / HTTP/1.1\nHost: a\n\n").await;
                *shares.entry(reply.backend().to_owned()).or_default() += 1;
            }
            shares
        }));
    }
    let mut all = BTreeMap::new();
    for client in clients {
        for (name, count) in client.await.unwrap() {
            *all.entry(name).or_default() += count;
        }
    }
    all
}

/// Answers after a while.
async fn slow(name: &'static str, after: Duration) -> Backend {
    Backend::serving(move |mut wire: Wire, seen| async move {
        while let Some(request) = wire.request().await? {
            seen.push(request);
            sleep(after).await;
            wire.send(format!("HTTP/1.1 200 OK\r\nX-Backend: {name}\r\nContent-Length: 0\r\n\r\n")).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weights_are_shares_down_to_the_leaves() {
    let [a, b, c] = &[Backend::named("a").await, Backend::named("b").await, Backend::named("c").await];
    let gateway = Gateway::start(
        route("r").to_service("outer").by("{kind: TraefikService, port: null, weight: 3}").to(c).by("weight: 1")
            + object(
                "TraefikService",
                "outer",
                "weighted: {services: [{name: a, port: 80, weight: 2}, {name: b, port: 80, weight: 1}, \
                 {name: never, port: 80, weight: 0}]}",
            )
            + service("a", &[a])
            + service("b", &[b])
            + service("never", &[c]),
    )
    .await;
    let shares = shares(&gateway, REQUESTS).await;
    for (name, expected) in [("a", 5000), ("b", 2500), ("c", 2500)] {
        // Clients at the same time may end within a period.
        assert!(shares[name].abs_diff(expected) <= 2, "{shares:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_busy_are_spared() {
    for strategy in ["p2c", "leasttime"] {
        let [slow, b, c] =
            &[slow("slow", Duration::from_millis(100)).await, Backend::named("b").await, Backend::named("c").await];
        let by = format!("strategy: {strategy}");
        let gateway = Gateway::start(route("r").to_all(&[slow, b, c]).by(&by)).await;
        let shares = shares(&gateway, 2000).await;
        let slows = shares.get("slow").copied().unwrap_or_default();
        assert!(slows < 400, "{strategy}: {shares:?}");
        assert!(shares["b"] > 400 && shares["c"] > 400, "{strategy}: {shares:?}");
    }
}

#[tokio::test]
async fn a_client_has_its_server_by_its_address() {
    let names = ["a", "b", "c", "d"];
    let mut backends = Vec::new();
    for name in names {
        backends.push(Backend::named(name).await);
    }
    let all: Vec<&Backend> = backends.iter().collect();
    let gateway = Gateway::start(
        route("pool").rule("Host(`a`)").to_all(&all).by("strategy: hrw")
            + route("services").rule("Host(`b`)").to_service("hrw").by("{kind: TraefikService, port: null}")
            + object(
                "TraefikService",
                "hrw",
                "highestRandomWeight: {services: [{name: x, port: 80}, {name: y, port: 80}]}",
            )
            + service("x", &all[..1])
            + service("y", &all[1..2]),
    )
    .await;
    for host in ["a", "b"] {
        let first = gateway.get(host, "/").await;
        for _ in 0..10 {
            assert_eq!(gateway.get(host, "/").await.backend(), first.backend());
        }
    }
    // fnv1a64("127.0.0.1" + URL) decides, the highest wins.
    let hash = |text: &str| {
        text.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
    };
    let best = names.iter().zip(&backends).max_by_key(|(_, b)| hash(&format!("127.0.0.1http://{}", b.address)));
    assert_eq!(gateway.get("a", "/").await.backend(), *best.unwrap().0);
    let best = if hash("127.0.0.1default-x-80") > hash("127.0.0.1default-y-80") { "a" } else { "b" };
    assert_eq!(gateway.get("b", "/").await.backend(), best);
}

#[tokio::test]
async fn a_request_that_was_not_sent_goes_to_another_server() {
    for strategy in ["wrr", "p2c", "hrw", "leasttime"] {
        let up = Backend::named("up").await;
        let (one, two) = (Backend::down(), Backend::down());
        let by = format!("strategy: {strategy}");
        let gateway = Gateway::start(route("r").to_all(&[&one, &up, &two]).by(&by)).await;
        for _ in 0..10 {
            assert_eq!(gateway.get("a", "/").await.backend(), "up");
            let post = gateway.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody").await;
            assert_eq!(post.backend(), "up");
        }
        assert_eq!(up.last().body, b"body");
    }
}

#[tokio::test]
async fn what_a_server_may_have_begun_goes_on_only_where_it_means_the_same_twice() {
    let resets = Backend::serving(|mut wire: Wire, seen| async move {
        if let Some(request) = wire.request().await? {
            seen.push(request);
        }
        Ok(())
    })
    .await;
    let up = Backend::named("up").await;
    let gateway = Gateway::start(route("r").to_all(&[&resets, &up])).await;
    for _ in 0..6 {
        assert_eq!(gateway.get("a", "/").await.backend(), "up");
        let put = gateway.ask("PUT / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody").await;
        assert_eq!(put.backend(), "up");
        assert_eq!(up.last().body, b"body");
    }
    let before = (resets.requests(), up.requests());
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(gateway.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody").await.status());
    }
    let after = (resets.requests(), up.requests());
    assert_eq!(after.0 + after.1, before.0 + before.1 + 6, "each POST is sent once");
    let failed = statuses.iter().filter(|status| **status == 502).count();
    assert_eq!((failed, statuses.len() - failed), (after.0 - before.0, after.1 - before.1), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_and_returns_under_load_loses_no_request() {
    let [a, b] = &[Backend::named("a").await, Backend::named("b").await];
    let mortal = Backend::down();
    let address = mortal.address;
    let gateway = Gateway::start(route("r").to_all(&[a, &mortal, b])).await;
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (mut wire, stop, asked) = (gateway.connect().await, stop.clone(), asked.clone());
        clients.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                wire.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(200);
                asked.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let rang = Gate::new();
    for _ in 0..5 {
        // Dies in the middle of its fifth request, with connections open.
        let (gate, left) = (rang.clone(), Arc::new(AtomicUsize::new(5)));
        let listener = within("the address", async {
            loop {
                match tokio::net::TcpListener::bind(address).await {
                    Ok(listener) => return listener,
                    Err(_) => sleep(Duration::from_millis(5)).await,
                }
            }
        })
        .await;
        let life = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (Ok((tcp, _)), left, gate) = (accepted, left.clone(), gate.clone()) else { return };
                        connections.spawn(async move {
                            let mut wire = Wire::new(tcp);
                            while let Ok(Some(_)) = wire.request().await {
                                if left.fetch_sub(1, Ordering::SeqCst) == 1 {
                                    gate.ring();
                                    return true;
                                }
                                let reply = "HTTP/1.1 200 OK\r\nX-Backend: mortal\r\nContent-Length: 0\r\n\r\n";
                                if wire.send(reply).await.is_err() {
                                    return false;
                                }
                            }
                            false
                        });
                    }
                    Some(ended) = connections.join_next() => {
                        if ended.unwrap_or(true) {
                            return;
                        }
                    }
                }
            }
        });
        rang.arrived().await;
        let _ = life.await;
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    assert!(asked.load(Ordering::Relaxed) > 50);
}
