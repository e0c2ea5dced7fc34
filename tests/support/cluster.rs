//! A real API server with a real etcd, for one test, in the namespace that `isolated` gave it.
//! Built from `tests/testkube` by Go, once; or `KUBEBUILDER_ASSETS` names a folder with `kube-apiserver` and `etcd`.

mod account;
mod binary;
mod objects;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kube::Client;
use tempfile::TempDir;
use tokio::time::sleep;

use self::binary::Binary;
use super::gateway::signal;
use super::{Gateway, Manifests};

pub use self::account::Account;

/// In a namespace of its own, the port is always free.
const PORT: u16 = 6443;
const ADMIN: &str = "admin-token-of-a-test";
/// From the start of the process to `/readyz`: some three seconds, more on a machine under load.
const PATIENCE: Duration = Duration::from_secs(90);

/// Builds what is to be built, which can't be done in a namespace without a network.
pub fn prepare() {
    Binary::find();
}

/// The API server; killed when dropped.
pub struct Cluster {
    binary: Binary,
    directory: TempDir,
    arguments: Vec<String>,
    processes: Vec<Child>,
    admin: Client,
}

// === impl Cluster ===

impl Cluster {
    /// With ingora's CRDs of both groups.
    pub async fn start() -> Cluster {
        let cluster = Cluster::bare(&[]).await;
        cluster.install_crds("").await;
        cluster
    }

    /// With nothing but what every API server has; more arguments for it.
    pub async fn bare(arguments: &[&str]) -> Cluster {
        let directory = TempDir::new().unwrap();
        let tokens = format!("{ADMIN},admin,1,system:masters\n");
        fs::write(directory.path().join("tokens.csv"), tokens).unwrap();
        let key =
            Command::new("openssl").args(["ecparam", "-name", "prime256v1", "-genkey", "-noout"]).output().unwrap();
        fs::write(directory.path().join("sa.key"), key.stdout).unwrap();
        let mut cluster = Cluster {
            binary: Binary::find(),
            directory,
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            processes: Vec::new(),
            admin: client(ADMIN),
        };
        cluster.resume().await;
        cluster
    }

    /// A client that may do everything.
    pub fn admin(&self) -> Client {
        self.admin.clone()
    }

    /// Where the API is.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{PORT}")
    }

    /// The authority of the API server's certificate.
    pub fn authority(&self) -> PathBuf {
        self.path("certs/apiserver.crt")
    }

    /// The gateway, with this cluster as its source and `account` as who it is; more configuration in YAML.
    pub async fn gateway(&self, account: &Account, config: &str) -> Gateway {
        Gateway::configured(&self.config(account, config), Manifests::default()).await
    }

    /// The same, without waiting until it is ready.
    pub fn gateway_unready(&self, account: &Account, config: &str) -> Gateway {
        Gateway::spawn(&self.config(account, config), &Manifests::default())
    }

    /// The gateway, which finds the cluster by a kubeconfig; and the file that its token is in.
    pub fn gateway_with_kubeconfig(&self, token: &str) -> (Gateway, PathBuf) {
        let (file, token_file) = (self.path("kubeconfig"), self.path("token"));
        fs::write(&token_file, token).unwrap();
        let kubeconfig = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": self.url(), "certificate-authority": self.authority()}}],
            "users": [{"name": "u", "user": {"tokenFile": token_file}}],
        });
        fs::write(&file, kubeconfig.to_string()).unwrap();
        let environment = [("KUBECONFIG", file.as_os_str())];
        (Gateway::spawn_with(&environment, "providers: {kubernetesCRD: {}}", &Manifests::default()), token_file)
    }

    fn config(&self, account: &Account, config: &str) -> String {
        let mut all = super::manifests::yaml(config);
        let provider = super::manifests::yaml(&format!(
            "{{endpoint: '{}', token: '{}', certAuthFilePath: '{}'}}",
            self.url(),
            account.token,
            self.authority().display()
        ));
        let mut merged = serde_json::json!({"providers": {"kubernetesCRD": provider}});
        super::gateway::merge(&mut merged, all.take());
        serde_yaml::to_string(&merged).unwrap()
    }

    /// Kills it, as a machine that fails would.
    pub fn kill(&mut self) {
        for mut process in self.processes.drain(..) {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts it again over the same data; returns when it is ready.
    pub async fn resume(&mut self) {
        let mut arguments: Vec<String> = [
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
            // Ends as soon as it is told to.
            "--shutdown-delay-duration=0s",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!("--secure-port={PORT}"));
        for (option, file) in [
            ("cert-dir", "certs"),
            ("service-account-key-file", "sa.key"),
            ("service-account-signing-key-file", "sa.key"),
            ("token-auth-file", "tokens.csv"),
        ] {
            arguments.push(format!("--{option}={}", self.path(file).display()));
        }
        arguments.extend(self.arguments.iter().cloned());
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        self.processes =
            self.binary.commands(self.directory.path(), &arguments).into_iter().map(|c| spawn(c, &log)).collect();
        let start = Instant::now();
        while !self.is_ready().await {
            let ended = self.processes.iter_mut().any(|process| process.try_wait().unwrap().is_some());
            assert!(!ended && start.elapsed() < PATIENCE, "the API server does not get ready:\n{}", self.log());
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops etcd under the running API server.
    pub fn stop_etcd(&mut self) {
        signal(self.processes.first().unwrap().id(), "USR1");
    }

    /// Starts etcd again.
    pub fn start_etcd(&mut self) {
        signal(self.processes.first().unwrap().id(), "USR2");
    }

    /// Whether `/readyz` says so.
    pub async fn is_ready(&self) -> bool {
        let request = http::Request::get("/readyz").body(Vec::new()).unwrap();
        self.admin.request_text(request).await.is_ok()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        let skipped = log.lines().count().saturating_sub(60);
        log.lines().skip(skipped).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Ends with the test, even where that is killed.
fn spawn(command: Command, log: &File) -> Child {
    let mut ends_with_us = Command::new("setpriv");
    ends_with_us.args(["--pdeathsig", "KILL"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        ends_with_us.env(name, value.unwrap_or_default());
    }
    let (out, err) = (log.try_clone().unwrap(), log.try_clone().unwrap());
    ends_with_us.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap()
}

fn client(token: &str) -> Client {
    let mut config = kube::Config::new(format!("https://127.0.0.1:{PORT}").parse().unwrap());
    // Its certificate is made when it first starts.
    config.accept_invalid_certs = true;
    config.auth_info.token = Some(token.to_owned().into());
    Client::try_from(config).unwrap()
}
