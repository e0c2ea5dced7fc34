//! TLS passed through by its server name: bytes from a server to a client, neither of which touches them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Instant;

use nix::sys::sendfile::sendfile;
use nix::sys::socket::{MsgFlags, recv};
use tokio::io::AsyncReadExt;

use crate::figures::knob;
use crate::peers::Peer;
use crate::support::tls::Tls;
use crate::support::{Backend, tcp};
use crate::table::{Run, compare};

/// Connections at a time.
const AT_ONCE: usize = 4;
/// What a connection moves.
const BYTES: usize = 1 << 30;

pub async fn run() {
    let server = server();
    let route = tcp("all").rule("HostSNI(`bench.example`)").spec("tls: {passthrough: true}");
    let mut peers = vec![Peer::ingora("ingora", "{}", route.to(&Backend::at(server))).await];
    let nginx = format!(
        "stream {{
           map $ssl_preread_server_name $to {{ bench.example {server}; }}
           server {{ listen LISTEN; ssl_preread on; proxy_pass $to; proxy_buffer_size 64k; }}
         }}"
    );
    peers.extend(Peer::nginx(&nginx).await);
    for (name, splice) in [("HAProxy", "  option splice-auto\n"), ("HAProxy without splice", "")] {
        let haproxy = format!(
            "  mode tcp\n{splice}frontend all\n  bind LISTEN\n  tcp-request inspect-delay 5s\n  \
             tcp-request content accept if {{ req_ssl_hello_type 1 }}\n  \
             use_backend server if {{ req_ssl_sni -i bench.example }}\nbackend server\n  server server {server}\n"
        );
        peers.extend(Peer::haproxy(&haproxy).await.map(|peer| peer.called(name)));
    }
    let hello = hello().await;
    let title = format!("TLS passed through by name, {AT_ONCE} connections, from the server to the client");
    compare(&title, ("GB", 1.0, "s"), &peers, |address| {
        let hello = hello.clone();
        async move { tokio::task::spawn_blocking(move || load(address, &hello)).await.unwrap() }
    })
    .await;
}

fn load(address: SocketAddr, hello: &[u8]) -> Run {
    let start = Instant::now();
    let moved: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(|| receive(address, hello))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    Run { done: moved as f64 / 1e9, failed: AT_ONCE - moved / BYTES, took: start.elapsed(), p99: None }
}

fn receive(address: SocketAddr, hello: &[u8]) -> usize {
    let mut tcp = TcpStream::connect(address).unwrap();
    tcp.write_all(hello).unwrap();
    let mut buffer = vec![0; 1 << 18];
    let mut moved = 0;
    loop {
        // The kernel throws the bytes away.
        match recv(tcp.as_raw_fd(), &mut buffer, MsgFlags::MSG_TRUNC) {
            Ok(0) => return moved,
            Ok(n) => moved += n,
            Err(error) => panic!("after {moved} bytes: {error}"),
        }
    }
}

/// Sends every client so many bytes.
fn server() -> SocketAddr {
    let listener = TcpListener::bind((crate::support::ports::own_address(), 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&vec![7; 1 << 24]).unwrap();
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let (mut tcp, file) = (tcp.unwrap(), file.try_clone().unwrap());
            thread::spawn(move || {
                // A close with unread bytes would be a reset.
                let _ = tcp.read(&mut [0; 1 << 16]);
                let mut left = BYTES;
                while left > 0 {
                    let mut offset = 0;
                    match sendfile(&tcp, &file, Some(&mut offset), left.min(1 << 24)) {
                        Ok(n) => left -= n,
                        Err(_) => return,
                    }
                }
            });
        }
    });
    address
}

/// A client's first flight.
async fn hello() -> Vec<u8> {
    let (client, mut end) = tokio::io::duplex(1 << 16);
    let connecting = tokio::spawn(async move { Tls::to("bench.example").over(client).await.map(drop) });
    let mut hello = vec![0; 1 << 16];
    let length = end.read(&mut hello).await.unwrap();
    connecting.abort();
    hello.truncate(length);
    hello
}
