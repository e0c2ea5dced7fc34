//! `ingora quickstart`: the whoami example on loopback, backends included, with what to try.
//! The example's manifests are written to a temporary directory, where changing them is served at once.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use async_trait::async_trait;
use ingora_middleware::Registry;
use log::error;
use pingora::server::ShutdownWatch;
use pingora::server::configuration::Opt;
use pingora::services::background::{BackgroundService, background_service};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

use super::inputs::read_config;
use super::{logging, whoami};
use crate::config::providers::Manifests;
use crate::config::{Config, Protocol};
use crate::control;

/// The entry points of the example.
const CONFIG: &str = include_str!("../../conf/quickstart.yaml");
/// Its objects.
const MANIFESTS: [(&str, &str); 3] = [
    ("routes.yaml", include_str!("../../deploy/quickstart/routes.yaml")),
    ("services.yaml", include_str!("../../deploy/quickstart/services.yaml")),
    ("endpoints.yaml", include_str!("../../deploy/quickstart/endpoints.yaml")),
];
/// Its backends, which the EndpointSlices name.
const HTTP: [(&str, u16); 2] = [("whoami-1", 8081), ("whoami-2", 8082)];
const TCP: [(&str, u16); 2] = [("whoamitcp-1", 8083), ("whoamitcp-2", 8084)];
const UDP: [(&str, u16); 2] = [("whoamiudp-1", 8085), ("whoamiudp-2", 8086)];

/// What may be changed of the example.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// Another configuration than conf/quickstart.yaml, for other ports
    #[arg(long, short, alias = "conf", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The example's servers.
struct Backends;

/// Serves the example until told to stop.
///
/// # Errors
/// When a port is taken, or the configuration given is wrong.
pub fn run(args: Args, registry: Registry) -> anyhow::Result<ExitCode> {
    let mut config = args.configuration()?;
    logging::start(&config.log)?;
    let directory = std::env::temp_dir().join(format!("ingora-quickstart-{}", std::process::id()));
    write_manifests(&directory).with_context(|| format!("{}", directory.display()))?;
    config.providers.manifests = Some(Manifests { path: directory.clone(), watch: true, ..Manifests::default() });
    let hints = hints(&config, &directory);
    let served = control::server(config, registry, Opt::default()).map(|(mut server, run_args)| {
        server.add_service(background_service("whoami", Backends));
        anstream::println!("{hints}");
        server.run(run_args);
    });
    // The directory is ours, and named after this process.
    let _ = fs::remove_dir_all(&directory);
    served.map(|()| ExitCode::SUCCESS)
}

fn write_manifests(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    MANIFESTS.iter().try_for_each(|(name, text)| fs::write(directory.join(name), text))
}

/// What to try, at the addresses of the configuration.
fn hints(config: &Config, directory: &Path) -> String {
    let of = |name: &str, protocol: Protocol| {
        let entry_point = config.entry_points.get(name).filter(|e| e.address.protocol == protocol)?;
        Some(entry_point.bind())
    };
    let address = |name: &str| of(name, Protocol::Tcp);
    let nc = |address: SocketAddr| format!("{} {}", address.ip(), address.port());
    let mut lines = vec!["\nThe whoami example is served. Try, in another terminal:\n".to_owned()];
    if let Some(web) = address("web") {
        lines.push(format!("  curl -H 'Host: foo' http://{web}/bar        # one of the two whoami backends, in turn"));
        lines.push(format!("  curl -i -H 'Host: other' http://{web}/bar   # no route: 404"));
    }
    if let Some(websecure) = address("websecure") {
        lines.push(format!("  curl -k -H 'Host: foo' https://{websecure}/bar    # the same over TLS"));
    }
    if let Some(tcp) = address("tcpep") {
        lines.push(format!("  printf WHO | nc -q 1 {}       # TCP: one of two others", nc(tcp)));
        lines
            .push(format!("  printf WHO | openssl s_client -quiet -servername bar -connect {tcp}   # the same by TLS"));
    }
    if let Some(udp) = of("fooudp", Protocol::Udp) {
        lines.push(format!("  printf WHO | nc -u -w 1 {}    # UDP", nc(udp)));
    }
    if let Some(admin) = address("traefik") {
        lines.push(format!("  curl http://{admin}/ping                    # ready: OK"));
    }
    lines.push(format!("\nIts manifests are in {}; change them, and what is served changes.", directory.display()));
    lines.push("Ctrl-C ends it.\n".to_owned());
    lines.join("\n")
}

// === impl Args ===

impl Args {
    /// The configuration that the example is served with.
    ///
    /// # Errors
    /// When the file given cannot be read or is wrong.
    pub fn configuration(&self) -> anyhow::Result<Config> {
        match &self.config {
            Some(path) => read_config(path),
            None => Ok(Config::from_yaml(CONFIG)?),
        }
    }
}

// === impl Backends ===

#[async_trait]
impl BackgroundService for Backends {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let mut running = JoinSet::new();
        for (name, port) in HTTP {
            running.spawn(async move {
                match TcpListener::bind(loopback(port)).await {
                    Ok(listener) => whoami::serve_http(listener, Some(name.to_owned())).await,
                    Err(e) => error!("the backend {name} can't listen on port {port}: {e}"),
                }
            });
        }
        for (name, port) in TCP {
            running.spawn(async move {
                match TcpListener::bind(loopback(port)).await {
                    Ok(listener) => whoami::serve_tcp(listener, Some(name.to_owned())).await,
                    Err(e) => error!("the backend {name} can't listen on port {port}: {e}"),
                }
            });
        }
        for (name, port) in UDP {
            running.spawn(async move {
                match UdpSocket::bind(loopback(port)).await {
                    Ok(socket) => whoami::serve_udp(socket, Some(name.to_owned())).await,
                    Err(e) => error!("the backend {name} can't listen on port {port}: {e}"),
                }
            });
        }
        let _ = shutdown.wait_for(|s| *s).await;
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
