//! HTTP by h2load, and its words turned into figures.

use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::seconds;
use crate::table::Run;

/// Whether it is there; if not, says which part goes without it.
pub async fn is_there(part: &str) -> bool {
    let found = Command::new("h2load").arg("--version").stdout(Stdio::null()).status().await.is_ok();
    if !found {
        eprintln!("note: {part} is left out: h2load is not installed (Debian: nghttp2-client)");
    }
    found
}

/// HTTP/1.1 in clear text over so many connections.
pub async fn http1(address: SocketAddr, connections: usize) -> Run {
    h2load(&["--h1", &format!("-c{connections}")], &format!("http://{address}/")).await
}

/// A load for a while.
pub async fn h2load(arguments: &[&str], url: &str) -> Run {
    let log = tempfile::NamedTempFile::new().unwrap();
    let length = seconds().as_secs().to_string();
    let start = Instant::now();
    let mut command = Command::new("h2load");
    command.args(["-t1", "-D", &length, "--log-file"]).arg(log.path()).args(arguments).arg(url);
    let output = command.output().await.unwrap();
    let took = start.elapsed();
    let text = String::from_utf8_lossy(&output.stdout);
    // requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, 0 errored, 0 timeout
    let line = text.lines().find(|line| line.starts_with("requests:")).unwrap_or_else(|| panic!("{text}"));
    let numbers: Vec<usize> = line.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    // When it began, its status, how many microseconds it took.
    let lines = fs::read_to_string(log.path()).unwrap();
    let mut times: Vec<u64> = lines.lines().filter_map(|line| line.split('\t').nth(2)?.parse().ok()).collect();
    times.sort_unstable();
    let p99 = times.get(times.len() * 99 / 100).map(|time| Duration::from_micros(*time));
    Run { done: numbers[3] as f64, failed: numbers[4] + numbers[5] + numbers[6], took, p99 }
}
