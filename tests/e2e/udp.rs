//! Datagrams: sessions and their servers, sizes, changes, and the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::support::gateway::{exit, signal};
use crate::support::layer4::{Asker, Datagrams};
use crate::support::{Gateway, Manifests, PATIENCE, udp, within};

const DNS: &str = "entryPoints: {dns: {address: /udp}}";

async fn gateway(manifests: impl Into<Manifests>) -> Gateway {
    Gateway::configured(DNS, manifests).await
}

async fn client(gateway: &Gateway) -> Asker {
    Asker::of(gateway.address("dns")).await
}

#[tokio::test]
async fn a_client_has_one_server_and_gets_its_answers() {
    let (a, b) = (Datagrams::named("a").await, Datagrams::named("b").await);
    let gateway = gateway(udp("r").at(&[a.address, b.address])).await;
    let clients = [client(&gateway).await, client(&gateway).await];
    let mut first = Vec::new();
    for (i, client) in clients.iter().enumerate() {
        first.push(client.ask(&format!("hello {i}")).await);
        assert_eq!(first[i].datagram, format!("hello {i}").as_bytes());
    }
    // In turn; and each client is known to its server by a port of its own.
    assert_eq!(BTreeSet::from([first[0].server.as_str(), first[1].server.as_str()]), BTreeSet::from(["a", "b"]));
    for round in 0..20 {
        for (i, client) in clients.iter().enumerate() {
            let answer = client.ask(&format!("{i} {round}")).await;
            assert_eq!((&answer.server, answer.port), (&first[i].server, first[i].port));
            assert_eq!(answer.datagram, format!("{i} {round}").as_bytes());
        }
    }
    assert!(clients[0].is_silent().await && clients[1].is_silent().await);
}

#[tokio::test]
async fn sessions_are_shared_out_by_weight() {
    let servers = [Datagrams::named("a").await, Datagrams::named("b").await, Datagrams::named("never").await];
    let route = udp("w").at(&[servers[0].address]).by("weight: 3");
    let route = route.at(&[servers[1].address]).by("weight: 1").at(&[servers[2].address]).by("weight: 0");
    let gateway = gateway(route).await;
    let mut counts = BTreeMap::new();
    for _ in 0..40 {
        let answer = client(&gateway).await.ask("x").await;
        *counts.entry(answer.server).or_insert(0) += 1;
    }
    assert_eq!(counts, BTreeMap::from([("a".to_owned(), 30), ("b".to_owned(), 10)]));
}

#[tokio::test]
async fn datagrams_of_every_size_arrive_as_they_are() {
    let mirror = Datagrams::mirror().await;
    let gateway = gateway(udp("r").at(&[mirror.address])).await;
    let client = client(&gateway).await;
    for size in [0, 1, 511, 1472, 1473, 9000, 65_507, 0, 3] {
        let datagram: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
        client.send(&datagram).await;
        assert!(client.datagram().await == datagram, "{size} bytes");
    }
}

#[tokio::test]
async fn many_datagrams_at_once_arrive_in_order() {
    let mirror = Datagrams::mirror().await;
    let gateway = gateway(udp("r").at(&[mirror.address])).await;
    let client = client(&gateway).await;
    for round in 0..20u32 {
        let datagrams: Vec<Vec<u8>> = (0..32u32).map(|i| [round, i].map(u32::to_be_bytes).concat()).collect();
        for datagram in &datagrams {
            client.send(datagram).await;
        }
        for datagram in &datagrams {
            assert_eq!(client.datagram().await, *datagram);
        }
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle() {
    let servers = [Datagrams::named("a").await, Datagrams::named("b").await];
    let config = "entryPoints: {dns: {address: /udp, udp: {timeout: 300ms}}}";
    let gateway = Gateway::configured(config, udp("r").at(&servers.each_ref().map(|s| s.address))).await;
    let client = client(&gateway).await;
    let first = client.ask("one").await;
    let start = Instant::now();
    // Kept by what the client sends, longer than the timeout.
    while start.elapsed() < Duration::from_millis(600) {
        let before = Instant::now();
        let again = client.ask("again").await;
        assert!(again.port == first.port || before.elapsed() > Duration::from_millis(250), "{again:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The time itself is what is tested here.
    tokio::time::sleep(Duration::from_millis(900)).await;
    let after = client.ask("two").await;
    assert_ne!((&after.server, after.port), (&first.server, first.port), "a new session, and its server's turn");
    assert_ne!(after.server, first.server);
}

#[tokio::test]
async fn a_server_that_is_gone_is_replaced() {
    let (a, b) = (Datagrams::named("a").await, Datagrams::named("b").await);
    let gateway = gateway(udp("r").at(&[a.address, b.address])).await;
    let client = client(&gateway).await;
    let server = client.ask("x").await.server;
    let (gone, other) = if server == "a" { (a, b) } else { (b, a) };
    drop(gone);
    // The datagrams that find nobody are lost: that is how we hear of it.
    let asks = async {
        loop {
            client.send("y").await;
            let mut buffer = [0; 64];
            if tokio::time::timeout(Duration::from_millis(50), client.0.recv(&mut buffer)).await.is_ok() {
                return;
            }
        }
    };
    within("an answer of the other server", asks).await;
    assert!(other.received() > 0);
}

#[tokio::test]
async fn a_server_that_comes_back_is_asked_again() {
    let server = Datagrams::named("a").await;
    let address = server.address;
    let gateway = gateway(udp("r").at(&[address])).await;
    let client = client(&gateway).await;
    client.ask("x").await;
    drop(server);
    for _ in 0..20 {
        client.send("lost").await;
        assert!(client.is_silent_for(Duration::from_millis(5)).await);
    }
    let back = Datagrams::at("back", address).await;
    let start = Instant::now();
    loop {
        client.send("y").await;
        if !client.is_silent_for(Duration::from_millis(50)).await {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "it is not asked again");
    }
    assert!(back.received() > 0);
}

#[tokio::test]
async fn sessions_survive_changes_and_new_ones_follow_them() {
    let (old, new) = (Datagrams::named("old").await, Datagrams::named("new").await);
    let gateway = gateway(udp("r").at(&[old.address])).await;
    let session = client(&gateway).await;
    let first = session.ask("x").await;
    gateway.change(udp("r").at(&[new.address]));
    let start = Instant::now();
    while client(&gateway).await.ask("x").await.server != "new" {
        assert!(start.elapsed() < PATIENCE, "the change is not served");
    }
    assert_eq!(session.ask("x").await, first);
}

#[tokio::test]
async fn an_entry_point_without_a_route_answers_nothing_until_it_has_one() {
    let server = Datagrams::named("a").await;
    let gateway = gateway("").await;
    let client = client(&gateway).await;
    client.send("lost").await;
    assert!(client.is_silent().await);
    gateway.change(udp("r").at(&[server.address]));
    let start = Instant::now();
    loop {
        client.send("hello").await;
        if !client.is_silent().await {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "the route is not served");
    }
}

#[tokio::test]
async fn of_several_routers_the_last_by_name_has_the_entry_point() {
    let (a, b) = (Datagrams::named("a").await, Datagrams::named("b").await);
    let config = "entryPoints: {dns: {address: /udp}, other: {address: /udp}}";
    let both = udp("alpha").at(&[a.address]) + udp("beta").at(&[b.address]).spec("entryPoints: [dns]");
    let gateway = Gateway::configured(config, both).await;
    assert_eq!(client(&gateway).await.ask("x").await.server, "b");
    // Without entry points, a router is on all UDP ones.
    assert_eq!(Asker::of(gateway.address("other")).await.ask("x").await.server, "a");
    gateway.logs("EntryPointTaken").await;
}

#[tokio::test]
async fn answers_come_from_the_address_that_was_asked() {
    let server = Datagrams::named("a").await;
    let port = crate::support::ports::free_for_datagrams().port();
    let config = format!("entryPoints: {{dns: {{address: ':{port}/udp'}}}}");
    let gateway = Gateway::configured(&config, udp("r").at(&[server.address])).await;
    for address in ["127.0.0.1", "127.77.0.7", "::1"] {
        let Ok(ip) = address.parse::<std::net::IpAddr>() else { panic!("{address}") };
        if std::net::UdpSocket::bind((ip, 0)).is_err() {
            continue; // a machine without IPv6
        }
        // A connected socket hears nobody else.
        let client = Asker::of((ip, port).into()).await;
        assert_eq!(client.ask("x").await.server, "a", "{address}");
    }
    drop(gateway);
}

#[tokio::test]
async fn servers_may_have_ipv6_addresses() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        return; // a machine without IPv6
    }
    let server = Datagrams::on("six", [0, 0, 0, 0, 0, 0, 0, 1u16].into()).await;
    let gateway = gateway(udp("r").at(&[server.address])).await;
    assert_eq!(client(&gateway).await.ask("x").await.server, "six");
}

#[tokio::test]
async fn servers_that_are_names_are_looked_up() {
    let server = Datagrams::on("far", std::net::Ipv4Addr::LOCALHOST.into()).await;
    let port = server.address.port();
    let objects = format!(
        "
apiVersion: v1
kind: Service
metadata: {{name: far, namespace: default}}
spec: {{type: ExternalName, externalName: localhost, ports: [{{port: {port}, protocol: UDP}}]}}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRouteUDP
metadata: {{name: r, namespace: default}}
spec: {{routes: [{{services: [{{name: far, port: {port}}}]}}]}}
"
    );
    let config =
        |allowed: bool| format!("{{{DNS}, providers: {{manifests: {{allowExternalNameServices: {allowed}}}}}}}");
    let gateway = Gateway::configured(&config(true), objects.as_str()).await;
    let client = client(&gateway).await;
    let asks = async {
        loop {
            // The name may be one of several addresses, and nobody may be at the first.
            client.send("x").await;
            if !client.is_silent().await {
                return;
            }
        }
    };
    within("an answer", asks).await;
    assert_eq!(client.ask("hello").await.server, "far");
    // Only where that is allowed.
    let gateway = Gateway::configured(&config(false), objects.as_str()).await;
    let client = Asker::of(gateway.address("dns")).await;
    client.send("x").await;
    assert!(client.is_silent().await);
    gateway.logs("ExternalName").await;
}

#[tokio::test]
async fn of_many_clients_each_gets_its_own_answers() {
    const CLIENTS: usize = 300;
    let servers = [Datagrams::named("a").await, Datagrams::named("b").await];
    let gateway = gateway(udp("r").at(&servers.each_ref().map(|s| s.address))).await;
    let asking = (0..CLIENTS).map(|n| {
        let gateway = &gateway;
        async move {
            let client = client(gateway).await;
            let first = client.ask(&format!("{n} first")).await;
            for round in 0..5 {
                let text = format!("{n} {round}");
                let answer = client.ask(&text).await;
                assert_eq!((answer.datagram, answer.port), (text.into_bytes(), first.port), "client {n}");
                assert_eq!(answer.server, first.server, "client {n}");
            }
            (first.server, first.port)
        }
    });
    let known: Vec<(String, u16)> = futures_util::future::join_all(asking).await;
    let of_a = known.iter().filter(|(server, _)| server == "a").count();
    assert_eq!(of_a, CLIENTS / 2, "in turn");
    assert_eq!(known.into_iter().collect::<BTreeSet<_>>().len(), CLIENTS, "each by a port of its own");
}

#[tokio::test]
async fn clients_beyond_the_most_sessions_get_none() {
    let server = Datagrams::named("a").await;
    let config = "entryPoints: {dns: {address: /udp, udp: {maxSessions: 2, timeout: 60s}}}";
    let gateway = Gateway::configured(config, udp("r").at(&[server.address])).await;
    let clients = [client(&gateway).await, client(&gateway).await];
    for client in &clients {
        client.ask("x").await;
    }
    let third = client(&gateway).await;
    third.send("x").await;
    assert!(third.is_silent().await);
    gateway.logs("new clients get none").await;
    for client in &clients {
        client.ask("x").await;
    }
}

#[tokio::test]
async fn the_end_waits_for_sessions_and_begins_none() {
    let server = Datagrams::named("a").await;
    let config =
        "entryPoints: {dns: {address: /udp, udp: {timeout: 500ms}, transport: {lifeCycle: {graceTimeOut: 300s}}}}";
    let mut gateway = Gateway::configured(config, udp("r").at(&[server.address])).await;
    let session = client(&gateway).await;
    let first = session.ask("x").await;
    gateway.signal("TERM");
    gateway.logs("terminating").await;
    assert_eq!(session.ask("x").await, first);
    // The log may say so before the socket does.
    let mut late = client(&gateway).await;
    late.send("x").await;
    while !late.is_silent().await {
        late = client(&gateway).await;
        late.send("x").await;
    }
    let start = Instant::now();
    assert!(gateway.exit().await.success());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_new_process_takes_the_socket_over() {
    let server = Datagrams::named("a").await;
    let config = "{grace_period_seconds: 1, graceful_shutdown_timeout_seconds: 1, entryPoints: {dns: {address: /udp}}}";
    let mut gateway = Gateway::configured(config, udp("r").at(&[server.address])).await;
    client(&gateway).await.ask("x").await;
    let mut old = gateway.succeed(&["--upgrade"]);
    // The new one asks for the sockets, and the old one gives them when it is told to.
    tokio::time::sleep(Duration::from_millis(500)).await;
    signal(old.id(), "QUIT");
    let (mut asked, mut moved) = (0, 0);
    while old.try_wait().unwrap().is_none() {
        let client = client(&gateway).await;
        let first = client.ask("x").await;
        moved += usize::from(client.ask("x").await.port != first.port);
        asked += 1;
    }
    // A session changes hands once, in the moment in which the old process reads no more.
    assert!(moved <= 1, "{moved} of {asked}");
    assert!(exit(&mut old).await.success());
    client(&gateway).await.ask("x").await;
    assert!(asked > 10, "{asked}");
}
