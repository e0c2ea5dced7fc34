//! Strategies over servers of different weights and loads.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::super::server::{Location, Member};
use super::super::transport::Transport;
use super::*;
use crate::dynamic::http::ServersTransport;

fn servers(weights: &[i64]) -> Vec<Arc<Server>> {
    let transport = Arc::new(Transport::new(&ServersTransport::default()).unwrap());
    let server = |(n, weight): (usize, &i64)| {
        let location = Location::parse(&format!("http://10.42.{}.{}:80", n / 250, n % 250)).unwrap();
        let address = location.address().unwrap();
        let member = Member { location, weight: *weight, fenced: false };
        Arc::new(Server::new(&member, address, &transport, true, Arc::default()))
    };
    weights.iter().enumerate().map(server).collect()
}

fn view(servers: &[Arc<Server>], strategy: Strategy) -> View {
    View::new(servers.to_vec(), Needs { strategy, sticky: false })
}

fn client(n: usize) -> IpAddr {
    IpAddr::from((0x0a00_0000 + n as u32).to_be_bytes())
}

/// How often each server is picked, each request ending at once.
fn counts(servers: &[Arc<Server>], strategy: Strategy, requests: usize) -> Vec<usize> {
    let view = view(servers, strategy);
    let mut counts = vec![0; servers.len()];
    for n in 0..requests {
        let Some(picked) = view.pick(n, client(n)) else { continue };
        counts[servers.iter().position(|s| Arc::ptr_eq(s, picked)).unwrap()] += 1;
        picked.load.begin();
        view.changed(picked);
        picked.load.end();
        view.changed(picked);
    }
    counts
}

#[test]
fn shares_are_as_each_strategy_promises() {
    let near = |count: usize, expected: usize| count.abs_diff(expected) < 300;
    for (strategy, weights, expected) in [
        (Strategy::RoundRobin, &[1, 1, 2][..], &[2500, 2500, 5000][..]),
        (Strategy::RoundRobin, &[3, 0, 1], &[7500, 0, 2500]),
        (Strategy::TwoChoices, &[1, 1, 7], &[3333, 3333, 3333]),
        (Strategy::Rendezvous, &[1, 1, 1, 1], &[2500, 2500, 2500, 2500]),
        // As near as FNV comes.
        (Strategy::Rendezvous, &[1, 3, 0], &[3245, 6755, 0]),
        // Nobody has answered yet: in turn, by weight.
        (Strategy::LeastTime, &[1, 1, 2], &[2500, 2500, 5000]),
    ] {
        let counts = counts(&servers(weights), strategy, 10_000);
        assert!(counts.iter().zip(expected).all(|(c, e)| near(*c, *e)), "{strategy:?} {weights:?}: {counts:?}");
    }
    for strategy in [Strategy::RoundRobin, Strategy::TwoChoices, Strategy::Rendezvous, Strategy::LeastTime] {
        assert_eq!(counts(&servers(&[]), strategy, 1), Vec::<usize>::new());
        assert_eq!(counts(&servers(&[0]), strategy, 10), [0]);
        assert_eq!(counts(&servers(&[1]), strategy, 10), [10]);
    }
}

#[test]
fn the_less_busy_of_two_is_picked() {
    let servers = servers(&[1, 1]);
    (0..3).for_each(|_| servers[0].load.begin());
    let view = view(&servers, Strategy::TwoChoices);
    assert!((0..100).all(|turn| Arc::ptr_eq(view.pick(turn, client(0)).unwrap(), &servers[1])));
}

#[test]
fn who_answers_soonest_is_picked_until_it_is_busy() {
    let servers = servers(&[1, 1, 1]);
    for (server, millis) in servers.iter().zip([2, 1, 50]) {
        server.load.answered(Duration::from_millis(millis));
    }
    let view = view(&servers, Strategy::LeastTime);
    let pick = || {
        let picked = view.pick(0, client(0)).unwrap();
        picked.load.begin();
        view.changed(picked);
        servers.iter().position(|s| Arc::ptr_eq(s, picked)).unwrap()
    };
    // 2 ms × 1 is as good as 1 ms × 2; then who was picked less.
    assert_eq!([pick(), pick(), pick(), pick(), pick(), pick()], [1, 0, 1, 1, 0, 1]);
}

#[test]
fn a_client_keeps_its_server_when_others_go() {
    let all = servers(&[1, 1, 1, 1]);
    let (before, after) = (view(&all, Strategy::Rendezvous), view(&all[..3], Strategy::Rendezvous));
    for n in 0..1000 {
        let there = before.pick(n, client(n)).unwrap();
        assert!(Arc::ptr_eq(there, &all[3]) || Arc::ptr_eq(there, after.pick(0, client(n)).unwrap()));
    }
}

#[test]
fn choosing_among_many_costs_what_choosing_among_few_does() {
    for (strategy, most) in [(Strategy::RoundRobin, 20.0), (Strategy::TwoChoices, 20.0), (Strategy::LeastTime, 60.0)] {
        let [few, many] = [2, 10_000].map(|count| {
            let servers = servers(&vec![1; count]);
            let view = view(&servers, strategy);
            let round = |round: usize| {
                let began = std::time::Instant::now();
                for n in 0..2000 {
                    let picked = view.pick(round * 2000 + n, client(n)).unwrap();
                    picked.load.begin();
                    view.changed(picked);
                }
                began.elapsed()
            };
            (0..7).map(round).min().unwrap()
        });
        // What doesn't fit into the processor's cache costs more; looking at each would cost 5,000 times as much.
        let ratio = many.as_secs_f64() / few.as_secs_f64();
        println!("{strategy:?}: {few:?} among 2, {many:?} among 10,000");
        assert!(ratio < most, "{strategy:?}: {ratio}");
    }
}
