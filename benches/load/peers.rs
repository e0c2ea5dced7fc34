//! The proxies side by side, each on CPU 0 with one thread, and the web server behind them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::figures;
use crate::support::certificates::Issued;
use crate::support::{Gateway, Manifests, PATIENCE, ports};

/// A proxy that runs; ends when dropped.
pub struct Peer {
    pub name: &'static str,
    pub address: SocketAddr,
    process: Process,
}

enum Process {
    Ingora(Gateway),
    Other(Child, TempDir),
}

/// Puts all threads of a process on one CPU.
pub fn pin(process: u32, cpu: usize) {
    let arguments = ["-a", "-p", "-c", &cpu.to_string(), &process.to_string()];
    let done = Command::new("taskset").args(arguments).stdout(Stdio::null()).status();
    assert!(
        done.is_ok_and(|status| status.success()),
        "taskset {arguments:?} failed: two CPUs and util-linux are needed"
    );
}

// === impl Peer ===

impl Peer {
    /// ingora with one thread and these entry points beside `web`, which clients come to.
    pub async fn ingora(name: &'static str, entry_points: &str, manifests: impl Into<Manifests>) -> Peer {
        let gateway = Gateway::configured(&format!("{{threads: 1, entryPoints: {entry_points}}}"), manifests).await;
        pin(gateway.pid(), 0);
        Peer { name, address: gateway.web(), process: Process::Ingora(gateway) }
    }

    /// The same; clients come to another entry point.
    pub fn at(mut self, entry_point: &str) -> Peer {
        if let Process::Ingora(gateway) = &self.process {
            self.address = gateway.address(entry_point);
        }
        self
    }

    /// nginx with this configuration, in which `LISTEN` and `DIR` are replaced; none where it isn't installed.
    pub async fn nginx(configuration: &str) -> Option<Peer> {
        let module = Path::new("/usr/lib/nginx/modules/ngx_stream_module.so");
        let load = if module.exists() { format!("load_module {};", module.display()) } else { String::new() };
        let all = format!(
            "{load} daemon off; master_process off; pid DIR/pid; error_log stderr crit;
             events {{ worker_connections 32768; }}
             {configuration}"
        );
        Peer::other("nginx", 0, &all, nginx).await
    }

    /// The same for HAProxy.
    pub async fn haproxy(configuration: &str) -> Option<Peer> {
        let all = format!(
            "global\n  nbthread 1\n  maxconn 8000\n  tune.pool-high-fd-ratio 90\n  tune.pool-low-fd-ratio 85\n  tune.ssl.default-dh-param 2048\ndefaults\n  timeout connect 5s\n  \
             timeout client 60s\n  timeout server 60s\n{configuration}"
        );
        Peer::other("HAProxy", 0, &all, |file| {
            let mut command = Command::new("haproxy");
            command.arg("-db").arg("-f").arg(file);
            command
        })
        .await
    }

    /// A web server on CPU 1 that answers 1 KiB.
    pub async fn server() -> Peer {
        let body = "x".repeat(1024);
        let configuration = format!(
            "daemon off; master_process off; pid DIR/pid; error_log stderr crit;
             events {{ worker_connections 8192; }}
             http {{
               access_log off; default_type text/plain; keepalive_requests 1000000000;
               {TEMPORARY}
               server {{ listen LISTEN; location / {{ return 200 '{body}'; }} }}
             }}"
        );
        let server = Peer::other("server", 1, &configuration, nginx);
        server.await.unwrap_or_else(|| panic!("nginx is needed as the server (Debian: nginx-light)"))
    }

    async fn other(
        name: &'static str,
        cpu: usize,
        configuration: &str,
        command: impl Fn(&Path) -> Command,
    ) -> Option<Peer> {
        let directory = TempDir::new().unwrap();
        let address = ports::free();
        let file = directory.path().join("configuration");
        let configuration =
            configuration.replace("LISTEN", &address.to_string()).replace("DIR", &directory.path().to_string_lossy());
        fs::write(&file, configuration).unwrap();
        let child = command(&file).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let Ok(mut child) = child else {
            eprintln!("note: {name} is left out: it is not installed");
            return None;
        };
        pin(child.id(), cpu);
        // Datagrams have nobody who accepts; a moment must do.
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1) && TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if let Some(status) = child.try_wait().unwrap() {
            panic!("{name} ended at once: {status}");
        }
        assert!(start.elapsed() < PATIENCE);
        Some(Peer { name, address, process: Process::Other(child, directory) })
    }

    /// Under another name.
    pub fn called(mut self, name: &'static str) -> Peer {
        self.name = name;
        self
    }

    /// Other objects for ingora.
    pub fn change(&self, manifests: impl Into<Manifests>) {
        if let Process::Ingora(gateway) = &self.process {
            gateway.change(manifests);
        }
    }

    pub fn pid(&self) -> u32 {
        match &self.process {
            Process::Ingora(gateway) => gateway.pid(),
            Process::Other(child, _) => child.id(),
        }
    }

    /// The processor time so far.
    pub fn cpu(&self) -> Duration {
        figures::cpu(self.pid())
    }

    pub fn memory(&self) -> f64 {
        figures::memory(self.pid(), "VmRSS")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Process::Other(child, _) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// nginx with the configuration in a file, beside which it may write.
fn nginx(file: &Path) -> Command {
    let mut command = Command::new("nginx");
    command.args(["-e", "stderr", "-p"]).arg(file.parent().unwrap()).arg("-c").arg(file);
    command
}

/// Where nginx may write.
pub const TEMPORARY: &str = "client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi; \
                             uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;";

/// The three proxies in front of a web server, with one certificate for all names.
pub async fn with_tls(server: &Peer, issued: &Issued) -> Vec<Peer> {
    let files = TempDir::new().unwrap();
    let path = |name: &str| files.path().join(name).to_string_lossy().into_owned();
    let (certificate, key) = (issued.certificate_pem(), issued.key_pem());
    fs::write(path("crt"), &certificate).unwrap();
    fs::write(path("key"), &key).unwrap();
    fs::write(path("both"), certificate + &key).unwrap();
    let backend = server.address;
    let route = crate::support::route("all").tls("{}").to(&crate::support::Backend::at(backend));
    let store = crate::support::object("TLSStore", "default", "defaultCertificate: {secretName: site}");
    let mut peers = vec![Peer::ingora("ingora", "{}", route + store + issued.secret("site")).await];
    let nginx = format!(
        "http {{
           access_log off; keepalive_requests 1000000000; {TEMPORARY}
           ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.2 TLSv1.3;
           upstream server {{ server {backend}; keepalive 1024; keepalive_requests 1000000000; }}
           server {{
             listen LISTEN ssl http2;
             location / {{
               proxy_pass http://server; proxy_http_version 1.1;
               proxy_set_header Host $http_host; proxy_set_header Connection '';
             }}
           }}
         }}",
        path("crt"),
        path("key"),
    );
    peers.extend(Peer::nginx(&nginx).await);
    let haproxy = format!(
        "  mode http\n  http-reuse always\nfrontend web\n  bind LISTEN ssl crt {} alpn h2,http/1.1\n  default_backend all\n\
         backend all\n  server server {backend}\n",
        path("both"),
    );
    peers.extend(Peer::haproxy(&haproxy).await);
    peers
}
