//! One process takes over from another while every protocol has clients: HTTP, HTTPS, HTTP/2, TCP, TCP with TLS, UDP.
//! What each protocol does by itself is in `life_cycle`, `tcp::ends` and `udp`.

use std::net::SocketAddr;
use std::time::Duration;

use http::Request;
use tokio::net::UdpSocket;

use crate::support::certificates::Authority;
use crate::support::gateway::{exit, signal};
use crate::support::layer4::Datagrams;
use crate::support::tls::Tls;
use crate::support::{Backend, Gate, Gateway, Wire, http2, route, tcp, udp, within};

const CONFIG: &str = "
    grace_period_seconds: 1
    graceful_shutdown_timeout_seconds: 5
    entryPoints: {websecure: {}, tcp: {}, dns: {address: /udp}}";

async fn secure(address: SocketAddr, protocol: &str) -> Wire {
    Tls::to("a.example").alpn(&[protocol]).connect(address).await.unwrap().wire()
}

async fn echoes(wire: &mut Wire, text: &str) {
    wire.send(text).await.unwrap();
    assert_eq!(wire.bytes(text.len()).await.unwrap(), text);
}

async fn answers(socket: &UdpSocket, text: &str) {
    socket.send(text.as_bytes()).await.unwrap();
    let mut buffer = [0; 64];
    let length = within("an answer", socket.recv(&mut buffer)).await.unwrap();
    assert_eq!(&buffer[..length], text.as_bytes());
}

async fn datagrams(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
    socket.connect(address).await.unwrap();
    socket
}

/// A new client of each protocol.
async fn all_are_served(gateway: &Gateway) {
    let (websecure, tcp, dns) = (gateway.address("websecure"), gateway.address("tcp"), gateway.address("dns"));
    gateway.get("a.example", "/").await.assert_status(200);
    secure(websecure, "http/1.1").await.ask("GET / HTTP/1.1\nHost: a.example\n\n").await.assert_status(200);
    let client = http2::over(secure(websecure, "h2").await).await;
    assert_eq!(http2::get(&client, "https://a.example/").await.head.status, 200);
    echoes(&mut Wire::connect(tcp).await, "clear").await;
    echoes(&mut Tls::to("tcp.example").connect(tcp).await.unwrap().wire(), "secret").await;
    answers(&datagrams(dns).await, "datagram").await;
}

#[tokio::test]
async fn clients_of_all_protocols_are_kept_and_new_ones_served_throughout() {
    let authority = Authority::new("ca");
    let gate = Gate::new();
    let (web, slow) = (Backend::echo().await, Backend::behind(&gate, "done").await);
    let echo = Backend::serving(|mut wire, _| async move {
        loop {
            let byte = wire.bytes(1).await?;
            wire.send(byte).await?;
        }
    })
    .await;
    let mirror = Datagrams::mirror().await;
    let both = |name: &str| route(name).entry_point("websecure").tls("{secretName: a}");
    let objects = route("plain").entry_point("web").to(&web)
        + route("plain-slow").entry_point("web").rule("Path(`/slow`)").priority(99).to(&slow)
        + both("secure").to(&web)
        + both("secure-slow").rule("Path(`/slow`)").priority(99).to(&slow)
        + tcp("clear").spec("entryPoints: [tcp]").to(&echo)
        + tcp("tls").spec("{entryPoints: [tcp], tls: {secretName: a}}").rule("HostSNI(`tcp.example`)").to(&echo)
        + udp("dns").at(&[mirror.address])
        + authority.issue(&["a.example", "tcp.example"]).secret("a");
    let mut gateway = Gateway::configured(CONFIG, objects).await;
    let (websecure, tcp) = (gateway.address("websecure"), gateway.address("tcp"));
    all_are_served(&gateway).await;

    // One of each in the middle of something.
    let (mut plain, mut https) = (gateway.connect().await, secure(websecure, "http/1.1").await);
    for wire in [&mut plain, &mut https] {
        wire.say("GET /slow HTTP/1.1\nHost: a.example\n\n").await.unwrap();
        gate.arrived().await;
    }
    let h2 = http2::over(secure(websecure, "h2").await).await;
    let (response, _) = http2::send(&h2, Request::get("https://a.example/slow"), true).await;
    gate.arrived().await;
    let mut clear = Wire::connect(tcp).await;
    echoes(&mut clear, "begun").await;
    let mut tls = Tls::to("tcp.example").connect(tcp).await.unwrap().wire();
    echoes(&mut tls, "begun").await;
    let session = datagrams(gateway.address("dns")).await;
    answers(&session, "begun").await;

    let mut old = gateway.succeed(&["--upgrade"]);
    // The new one asks for the sockets, and the old one gives them when it is told to.
    tokio::time::sleep(Duration::from_millis(500)).await;
    signal(old.id(), "QUIT");
    let mut rounds = 0;
    let mut kept = Some((clear, tls, response));
    while old.try_wait().unwrap().is_none() {
        all_are_served(&gateway).await;
        answers(&session, "still here").await;
        rounds += 1;
        // The old process serves to the end whom it has, after it has given its sockets away.
        if rounds > 3
            && let Some((mut clear, mut tls, response)) = kept.take()
        {
            echoes(&mut clear, "still here").await;
            echoes(&mut tls, "still here").await;
            (0..3).for_each(|_| gate.open());
            for wire in [&mut plain, &mut https] {
                wire.reply().await.unwrap().assert_status(200).assert_body("done");
            }
            assert_eq!(http2::reply(response).await.unwrap().body, b"done");
        }
    }
    assert!(exit(&mut old).await.success(), "{}", gateway.log());
    assert!(rounds > 5 && kept.is_none(), "too few rounds to mean anything: {rounds}");
    assert!(gateway.is_alive(), "{}", gateway.log());
    all_are_served(&gateway).await;
}
