//! HTTP/2 over TLS by h2load.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Instant;

use tokio::process::Command;

use crate::peers::{Peer, with_tls};
use crate::seconds;
use crate::support::certificates::Authority;
use crate::table::{Run, compare};

pub async fn run() {
    if Command::new("h2load").arg("--version").stdout(Stdio::null()).status().await.is_err() {
        eprintln!("note: http2 is left out: h2load is not installed (Debian: nghttp2-client)");
        return;
    }
    let server = Peer::server().await;
    let peers = with_tls(&server, &Authority::new("bench").issue(&["bench.example"])).await;
    compare("HTTP/2 over TLS, 16 connections of 8 streams, 1 KiB", ("request", 1e6, "us"), &peers, load).await;
}

async fn load(address: SocketAddr) -> Run {
    let start = Instant::now();
    let length = seconds().as_secs().to_string();
    let url = format!("https://{address}/");
    let output = Command::new("h2load").args(["-t1", "-c16", "-m8", "-D", &length, &url]).output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    // requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, 0 errored, 0 timeout
    let line = text.lines().find(|line| line.starts_with("requests:")).unwrap_or_else(|| panic!("{text}"));
    let numbers: Vec<usize> = line.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    Run { done: numbers[3] as f64, failed: numbers[4] + numbers[5] + numbers[6], took: start.elapsed() }
}
