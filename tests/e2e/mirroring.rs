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

#[tokio::test]
async fn shares_are_of_all_requests_from_none_to_all() {
    let main = Backend::named("main").await;
    let mirrors = [Backend::named("none").await, Backend::named("half").await, Backend::named("all").await];
    let [none, half, all] = &mirrors;
    let gateway = Gateway::start(
        mirrored(
            "{name: main, port: 80, mirrors: [{name: none, port: 80, percent: 0}, {name: unsaid, port: 80}, \
             {name: half, port: 80, percent: 50}, {name: all, port: 80, percent: 100}]}",
        ) + service("main", &[&main])
            + service("none", &[none])
            + service("unsaid", &[none])
            + service("half", &[half])
            + service("all", &[all]),
    )
    .await;
    let mut client = gateway.connect().await;
    for n in 0..20 {
        client.ask(&format!("GET /{n} HTTP/1.1\nHost: a\n\n")).await.assert_status(200);
        // One after the other, so that the order is known.
        got(all, n + 1).await;
        assert_eq!(all.last().target(), format!("/{n}"));
    }
    sleep(Duration::from_millis(50)).await;
    assert_eq!((none.requests(), half.requests(), all.requests()), (0, 10, 20));
}

#[tokio::test]
async fn large_bodies_are_the_same_in_every_byte_however_they_are_framed() {
    let [main, mirror] = &[Backend::named("main").await, Backend::named("mirror").await];
    let h2c = crate::support::http2::backend().await;
    let gateway = Gateway::start(
        mirrored(
            "{name: main, port: 80, mirrors: [{name: mirror, port: 80, percent: 100}, \
             {name: h2c, port: 80, scheme: h2c, percent: 100}]}",
        ) + service("main", &[main])
            + service("mirror", &[mirror])
            + service("h2c", &[&h2c]),
    )
    .await;
    let body: Vec<u8> = (0..5usize << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut chunked = b"POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for part in body.chunks(70_001) {
        chunked.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        chunked.extend_from_slice(part);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let head = format!("PUT /length HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
    let whole = [head.as_bytes(), &body].concat();
    let mut client = gateway.connect().await;
    for (n, request) in [chunked, whole].iter().enumerate() {
        client.send(request).await.unwrap();
        client.reply().await.unwrap().assert_status(200);
        got(mirror, n + 1).await;
        let copy = mirror.last();
        assert!(copy.body == body && main.last().body == body, "{copy:?}");
        copy.assert_header("Content-Length", &body.len().to_string()).assert_no_header("Transfer-Encoding");
        got(&h2c, n + 1).await;
    }
    assert!(h2c.last().start.starts_with("PUT http://a/length HTTP/2"), "{:?}", h2c.last());
}

#[tokio::test]
async fn the_client_has_its_answer_while_the_mirror_has_read_nothing() {
    let (main_gate, mirror_gate) = (Gate::new(), Gate::new());
    let main = Backend::behind(&main_gate, "main").await;
    let gate = mirror_gate.clone();
    let mirror = Backend::serving(move |mut wire: Wire, seen| {
        let gate = gate.clone();
        async move {
            gate.pass().await;
            while let Some(request) = wire.request().await? {
                seen.push(request);
                // More than anybody would want to hold: it is thrown away.
                wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 8 << 20)).await?;
                wire.send(vec![b'x'; 8 << 20]).await?;
            }
            Ok(())
        }
    })
    .await;
    let gateway = Gateway::start(
        mirrored("{name: main, port: 80, mirrors: [{name: mirror, port: 80, percent: 100}]}")
            + service("main", &[&main])
            + service("mirror", &[&mirror]),
    )
    .await;
    let mut client = gateway.connect().await;
    for n in 0..3 {
        client.say("POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody").await.unwrap();
        main_gate.arrived().await;
        // Copies are made when the answer is there, not before.
        assert!(n > 0 || mirror.connections() == 0);
        main_gate.open();
        client.reply().await.unwrap().assert_status(200).assert_body("main");
        // It is there now, and waits.
        mirror_gate.arrived().await;
        assert_eq!(mirror.requests(), 0);
    }
    (0..3).for_each(|_| mirror_gate.open());
    got(&mirror, 3).await;
}

#[tokio::test]
async fn what_the_main_service_refuses_is_copied_and_what_it_never_got_is_not() {
    let mirror = Backend::named("mirror").await;
    let main = Backend::replying("HTTP/1.1 500 No\nContent-Length: 2\n\nno").await;
    let objects = |main: &Backend| {
        mirrored("{name: main, port: 80, mirrors: [{name: mirror, port: 80, percent: 100}]}")
            + service("main", &[main])
            + service("mirror", &[&mirror])
    };
    let gateway = Gateway::start(objects(&Backend::down())).await;
    gateway.get("a", "/never").await.assert_status(502);
    gateway.change(objects(&main));
    within("the change", async { while gateway.get("a", "/refused").await.status() != 500 {} }).await;
    got(&mirror, 1).await;
    sleep(Duration::from_millis(50)).await;
    assert_eq!((mirror.requests(), mirror.last().target()), (1, "/refused"));
}
