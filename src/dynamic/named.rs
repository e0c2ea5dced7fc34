//! The elements of one kind by generated name. Copies share what they have in common, so that a configuration costs little
//! beside the one before it, and what differs between the two is quickly found.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::persistent::{self, Change, Map};

/// Elements by name, in its order.
pub struct Named<T>(Map<Arc<str>, Arc<T>>);

/// The elements with their names.
pub struct Iter<'n, T>(persistent::Iter<'n, Arc<str>, Arc<T>>);

// === impl Named ===

impl<T> Named<T> {
    /// The element of that name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.get(name).map(|element| &**element)
    }

    /// The same, to be kept.
    pub fn get_shared(&self, name: &str) -> Option<&Arc<T>> {
        self.0.get(name)
    }

    /// The element with its name.
    pub fn get_key_value(&self, name: &str) -> Option<(&Arc<str>, &T)> {
        self.0.get_key_value(name).map(|(name, element)| (name, &**element))
    }

    /// Whether there is an element of that name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All with their names.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self.0.iter())
    }

    /// The names.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    /// The elements, in order of their names.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.values().map(|element| &**element)
    }

    /// The same, to be kept.
    pub fn iter_shared(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<T>)> {
        self.0.iter()
    }

    /// Puts an element in, in place of the one of that name.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, element: impl Into<Arc<T>>) -> Option<Arc<T>> {
        self.0.insert(name.into(), element.into())
    }

    /// Takes an element out.
    pub fn remove(&mut self, name: &str) -> Option<Arc<T>> {
        self.0.remove(name)
    }

    /// Whether both are the same copy: nothing differs then. If not, all may be equal yet.
    pub fn same(&self, other: &Self) -> bool {
        self.0.same(&other.0)
    }

    /// What differs from an older version: elements that are not shared, though they may be equal.
    pub fn changes<'n>(&'n self, old: &'n Self) -> Vec<Change<'n, Arc<str>, Arc<T>>> {
        self.0.changes(&old.0, Arc::ptr_eq)
    }
}

impl<T: Clone> Named<T> {
    /// The element of that name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.0.get_mut(name).map(Arc::make_mut)
    }
}

impl<T> Clone for Named<T> {
    fn clone(&self) -> Self {
        Named(self.0.clone())
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named(Map::new())
    }
}

impl<T: PartialEq> PartialEq for Named<T> {
    fn eq(&self, other: &Self) -> bool {
        let equal = |change: Change<'_, _, Arc<T>>| change.old.zip(change.new).is_some_and(|(old, new)| old == new);
        self.len() == other.len() && self.changes(other).into_iter().all(equal)
    }
}

impl<T: fmt::Debug> fmt::Debug for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'n, T> IntoIterator for &'n Named<T> {
    type Item = (&'n Arc<str>, &'n T);
    type IntoIter = Iter<'n, T>;

    fn into_iter(self) -> Iter<'n, T> {
        self.iter()
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

// === impl Iter ===

impl<'n, T> Iterator for Iter<'n, T> {
    type Item = (&'n Arc<str>, &'n T);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, element)| (name, &**element))
    }
}
