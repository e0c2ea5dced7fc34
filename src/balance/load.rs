//! What a server has to do: requests in flight, and how soon it answered the last ones. Survives changes of the pool.
//! Counted for the strategies that ask (`p2c`, `leasttime`); all of it in atomics.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant};

/// So many answers count for the average.
const SAMPLES: usize = 100;

/// How long a server that could not be connected to is nobody's choice: it has nothing to do, and would be everybody's.
const REST: Duration = Duration::from_secs(1);

/// Moments are counted from here.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The load of a server.
#[derive(Debug, Default)]
pub struct Load {
    in_flight: AtomicUsize,
    /// How often it was picked: who was picked less goes first where all else is equal.
    picks: AtomicU64,
    /// Its position in the view that was made last, for whoever has a view to keep in order.
    position: AtomicUsize,
    /// When it has rested, in milliseconds; 0 where it doesn't.
    rested: AtomicU64,
    /// Only where it is asked for: it is large.
    latency: OnceLock<Box<Latency>>,
}

/// The time to the first byte of the last answers, in microseconds.
#[derive(Debug)]
struct Latency {
    samples: [AtomicU32; SAMPLES],
    sum: AtomicU64,
    count: AtomicUsize,
}

/// How good a server is to be picked: the smaller, the better.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Score {
    time: f64,
    picks: f64,
}

// === impl Load ===

impl Load {
    /// Requests in flight; more than any other has while it rests.
    pub fn in_flight(&self) -> usize {
        if self.is_resting() { usize::MAX / 2 } else { self.in_flight.load(Relaxed) }
    }

    /// It could not be connected to.
    pub fn failed(&self) {
        self.rested.store((START.elapsed() + REST).as_millis() as u64, Relaxed);
    }

    fn is_resting(&self) -> bool {
        let rested = self.rested.load(Relaxed);
        if rested == 0 {
            return false;
        }
        let resting = (START.elapsed().as_millis() as u64) < rested;
        if !resting {
            // Unless it has failed again meanwhile.
            let _ = self.rested.compare_exchange(rested, 0, Relaxed, Relaxed);
        }
        resting
    }

    /// A request begins.
    pub fn begin(&self) {
        self.in_flight.fetch_add(1, Relaxed);
        self.picks.fetch_add(1, Relaxed);
    }

    /// A request ended.
    pub fn end(&self) {
        // Each end has its begin: it doesn't wrap.
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// The first byte of an answer came.
    pub fn answered(&self, after: Duration) {
        self.latency.get_or_init(Box::default).add(u32::try_from(after.as_micros()).unwrap_or(u32::MAX));
    }

    /// Average time to the first byte × (1 + requests in flight) / weight; 0 for a server that hasn't answered yet.
    pub fn score(&self, weight: i64) -> Score {
        let weight = weight as f64;
        let resting = if self.is_resting() { f64::MAX / 2.0 } else { 0.0 };
        let time = self.latency.get().map_or(0.0, |latency| latency.average()).max(resting);
        Score { time: time * (1 + self.in_flight()) as f64 / weight, picks: self.picks.load(Relaxed) as f64 / weight }
    }

    /// Begins where a server that is there already has come to, so that it isn't picked until it has caught up.
    pub fn level_with(&self, picks: u64) {
        self.picks.fetch_max(picks, Relaxed);
    }

    /// How often it was picked.
    pub fn picks(&self) -> u64 {
        self.picks.load(Relaxed)
    }

    /// Its position in the view that was made last.
    pub fn position(&self) -> usize {
        self.position.load(Relaxed)
    }

    /// Notes its position in a new view.
    pub fn set_position(&self, position: usize) {
        self.position.store(position, Relaxed);
    }
}

// === impl Latency ===

impl Latency {
    fn add(&self, micros: u32) {
        let n = self.count.fetch_add(1, Relaxed);
        if let Some(sample) = self.samples.get(n % SAMPLES) {
            let before = sample.swap(micros, Relaxed);
            // Wraps in between where others take away first; the end is right.
            self.sum.fetch_add(u64::from(micros).wrapping_sub(u64::from(before)), Relaxed);
        }
    }

    fn average(&self) -> f64 {
        match self.count.load(Relaxed).min(SAMPLES) {
            0 => 0.0,
            count => self.sum.load(Relaxed) as f64 / count as f64,
        }
    }
}

impl Default for Latency {
    fn default() -> Self {
        Latency { samples: [const { AtomicU32::new(0) }; SAMPLES], sum: AtomicU64::new(0), count: AtomicUsize::new(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answers_and_what_is_in_flight_make_the_score() {
        let load = Load::default();
        assert_eq!(load.score(1).time, 0.0);
        (0..50).for_each(|_| load.answered(Duration::from_millis(1000)));
        assert_eq!(load.score(1).time, 1_000_000.0);
        (0..100).for_each(|_| load.answered(Duration::from_millis(2)));
        assert_eq!(load.score(1).time, 2_000.0);
        load.begin();
        load.begin();
        load.end();
        assert_eq!((load.in_flight(), load.score(1).time, load.score(2).time), (1, 4_000.0, 2_000.0));
        assert_eq!(load.score(2).picks, 1.0);
    }

    #[test]
    fn who_failed_rests() {
        let [failed, busy] = [Load::default(), Load::default()];
        (0..9).for_each(|_| busy.begin());
        busy.answered(Duration::from_secs(9));
        failed.failed();
        assert!(busy.score(1) < failed.score(1) && busy.in_flight() < failed.in_flight());
        failed.rested.store(1, Relaxed);
        while START.elapsed() < Duration::from_millis(2) {}
        assert!(failed.score(1) < busy.score(1));
        assert_eq!(failed.in_flight(), 0);
    }

    #[test]
    fn scores_compare_times_first() {
        let [fast, slow] = [Load::default(), Load::default()];
        fast.answered(Duration::from_millis(1));
        slow.answered(Duration::from_millis(5));
        (0..3).for_each(|_| fast.begin());
        (0..3).for_each(|_| fast.end());
        assert!(fast.score(1) < slow.score(1));
        slow.level_with(7);
        assert_eq!((slow.picks(), slow.position()), (7, 0));
    }
}
