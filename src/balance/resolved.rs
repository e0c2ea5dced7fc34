//! The addresses of servers that are names: one map, shared by the pools of successive tables.
//! Whoever owns the table looks names up; pools only read, so that no table ever waits for DNS.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::{PoisonError, RwLock};

use futures_util::{StreamExt, stream};

/// A host and its port.
pub type Name = (String, u16);

/// So many names are looked up at a time: each holds a thread while its resolver doesn't answer.
const AT_A_TIME: usize = 32;

/// What is known of names. The last good answer counts, however old.
#[derive(Debug, Default)]
pub struct Resolved(RwLock<HashMap<Name, Vec<SocketAddr>>>);

/// A set of servers, some of which may be names.
pub trait Named {
    /// The members that are names.
    fn names(&self) -> &[Name];

    /// Takes the members with the addresses that are known now, and prepares the view that those who pick see.
    fn refresh(&self);
}

// === impl Resolved ===

impl Resolved {
    /// The addresses of a name; empty where none is known.
    pub fn get(&self, name: &Name) -> Vec<SocketAddr> {
        self.read(|known| known.get(name).cloned()).unwrap_or_default()
    }

    /// Those of `names` that nothing is known of, though they may have been looked up.
    pub fn missing(&self, names: &BTreeSet<Name>) -> BTreeSet<Name> {
        self.read(|known| names.iter().filter(|n| known.get(*n).is_none_or(Vec::is_empty)).cloned().collect())
    }

    /// Whether one of `names` was never looked up.
    pub fn is_new(&self, names: &BTreeSet<Name>) -> bool {
        self.read(|known| names.iter().any(|n| !known.contains_key(n)))
    }

    /// Forgets all names but these.
    pub fn keep(&self, names: &BTreeSet<Name>) {
        self.write(|known| known.retain(|name, _| names.contains(name)));
    }

    /// Looks names up; gives those that were not found, whose known addresses stay.
    pub async fn look_up(&self, names: BTreeSet<Name>) -> Vec<(Name, io::Error)> {
        let answers = stream::iter(names).map(|name| async move {
            let answer = tokio::net::lookup_host((name.0.as_str(), name.1)).await.map(Iterator::collect);
            self.learn(name, answer)
        });
        answers.buffer_unordered(AT_A_TIME).filter_map(std::future::ready).collect().await
    }

    fn learn(&self, name: Name, answer: io::Result<Vec<SocketAddr>>) -> Option<(Name, io::Error)> {
        let error = match answer {
            Ok(addresses) if !addresses.is_empty() => {
                self.write(|known| known.insert(name, addresses));
                return None;
            }
            Ok(_) => io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
            Err(error) => error,
        };
        self.write(|known| known.entry(name.clone()).or_default().len());
        Some((name, error))
    }

    fn read<T>(&self, read: impl FnOnce(&HashMap<Name, Vec<SocketAddr>>) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut HashMap<Name, Vec<SocketAddr>>) -> T) -> T {
        write(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_last_good_answer_stays() {
        let (resolved, name) = (Resolved::default(), ("a.example".to_owned(), 80));
        let names = BTreeSet::from([name.clone()]);
        assert!(resolved.is_new(&names) && resolved.missing(&names) == names);

        let failed = || Err(io::Error::other("no answer"));
        assert!(resolved.learn(name.clone(), failed()).is_some());
        // It was asked for, so nobody waits for it again; and it is asked for again.
        assert!(!resolved.is_new(&names) && resolved.missing(&names) == names);

        let address: SocketAddr = "10.0.0.1:80".parse().unwrap();
        assert!(resolved.learn(name.clone(), Ok(vec![address])).is_none());
        assert!(resolved.missing(&names).is_empty());
        for answer in [failed(), Ok(Vec::new())] {
            assert!(resolved.learn(name.clone(), answer).is_some());
            assert_eq!(resolved.get(&name), [address]);
        }
        resolved.keep(&BTreeSet::new());
        assert!(resolved.is_new(&names));
    }
}
