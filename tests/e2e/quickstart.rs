//! `ingora quickstart` as a user starts it, with its own ports: HTTP, HTTPS, TCP and UDP to the backends that it brings.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::gateway::{binary, exit, signal};
use crate::support::layer4::Asker;
use crate::support::tls::Tls;
use crate::support::{Wire, isolated, within};

const WEB: &str = "127.0.0.1:8000";
const WEBSECURE: &str = "127.0.0.1:8443";
const TCPEP: &str = "127.0.0.1:8001";
const FOOUDP: &str = "127.0.0.1:9000";
const ADMIN: &str = "127.0.0.1:8080";

/// The process, and what it says.
struct Quickstart {
    child: Child,
    directory: TempDir,
}

impl Quickstart {
    async fn start() -> Quickstart {
        let directory = TempDir::new().unwrap();
        let log = File::create(directory.path().join("log")).unwrap();
        let child = Command::new(binary())
            .arg("quickstart")
            .env("TMPDIR", directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut quickstart = Quickstart { child, directory };
        let ready = async {
            while !quickstart.is_ready().await {
                assert!(quickstart.child.try_wait().unwrap().is_none(), "{}", quickstart.said());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        within("the quickstart", ready).await;
        quickstart
    }

    async fn is_ready(&self) -> bool {
        let Ok(tcp) = tokio::net::TcpStream::connect(ADMIN).await else { return false };
        Wire::new(tcp).ask("GET /ping HTTP/1.1\nHost: a\n\n").await.status() == 200
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    /// Where its manifests are.
    fn manifests(&self) -> PathBuf {
        let said = self.said();
        let (_, rest) = said.split_once("Its manifests are in ").unwrap_or_else(|| panic!("{said}"));
        PathBuf::from(rest.split(';').next().unwrap())
    }
}

impl Drop for Quickstart {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the quickstart says ---\n{}\n---", self.said());
        }
    }
}

/// Which backend an answer names itself as.
fn name(answer: &str) -> String {
    let name = answer.lines().find_map(|line| line.strip_prefix("Name: "));
    name.unwrap_or_else(|| panic!("no name: {answer:?}")).to_owned()
}

/// Asks `WHO`, and reads until the answer has a name.
async fn who(mut wire: Wire) -> String {
    wire.send("WHO").await.unwrap();
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).lines().any(|line| line.starts_with("Name: ")) || !answer.ends_with(b"\n") {
        answer.extend_from_slice(&wire.bytes(1).await.unwrap());
    }
    name(&String::from_utf8_lossy(&answer))
}

fn both(protocol: &str) -> BTreeSet<String> {
    BTreeSet::from([1, 2].map(|n| format!("whoami{protocol}-{n}")))
}

#[test]
fn the_quickstart_speaks_http_https_tcp_and_udp() {
    isolated(async {
        let mut quickstart = Quickstart::start().await;
        let mut found = BTreeSet::new();
        for _ in 0..2 {
            let reply = Wire::connect(WEB.parse().unwrap()).await.ask("GET /bar HTTP/1.1\nHost: foo\n\n").await;
            found.insert(name(&reply.assert_status(200).text()));
        }
        assert_eq!(found, both(""));
        for request in ["GET /bar HTTP/1.1\nHost: other\n\n", "GET / HTTP/1.1\nHost: foo\n\n"] {
            Wire::connect(WEB.parse().unwrap()).await.ask(request).await.assert_status(404);
        }

        let mut found = BTreeSet::new();
        for protocol in ["--http1.1", "--http2"] {
            let mut curl = tokio::process::Command::new("curl");
            curl.args(["-sS", "-k", "-f", "--noproxy", "*", protocol, "-H", "Host: foo"]);
            let output = within("curl", curl.arg(format!("https://{WEBSECURE}/bar")).output()).await.unwrap();
            assert!(output.status.success(), "{output:?}");
            found.insert(name(&String::from_utf8_lossy(&output.stdout)));
        }
        assert_eq!(found, both(""));
        let client = Tls::to("foo").connect(WEBSECURE.parse().unwrap()).await.unwrap();
        assert_eq!(client.subject(), "TRAEFIK DEFAULT CERT");

        let (mut clear, mut secure, mut datagrams) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for _ in 0..2 {
            clear.insert(who(Wire::connect(TCPEP.parse().unwrap()).await).await);
            secure.insert(who(Tls::to("bar").connect(TCPEP.parse().unwrap()).await.unwrap().wire()).await);
            let client = Asker::of(FOOUDP.parse().unwrap()).await;
            client.send("WHO").await;
            datagrams.insert(name(&String::from_utf8_lossy(&client.datagram().await)));
            client.send("anything else").await;
            assert!(String::from_utf8_lossy(&client.datagram().await).contains("anything else"));
        }
        assert_eq!((clear, secure, datagrams), (both("tcp"), both("tcp"), both("udp")));
        // A name that no route is for.
        let stranger = Tls::to("other").connect(TCPEP.parse().unwrap()).await;
        if let Ok(stranger) = stranger {
            assert_eq!(stranger.get("other", "/").await, Ok(404));
        }

        // What is changed is served.
        let manifests = quickstart.manifests();
        let routes = manifests.join("routes.yaml");
        let text = std::fs::read_to_string(&routes).unwrap().replace("Host(`foo`)", "Host(`changed`)");
        std::fs::write(&routes, text).unwrap();
        let served = async {
            let mut wire = Wire::connect(WEB.parse().unwrap()).await;
            while wire.ask("GET /bar HTTP/1.1\nHost: changed\n\n").await.status() != 200 {}
        };
        within("the change", served).await;

        signal(quickstart.child.id(), "INT");
        assert!(exit(&mut quickstart.child).await.success());
        assert!(!manifests.exists(), "{}", manifests.display());
    });
}
