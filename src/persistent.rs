//! A sorted map whose copies share what they have in common: a copy costs nothing, a change copies some dozens of entries,
//! and what two versions differ in is found without looking at the rest. A leaf; snapshots and configurations are made of it.
//!
//! Two levels, a list of short sorted lists: as dense as a list and as quick to walk. Thousands of entries fit, not millions.

mod list;

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::slice;
use std::sync::Arc;

use serde::{Serialize, Serializer};

pub use self::list::List;

/// The most entries of a chunk.
const CHUNK: usize = 64;

/// Neighbours that have no more together become one chunk.
const SPARSE: usize = CHUNK / 2;

/// Entries in order of their keys, of which no chunk is empty.
type Chunk<K, V> = Arc<Vec<(K, V)>>;

/// A sorted map; clones share their entries.
pub struct Map<K, V> {
    /// `None` is empty, so that empty maps take no memory.
    chunks: Option<Arc<Vec<Chunk<K, V>>>>,
    len: usize,
}

/// The entries of a map, in order.
pub struct Iter<'m, K, V> {
    chunks: slice::Iter<'m, Chunk<K, V>>,
    entries: slice::Iter<'m, (K, V)>,
}

/// A key that two maps don't agree on.
#[derive(Debug, PartialEq)]
pub struct Change<'m, K, V> {
    /// The key.
    pub key: &'m K,
    /// Its value before.
    pub old: Option<&'m V>,
    /// Its value now.
    pub new: Option<&'m V>,
}

// === impl Map ===

impl<K, V> Map<K, V> {
    /// An empty map.
    pub const fn new() -> Self {
        Map { chunks: None, len: 0 }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether both are the same copy; different ones may have equal entries.
    pub fn same(&self, other: &Self) -> bool {
        match (&self.chunks, &other.chunks) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// All entries in order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { chunks: self.chunks().iter(), entries: [].iter() }
    }

    /// All keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values in order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    fn chunks(&self) -> &[Chunk<K, V>] {
        self.chunks.as_ref().map_or(&[], |chunks| chunks.as_slice())
    }
}

impl<K: Ord, V> Map<K, V> {
    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The entry of a key.
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let (chunk, place) = self.find(key).ok()?;
        self.chunks().get(chunk)?.get(place).map(|(key, value)| (key, value))
    }

    /// Whether there is a value of that key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// What differs from an older version, in order of keys. Values that are `same` don't; what both share isn't looked at.
    pub fn changes<'m>(&'m self, old: &'m Self, same: impl Fn(&V, &V) -> bool) -> Vec<Change<'m, K, V>> {
        let mut found = Vec::new();
        if self.same(old) {
            return found;
        }
        let (before, now) = (old.chunks(), self.chunks());
        let (mut i, mut j, mut x, mut y) = (0, 0, 0, 0);
        loop {
            let (a, b) = (before.get(i), now.get(j));
            if a.is_some_and(|chunk| x == chunk.len()) {
                (i, x) = (i + 1, 0);
                continue;
            }
            if b.is_some_and(|chunk| y == chunk.len()) {
                (j, y) = (j + 1, 0);
                continue;
            }
            if let (Some(a), Some(b), 0, 0) = (a, b, x, y)
                && Arc::ptr_eq(a, b)
            {
                (i, j) = (i + 1, j + 1);
                continue;
            }
            let (a, b) = (a.and_then(|chunk| chunk.get(x)), b.and_then(|chunk| chunk.get(y)));
            let order = match (a, b) {
                (None, None) => return found,
                (Some((a, _)), Some((b, _))) => a.cmp(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
            };
            let (old, new) = (a.filter(|_| order.is_le()), b.filter(|_| order.is_ge()));
            (x, y) = (x + usize::from(old.is_some()), y + usize::from(new.is_some()));
            let differs = old.zip(new).is_none_or(|((_, old), (_, new))| !same(old, new));
            if let (true, Some((key, _))) = (differs, new.or(old)) {
                found.push(Change { key, old: old.map(|(_, value)| value), new: new.map(|(_, value)| value) });
            }
        }
    }

    /// Where a key is, or where it would go: chunk and place in it.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<(usize, usize), (usize, usize)>
    where
        K: Borrow<Q>,
    {
        let chunks = self.chunks();
        let below = |chunk: &Chunk<K, V>| chunk.last().is_some_and(|(last, _)| last.borrow() < key);
        let at = chunks.partition_point(below);
        match chunks.get(at) {
            Some(chunk) => match chunk.binary_search_by(|(k, _)| k.borrow().cmp(key)) {
                Ok(place) => Ok((at, place)),
                Err(place) => Err((at, place)),
            },
            None => Err((at.saturating_sub(1), chunks.last().map_or(0, |chunk| chunk.len()))),
        }
    }
}

impl<K: Ord + Clone, V: Clone> Map<K, V> {
    /// Puts a value in; gives back the one that it replaces.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let found = self.find(&key);
        let chunks = Arc::make_mut(self.chunks.get_or_insert_default());
        let (at, place) = match found {
            Ok((at, place)) => {
                let entry = chunks.get_mut(at).and_then(|chunk| Arc::make_mut(chunk).get_mut(place));
                return entry.map(|(_, old)| std::mem::replace(old, value));
            }
            Err(at) => at,
        };
        self.len += 1;
        let last = chunks.len() <= at + 1;
        match chunks.get_mut(at) {
            // What comes in order fills chunks to the brim.
            Some(chunk) if chunk.len() >= CHUNK && !(last && place == chunk.len()) => {
                let chunk = Arc::make_mut(chunk);
                let mut upper = chunk.split_off(CHUNK / 2);
                match place.checked_sub(CHUNK / 2) {
                    Some(place) => upper.insert(place, (key, value)),
                    None => chunk.insert(place, (key, value)),
                }
                chunks.insert(at + 1, Arc::new(upper));
            }
            Some(chunk) if chunk.len() < CHUNK => Arc::make_mut(chunk).insert(place, (key, value)),
            _ => chunks.push(Arc::new(vec![(key, value)])),
        }
        None
    }

    /// Takes a value out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (at, place) = self.find(key).ok()?;
        let chunks = Arc::make_mut(self.chunks.as_mut()?);
        let chunk = Arc::make_mut(chunks.get_mut(at)?);
        let (_, value) = chunk.remove(place);
        let left = chunk.len();
        self.len -= 1;
        let fits = |other: usize| chunks.get(other).is_some_and(|other| other.len() + left <= SPARSE);
        let join = if fits(at + 1) { Some(at) } else { at.checked_sub(1).filter(|before| fits(*before)) };
        if left == 0 {
            chunks.remove(at);
        } else if let Some(lower) = join {
            let upper = Arc::unwrap_or_clone(chunks.remove(lower + 1));
            if let Some(lower) = chunks.get_mut(lower) {
                Arc::make_mut(lower).extend(upper);
            }
        }
        if self.len == 0 {
            self.chunks = None;
        }
        Some(value)
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (at, place) = self.find(key).ok()?;
        let chunk = Arc::make_mut(self.chunks.as_mut()?).get_mut(at)?;
        Arc::make_mut(chunk).get_mut(place).map(|(_, value)| value)
    }
}

impl<K, V> Clone for Map<K, V> {
    fn clone(&self) -> Self {
        Map { chunks: self.chunks.clone(), len: self.len }
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map::new()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Map::default();
        map.extend(entries);
        map
    }
}

impl<K: Ord + Clone, V: Clone> Extend<(K, V)> for Map<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<'m, K, V> IntoIterator for &'m Map<K, V> {
    type Item = (&'m K, &'m V);
    type IntoIter = Iter<'m, K, V>;

    fn into_iter(self) -> Iter<'m, K, V> {
        self.iter()
    }
}

impl<K: Serialize, V: Serialize> Serialize for Map<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

// === impl Iter ===

impl<'m, K, V> Iterator for Iter<'m, K, V> {
    type Item = (&'m K, &'m V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.entries.next() {
                return Some((key, value));
            }
            self.entries = self.chunks.next()?.iter();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
