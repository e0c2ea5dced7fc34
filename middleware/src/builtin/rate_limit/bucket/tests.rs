//! Buckets on a made-up clock: rates, bursts, waits, refusals, and what is forgotten.

#![allow(clippy::unwrap_used)]
use ingora_crds::duration::GoDuration;

use super::*;

fn rate(average: i64, period: GoDuration, burst: i64) -> Rate {
    let config = config::RateLimit { average, period: Some(period), burst, ..Default::default() };
    Rate::new(&config).unwrap().unwrap()
}

fn seconds(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

#[test]
fn the_delay_and_the_memory_follow_from_the_rate() {
    for (average, period, per_second, delay, memory) in [
        (100, GoDuration::from_secs(1), 100.0, seconds(0.005), 2),
        (1, GoDuration::from_secs(1), 1.0, seconds(0.5), 2),
        (1, GoDuration::from_secs(60), 1.0 / 60.0, seconds(0.5), 61),
        (3, GoDuration::from_secs(2), 1.5, seconds(0.5), 2),
        (5, GoDuration::from_millis(100), 50.0, seconds(0.01), 2),
        (1, GoDuration::default(), 1.0, seconds(0.5), 2),
        (i64::MAX, GoDuration::from_nanos(1), i64::MAX as f64 / 1e-9, Duration::ZERO, 2),
    ] {
        let rate = rate(average, period, 0);
        assert!((rate.per_second / per_second - 1.0).abs() < 1e-9, "{rate:?}");
        assert_eq!((rate.longest_delay, rate.memory), (delay, Duration::from_secs(memory)), "{average} {period}");
        assert_eq!(rate.burst, 1.0);
    }
    assert_eq!(Rate::new(&config::RateLimit { burst: 3, ..Default::default() }).unwrap(), None);
}

/// What requests of one source at these times (in seconds) become: `0` goes on, `0.2` waits, `-0.8` is refused with that.
#[test]
fn buckets_fill_and_run_dry() {
    let minute = GoDuration::from_secs(60);
    let second = GoDuration::from_secs(1);
    for (rate, requests) in [
        // One a second: half a second early waits, more is refused and costs nothing.
        (
            rate(1, second, 1),
            &[(0.0, 0.0), (0.1, -0.9), (0.6, 0.4), (0.7, -1.3), (1.4, -0.6), (1.6, 0.4), (2.6, 0.4)][..],
        ),
        // A burst, then one per 10 ms, each waiting behind the one before, for 5 ms at most.
        (rate(100, second, 3), &[(0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, -0.01), (0.006, 0.004), (0.006, -0.014)]),
        // What is saved up is no more than the burst.
        (rate(2, second, 2), &[(0.0, 0.0), (1.9, 0.0), (1.9, 0.0), (1.9, -0.5), (2.2, 0.2)]),
        // One a minute, and never more early than half a second; silent for 61 s is forgotten, so the burst is back.
        (
            rate(1, minute, 2),
            &[(0.0, 0.0), (0.0, 0.0), (0.0, -60.0), (59.4, -0.6), (59.5, 0.5), (121.0, 0.0), (121.0, 0.0)],
        ),
        // Silence for two seconds is forgotten even where the bucket fills slowly, as in Traefik.
        (
            rate(1, second, 5),
            &[
                (0.0, 0.0),
                (0.0, 0.0),
                (0.0, 0.0),
                (0.0, 0.0),
                (0.0, 0.0),
                (0.0, -1.0),
                (2.0, 0.0),
                (2.0, 0.0),
                (2.0, 0.0),
                (2.0, 0.0),
                (2.0, 0.0),
                (2.0, -1.0),
            ],
        ),
    ] {
        let buckets = Buckets::default();
        let start = Instant::now();
        for (i, (at, expected)) in requests.iter().enumerate() {
            let told = match buckets.take(&rate, "source", start + seconds(*at)) {
                Decision::Now => 0.0,
                Decision::After(delay) => delay.as_secs_f64(),
                Decision::Refused(delay) => -delay.as_secs_f64(),
            };
            assert!((told - expected).abs() < 1e-6, "request {i} at {at} s of {rate:?}: {told}");
        }
        assert_eq!(buckets.take(&rate, "other", start), Decision::Now);
    }
}

#[test]
fn a_million_sources_take_bounded_memory_and_the_busy_ones_stay() {
    let buckets = Buckets::default();
    let rate = rate(1, GoDuration::from_secs(60), 1);
    let start = Instant::now();
    for i in 0..1_000_000_u32 {
        let now = start + Duration::from_micros(i.into());
        assert_eq!(buckets.take(&rate, &i.to_string(), now), Decision::Now);
        // Heard of all the time: not forgotten, whoever else comes.
        if i % 100 == 0 {
            let decision = buckets.take(&rate, "busy", now);
            assert_eq!(i != 0, matches!(decision, Decision::Refused(_)), "{i}: {decision:?}");
        }
    }
    assert!(buckets.0.len() <= MOST * 5 / 4, "{}", buckets.0.len());
    assert!(buckets.0.capacity() <= 4 * MOST, "{}", buckets.0.capacity());
    assert!(buckets.0.len() >= MOST / 2, "{}", buckets.0.len());
}

#[test]
fn a_clock_that_goes_back_gives_nothing_away() {
    let buckets = Buckets::default();
    let rate = rate(1, GoDuration::from_secs(1), 1);
    let start = Instant::now() + Duration::from_secs(10);
    assert_eq!(buckets.take(&rate, "a", start), Decision::Now);
    assert!(matches!(buckets.take(&rate, "a", start - Duration::from_secs(5)), Decision::Refused(_)));
    assert!(matches!(buckets.take(&rate, "a", start), Decision::Refused(_)));
}
