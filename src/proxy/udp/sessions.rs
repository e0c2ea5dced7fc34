//! The sessions of a UDP entry point, by client: bounded, as each holds a descriptor.
//! Used by the one that receives and by every session; locked for a look-up at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use tokio::sync::watch;

use super::session::Session;
use super::socket::Peer;

/// Sessions by client.
pub(super) struct Sessions {
    most: usize,
    map: Mutex<FxHashMap<Peer, Arc<Session>>>,
    count: watch::Sender<usize>,
}

/// Whether there was a place for another session.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Free,
    /// There are as many as there may be: so many.
    None(usize),
}

// === impl Sessions ===

impl Sessions {
    pub(super) fn new(most: usize) -> Self {
        Sessions { most, map: Mutex::default(), count: watch::channel(0).0 }
    }

    pub(super) fn get(&self, peer: &Peer) -> Option<Arc<Session>> {
        self.lock().get(peer).cloned()
    }

    pub(super) fn insert(&self, session: &Arc<Session>) -> Place {
        let mut map = self.lock();
        if map.len() >= self.most {
            return Place::None(self.most);
        }
        map.insert(session.peer, session.clone());
        self.count.send_replace(map.len());
        Place::Free
    }

    /// Ends a session; one that came after it for the same client stays.
    pub(super) fn remove(&self, session: &Arc<Session>) {
        self.remove_if(session, |_| true);
    }

    /// Ends a session that is over, in one step with asking whether it is: nobody finds it in between.
    pub(super) fn remove_if(&self, session: &Arc<Session>, over: impl FnOnce(&Session) -> bool) -> bool {
        let mut map = self.lock();
        if !over(session) {
            return false;
        }
        if map.get(&session.peer).is_some_and(|found| Arc::ptr_eq(found, session)) {
            map.remove(&session.peer);
            self.count.send_replace(map.len());
        }
        true
    }

    /// Waits until there is none.
    pub(super) async fn all_over(&self) {
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<Peer, Arc<Session>>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
