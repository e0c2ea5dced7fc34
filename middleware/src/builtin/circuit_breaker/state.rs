//! Where a breaker stands: closed, open, or recovering. Moved by requests and responses; the clock is the caller's.
//! Used under the filter's lock, for a few instructions at a time.

use std::time::{Duration, Instant};

use super::Periods;
use super::condition::Condition;
use super::metrics::Metrics;

/// The share of requests that is let through at the end of recovery.
const RECOVERED: f64 = 0.5;

/// A breaker's state, and what it counted.
pub(super) struct State {
    phase: Phase,
    metrics: Metrics,
    /// The condition isn't looked at before.
    next_check: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// All requests are let through.
    Closed,
    /// None is, until then.
    Open(Instant),
    /// A growing share is.
    Recovering { since: Instant, allowed: u64, denied: u64 },
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Opened,
    Recovering,
    Closed,
}

// === impl State ===

impl State {
    pub(super) fn new(condition: &Condition, now: Instant) -> Self {
        State { phase: Phase::Closed, metrics: Metrics::new(condition, now), next_check: now }
    }

    /// Whether a request is let through.
    pub(super) fn admits(&mut self, periods: &Periods, now: Instant) -> (bool, Option<Change>) {
        let mut change = None;
        if let Phase::Open(until) = self.phase {
            if now < until {
                return (false, None);
            }
            self.phase = Phase::Recovering { since: now, allowed: 0, denied: 0 };
            change = Some(Change::Recovering);
        }
        let Phase::Recovering { since, allowed, denied } = &mut self.phase else { return (true, None) };
        let passed = now.saturating_duration_since(*since);
        if passed > periods.recovery {
            self.phase = Phase::Closed;
            return (true, Some(Change::Closed));
        }
        let target = RECOVERED * passed.as_secs_f64() / periods.recovery.as_secs_f64();
        let share = (*allowed + 1) as f64 / (*allowed + 1 + *denied) as f64;
        let admitted = share < target;
        *(if admitted { allowed } else { denied }) += 1;
        (admitted, change)
    }

    /// Counts a response, and opens where the condition holds.
    pub(super) fn record(
        &mut self,
        condition: &Condition,
        periods: &Periods,
        status: u16,
        latency: Duration,
        now: Instant,
    ) -> Option<Change> {
        self.metrics.record(status, latency, now);
        if now < self.next_check {
            return None;
        }
        self.next_check = now + periods.check;
        if matches!(self.phase, Phase::Open(_)) || !condition.holds(&self.metrics) {
            return None;
        }
        self.phase = Phase::Open(now + periods.fallback);
        self.metrics = Metrics::new(condition, now);
        Some(Change::Opened)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PERIODS: Periods = Periods {
        check: Duration::from_millis(100),
        fallback: Duration::from_secs(10),
        recovery: Duration::from_secs(10),
    };

    #[test]
    fn opens_recovers_and_closes() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let condition = Condition::new("NetworkErrorRatio() > 0.5").unwrap();
        let mut state = State::new(&condition, start);
        let record =
            |state: &mut State, status, now| state.record(&condition, &PERIODS, status, Duration::ZERO, at(now));
        assert_eq!(record(&mut state, 200, 0.0), None);
        assert_eq!(record(&mut state, 502, 0.15), None, "half of them is not more than half");
        assert_eq!(record(&mut state, 502, 0.2), None, "not looked at before the period is over");
        assert_eq!(state.admits(&PERIODS, at(0.2)), (true, None));
        assert_eq!(record(&mut state, 502, 0.25), Some(Change::Opened));
        // Responses of requests that were under way change nothing.
        assert_eq!(record(&mut state, 502, 0.5), None);
        for now in [0.25, 5.0, 10.24] {
            assert_eq!(state.admits(&PERIODS, at(now)), (false, None), "{now}");
        }
        assert_eq!(state.admits(&PERIODS, at(10.25)), (false, Some(Change::Recovering)));
        // A share that grows to a half: of ten requests in each second, so many.
        let mut shares = Vec::new();
        for second in 0..10 {
            let admitted = (0..100).filter(|i| state.admits(&PERIODS, at(10.25 + second as f64 + *i as f64 / 100.0)).0);
            shares.push(admitted.count());
        }
        assert!(shares.is_sorted() && shares[0] <= 5 && (50..=100).contains(&shares[9]), "{shares:?}");
        assert_eq!(shares.iter().sum::<usize>() / 10, 49, "{shares:?}");
        assert_eq!(state.admits(&PERIODS, at(20.26)), (true, Some(Change::Closed)));
        assert_eq!(state.admits(&PERIODS, at(20.27)), (true, None));
    }

    #[test]
    fn failing_again_while_it_recovers_opens_it_again() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let condition = Condition::new("NetworkErrorRatio() > 0.5").unwrap();
        let mut state = State::new(&condition, start);
        assert_eq!(state.record(&condition, &PERIODS, 504, Duration::ZERO, at(0)), Some(Change::Opened));
        assert_eq!(state.admits(&PERIODS, at(10)), (false, Some(Change::Recovering)));
        assert!(!state.admits(&PERIODS, at(19)).0);
        assert_eq!(
            state.record(&condition, &PERIODS, 200, Duration::ZERO, at(19)),
            None,
            "what was before is forgotten"
        );
        assert_eq!(state.record(&condition, &PERIODS, 502, Duration::ZERO, at(19)), None);
        assert_eq!(state.record(&condition, &PERIODS, 502, Duration::ZERO, at(20)), Some(Change::Opened));
        assert_eq!(state.admits(&PERIODS, at(29)), (false, None));
    }
}
