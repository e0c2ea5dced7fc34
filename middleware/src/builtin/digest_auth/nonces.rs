//! The nonces of challenges: made with a key of this instance, so that nothing is kept for those that nobody uses.
//! Of those in use the highest count is kept: a proof serves once. A bounded number, the ones used last.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Nonces in use that are remembered.
const MOST: usize = 1000;

/// Those forgotten at once when there are too many.
const PORTION: usize = 100;

/// Issues nonces, and knows how often they were used.
pub(super) struct Nonces {
    key: [u8; 32],
    issued: AtomicU64,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    /// By the number of the nonce.
    counts: HashMap<u64, Count>,
    /// Nonces up to this number that aren't remembered may have been used.
    forgotten: u64,
    /// How many uses there were: the clock of this memory.
    clock: u64,
}

struct Count {
    highest: u64,
    heard: u64,
}

/// What using a nonce amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It was not used with this count, or a higher one.
    Good,
    /// It was, or is not one of ours: the client shall take a new one.
    Spent,
}

// === impl Nonces ===

impl Nonces {
    pub(super) fn issue(&self) -> String {
        self.nonce(self.issued.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Uses a nonce for the `count`-th time, which must be more than any time before.
    pub(super) fn spend(&self, nonce: &str, count: u64) -> Use {
        let decoded = URL_SAFE_NO_PAD.decode(nonce).ok();
        let number = decoded.as_ref().and_then(|bytes| bytes.first_chunk()).map(|number| u64::from_be_bytes(*number));
        let Some(number) = number.filter(|number| self.nonce(*number) == nonce) else { return Use::Spent };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.spend(number, count)
    }

    /// The nonce of a number. Its code has a fixed length after a key, which is all that a hash needs to be one.
    fn nonce(&self, number: u64) -> String {
        let number = number.to_be_bytes();
        let code = Sha256::new().chain_update(self.key).chain_update(number).finalize();
        URL_SAFE_NO_PAD.encode([&number[..], &code[..16]].concat())
    }
}

impl Default for Nonces {
    fn default() -> Self {
        Nonces { key: rand::random(), issued: AtomicU64::default(), used: Mutex::default() }
    }
}

// === impl Used ===

impl Used {
    fn spend(&mut self, number: u64, count: u64) -> Use {
        self.clock += 1;
        let heard = self.clock;
        if let Some(known) = self.counts.get_mut(&number) {
            if count <= known.highest {
                return Use::Spent;
            }
            *known = Count { highest: count, heard };
            return Use::Good;
        }
        if number <= self.forgotten {
            return Use::Spent;
        }
        if self.counts.len() >= MOST {
            self.forget();
        }
        self.counts.insert(number, Count { highest: count, heard });
        Use::Good
    }

    /// Forgets a portion of those that were used longest ago.
    fn forget(&mut self) {
        let mut heard: Vec<u64> = self.counts.values().map(|count| count.heard).collect();
        let (_, last, _) = heard.select_nth_unstable(PORTION);
        let last = *last;
        let forgotten = self.counts.extract_if(|_, count| count.heard < last).map(|(number, _)| number).max();
        self.forgotten = self.forgotten.max(forgotten.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_serves_once() {
        let nonces = Nonces::default();
        let nonce = nonces.issue();
        for (count, expected) in [(1, Use::Good), (1, Use::Spent), (3, Use::Good), (2, Use::Spent), (4, Use::Good)] {
            assert_eq!(nonces.spend(&nonce, count), expected, "{count}");
        }
    }

    #[test]
    fn nobody_else_makes_them() {
        let nonces = Nonces::default();
        let theirs = Nonces::default().issue();
        for nonce in [theirs.as_str(), "", "AAAAAAAAAAE", "?"] {
            assert_eq!(nonces.spend(nonce, 1), Use::Spent, "{nonce}");
        }
        assert_ne!(nonces.issue(), nonces.issue());
    }

    #[test]
    fn what_is_forgotten_is_spent() {
        let nonces = Nonces::default();
        let first = nonces.issue();
        let busy = nonces.issue();
        assert_eq!(nonces.spend(&first, 1), Use::Good);
        for count in 1..=5000 {
            assert_eq!(nonces.spend(&nonces.issue(), 1), Use::Good);
            assert_eq!(nonces.spend(&busy, count), Use::Good, "{count}");
        }
        assert_eq!(nonces.spend(&first, 2), Use::Spent);
        let held = nonces.used.lock().unwrap_or_else(PoisonError::into_inner).counts.len();
        assert!(held <= MOST, "{held}");
        // Issued but never used: nothing is held for it, and it is good unless it is older than what was forgotten.
        let issued = nonces.issue();
        (0..100_000).for_each(|_| drop(nonces.issue()));
        assert_eq!(nonces.spend(&issued, 1), Use::Good);
    }
}
