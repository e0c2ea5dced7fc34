//! A radix tree over path prefixes: a look-up visits only the nodes on its path, deepest first.

use smallvec::SmallVec;

use super::Rank;

/// The tree; node 0 is the root, of the empty prefix.
#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// What its prefix has more than its parent's.
    label: Box<[u8]>,
    /// The rules of exactly this prefix, ascending.
    ranks: Vec<Rank>,
    /// By the first byte of their label.
    children: Vec<(u8, u32)>,
}

// === impl Trie ===

impl Default for Trie {
    fn default() -> Self {
        Trie { nodes: vec![Node::default()] }
    }
}

impl Trie {
    /// Adds a rule under a prefix; ranks come in ascending order.
    pub(super) fn insert(&mut self, prefix: &[u8], rank: Rank) {
        let mut at = 0;
        let mut rest = prefix;
        while let Some(first) = rest.first() {
            let Some(node) = self.nodes.get(at) else { return };
            match node.children.binary_search_by_key(first, |(byte, _)| *byte) {
                Err(place) => {
                    let leaf = self.add(Node { label: rest.into(), ranks: vec![rank], children: Vec::new() });
                    if let Some(node) = self.nodes.get_mut(at) {
                        node.children.insert(place, (*first, leaf));
                    }
                    return;
                }
                Ok(place) => {
                    let child = node.children.get(place).map_or(0, |(_, child)| *child as usize);
                    let shared = self.split(child, rest);
                    rest = rest.get(shared..).unwrap_or_default();
                    at = child;
                }
            }
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.ranks.push(rank);
        }
    }

    /// Cuts a node's label where it stops being a prefix of `key`; gives the length that they share.
    fn split(&mut self, at: usize, key: &[u8]) -> usize {
        let Some(node) = self.nodes.get_mut(at) else { return 0 };
        let shared = node.label.iter().zip(key).take_while(|(a, b)| a == b).count();
        if shared == node.label.len() {
            return shared;
        }
        let (upper, lower) = node.label.split_at(shared);
        let (upper, lower): (Box<[u8]>, Box<[u8]>) = (upper.into(), lower.into());
        let below =
            Node { ranks: std::mem::take(&mut node.ranks), children: std::mem::take(&mut node.children), label: lower };
        node.label = upper;
        let first = below.label.first().copied().unwrap_or_default();
        let below = self.add(below);
        if let Some(node) = self.nodes.get_mut(at) {
            node.children.push((first, below));
        }
        shared
    }

    fn add(&mut self, node: Node) -> u32 {
        self.nodes.push(node);
        // Rules are fewer than 2^32, and each adds two nodes at most; a tree that large doesn't fit into memory.
        u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)
    }

    /// Calls back with the ranks of each node on the path, the longest prefix first: it is likeliest to be the best.
    pub(super) fn search(&self, path: &[u8], found: &mut impl FnMut(&[Rank])) {
        let mut visited: SmallVec<[u32; 32]> = SmallVec::new();
        let mut at = 0;
        let mut rest = path;
        while let Some(node) = self.nodes.get(at as usize) {
            let Some(below) = rest.strip_prefix(&*node.label) else { break };
            rest = below;
            if !node.ranks.is_empty() {
                visited.push(at);
            }
            let child = rest.first().and_then(|b| node.children.binary_search_by_key(b, |(byte, _)| *byte).ok());
            match child.and_then(|place| node.children.get(place)) {
                Some((_, child)) => at = *child,
                None => break,
            }
        }
        for at in visited.iter().rev() {
            if let Some(node) = self.nodes.get(*at as usize) {
                found(&node.ranks);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(trie: &Trie, path: &str) -> Vec<Rank> {
        let mut ranks = Vec::new();
        trie.search(path.as_bytes(), &mut |r| ranks.extend_from_slice(r));
        ranks
    }

    #[test]
    fn finds_every_prefix_longest_first() {
        let mut trie = Trie::default();
        for (rank, prefix) in ["/api/v1", "/api", "/", "", "/api/v2", "/apple", "/api"].iter().enumerate() {
            trie.insert(prefix.as_bytes(), rank as Rank);
        }
        for (path, expected) in [
            ("/api/v1/x", &[0, 1, 6, 2, 3][..]),
            ("/api", &[1, 6, 2, 3]),
            ("/appl", &[2, 3]),
            ("/apple", &[5, 2, 3]),
            ("*", &[3]),
            ("", &[3]),
        ] {
            assert_eq!(found(&trie, path), expected, "{path}");
        }
    }

    #[test]
    fn takes_deeply_nested_prefixes() {
        let mut trie = Trie::default();
        for n in 0..5_000 {
            trie.insert("/".repeat(n).as_bytes(), n as Rank);
        }
        assert_eq!(found(&trie, &"/".repeat(4_999)).len(), 5_000);
    }
}
