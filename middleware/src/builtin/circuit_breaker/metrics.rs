//! What a breaker counts: responses by code over ten seconds, latencies over a minute; the clock is the caller's.
//! Only what the condition asks for is counted.

use std::time::{Duration, Instant};

use super::condition::{Condition, Ratio};

/// Counts of codes: so many windows of this length.
const CODE_WINDOWS: usize = 10;
const CODE_WINDOW: Duration = Duration::from_secs(1);

/// Histograms of latencies: so many windows of this length.
const LATENCY_WINDOWS: usize = 6;
const LATENCY_WINDOW: Duration = Duration::from_secs(10);

/// The longest latency told apart: an hour, in microseconds.
const LONGEST: u64 = 3_600_000_000;

/// Latencies below are told apart exactly; above, to two digits: a power of two is cut into half as many parts.
const PARTS: u64 = 256;

/// Counts of the last seconds.
pub(super) struct Metrics {
    ratios: Vec<Ratio>,
    /// The number of responses, then two counts for each ratio.
    codes: Rolling<CODE_WINDOWS>,
    latencies: Option<Rolling<LATENCY_WINDOWS>>,
}

/// Counters in windows of time, the oldest of which is used again.
struct Rolling<const WINDOWS: usize> {
    start: Instant,
    length: Duration,
    /// The number of the window that was counted in last, since `start`.
    current: u64,
    windows: [Box<[u64]>; WINDOWS],
}

// === impl Metrics ===

impl Metrics {
    pub(super) fn new(condition: &Condition, now: Instant) -> Self {
        let ratios = condition.ratios().to_vec();
        let counters = 1 + 2 * ratios.len();
        let latencies = condition.needs_latency().then(|| Rolling::new(LATENCY_WINDOW, place(LONGEST) + 1, now));
        Metrics { codes: Rolling::new(CODE_WINDOW, counters, now), ratios, latencies }
    }

    /// Counts a response.
    pub(super) fn record(&mut self, status: u16, latency: Duration, now: Instant) {
        self.move_to(now);
        self.codes.count(0);
        for (i, ratio) in self.ratios.iter().enumerate() {
            for (j, counts) in ratio.counts(status).into_iter().enumerate() {
                if counts {
                    self.codes.count(1 + 2 * i + j);
                }
            }
        }
        if let Some(latencies) = &mut self.latencies {
            let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST);
            latencies.count(place(micros.clamp(1, LONGEST)));
        }
    }

    /// Forgets what is older than the windows.
    pub(super) fn move_to(&mut self, now: Instant) {
        self.codes.move_to(now);
        if let Some(latencies) = &mut self.latencies {
            latencies.move_to(now);
        }
    }

    /// The share of a ratio; 0 where there is nothing to share.
    pub(super) fn ratio(&self, number: usize) -> f64 {
        let [part, whole] = [1, 2].map(|j| self.codes.sum(2 * number + j));
        if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
    }

    pub(super) fn responses(&self) -> i64 {
        i64::try_from(self.codes.sum(0)).unwrap_or(i64::MAX)
    }

    /// The latency that this share (in percent) of the responses has at most, in milliseconds.
    pub(super) fn latency_millis(&self, percent: f64) -> i64 {
        let Some(latencies) = &self.latencies else { return 0 };
        let counts: Vec<u64> = (0..=place(LONGEST)).map(|place| latencies.sum(place)).collect();
        let wanted = percent / 100.0 * counts.iter().sum::<u64>() as f64 + 0.5;
        let (mut seen, wanted) = (0, wanted as u64);
        for (place, count) in counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && *count > 0 {
                return i64::try_from(highest(place) / 1000).unwrap_or(i64::MAX);
            }
        }
        0
    }
}

// === impl Ratio ===

impl Ratio {
    /// Whether a code counts for the part, and for the whole.
    fn counts(&self, status: u16) -> [bool; 2] {
        match self {
            Ratio::NetworkErrors => [matches!(status, 502 | 504), true],
            Ratio::Codes(part, whole) => [part.contains(&status), whole.contains(&status)],
        }
    }
}

// === impl Rolling ===

impl<const WINDOWS: usize> Rolling<WINDOWS> {
    fn new(length: Duration, counters: usize, now: Instant) -> Self {
        let windows = std::array::from_fn(|_| vec![0; counters].into_boxed_slice());
        Rolling { start: now, length, current: 0, windows }
    }

    fn move_to(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.start).as_nanos() / self.length.as_nanos();
        let number = u64::try_from(passed).unwrap_or(u64::MAX);
        let stale = number.saturating_sub(self.current).min(WINDOWS as u64);
        for i in 1..=stale {
            let number = number.saturating_sub(stale - i);
            if let Some(window) = self.windows.get_mut((number % WINDOWS as u64) as usize) {
                window.fill(0);
            }
        }
        self.current = self.current.max(number);
    }

    fn count(&mut self, counter: usize) {
        let window = self.windows.get_mut((self.current % WINDOWS as u64) as usize);
        if let Some(count) = window.and_then(|window| window.get_mut(counter)) {
            *count += 1;
        }
    }

    fn sum(&self, counter: usize) -> u64 {
        self.windows.iter().filter_map(|window| window.get(counter)).sum()
    }
}

/// The place of a latency in a histogram.
fn place(micros: u64) -> usize {
    let shift = u64::from((u64::BITS - micros.leading_zeros()).saturating_sub(PARTS.trailing_zeros()));
    (shift * (PARTS / 2) + (micros >> shift)) as usize
}

/// The highest latency of a place.
fn highest(place: usize) -> u64 {
    let place = place as u64;
    let shift = (place / (PARTS / 2)).saturating_sub(1);
    let part = place - shift * (PARTS / 2);
    ((part + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn metrics(expression: &str, now: Instant) -> Metrics {
        Metrics::new(&Condition::new(expression).unwrap(), now)
    }

    #[test]
    fn ratios_are_of_the_last_ten_seconds() {
        let start = Instant::now();
        let mut metrics = metrics(
            "NetworkErrorRatio() > 0.5 && ResponseCodeRatio(500, 504, 200, 600) > 0.1 && RequestThreshold() > 1",
            start,
        );
        assert_eq!((metrics.ratio(0), metrics.ratio(1), metrics.responses()), (0.0, 0.0, 0));
        for (second, statuses, expected) in [
            (0, &[502, 504, 200, 404][..], (0.5, 0.25, 4)),
            (1, &[500, 503, 199, 600], (0.25, 3.0 / 6.0, 8)),
            (9, &[], (0.25, 0.5, 8)),
            (10, &[], (0.0, 1.0, 4)),
            (11, &[], (0.0, 0.0, 0)),
            (1000, &[502], (1.0, 1.0, 1)),
            (1001, &[504], (1.0, 0.5, 2)),
        ] {
            let now = start + Duration::from_secs(second);
            statuses.iter().for_each(|status| metrics.record(*status, Duration::ZERO, now));
            metrics.move_to(now);
            assert_eq!((metrics.ratio(0), metrics.ratio(1), metrics.responses()), expected, "{second}");
        }
    }

    #[test]
    fn quantiles_are_of_the_last_minute() {
        let start = Instant::now();
        let mut metrics = metrics("LatencyAtQuantileMS(50.0) > 1", start);
        assert_eq!(metrics.latency_millis(50.0), 0);
        for millis in 1..=100 {
            metrics.record(200, Duration::from_millis(millis), start);
        }
        for (percent, expected) in [(50.0, 50..=50), (95.0, 95..=95), (99.0, 99..=99), (100.0, 100..=100), (1.0, 1..=1)]
        {
            let found = metrics.latency_millis(percent);
            assert!(expected.contains(&found), "{percent}: {found}");
        }
        metrics.record(200, Duration::from_secs(7200), start + Duration::from_secs(59));
        assert!(metrics.latency_millis(100.0) >= 3_599_000);
        metrics.move_to(start + Duration::from_secs(60));
        assert!(metrics.latency_millis(1.0) >= 3_599_000);
        metrics.move_to(start + Duration::from_secs(110));
        assert_eq!(metrics.latency_millis(50.0), 0);
    }

    #[test]
    fn latencies_are_told_apart_to_two_digits() {
        for micros in [0, 1, 255, 256, 257, 1000, 99_999, 1_234_567, LONGEST] {
            let highest = highest(place(micros));
            assert!(highest >= micros && highest - micros <= micros / 100, "{micros}: {highest}");
        }
        assert!((1..LONGEST).step_by(7_654_321).all(|micros| place(micros) <= place(micros + 1)));
        assert!(place(LONGEST) < 4000);
    }
}
