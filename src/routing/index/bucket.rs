//! The rules of one host, by the path prefix that each needs: a list where they are few, a trie where they are many.

use super::Rank;
use super::trie::Trie;

/// More than this make a trie: comparing a few prefixes is cheaper than walking one.
const FEW: usize = 8;

/// The rules of one host.
#[derive(Debug)]
pub(super) enum Bucket {
    Few(Vec<(Box<str>, Rank)>),
    Many(Trie),
}

// === impl Bucket ===

impl Default for Bucket {
    fn default() -> Self {
        Bucket::Few(Vec::new())
    }
}

impl Bucket {
    /// Adds a rule; ranks come in ascending order.
    pub(super) fn insert(&mut self, prefix: &str, rank: Rank) {
        match self {
            Bucket::Few(few) if few.len() < FEW => few.push((prefix.into(), rank)),
            Bucket::Few(few) => {
                let mut trie = Trie::default();
                for (prefix, rank) in few.drain(..) {
                    trie.insert(prefix.as_bytes(), rank);
                }
                trie.insert(prefix.as_bytes(), rank);
                *self = Bucket::Many(trie);
            }
            Bucket::Many(trie) => trie.insert(prefix.as_bytes(), rank),
        }
    }

    /// Calls back with ranks, ascending within a call, of the rules whose prefix the path has.
    pub(super) fn search(&self, path: &str, found: &mut impl FnMut(&[Rank])) {
        match self {
            Bucket::Few(few) => {
                for (prefix, rank) in few {
                    if path.as_bytes().starts_with(prefix.as_bytes()) {
                        found(std::slice::from_ref(rank));
                    }
                }
            }
            Bucket::Many(trie) => trie.search(path.as_bytes(), found),
        }
    }
}
