//! The real binary with a configuration, manifests and a log of its own; killed when dropped, and heard when a test fails.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::manifests::{Manifests, yaml};
use super::{Message, PATIENCE, Wire, ports};

/// The ingora binary: the one just built, or that of `INGORA_BINARY` (a release build, an older version).
pub fn binary() -> OsString {
    std::env::var_os("INGORA_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_ingora").into())
}

const TRIES: usize = 5;

pub struct Gateway {
    child: Child,
    directory: TempDir,
    addresses: BTreeMap<String, SocketAddr>,
}

// === impl Gateway ===

impl Gateway {
    /// With one entry point, `web`, and these objects; returns when `/ping` says that it is ready.
    pub async fn start(manifests: impl Into<Manifests>) -> Gateway {
        Gateway::configured("{}", manifests).await
    }

    /// With more in its configuration, in YAML. Entry points without an address get one, and those with `/udp` one for UDP.
    pub async fn configured(config: &str, manifests: impl Into<Manifests>) -> Gateway {
        let manifests = manifests.into();
        for _ in 0..TRIES {
            let mut gateway = Gateway::spawn(config, &manifests);
            if gateway.is_ready().await {
                return gateway;
            }
            let log = gateway.log();
            assert!(log.contains("in use"), "the gateway did not start:\n{log}");
        }
        panic!("no free port in {TRIES} tries");
    }

    /// Starts it without waiting for anything.
    pub fn spawn(config: &str, manifests: &Manifests) -> Gateway {
        Gateway::spawn_with(&[], config, manifests)
    }

    /// The same, with more in its environment.
    pub fn spawn_with(environment: &[(&str, &OsStr)], config: &str, manifests: &Manifests) -> Gateway {
        let directory = TempDir::new().unwrap();
        let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
        fs::create_dir(path("manifests")).unwrap();
        let mut all = json!({
            "entryPoints": {"web": {}, "traefik": {}},
            "ping": {},
            "threads": 2,
            "upgrade_sock": path("upgrade.sock"),
            "pid_file": path("pid"),
        });
        let config = yaml(config);
        if config.pointer("/providers/kubernetesCRD").is_none() {
            merge(&mut all, json!({"providers": {"manifests": {"path": path("manifests")}}}));
        }
        merge(&mut all, config);
        let mut addresses = BTreeMap::new();
        if let Some(Value::Object(entry_points)) = all.get_mut("entryPoints") {
            for (name, settings) in entry_points {
                if settings.is_null() {
                    *settings = Value::Object(Map::new());
                }
                if settings.get("address").is_none() {
                    settings["address"] = json!(ports::free().to_string());
                }
                if settings["address"] == "/udp" {
                    settings["address"] = json!(format!("{}/udp", ports::free_for_datagrams()));
                }
                let address = settings["address"].as_str().and_then(|a| a.trim_end_matches("/udp").parse().ok());
                addresses.extend(address.map(|address| (name.clone(), address)));
            }
        }
        fs::write(path("config.yaml"), serde_yaml::to_string(&all).unwrap()).unwrap();
        fs::write(path("manifests/objects.yaml"), &manifests.0).unwrap();
        let child = launch(&directory, environment, &[]);
        Gateway { child, directory, addresses }
    }

    /// Starts another process with the same configuration, and becomes its owner; returns the one before.
    pub fn succeed(&mut self, arguments: &[&str]) -> Child {
        let successor = launch(&self.directory, &[], arguments);
        std::mem::replace(&mut self.child, successor)
    }

    async fn is_ready(&mut self) -> bool {
        let start = Instant::now();
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if self.ping().await == Some(200) {
                return true;
            }
            if start.elapsed() > PATIENCE {
                self.child.kill().unwrap();
                panic!("the gateway is not ready within {PATIENCE:?}:\n{}", self.log());
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn address(&self, entry_point: &str) -> SocketAddr {
        self.addresses[entry_point]
    }

    pub fn web(&self) -> SocketAddr {
        self.address("web")
    }

    /// A connection to `web`.
    pub async fn connect(&self) -> Wire {
        Wire::connect(self.web()).await
    }

    /// A GET on a connection of its own.
    pub async fn get(&self, host: &str, target: &str) -> Message {
        self.ask(&format!("GET {target} HTTP/1.1\nHost: {host}\n\n")).await
    }

    /// A request on a connection of its own; `\n` are written as `\r\n`.
    pub async fn ask(&self, request: &str) -> Message {
        self.connect().await.ask(request).await
    }

    /// What `/ping` says; none where nobody listens.
    pub async fn ping(&self) -> Option<u16> {
        let tcp = TcpStream::connect(self.address("traefik")).await.ok()?;
        let mut wire = Wire::new(tcp);
        wire.send("GET /ping HTTP/1.1\r\nHost: traefik\r\nConnection: close\r\n\r\n").await.ok()?;
        Some(wire.reply().await.ok()?.status())
    }

    /// Asks until an answer is as it should be; says how long that took.
    pub async fn until(&self, host: &str, target: &str, good: impl Fn(&Message) -> bool) -> Duration {
        let start = Instant::now();
        let mut wire = self.connect().await;
        loop {
            let reply = wire.ask(&format!("GET {target} HTTP/1.1\nHost: {host}\n\n")).await;
            if good(&reply) {
                return start.elapsed();
            }
            assert!(start.elapsed() < PATIENCE, "{host}{target} still answers {reply:?}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// The value of a metric, by the beginning of its line; 0 where it isn't told.
    pub async fn metric(&self, line: &str) -> f64 {
        let mut wire = Wire::connect(self.address("traefik")).await;
        let text = wire.ask("GET /metrics HTTP/1.1\nHost: traefik\n\n").await.text();
        let value = text.lines().find_map(|l| l.strip_prefix(line));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until a metric has that value.
    pub async fn until_metric(&self, line: &str, value: f64) {
        let start = Instant::now();
        while self.metric(line).await != value {
            assert!(start.elapsed() < PATIENCE, "{line} is {}, not {value}", self.metric(line).await);
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Replaces the objects in one step.
    pub fn change(&self, manifests: impl Into<Manifests>) {
        self.change_file("objects.yaml", manifests);
    }

    /// Replaces the objects of one file in one step.
    pub fn change_file(&self, name: &str, manifests: impl Into<Manifests>) {
        let new = self.directory.path().join("new");
        fs::write(&new, manifests.into().0).unwrap();
        fs::rename(new, self.manifest(name)).unwrap();
    }

    pub fn manifest(&self, name: &str) -> PathBuf {
        self.directory.path().join("manifests").join(name)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits for the end of the process.
    pub async fn exit(&mut self) -> ExitStatus {
        exit(&mut self.child).await
    }

    /// Whether the process is still there.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Waits for words in the log.
    pub async fn logs(&self, words: &str) {
        let start = Instant::now();
        while !self.log().contains(words) {
            assert!(start.elapsed() < PATIENCE, "the log never says {words:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail = log.lines().count().saturating_sub(100);
            let tail: Vec<&str> = log.lines().skip(tail).collect();
            eprintln!("--- the gateway's log ---\n{}\n---", tail.join("\n"));
        }
    }
}

pub fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status().unwrap();
    assert!(sent.success(), "kill -{name} {process}");
}

/// Waits for the end of a process.
pub async fn exit(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(start.elapsed() < PATIENCE, "the process does not end");
        sleep(Duration::from_millis(5)).await;
    }
}

fn launch(directory: &TempDir, environment: &[(&str, &OsStr)], arguments: &[&str]) -> Child {
    let log = File::options().create(true).append(true).open(directory.path().join("log")).unwrap();
    Command::new(binary())
        .args(["run", "--config"])
        .arg(directory.path().join("config.yaml"))
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

pub fn merge(base: &mut Value, more: Value) {
    match (base, more) {
        (Value::Object(base), Value::Object(more)) => {
            for (key, value) in more {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, more) => *base = more,
    }
}
