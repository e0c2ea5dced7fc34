//! A token bucket: so many at once, and then so many in a time. The time is passed in.

use std::time::Duration;

/// How much may pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// At once, after a long silence.
    pub burst: u32,
    /// The time in which one more may pass.
    pub every: Duration,
}

/// What is left of a rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    rate: Rate,
    tokens: f64,
    filled: Duration,
}

// === impl Bucket ===

impl Bucket {
    /// A full one.
    pub fn new(rate: Rate, now: Duration) -> Self {
        Bucket { rate, tokens: f64::from(rate.burst), filled: now }
    }

    /// Fills it up to now.
    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.filled).as_secs_f64() / self.rate.every.as_secs_f64();
        self.tokens = (self.tokens + passed).min(f64::from(self.rate.burst));
        self.filled = self.filled.max(now);
    }

    /// Whether one may pass now.
    pub fn has(&mut self, now: Duration) -> bool {
        self.fill(now);
        self.tokens >= 1.0
    }

    /// Lets one pass, if it may.
    pub fn take(&mut self, now: Duration) -> bool {
        let may = self.has(now);
        if may {
            self.tokens -= 1.0;
        }
        may
    }

    /// Takes back that one passed.
    pub fn give_back(&mut self) {
        self.tokens = (self.tokens + 1.0).min(f64::from(self.rate.burst));
    }

    /// Whether it says no more than a new one would.
    pub fn is_full(&mut self, now: Duration) -> bool {
        self.fill(now);
        self.tokens >= f64::from(self.rate.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_in_a_time() {
        let mut bucket = Bucket::new(Rate { burst: 3, every: Duration::from_secs(10) }, Duration::ZERO);
        let mut passed = |from: u64, to: u64| (from..to).filter(|s| bucket.take(Duration::from_secs(*s))).count();
        assert_eq!(passed(0, 5), 3);
        assert_eq!(passed(5, 10), 0);
        assert_eq!(passed(10, 40), 3);
        assert_eq!(passed(1000, 1005), 3, "no more than a burst, however long the silence");
        assert_eq!(passed(500, 505), 0, "a clock that goes back gives nothing");
        assert!(!bucket.is_full(Duration::from_secs(1005)));
        bucket.give_back();
        assert!(bucket.take(Duration::from_secs(1005)) && !bucket.take(Duration::from_secs(1005)));
        assert!(bucket.is_full(Duration::from_secs(2000)));
    }
}
