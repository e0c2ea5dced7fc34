//! `ingora whoami`: the test backend, answering what `traefik/whoami`, `whoamitcp` and `whoamiudp` answer.
//! Stands behind the proxy, never in it: the quickstart, the tests and the benchmark send their traffic here.

mod http;
mod identity;
mod tcp;
mod udp;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ArgGroup;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

pub use self::http::serve_http;
pub use self::tcp::serve_tcp;
pub use self::udp::serve_udp;

/// What to listen on; at least one of the three.
#[derive(Debug, Clone, clap::Args)]
#[command(group(ArgGroup::new("listener").args(["http", "tcp", "udp"]).required(true).multiple(true)))]
pub struct Args {
    /// Answer HTTP/1.1 and HTTP/2 (prior knowledge) here, as traefik/whoami: `127.0.0.1:8080` or `:8080`
    #[arg(long, value_name = "ADDR")]
    pub http: Option<String>,
    /// Answer TCP here, as traefik/whoamitcp: `WHO` asks for the identity, `STOP` closes, the rest is echoed
    #[arg(long, value_name = "ADDR")]
    pub tcp: Option<String>,
    /// Answer UDP here, as traefik/whoamiudp
    #[arg(long, value_name = "ADDR")]
    pub udp: Option<String>,
    /// The `Name:` line of every identity
    #[arg(long)]
    pub name: Option<String>,
}

/// Listens and answers until SIGINT or SIGTERM; fails where an address can't be bound.
pub fn run(args: Args) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(args))
}

async fn serve(args: Args) -> Result<()> {
    // Before the first line is printed: whoever reads it may stop us right away.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut servers = JoinSet::new();
    if let Some(text) = &args.http {
        let listener = TcpListener::bind(address(text)).await.with_context(|| format!("--http {text}"))?;
        println!("whoami: HTTP on {}", listener.local_addr()?);
        servers.spawn(serve_http(listener, args.name.clone()));
    }
    if let Some(text) = &args.tcp {
        let listener = TcpListener::bind(address(text)).await.with_context(|| format!("--tcp {text}"))?;
        println!("whoami: TCP on {}", listener.local_addr()?);
        servers.spawn(serve_tcp(listener, args.name.clone()));
    }
    if let Some(text) = &args.udp {
        let socket = UdpSocket::bind(address(text)).await.with_context(|| format!("--udp {text}"))?;
        println!("whoami: UDP on {}", socket.local_addr()?);
        servers.spawn(serve_udp(socket, args.name.clone()));
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// `:8080`, as Go writes "every address", becomes `0.0.0.0:8080`; all else stays.
fn address(text: &str) -> String {
    if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() }
}

/// Serves each connection in a task of its own, for ever. Dropping the future ends the connections too,
/// so that a test which stops a backend really stops it.
async fn accept_each<F>(listener: TcpListener, handle: impl Fn(TcpStream, SocketAddr) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, remote)) => {
                    // Only delays small answers where it can't be set.
                    let _ = stream.set_nodelay(true);
                    connections.spawn(handle(stream, remote));
                }
                Err(error) => pause_after("accept", &error).await,
            },
            _ = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// What TCP and UDP answer to a message: the identity to `WHO`, else the message itself.
fn reply(message: &[u8], identity: &str) -> Vec<u8> {
    if message.trim_ascii() == b"WHO" { identity.into() } else { [b"Received: ", message].concat() }
}

/// Too many open files and the like pass; spinning on them doesn't help.
async fn pause_after(what: &str, error: &io::Error) {
    log::warn!("whoami: {what}: {error}");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[cfg(test)]
mod tests;
