//! Servers that are killed and come back while requests run: processes, as pods are, and servers of HTTP/2, whose requests
//! share their connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::support::manifests::service;
use crate::support::{Backend, Gateway, Whoami, middleware, ports, route, within};

const CLIENTS: usize = 6;
const KILLS: usize = 8;

/// Two servers, of which one after the other is dropped and started again under load.
async fn killed_in_turn<S>(by: &str, start: impl AsyncFn(usize, SocketAddr) -> S) {
    let addresses = [ports::free(), ports::free()];
    let mut servers = [Some(start(0, addresses[0]).await), Some(start(1, addresses[1]).await)];
    let backends = addresses.map(Backend::at);
    let gateway = Gateway::start(
        route("direct").rule("Host(`direct`)").to_service("s").by(by)
            + route("around").rule("Host(`around`)").middlewares(&["around"]).to_service("s").by(by)
            + middleware("around", "errors: {status: ['599'], query: /, service: {name: s, port: 80}}")
            + service("s", &[&backends[0], &backends[1]]),
    )
    .await;
    let stop = Arc::new(AtomicBool::new(false));
    let answers: Arc<[AtomicUsize; 2]> = Arc::default();
    let asked: Arc<[AtomicUsize; CLIENTS]> = Arc::default();
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let (mut wire, stop, answers) = (gateway.connect().await, stop.clone(), answers.clone());
        let asked = asked.clone();
        clients.push(tokio::spawn(async move {
            let host = if client % 2 == 0 { "direct" } else { "around" };
            while !stop.load(Ordering::Relaxed) {
                let reply = wire.ask(&format!("GET /{client} HTTP/1.1\nHost: {host}\n\n")).await;
                let text = reply.assert_status(200).text();
                let name = text.lines().find_map(|line| line.strip_prefix("Name: ")).unwrap();
                answers[name.parse::<usize>().unwrap()].fetch_add(1, Ordering::Relaxed);
                asked[client].fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let more = async |server: usize| {
        let before = answers[server].load(Ordering::Relaxed);
        within("answers", async {
            while answers[server].load(Ordering::Relaxed) < before + 20 {
                sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
    };
    // Nobody is on the way any more with what was known before: a request that has met a dead server doesn't ask it again,
    // so it must not lose the other one as well.
    let all_anew = async || {
        let before: Vec<usize> = asked.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        within("all clients", async {
            while asked.iter().zip(&before).any(|(count, before)| count.load(Ordering::Relaxed) < before + 2) {
                sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
    };
    for n in 0..KILLS {
        let (killed, stays) = (n % 2, 1 - n % 2);
        // It is at work when it is killed, and the other one is alone for a while.
        more(killed).await;
        servers[killed] = None;
        more(stays).await;
        servers[killed] = Some(start(killed, addresses[killed]).await);
        all_anew().await;
    }
    more(0).await;
    more(1).await;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    // It was noticed, only not by the clients.
    assert!(gateway.log().contains("goes from"));
    assert!(!gateway.log().contains("502: "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_while_two_processes_are_killed_in_turn() {
    killed_in_turn("{}", async |n, address| Whoami::start(&n.to_string(), address).await).await;
}

/// A server of HTTP/2 that is gone with all of its connections when this is dropped.
struct Http2(JoinHandle<()>);

// === impl Http2 ===

impl Http2 {
    async fn start(name: usize, address: SocketAddr) -> Http2 {
        let listener = within("the address", async {
            loop {
                match TcpListener::bind(address).await {
                    Ok(listener) => return listener,
                    Err(_) => sleep(Duration::from_millis(5)).await,
                }
            }
        })
        .await;
        Http2(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                connections.spawn(async move {
                    let Ok(mut connection) = h2::server::handshake(tcp).await else { return };
                    while let Some(Ok((_, mut respond))) = connection.accept().await {
                        let sent = respond.send_response(http::Response::new(()), false);
                        let text = Bytes::from(format!("Name: {name}\n"));
                        let _ = sent.and_then(|mut body| body.send_data(text, true));
                    }
                });
            }
        }))
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_while_two_servers_of_http_2_are_killed_in_turn() {
    killed_in_turn("scheme: h2c", Http2::start).await;
}
