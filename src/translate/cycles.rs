//! Finds circles in a graph of names: services that refer to one another, routers that are each other's parents.
//! Works without recursion, because the depth is the users'.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

/// The most names of a circle that are told.
const TOLD: usize = 8;

/// A circle.
#[derive(Debug, PartialEq)]
pub(super) struct Cycle<'n> {
    /// Its edges, each from a node to the next; of a long circle the first ones and the one that closes it.
    pub edges: Vec<(&'n str, &'n str)>,
    /// The way around, `a → b → a`; shortened where it is long.
    pub way: String,
}

/// Where the search stands with a node.
enum Seen {
    /// On the way from the start, that many steps away.
    OnWay(usize),
    Done,
}

/// The circles of a graph, one for each edge that closes one, in order of names.
pub(super) fn cycles<'n>(edges: &BTreeMap<&'n str, Vec<&'n str>>) -> Vec<Cycle<'n>> {
    let mut found = Vec::new();
    let mut seen: FxHashMap<&str, Seen> = FxHashMap::default();
    for &start in edges.keys() {
        if seen.contains_key(start) {
            continue;
        }
        seen.insert(start, Seen::OnWay(0));
        let mut way = vec![(start, edges.get(start).into_iter().flatten())];
        while let Some((node, next)) = way.last_mut() {
            let node = *node;
            let Some(&child) = next.next() else {
                seen.insert(node, Seen::Done);
                way.pop();
                continue;
            };
            match seen.get(child) {
                Some(Seen::Done) => {}
                Some(Seen::OnWay(depth)) => {
                    let circle = way.get(*depth..).unwrap_or_default();
                    let mut told: Vec<&str> = circle.iter().take(TOLD).map(|(name, _)| *name).collect();
                    let nexts = circle.iter().skip(1).map(|(name, _)| *name);
                    let mut edges: Vec<_> = told.iter().copied().zip(nexts).collect();
                    edges.push((node, child));
                    if circle.len() > TOLD {
                        told.push("…");
                    }
                    told.push(child);
                    found.push(Cycle { edges, way: told.join(" → ") });
                }
                None => {
                    seen.insert(child, Seen::OnWay(way.len()));
                    way.push((child, edges.get(child).into_iter().flatten()));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(edges: &[(&'static str, &[&'static str])]) -> Vec<String> {
        let edges = edges.iter().map(|(from, to)| (*from, to.to_vec())).collect();
        cycles(&edges).into_iter().map(|c| c.way).collect()
    }

    #[test]
    fn finds_circles() {
        assert_eq!(ways(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &["missing"])]), Vec::<String>::new());
        assert_eq!(ways(&[("a", &["a"])]), ["a → a"]);
        assert_eq!(ways(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]), ["b → c → b"]);
        assert_eq!(ways(&[("a", &["b"]), ("b", &["a"]), ("x", &["a", "x"])]), ["a → b → a", "x → x"]);
    }

    #[test]
    fn names_the_edges() {
        let edges = [("a", vec!["b"]), ("b", vec!["c"]), ("c", vec!["b", "c"])].into();
        let found: Vec<_> = cycles(&edges).into_iter().map(|c| c.edges).collect();
        assert_eq!(found, [vec![("b", "c"), ("c", "b")], vec![("c", "c")]]);
    }

    #[test]
    fn stands_depth() {
        let names: Vec<String> = (0..100_000).map(|i| format!("{i:06}")).collect();
        let first = names[0].as_str();
        let edges = names.windows(2).map(|w| (w[0].as_str(), vec![w[1].as_str(), first])).collect();
        let found = cycles(&edges);
        assert_eq!(found.len(), 99_999);
        assert!(found.iter().all(|c| c.way.matches('→').count() <= TOLD + 1));
        let closing = |c: &Cycle<'_>| c.edges.len() <= TOLD + 1 && c.edges.last().is_some_and(|e| e.1 == first);
        assert!(found.iter().all(closing));
    }
}
