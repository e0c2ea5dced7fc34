//! What services cost: many endpoints, endpoints that change all the time, a slow server among quick ones.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{interval, sleep};

use crate::http::{http1, is_there};
use crate::peers::{Peer, TEMPORARY};
use crate::support::{Manifests, ports, route};
use crate::table::compare;

/// Connections of clients.
const AT_ONCE: usize = 16;
/// Endpoints where there are many.
const MANY: usize = 10_000;
/// Endpoints of a slice, as Kubernetes has them at most.
const SLICE: usize = 1000;
/// What the slow server takes for an answer.
const SLOW: Duration = Duration::from_millis(50);
/// Between two changes.
const CHANGE: Duration = Duration::from_millis(10);

pub async fn run() {
    if !is_there("services").await {
        return;
    }
    let port = ports::free().port();
    // One server that answers at every address of the loopback network.
    serve(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), Duration::ZERO).await;
    many(port).await;
    changing(port).await;
    slow().await;
}

/// Each proxy beside itself: what ten thousand connections cost that are used in turn is the kernel's and the processor's
/// to say as well.
async fn many(port: u16) {
    let (one, all_of_them) = (addresses(1), addresses(MANY));
    let ingora = [
        Peer::ingora("ingora, 1 endpoint", "{}", all("{}") + endpoints(port, 1, 0)).await,
        Peer::ingora("ingora, 10,000", "{}", all("{}") + endpoints(port, MANY, 0)).await,
    ];
    beside_one(&ingora).await;
    drop(ingora);
    let nginx = (nginx("nginx, 1 endpoint", port, &one).await, nginx("nginx, 10,000", port, &all_of_them).await);
    if let (Some(one), Some(many)) = nginx {
        beside_one(&[one, many]).await;
    }
    let haproxy =
        (haproxy("HAProxy, 1 endpoint", port, &one).await, haproxy("HAProxy, 10,000", port, &all_of_them).await);
    if let (Some(one), Some(many)) = haproxy {
        beside_one(&[one, many]).await;
    }
}

async fn beside_one(peers: &[Peer; 2]) {
    let title = format!("HTTP/1.1, {AT_ONCE} connections, endpoints of one service");
    // All connections are made before it counts.
    for peer in peers {
        let mut done = 0.0;
        while done < 2.0 * MANY as f64 {
            done += http1(peer.address, AT_ONCE).await.done;
        }
    }
    compare(&title, ("request", 1e6, "us"), peers, |address| http1(address, AT_ONCE)).await;
}

async fn nginx(name: &'static str, port: u16, addresses: &[String]) -> Option<Peer> {
    let servers: String = addresses.iter().map(|address| format!("server {address}:{port};\n")).collect();
    let configuration = format!(
        "http {{
           access_log off; keepalive_requests 1000000000; {TEMPORARY}
           upstream many {{ {servers} keepalive 16384; keepalive_requests 1000000000; keepalive_timeout 600s; }}
           server {{
             listen LISTEN;
             location / {{
               proxy_pass http://many; proxy_http_version 1.1;
               proxy_set_header Host $http_host; proxy_set_header Connection '';
             }}
           }}
         }}"
    );
    Peer::nginx(&configuration).await.map(|peer| peer.called(name))
}

async fn haproxy(name: &'static str, port: u16, addresses: &[String]) -> Option<Peer> {
    let server = |(n, address): (usize, &String)| format!("  server s{n} {address}:{port}\n");
    let servers: String = addresses.iter().enumerate().map(server).collect();
    let configuration = format!(
        "  mode http\n  http-reuse always\n  balance roundrobin\nfrontend web\n  bind LISTEN\n  default_backend all\n\
         backend all\n  default-server pool-purge-delay 600s\n{servers}"
    );
    Peer::haproxy(&configuration).await.map(|peer| peer.called(name))
}

async fn changing(port: u16) {
    let peers = [
        Peer::ingora("no changes", "{}", all("{}") + endpoints(port, 100, 0)).await,
        Peer::ingora("100 changes a second", "{}", all("{}") + endpoints(port, 100, 0)).await,
    ];
    let [_, changed] = &peers;
    let made = Cell::new(0);
    compare("HTTP/1.1 while 10 of 100 endpoints come and go", ("request", 1e6, "us"), &peers, |address| {
        let made = &made;
        async move {
            let changes = async {
                if address != changed.address {
                    std::future::pending::<()>().await;
                }
                let mut next = interval(CHANGE);
                loop {
                    next.tick().await;
                    made.set(made.get() + 1);
                    changed.change(all("{}") + endpoints(port, 100, 10 * (made.get() % 10)));
                }
            };
            tokio::select! {
                run = http1(address, AT_ONCE) => run,
                () = changes => unreachable!("changes go on"),
            }
        }
    })
    .await;
    println!("{} changes", made.get());
}

async fn slow() {
    let mut addresses = Vec::new();
    for n in 0..10 {
        let address = SocketAddr::from((ports::own_address(), ports::free().port()));
        serve(address, if n == 0 { SLOW } else { Duration::ZERO }).await;
        addresses.push(address);
    }
    let mut peers = Vec::new();
    for strategy in ["wrr", "p2c", "leasttime"] {
        let slices = addresses.iter().enumerate().fold(service(), |objects, (n, address)| {
            objects + slice(n, address.port(), vec![address.ip().to_string()])
        });
        let route = all(&format!("{{strategy: {strategy}}}"));
        peers.push(Peer::ingora(strategy, "{}", route + slices).await);
    }
    let title = format!("HTTP/1.1, {AT_ONCE} connections, one of ten servers takes {SLOW:?}");
    compare(&title, ("request", 1e6, "us"), &peers, |address| http1(address, AT_ONCE)).await;
}

fn all(by: &str) -> Manifests {
    route("all").to_service("many").by(by).into()
}

fn service() -> Manifests {
    object(&json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "many", "namespace": "default"},
        "spec": {"clusterIP": "None", "ports": [{"name": "", "port": 80}]},
    }))
}

fn slice(number: usize, port: u16, addresses: Vec<String>) -> Manifests {
    let endpoints: Vec<Value> =
        addresses.iter().map(|a| json!({"addresses": [a], "conditions": {"ready": true}})).collect();
    object(&json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("many-{number}"), "namespace": "default", "labels": {"kubernetes.io/service-name": "many"}},
        "ports": [{"name": "", "port": port, "protocol": "TCP"}],
        "endpoints": endpoints,
    }))
}

/// The service, and so many endpoints; of a hundred, all but ten from `without` on.
fn endpoints(port: u16, count: usize, without: usize) -> Manifests {
    let mut all = addresses(count);
    if count == 100 {
        all.drain(without..without + 10);
    }
    let slices = all.chunks(SLICE).enumerate().map(|(n, addresses)| slice(n, port, addresses.to_vec()));
    slices.fold(service(), |objects, slice| objects + slice)
}

fn addresses(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("127.1.{}.{}", n / 250, n % 250 + 1)).collect()
}

fn object(object: &Value) -> Manifests {
    Manifests(format!("---\n{object}\n"))
}

/// Answers after a while, always the same.
async fn serve(address: SocketAddr, wait: Duration) {
    let listener = TcpListener::bind(address).await.unwrap();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n{}", "x".repeat(1024));
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                tcp.set_nodelay(true)?;
                let mut buffer = [0; 4096];
                let mut seen = 0;
                loop {
                    match tcp.read(&mut buffer[seen..]).await? {
                        0 => return Ok::<_, std::io::Error>(()),
                        n => seen += n,
                    }
                    if buffer[..seen].ends_with(b"\r\n\r\n") {
                        if !wait.is_zero() {
                            sleep(wait).await;
                        }
                        tcp.write_all(answer.as_bytes()).await?;
                        seen = 0;
                    }
                }
            });
        }
    });
}
