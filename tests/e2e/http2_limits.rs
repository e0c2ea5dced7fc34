//! Limits of HTTP/2 connections, frame by frame: streams at a time, requests, age, and clients that don't read; and what
//! comes of those that don't speak HTTP/2 after all.

use std::time::{Duration, Instant};

use crate::support::tls::Tls;
use crate::support::{Backend, Gate, Gateway, PATIENCE, Wire, route, within};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
/// END_STREAM and END_HEADERS.
const WHOLE: u8 = 5;
/// `GET http://a/`, by the static table.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 1, b'a'];

#[derive(Debug)]
struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A client that has said hello.
async fn begin(mut wire: Wire) -> Wire {
    wire.send([PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    wire
}

async fn get(wire: &mut Wire, stream: u32) {
    wire.send(frame(HEADERS, WHOLE, stream, GET)).await.unwrap();
}

/// The next frame; none where the connection ends.
async fn next(wire: &mut Wire) -> Option<Frame> {
    let head = wire.bytes(9).await.ok()?;
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    Some(Frame { kind: head[3], stream, payload: wire.bytes(length).await.ok()?.to_vec() })
}

/// Reads until a frame comes that is waited for.
async fn until(wire: &mut Wire, what: &str, good: impl Fn(&Frame) -> bool) -> Frame {
    loop {
        match next(wire).await {
            Some(frame) if good(&frame) => return frame,
            Some(_) => {}
            None => panic!("closed, and no {what}"),
        }
    }
}

#[tokio::test]
async fn streams_beyond_the_most_are_refused() {
    let gate = Gate::new();
    let backend = Backend::behind(&gate, "done").await;
    let config = "entryPoints: {web: {http2: {maxConcurrentStreams: 2}}}";
    let secure = route("s").rule("Host(`a`)").tls("{}").to_service("r-0");
    let gateway = Gateway::configured(config, route("r").to(&backend) + secure).await;
    let clear = gateway.connect().await;
    let secure = Tls::to("a").alpn(&["h2"]).connect(gateway.web()).await.unwrap().wire();
    for wire in [clear, secure] {
        let mut wire = begin(wire).await;
        let settings = until(&mut wire, "settings", |f| f.kind == SETTINGS && !f.payload.is_empty()).await;
        assert!(settings.payload.chunks(6).any(|s| s == [0, 3, 0, 0, 0, 2]), "{settings:?}");
        get(&mut wire, 1).await;
        get(&mut wire, 3).await;
        gate.arrived().await;
        gate.arrived().await;
        get(&mut wire, 5).await;
        let refused = until(&mut wire, "refusal", |f| f.kind == RST_STREAM).await;
        assert_eq!((refused.stream, &refused.payload[..]), (5, &[0, 0, 0, 7][..]), "REFUSED_STREAM");
        gate.open();
        gate.open();
        for _ in 0..2 {
            until(&mut wire, "answer", |f| f.kind == DATA && f.payload == b"done").await;
        }
        // There is room again.
        get(&mut wire, 7).await;
        gate.arrived().await;
        gate.open();
        until(&mut wire, "answer", |f| f.stream == 7 && f.kind == DATA && f.payload == b"done").await;
    }
    assert_eq!(backend.requests(), 6);
}

#[tokio::test]
async fn a_connection_ends_at_an_age_and_after_so_many_requests_and_finishes_what_has_begun() {
    let gate = Gate::new();
    let backend = Backend::behind(&gate, "done").await;
    for (limit, requests) in [("keepAliveMaxTime: 1s", 1), ("keepAliveMaxRequests: 3", 3)] {
        let config = format!("entryPoints: {{web: {{transport: {{{limit}}}}}}}");
        let gateway = Gateway::configured(&config, route("r").to(&backend)).await;
        let mut wire = begin(gateway.connect().await).await;
        for n in 0..requests {
            get(&mut wire, 2 * n + 1).await;
            gate.arrived().await;
        }
        until(&mut wire, "GOAWAY", |f| f.kind == GOAWAY).await;
        for _ in 0..requests {
            gate.open();
        }
        for _ in 0..requests {
            until(&mut wire, "answer", |f| f.kind == DATA && f.payload == b"done").await;
        }
        within("the end", async { while next(&mut wire).await.is_some() {} }).await;
    }
}

#[tokio::test]
async fn who_does_not_read_an_answer_is_cut_off_and_who_reads_slowly_is_not() {
    const MUCH: usize = 32 << 20;
    let over = Gate::new();
    let rings = over.clone();
    let backend = Backend::serving(move |mut wire, _| {
        let over = rings.clone();
        async move {
            wire.request().await?;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n");
            let sent = async {
                wire.send(head).await?;
                for _ in 0..MUCH >> 16 {
                    wire.send([b'x'; 1 << 16]).await?;
                }
                wire.rest().await
            };
            let _ = sent.await;
            over.ring();
            Ok(())
        }
    })
    .await;
    let config = "entryPoints: {web: {transport: {respondingTimeouts: {writeTimeout: 1s}}}}";
    let gateway = Gateway::configured(config, route("r").to(&backend)).await;
    // Its server hears of it, so nothing is held for it any more.
    let mut http1 = gateway.connect().await;
    http1.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    over.arrived().await;
    let mut http2 = begin(gateway.connect().await).await;
    get(&mut http2, 1).await;
    over.arrived().await;
    // Neither is one whose window never opens, and others on the connection are served on.
    drop((http1, http2));

    let mut slow = gateway.connect().await;
    slow.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    slow.head().await.unwrap().unwrap().assert_status(200);
    let start = Instant::now();
    for _ in 0..64 {
        slow.bytes(MUCH / 64).await.unwrap();
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    assert!(start.elapsed() > Duration::from_secs(2), "too fast to test anything");
}

#[tokio::test]
async fn a_preface_with_garbage_behind_it_ends_the_connection_alone() {
    let backend = Backend::echo().await;
    let config = "entryPoints: {web: {transport: {respondingTimeouts: {readTimeout: 500ms, idleTimeout: 500ms}}}}";
    let gateway = Gateway::configured(config, route("r").to(&backend)).await;
    let flood = frame(HEADERS, 1, 1, &[0x7f; 16_000]);
    let settings = frame(SETTINGS, 0, 0, &[]);
    for garbage in [
        // Nothing, half of the preface, and none of the frames that are to follow.
        &b"PRI * HTTP/2.0\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM",
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        PREFACE,
        &[PREFACE, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"].concat(),
        &[PREFACE, &[0xff; 4096]].concat(),
        // A frame that is too long, one on no stream, headers that can't be decoded, a frame that never ends.
        &[PREFACE, &settings, b"\xff\xff\xff\0\0\0\0\0\x01"].concat(),
        &[PREFACE, &settings, &frame(HEADERS, WHOLE, 0, GET)].concat(),
        &[PREFACE, &settings, &frame(HEADERS, WHOLE, 2, GET)].concat(),
        &[PREFACE, &settings, &flood].concat(),
        &[PREFACE, &settings, &frame(SETTINGS, 0, 0, &[0, 0, 1])].concat(),
        &[PREFACE, &settings, b"\0\0\x10\0\0"].concat(),
    ] {
        let start = Instant::now();
        let mut wire = gateway.connect().await;
        // It may be closed before all is sent.
        let _ = wire.send(garbage).await;
        let answer = wire.rest().await.unwrap_or_else(|e| panic!("{garbage:?}: {e}"));
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{garbage:?}: {answer:?}");
        assert!(start.elapsed() < PATIENCE / 2, "{garbage:?}: {:?}", start.elapsed());
    }
    // In the middle of a connection of HTTP/1 it is no request.
    let mut wire = gateway.connect().await;
    wire.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(200);
    wire.send(PREFACE).await.unwrap();
    let answer = wire.rest().await.unwrap();
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    // And others are served.
    let mut wire = begin(gateway.connect().await).await;
    get(&mut wire, 1).await;
    until(&mut wire, "answer", |f| f.kind == DATA).await;
    assert_eq!(backend.requests(), 2);
}
