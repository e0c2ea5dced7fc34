//! Datagrams there and back: 64 clients, each with a few on their way.

use std::cell::Cell;
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::peers::Peer;
use crate::seconds;
use crate::support::ports;
use crate::table::{Run, compare};

const CLIENTS: usize = 64;
/// On their way at a time, for each client.
const WINDOW: usize = 16;
const BYTES: usize = 200;

pub async fn run() {
    let server = server();
    let entry_points = "{dns: {address: /udp}}";
    let manifests =
        crate::support::Manifests::from(crate::support::udp("dns").spec("entryPoints: [dns]").at(&[server]));
    let mut peers = vec![Peer::ingora("ingora", entry_points, manifests).await.at("dns")];
    let nginx = format!("stream {{ server {{ listen LISTEN udp; proxy_pass {server}; proxy_timeout 60s; }} }}");
    peers.extend(Peer::nginx(&nginx).await);
    let title = format!("datagrams of {BYTES} bytes, there and back, {CLIENTS} clients");
    compare(&title, ("datagram", 1e6, "us"), &peers, load).await;
}

async fn load(address: SocketAddr) -> Run {
    let (start, length) = (Instant::now(), seconds());
    let done = Rc::new(Cell::new(0usize));
    join_all((0..CLIENTS).map(|_| client(address, done.clone(), start + length))).await;
    // Both ways count.
    Run { done: 2.0 * done.get() as f64, failed: 0, took: start.elapsed(), p99: None }
}

async fn client(address: SocketAddr, done: Rc<Cell<usize>>, end: Instant) {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(address).await.unwrap();
    let (datagram, mut buffer) = ([7; BYTES], [0; 2048]);
    while Instant::now() < end {
        // The beginning, and where all were lost.
        for _ in 0..WINDOW {
            let _ = socket.send(&datagram).await;
        }
        while let Ok(Ok(_)) = timeout(Duration::from_millis(100), socket.recv(&mut buffer)).await {
            done.set(done.get() + 1);
            if Instant::now() >= end {
                return;
            }
            let mut answers = 1;
            while socket.try_recv(&mut buffer).is_ok() {
                answers += 1;
                done.set(done.get() + 1);
            }
            for _ in 0..answers {
                let _ = socket.send(&datagram).await;
            }
        }
    }
}

/// Sends every datagram back.
fn server() -> SocketAddr {
    let socket = UdpSocket::bind((ports::own_address(), 0)).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        loop {
            if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(&buffer[..length], from);
            }
        }
    });
    address
}
