//! 200,000 connections of every sort while certificates, routes and endpoints change 100 times: none may be lost, and memory
//! must end where it began. `make soak` builds a release and runs it; it ends by itself, with 1 where it failed.
//!
//! CONNECTIONS=200000   in all; as many go ahead of them, so that what is only made once is there
//! CHANGES=100          spread over them
//! AT_ONCE=48           connections at a time
//! INGORA_BINARY        the binary; set by make

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, dead_code, unused_imports)]

#[path = "../tests"]
mod tests {
    pub(crate) mod support;
}

#[path = "load/figures.rs"]
mod figures;

pub(crate) use tests::support;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::net::TcpStream;

use figures::{knob, memory};
use support::certificates::Authority;
use support::layer4::{Asker, Datagrams};
use support::tls::Tls;
use support::{Backend, Gateway, Manifests, Wire, http2, middleware, object, route, tcp, udp};

/// Memory may end so much above where it began.
const GROWTH: f64 = 1.05;

const SORTS: [&str; 7] = ["http", "https", "h2", "tcp", "tcp-tls", "passthrough", "udp"];

struct Soak {
    gateway: Gateway,
    behind: Behind,
    sent: Cell<usize>,
    failures: RefCell<BTreeMap<String, usize>>,
}

/// What manifests speak of.
struct Behind {
    authority: Authority,
    /// Two of each: changes go from one to the other.
    web: [Backend; 2],
    echo: [Backend; 2],
    datagrams: [Datagrams; 2],
    secure: Backend,
}

fn main() -> ExitCode {
    // `cargo test --benches` has nothing to test here.
    if std::env::args().any(|argument| argument == "--test") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if runtime.block_on(Soak::run()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn echoing() -> Backend {
    Backend::accepting(|mut tcp, _| async move {
        let (mut from, mut to) = tcp.split();
        tokio::io::copy(&mut from, &mut to).await.map(drop)
    })
    .await
}

impl Soak {
    async fn run() -> bool {
        let (connections, changes, at_once) = (knob("CONNECTIONS", 200_000), knob("CHANGES", 100), knob("AT_ONCE", 48));
        let behind = Behind {
            authority: Authority::new("soak"),
            web: [Backend::named("one").await, Backend::named("two").await],
            echo: [echoing().await, echoing().await],
            datagrams: [Datagrams::named("one").await, Datagrams::named("two").await],
            secure: Backend::tls().await,
        };
        let config = "{entryPoints: {tcp: {}, dns: {address: /udp}}, threads: 2}";
        let gateway = Gateway::configured(config, behind.manifests(0)).await;
        let soak = Soak { gateway, behind, sent: Cell::new(0), failures: RefCell::default() };
        println!("{connections} connections, {at_once} at a time, {changes} changes");

        let start = Instant::now();
        soak.connect(connections, changes, at_once).await;
        let before = soak.memory().await;
        println!("{:7.1} s  before: {before:.1} MiB", start.elapsed().as_secs_f64());
        soak.connect(connections, changes, at_once).await;
        let after = soak.memory().await;
        println!("{:7.1} s  after:  {after:.1} MiB, x {:.3}", start.elapsed().as_secs_f64(), after / before);
        let failures = soak.failures.borrow();
        println!("connections that failed: {}", failures.values().sum::<usize>());
        failures.iter().for_each(|(why, count)| println!("  {count} x {why}"));
        failures.is_empty() && after <= before * GROWTH
    }

    /// Makes so many connections and, evenly between them, so many changes.
    async fn connect(&self, connections: usize, changes: usize, at_once: usize) {
        let start = self.sent.get();
        let made = Cell::new(0);
        join_all((0..at_once).map(|_| async {
            while self.sent.get() < start + connections {
                let number = self.sent.get();
                self.sent.set(number + 1);
                if (number - start) >= made.get() * connections / changes {
                    made.set(made.get() + 1);
                    self.change(made.get());
                }
                let sort = SORTS[number % SORTS.len()];
                if let Err(why) = self.visit(sort).await {
                    *self.failures.borrow_mut().entry(format!("{sort}: {why}")).or_default() += 1;
                }
            }
        }))
        .await;
    }

    fn change(&self, number: usize) {
        self.gateway.change(self.behind.manifests(number));
    }

    async fn visit(&self, sort: &str) -> Result<(), String> {
        let address = self.gateway.web();
        let text = |e: std::io::Error| e.to_string();
        match sort {
            "http" => {
                let mut wire = Wire::new(TcpStream::connect(address).await.map_err(text)?);
                wire.send("GET / HTTP/1.1\r\nHost: http.example\r\n\r\n").await.map_err(text)?;
                expect(200, wire.reply().await.map_err(|e| format!("{e:?}"))?.status())
            }
            "https" => {
                let secure = Tls::to("tls.example").alpn(&["http/1.1"]).connect(address).await?;
                expect(200, secure.get("tls.example", "/").await?)
            }
            "h2" => {
                let secure = Tls::to("tls.example").alpn(&["h2"]).connect(address).await?;
                expect(Some("h2"), secure.alpn().as_deref())?;
                let answer = http2::get(&http2::over(secure.wire()).await, "https://tls.example/").await;
                expect(200, answer.head.status.as_u16())
            }
            "tcp" => {
                let tcp = TcpStream::connect(self.gateway.address("tcp")).await.map_err(text)?;
                echo(Wire::new(tcp)).await.map_err(text)
            }
            "tcp-tls" => {
                let secure = Tls::to("term.example").connect(address).await?;
                echo(secure.wire()).await.map_err(text)
            }
            "passthrough" => {
                let secure = Tls::to("pass.example").connect(address).await?;
                expect(200, secure.get("pass.example", "/").await?)
            }
            _ => {
                let asker = Asker::of(self.gateway.address("dns")).await;
                let answer = asker.ask("hello").await;
                expect(b"hello".as_slice(), answer.datagram.as_slice())
            }
        }
    }

    /// The memory of the process when nothing happens.
    async fn memory(&self) -> f64 {
        tokio::time::sleep(Duration::from_secs(3)).await;
        memory(self.gateway.pid(), "VmRSS")
    }
}

fn expect<T: PartialEq + std::fmt::Debug>(expected: T, found: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{found:?}, not {expected:?}")) }
}

async fn echo(mut wire: Wire) -> std::io::Result<()> {
    let sent = [7; 1000];
    wire.send(sent).await?;
    let received = wire.bytes(sent.len()).await?;
    if *received == sent[..] { Ok(()) } else { Err(std::io::Error::other("other bytes came back")) }
}

impl Behind {
    /// Version `n` of everything: another certificate, other servers, another filter, a route more or less.
    fn manifests(&self, n: usize) -> Manifests {
        let Behind { authority, secure, .. } = self;
        let (web, echo, datagrams) = (&self.web[n % 2], &self.echo[n / 2 % 2], &self.datagrams[n % 2]);
        let header = format!("headers: {{customResponseHeaders: {{X-Version: '{n}'}}}}");
        let more = if n.is_multiple_of(3) {
            Manifests::default()
        } else {
            route("more").rule("Host(`more.example`)").to(web).into()
        };
        route("http").rule("Host(`http.example`)").middlewares(&["version"]).to(web)
            + route("https").rule("Host(`tls.example`)").tls("{secretName: site}").to(web)
            + tcp("plain").spec("entryPoints: [tcp]").to(echo)
            + tcp("term").rule("HostSNI(`term.example`)").spec("{entryPoints: [web], tls: {secretName: site}}").to(echo)
            + tcp("pass")
                .rule("HostSNI(`pass.example`)")
                .spec("{entryPoints: [web], tls: {passthrough: true}}")
                .to(secure)
            + udp("dns").spec("entryPoints: [dns]").at(&[datagrams.address])
            + middleware("version", &header)
            + authority.issue(&["tls.example", "term.example"]).secret("site")
            + more
    }
}
