//! What is kept per source of requests, in parts that are locked apart: sources rarely wait for one another.
//! Used by the filters that limit. A source is held by a keyed hash: its text may be long, and is the client's.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Parts of a map; a power of two.
const PARTS: usize = 64;

/// A source's hash, of 128 bits with a key of this process: nobody finds two texts with the same one.
pub(super) type Key = u128;

/// Values by source.
pub(super) struct Sources<V> {
    parts: Box<[Part<V>]>,
    hashers: [RandomState; 2],
}

/// On a cache line of its own, so that parts don't slow one another down.
#[repr(align(64))]
struct Part<V>(Mutex<HashMap<Key, V>>);

// === impl Sources ===

impl<V> Sources<V> {
    /// How many parts there are: a bound of the whole is divided by it.
    pub(super) const PARTS: usize = PARTS;

    pub(super) fn key(&self, source: &str) -> Key {
        let [low, high] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(source)));
        high << 64 | low
    }

    /// The part that holds a source, locked. Held for a few instructions, never while waiting.
    pub(super) fn part(&self, key: Key) -> MutexGuard<'_, HashMap<Key, V>> {
        let index = usize::try_from(key % PARTS as u128).unwrap_or_default();
        #[allow(clippy::indexing_slicing, reason = "the rest of a division by the length")]
        self.parts[index].0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many sources are held.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.0.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// For how many sources there is memory.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.parts.iter().map(|part| part.0.lock().unwrap_or_else(PoisonError::into_inner).capacity()).sum()
    }
}

impl<V> Default for Sources<V> {
    fn default() -> Self {
        let parts = (0..PARTS).map(|_| Part(Mutex::default())).collect();
        Sources { parts, hashers: [RandomState::new(), RandomState::new()] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_one_place_and_sources_have_many() {
        let sources = Sources::<usize>::default();
        for i in 0..10_000 {
            let key = sources.key(&format!("10.0.0.{i}"));
            assert_eq!(key, sources.key(&format!("10.0.0.{i}")));
            *sources.part(key).entry(key).or_default() += 1;
        }
        assert_eq!(sources.len(), 10_000);
        let sizes: Vec<_> = sources.parts.iter().map(|part| part.0.lock().map_or(0, |part| part.len())).collect();
        assert!(sizes.iter().all(|size| (80..240).contains(size)), "{sizes:?}");
    }

    #[test]
    fn a_part_that_is_locked_holds_nobody_else_up() {
        let sources = Sources::<usize>::default();
        let held = sources.key("held");
        let part = sources.part(held);
        let others =
            (0..1000).map(|i| sources.key(&i.to_string())).filter(|key| key % PARTS as u128 != held % PARTS as u128);
        let others: Vec<Key> = others.collect();
        assert!(others.len() > 900);
        // On another thread, which would wait for ever for a lock of the whole.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for key in &others {
                    sources.part(*key).insert(*key, 1);
                }
            });
        });
        drop(part);
        assert_eq!(sources.len(), others.len());
    }
}
