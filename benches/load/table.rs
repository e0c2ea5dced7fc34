//! Rounds over proxies, and what they come to: medians, and ratios within a round.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use crate::figures::knob;
use crate::peers::Peer;

/// What one proxy did in one round.
pub struct Run {
    /// Handshakes, requests, gigabytes or datagrams.
    pub done: f64,
    /// What went wrong.
    pub failed: usize,
    /// How long it took.
    pub took: Duration,
    /// Where requests were timed: what 99 of 100 were answered in.
    pub p99: Option<Duration>,
}

/// Runs each proxy in each round, every round beginning with another one, and prints a line for each.
/// `unit` is what is counted, `scale` the processor time told in: 1e6 for microseconds.
pub async fn compare<F: Future<Output = Run>>(
    title: &str,
    (unit, scale, scale_name): (&str, f64, &str),
    peers: &[Peer],
    load: impl Fn(std::net::SocketAddr) -> F,
) {
    let rounds = knob("ROUNDS", 3);
    let mut costs: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut rates: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut tails: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut failed: BTreeMap<&str, usize> = BTreeMap::new();
    for round in 0..rounds {
        for i in 0..peers.len() {
            let peer = &peers[(round + i) % peers.len()];
            let before = peer.cpu();
            let run = load(peer.address).await;
            let used = peer.cpu() - before;
            costs.entry(peer.name).or_default().push(used.as_secs_f64() * scale / run.done);
            rates.entry(peer.name).or_default().push(run.done / run.took.as_secs_f64());
            tails.entry(peer.name).or_default().extend(run.p99.map(|p99| p99.as_secs_f64() * 1e3));
            *failed.entry(peer.name).or_default() += run.failed;
        }
    }
    println!("\n{title}");
    println!(
        "{:<24} {:>12} {:>26} {:>9} {:>9} {:>9} {:>7} {:>8} {:>7}",
        "proxy",
        format!("{unit}/s"),
        format!("CPU {scale_name}/{unit} (low-high)"),
        "x nginx",
        "x HAProxy",
        "x first",
        "p99 ms",
        "RSS MiB",
        "failed"
    );
    for peer in peers {
        let own = &costs[peer.name];
        let (low, high) = own.iter().fold((f64::MAX, 0f64), |(low, high), cost| (low.min(*cost), high.max(*cost)));
        let ratio = |other: &str| {
            let other = costs.get(other)?;
            Some(median(own.iter().zip(other).map(|(own, other)| own / other).collect()))
        };
        let text = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        println!(
            "{:<24} {:>12.1} {:>26} {:>9} {:>9} {:>9} {:>7} {:>8.1} {:>7}",
            peer.name,
            median(rates[peer.name].clone()),
            format!("{:.2} ({low:.2}-{high:.2})", median(own.clone())),
            text(ratio("nginx")),
            text(ratio("HAProxy")),
            text(ratio(peers[0].name)),
            text(tails.remove(peer.name).filter(|tails| !tails.is_empty()).map(median)),
            peer.memory(),
            failed[peer.name],
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
