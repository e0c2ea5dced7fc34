//! A list whose copies share what they have in common; its items can be replaced, not added to.

use std::sync::Arc;

/// Items of a chunk.
const CHUNK: usize = 64;

/// A list; clones share their items.
#[derive(Debug)]
pub struct List<T> {
    /// All of them full but the last.
    chunks: Arc<Vec<Arc<Vec<T>>>>,
    len: usize,
}

// === impl List ===

impl<T> List<T> {
    /// How many items there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The item at a position.
    pub fn get(&self, position: usize) -> Option<&T> {
        self.chunks.get(position / CHUNK)?.get(position % CHUNK)
    }

    /// All items.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// In a sorted list, where a key is, or would go; `key` compares an item with it.
    pub fn binary_search_by(&self, mut key: impl FnMut(&T) -> std::cmp::Ordering) -> Result<usize, usize> {
        let (mut from, mut to) = (0, self.len);
        while from < to {
            let middle = from.midpoint(to);
            match self.get(middle).map(&mut key) {
                Some(std::cmp::Ordering::Equal) => return Ok(middle),
                Some(std::cmp::Ordering::Less) => from = middle + 1,
                _ => to = middle,
            }
        }
        Err(from)
    }
}

impl<T: Clone> List<T> {
    /// Puts another item at a position that there is.
    pub fn set(&mut self, position: usize, item: T) {
        if position >= self.len {
            return;
        }
        let chunk = Arc::make_mut(&mut self.chunks).get_mut(position / CHUNK);
        if let Some(place) = chunk.and_then(|chunk| Arc::make_mut(chunk).get_mut(position % CHUNK)) {
            *place = item;
        }
    }
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        List { chunks: self.chunks.clone(), len: self.len }
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        List { chunks: Arc::default(), len: 0 }
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut items = items.into_iter();
        let mut chunks = Vec::new();
        let mut len = 0;
        loop {
            let chunk: Vec<T> = items.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                return List { chunks: Arc::new(chunks), len };
            }
            len += chunk.len();
            chunks.push(Arc::new(chunk));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_stay_as_they_are() {
        let list: List<usize> = (0..1_000).collect();
        let mut copy = list.clone();
        copy.set(700, 0);
        copy.set(1_000, 0);
        assert_eq!((list.get(700), copy.get(700), copy.get(1_000)), (Some(&700), Some(&0), None));
        assert!(list.iter().copied().eq(0..1_000) && list.len() == 1_000);
        let shared = list.chunks.iter().zip(copy.chunks.iter()).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert_eq!(shared, 1_000_usize.div_ceil(CHUNK) - 1);
    }

    #[test]
    fn finds_items() {
        let list: List<usize> = (0..1_000).map(|n| n * 2).collect();
        for n in [0_usize, 1, 2, 777, 1_998, 1_999, 5_000] {
            let expected = if n % 2 == 0 && n < 2_000 { Ok(n / 2) } else { Err(n.div_ceil(2).min(1_000)) };
            assert_eq!(list.binary_search_by(|item| item.cmp(&n)), expected, "{n}");
        }
    }
}
