//! Token buckets: how fast they fill, what a request takes, and how long it has to wait for what is lacking.
//! The clock is the caller's. As many sources are remembered as Traefik does, whatever clients send.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::builtin::sources::{Key, Sources};
use crate::config;
use crate::registry::BadConfig;

/// Sources that are remembered at least; Traefik's number.
const MOST: usize = 65_536;

/// Sources that a part remembers at most: hashes spread a little unevenly.
const MOST_OF_PART: usize = MOST / Sources::<Bucket>::PARTS * 5 / 4;

/// How buckets fill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    /// Tokens per second, above 0.
    pub(super) per_second: f64,
    /// Tokens that a bucket holds at most.
    pub(super) burst: f64,
    /// How long a request waits at most.
    pub(super) longest_delay: Duration,
    /// A source that was silent for so long is forgotten: its bucket is full again.
    pub(super) memory: Duration,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Decision {
    /// It goes on.
    Now,
    /// It goes on after this time.
    After(Duration),
    /// It would have to wait for this time, which is too long.
    Refused(Duration),
}

/// The buckets of all sources.
#[derive(Default)]
pub(super) struct Buckets(Sources<Bucket>);

struct Bucket {
    /// Below 0 where requests wait for tokens.
    tokens: f64,
    /// When `tokens` was right.
    at: Instant,
    /// When the source was heard of.
    heard: Instant,
}

// === impl Rate ===

impl Rate {
    /// From configuration; none is no limit.
    pub(super) fn new(config: &config::RateLimit) -> Result<Option<Self>, BadConfig> {
        for (field, value) in [("average", config.average), ("burst", config.burst)] {
            if value < 0 {
                return Err(BadConfig::new(field, format!("{value} is negative: 0 or more is accepted")));
            }
        }
        let nanos = config.period.map_or(0, |period| period.as_nanos());
        let period = match u64::try_from(nanos) {
            Ok(0) => Duration::from_secs(1),
            Ok(nanos) => Duration::from_nanos(nanos),
            Err(_) => {
                let period = config.period.unwrap_or_default();
                return Err(BadConfig::new("period", format!("{period} is negative: such as 1s or 1m is accepted")));
            }
        };
        if config.average == 0 {
            return Ok(None);
        }
        let per_second = config.average as f64 / period.as_secs_f64();
        let (longest_delay, memory) = if per_second < 1.0 {
            (Duration::from_millis(500), 1 + (1.0 / per_second) as u64)
        } else {
            (Duration::from_nanos(1_000_000_000 / (per_second as u64).saturating_mul(2)), 2)
        };
        let burst = config.burst.max(1) as f64;
        Ok(Some(Rate { per_second, burst, longest_delay, memory: Duration::from_secs(memory) }))
    }

    /// What lacking so many tokens means.
    pub(super) fn decide(&self, lacking: f64) -> Decision {
        if lacking <= 0.0 {
            return Decision::Now;
        }
        // A rate so low that its wait can't be written down is refused with the longest there is.
        let delay = Duration::try_from_secs_f64(lacking / self.per_second).unwrap_or(Duration::MAX);
        match delay {
            Duration::ZERO => Decision::Now,
            delay if delay > self.longest_delay => Decision::Refused(delay),
            delay => Decision::After(delay),
        }
    }
}

// === impl Buckets ===

impl Buckets {
    /// Takes a token of a source, unless the wait for it would be too long.
    pub(super) fn take(&self, rate: &Rate, source: &str, now: Instant) -> Decision {
        let key = self.0.key(source);
        let mut part = self.0.part(key);
        if part.len() >= MOST_OF_PART && !part.contains_key(&key) {
            forget(&mut part, rate, now);
        }
        let bucket = part.entry(key).or_insert_with(|| Bucket::full(rate, now));
        if now.saturating_duration_since(bucket.heard) >= rate.memory {
            *bucket = Bucket::full(rate, now);
        }
        bucket.take(rate, now)
    }
}

/// Makes room: what would be forgotten anyway, and if that isn't enough, the quarter that was silent for longest.
fn forget(part: &mut HashMap<Key, Bucket>, rate: &Rate, now: Instant) {
    part.retain(|_, bucket| now.saturating_duration_since(bucket.heard) < rate.memory);
    if part.len() < MOST_OF_PART {
        return;
    }
    let mut heard: Vec<Instant> = part.values().map(|bucket| bucket.heard).collect();
    let quarter = heard.len() / 4;
    let (_, last, _) = heard.select_nth_unstable(quarter);
    let mut left = quarter + 1;
    part.retain(|_, bucket| {
        let forgotten = left > 0 && bucket.heard <= *last;
        left -= usize::from(forgotten);
        !forgotten
    });
}

// === impl Bucket ===

impl Bucket {
    fn full(rate: &Rate, now: Instant) -> Self {
        Bucket { tokens: rate.burst, at: now, heard: now }
    }

    fn take(&mut self, rate: &Rate, now: Instant) -> Decision {
        self.heard = self.heard.max(now);
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let tokens = (self.tokens + passed * rate.per_second).min(rate.burst);
        let decision = rate.decide(1.0 - tokens);
        if !matches!(decision, Decision::Refused(_)) {
            self.tokens = tokens - 1.0;
            self.at = self.at.max(now);
        }
        decision
    }
}

#[cfg(test)]
mod tests;
