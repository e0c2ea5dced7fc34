//! Shares over ten thousand requests, from the route down to the servers, and the order in which turns are taken.

use std::collections::BTreeSet;

use super::{answers, shares};
use crate::support::manifests::service;
use crate::support::{Backend, Gateway, object, route};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_are_shared_exactly_on_four_levels() {
    let [a, b, c, d] =
        &[Backend::named("a").await, Backend::named("b").await, Backend::named("c").await, Backend::named("d").await];
    let [e, never] = &[Backend::named("e").await, Backend::named("never").await];
    let gateway = Gateway::start(
        route("r")
            .to_service("outer")
            .by("{kind: TraefikService, port: null, weight: 3}")
            .to(e)
            .by("weight: 1")
            .to(never)
            .by("weight: 0")
            + object(
                "TraefikService",
                "outer",
                "weighted: {services: [{name: inner, kind: TraefikService, weight: 2}, {name: d, port: 80, weight: 1}, \
                 {name: never, port: 80, weight: 0}]}",
            )
            + object(
                "TraefikService",
                "inner",
                "weighted: {services: [{name: both, port: 80, weight: 5}, {name: c, port: 80, weight: 3}]}",
            )
            + service("both", &[a, b])
            + service("c", &[c])
            + service("d", &[d])
            + service("never", &[never]),
    )
    .await;
    let shares = shares(&gateway, "a", "/", 10_000).await;
    let of = |name: &str| shares[name];
    assert_eq!((of("c"), of("d"), of("e")), (1875, 2500, 2500), "{shares:?}");
    assert_eq!(of("a") + of("b"), 3125);
    assert!(of("a").abs_diff(of("b")) <= 1, "{shares:?}");
    assert_eq!(never.requests(), 0);
}

#[tokio::test]
async fn turns_are_taken_by_the_earliest_deadline() {
    let names = ["a", "b", "c"];
    let [a, b, c] = &[Backend::named("a").await, Backend::named("b").await, Backend::named("c").await];
    for weights in [[4, 3, 2], [1, 5, 3], [7, 1, 1], [2, 0, 3]] {
        let mut all = route("r");
        for (backend, weight) in [a, b, c].into_iter().zip(weights) {
            all = all.to(backend).by(&format!("weight: {weight}"));
        }
        let gateway = Gateway::start(all).await;
        // The nth turn of a child is due at n / weight; those that are due together come in any order.
        let period: usize = weights.iter().sum();
        let most: usize = weights.iter().product::<usize>().max(6);
        let mut due: Vec<(usize, &str)> = Vec::new();
        for (name, weight) in names.into_iter().zip(weights) {
            due.extend((1..=weight).map(|n| (n * most / weight, name)));
        }
        due.sort_unstable();
        let answers = answers(&gateway, "a", "/", 2 * period).await;
        let mut answers = answers.iter().map(String::as_str);
        for _ in 0..2 {
            for together in due.chunk_by(|one, other| one.0 == other.0) {
                let expected: BTreeSet<&str> = together.iter().map(|(_, name)| *name).collect();
                let found: BTreeSet<&str> = answers.by_ref().take(together.len()).collect();
                assert_eq!(found, expected, "{weights:?}");
            }
        }
    }
}
