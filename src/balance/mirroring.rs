//! A service whose requests are copied to others. Here is decided which requests and which mirrors; the copies are made
//! and sent by `proxy`, after the response.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Service;

/// A service, and copies of its requests to others.
#[derive(Debug)]
pub struct Mirroring {
    main: Arc<Service>,
    body: BodyCopy,
    mirrors: Vec<Mirror>,
    requests: Arc<AtomicU64>,
    pub(super) acts_around: bool,
}

/// What a mirror gets of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyCopy {
    /// Nothing.
    Nothing,
    /// All of it; a request with a longer one isn't mirrored at all.
    UpTo(u64),
}

/// A service that gets copies.
#[derive(Debug)]
pub struct Mirror {
    /// Itself.
    pub service: Arc<Service>,
    /// Its share of the requests, 0 to 100.
    pub percent: u64,
    /// How many copies it got; a counter of the mirror that it replaces goes on.
    pub sent: Arc<AtomicU64>,
}

/// A copy that is to be sent.
#[derive(Debug)]
pub struct Copy {
    /// To whom.
    pub to: Arc<Service>,
    /// With what of the body.
    pub body: BodyCopy,
}

// === impl Mirroring ===

impl Mirroring {
    /// The main service with its mirrors, and how many requests there were.
    pub fn new(main: Arc<Service>, body: BodyCopy, mirrors: Vec<Mirror>, requests: Arc<AtomicU64>) -> Self {
        Mirroring { acts_around: main.acts_around(), main, body, mirrors, requests }
    }

    /// The service that answers.
    pub fn main(&self) -> &Arc<Service> {
        &self.main
    }

    /// Its mirrors.
    pub fn mirrors(&self) -> &[Mirror] {
        &self.mirrors
    }

    /// How many requests there were, to be carried over with the mirrors' counters.
    pub fn requests(&self) -> &Arc<AtomicU64> {
        &self.requests
    }

    /// The copies that the next request makes: each mirror keeps to its share of all requests so far.
    pub(super) fn next(&self) -> impl Iterator<Item = Copy> {
        let total = self.requests.fetch_add(1, Relaxed) + 1;
        let due = move |mirror: &&Mirror| {
            let next =
                |sent: u64| (sent.saturating_mul(100) < total.saturating_mul(mirror.percent)).then_some(sent + 1);
            mirror.percent > 0 && mirror.sent.fetch_update(Relaxed, Relaxed, next).is_ok()
        };
        self.mirrors.iter().filter(due).map(|mirror| Copy { to: mirror.service.clone(), body: self.body })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Weighted;
    use super::*;

    #[test]
    fn each_mirror_gets_its_share() {
        let nobody = || Arc::new(Service::Weighted(Weighted::new(Vec::new(), None, None)));
        let mirrors = [20, 0, 100, 33].map(|percent| Mirror { service: nobody(), percent, sent: Arc::default() });
        let mirroring = Mirroring::new(nobody(), BodyCopy::UpTo(5), mirrors.into(), Arc::default());
        let first: Vec<usize> = (0..11).map(|_| mirroring.next().count()).collect();
        // 20 of 100: the 1st, the 6th, the 11th request.
        assert_eq!(first, [3, 1, 1, 2, 1, 2, 2, 1, 1, 2, 2]);
        let _: usize = (11..10_000).map(|_| mirroring.next().count()).sum();
        let sent: Vec<u64> = mirroring.mirrors().iter().map(|mirror| mirror.sent.load(Relaxed)).collect();
        assert_eq!(sent, [2000, 0, 10_000, 3300]);
        assert!(mirroring.next().all(|copy| copy.body == BodyCopy::UpTo(5)));
    }
}
