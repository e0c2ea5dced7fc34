//! Copies of requests for mirrors: which, of what, and that the client never waits for them.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::support::manifests::service;
use crate::support::{Backend, Gate, Gateway, Manifests, Wire, object, route, within};

fn mirrored(spec: &str) -> Manifests {
    route("r").to_service("m").by("{kind: TraefikService, port: null}")
        + object("TraefikService", "m", &format!("mirroring: {spec}"))
}

/// Waits until a backend got so many requests.
async fn got(backend: &Backend, requests: usize) {
    within("copies", async {
        while backend.requests() < requests {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_mirror_gets_its_share_byte_by_byte() {
    let [main, half, fifth] =
        &[Backend::named("main").await, Backend::named("half").await, Backend::named("fifth").await];
    let gateway = Gateway::start(
        mirrored(
            "{name: main, port: 80, mirrors: [{name: half, port: 80, percent: 50}, {name: nested, kind: TraefikService, \
             percent: 40}]}",
        ) + object(
            "TraefikService",
            "nested",
            "mirroring: {name: fifth, port: 80, mirrors: [{name: half, port: 80, percent: 50}]}",
        ) + service("main", &[main])
            + service("half", &[half])
            + service("fifth", &[fifth]),
    )
    .await;
    let body: String = (0..3000).map(|n| format!("{n:05}")).collect();
    let mut client = gateway.connect().await;
    let request = format!("POST /x?y=1 HTTP/1.1\nHost: a.example\nX-Own: z\nContent-Length: {}\n\n{body}", body.len());
    for _ in 0..100 {
        assert_eq!(client.ask(&request).await.backend(), "main");
    }
    // Half of 100, and half of the 40 that the nested one got.
    got(half, 70).await;
    got(fifth, 40).await;
    for mirror in [half, fifth] {
        let (copy, original) = (mirror.last(), main.last());
        assert_eq!((copy.start.as_str(), &copy.body), (original.start.as_str(), &original.body));
        assert_eq!(copy.body, body.as_bytes());
        for name in ["Host", "X-Own", "X-Forwarded-For", "X-Forwarded-Host", "Content-Length"] {
            copy.assert_header(name, original.header(name).unwrap());
        }
    }
    sleep(Duration::from_millis(50)).await;
    assert_eq!((half.requests(), fifth.requests(), main.requests()), (70, 40, 100));
}

#[tokio::test]
async fn chunks_are_copied_too_and_bodies_have_a_limit() {
    let [main, mirror] = &[Backend::named("main").await, Backend::named("mirror").await];
    for (limit, sizes, expected) in [
        ("", &[0, 10, 100_000][..], &[0, 10, 100_000][..]),
        (", maxBodySize: 10", &[10, 11, 0], &[10, 0]),
        (", maxBodySize: 0", &[1, 0], &[0]),
        (", mirrorBody: false", &[10, 0], &[0, 0]),
    ] {
        let gateway = Gateway::start(
            mirrored(&format!("{{name: main, port: 80{limit}, mirrors: [{{name: mirror, port: 80, percent: 100}}]}}"))
                + service("main", &[main])
                + service("mirror", &[mirror]),
        )
        .await;
        let mut before = mirror.requests();
        let mut left = expected.iter();
        for size in sizes {
            let body = "x".repeat(*size);
            let chunk = if body.is_empty() { String::new() } else { format!("{size:x}\n{body}\n") };
            let request = format!("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n{chunk}0\n\n");
            gateway.ask(&request).await.assert_status(200);
            if *size > 10 && !limit.is_empty() || limit.ends_with("Size: 0") && *size > 0 {
                continue;
            }
            before += 1;
            got(mirror, before).await;
            assert_eq!(mirror.last().body.len(), *left.next().unwrap(), "{limit}, {size}");
        }
        sleep(Duration::from_millis(20)).await;
        assert_eq!(mirror.requests(), before, "{limit}");
    }
}

#[tokio::test]
async fn nobody_waits_for_a_mirror() {
    let main = Backend::named("main").await;
    // One never answers, one refuses, one has no server.
    let gate = Gate::new();
    let silent = Backend::behind(&gate, "late").await;
    let gateway = Gateway::start(
        mirrored(
            "{name: main, port: 80, mirrors: [{name: dead, port: 80, percent: 100}, {name: silent, port: 80, percent: 100}]}",
        ) + service("main", &[&main])
            + service("silent", &[&silent])
            + service("dead", &[&Backend::down()]),
    )
    .await;
    let mut client = gateway.connect().await;
    let start = Instant::now();
    for _ in 0..400 {
        assert_eq!(client.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody").await.backend(), "main");
    }
    println!("400 requests with dead mirrors took {:?}", start.elapsed());
    gate.arrived().await;
    // More than may be on their way are not mirrored, which is told.
    gateway.logs("was not mirrored: too many are being sent").await;
    assert!(silent.requests() <= 256, "{}", silent.requests());
}

#[tokio::test]
async fn a_client_that_left_is_not_mirrored_and_one_that_failed_is() {
    let (gate, mirror) = (Gate::new(), Backend::named("mirror").await);
    let main = Backend::behind(&gate, "late").await;
    let gateway = Gateway::start(
        mirrored("{name: main, port: 80, mirrors: [{name: mirror, port: 80, percent: 100}]}")
            + service("main", &[&main])
            + service("mirror", &[&mirror]),
    )
    .await;
    let mut leaves: Wire = gateway.connect().await;
    leaves.say("GET /left HTTP/1.1\nHost: a\n\n").await.unwrap();
    gate.arrived().await;
    drop(leaves);
    gateway.logs("the client ended the request").await;
    let mut stays = gateway.connect().await;
    stays.say("GET /stays HTTP/1.1\nHost: a\n\n").await.unwrap();
    gate.arrived().await;
    gate.open();
    gate.open();
    stays.reply().await.unwrap().assert_status(200);
    got(&mirror, 1).await;
    assert_eq!(mirror.last().target(), "/stays");
}

#[tokio::test]
async fn counters_go_on_over_changes() {
    let [main, mirror, other] = &[Backend::named("main").await, Backend::named("mirror").await, Backend::echo().await];
    let objects = mirrored("{name: main, port: 80, mirrors: [{name: mirror, port: 80, percent: 20}]}")
        + service("main", &[main])
        + service("mirror", &[mirror]);
    let gateway = Gateway::start(&objects).await;
    for n in 0..10 {
        gateway.get("a", "/").await.assert_status(200);
        let marker = route("marker").rule(&format!("Host(`marker{n}`) && PathPrefix(`/`)")).priority(100).to(other);
        gateway.change(objects.clone() + marker);
        gateway.until(&format!("marker{n}"), "/marked", |reply| reply.backend() == "echo").await;
    }
    // What came to the main service while the marker wasn't there counts, too.
    let expected = main.requests().div_ceil(5);
    got(mirror, expected).await;
    sleep(Duration::from_millis(20)).await;
    assert_eq!(mirror.requests(), expected);
}
