//! The map against the standard library's, and what its copies share.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What differs between two maps, told by comparing everything.
fn differences(old: &BTreeMap<u8, u8>, new: &BTreeMap<u8, u8>) -> Vec<(u8, Option<u8>, Option<u8>)> {
    let keys = 0..=u8::MAX;
    let both = keys.map(|key| (key, old.get(&key).copied(), new.get(&key).copied()));
    both.filter(|(_, old, new)| old != new).collect()
}

proptest! {
    #[test]
    fn does_what_a_sorted_map_does(
        first in prop::collection::vec((any::<u8>(), any::<u8>()), 0..400),
        then in prop::collection::vec((any::<u8>(), prop::option::of(any::<u8>())), 0..400),
    ) {
        let mut expected: BTreeMap<u8, u8> = BTreeMap::new();
        let mut map = Map::default();
        for (key, value) in first {
            prop_assert_eq!(map.insert(key, value), expected.insert(key, value));
        }
        let (before, expected_before) = (map.clone(), expected.clone());
        for (key, value) in then {
            match value {
                Some(value) => prop_assert_eq!(map.insert(key, value), expected.insert(key, value)),
                None => prop_assert_eq!(map.remove(&key), expected.remove(&key)),
            }
        }
        prop_assert!(map.iter().eq(expected.iter()));
        prop_assert!(before.iter().eq(expected_before.iter()), "the older copy stays as it was");
        prop_assert_eq!(map.len(), expected.len());
        for key in 0..=u8::MAX {
            prop_assert_eq!(map.get(&key), expected.get(&key));
        }
        let found: Vec<_> = map.changes(&before, u8::eq).iter().map(|c| (*c.key, c.old.copied(), c.new.copied())).collect();
        prop_assert_eq!(found, differences(&expected_before, &expected));
        prop_assert!(map.chunks().iter().all(|chunk| !chunk.is_empty() && chunk.len() <= CHUNK));
    }
}

#[test]
fn copies_share_all_but_what_changed() {
    let mut map: Map<u32, u32> = (0..10_000).map(|n| (n, n)).collect();
    assert_eq!(map.chunks().len(), 10_000_usize.div_ceil(CHUNK));
    let before = map.clone();
    assert!(map.same(&before));
    map.insert(5_000, 1);
    map.remove(&7);
    let shared = map.chunks().iter().filter(|chunk| before.chunks().iter().any(|other| Arc::ptr_eq(chunk, other)));
    assert_eq!(shared.count(), before.chunks().len() - 2);
    let looked_at = Cell::new(0);
    let same = |old: &u32, new: &u32| {
        looked_at.set(looked_at.get() + 1);
        old == new
    };
    let keys: Vec<_> = map.changes(&before, same).iter().map(|change| *change.key).collect();
    assert_eq!(keys, [7, 5_000]);
    assert!(looked_at.get() < 2 * CHUNK);
}

#[test]
fn chunks_that_empty_are_joined() {
    let mut map: Map<u32, ()> = (0..10_000).map(|n| (n, ())).collect();
    (0..10_000).filter(|n| n % 50 != 0).for_each(|n| assert!(map.remove(&n).is_some()));
    assert_eq!(map.len(), 200);
    assert!(map.chunks().len() < 20, "{}", map.chunks().len());
    (0..10_000).for_each(|n| assert_eq!(map.remove(&n).is_some(), n % 50 == 0));
    assert!(map.is_empty() && map.same(&Map::default()));
}
