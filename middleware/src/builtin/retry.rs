//! `retry`: makes a request again that no server answered, or that was answered with one of some statuses.

use std::time::Duration;

use ingora_crds::duration::GoDuration;
use ingora_crds::middleware::Retry as Config;
use pingora_http::RequestHeader;

use super::status_ranges::StatusRange;
use crate::around::{Around, Attempt, Failure, Hold, Verdict};
use crate::filter::Filter;
use crate::registry::BadConfig;
use crate::reply::Reply;

/// The largest body that is kept where nothing is said.
const LARGEST: i64 = 2 * 1024 * 1024;

/// Bodies of this size and less stay in memory.
const IN_MEMORY: u64 = 2 * 1024 * 1024;

/// Makes requests again.
pub(super) struct Retry {
    attempts: u32,
    pauses: Pauses,
    timeout: Option<Duration>,
    status: Vec<StatusRange>,
    on_network_error: bool,
    any_method: bool,
    /// The largest body that is kept; none is no limit.
    largest: Option<u64>,
}

/// The pauses between attempts: each longer than the one before, the last twice as long as the first.
#[derive(Debug, Clone, Copy)]
struct Pauses {
    first: Duration,
    factor: f64,
}

// === impl Retry ===

impl Retry {
    /// Checks the number of attempts, the statuses, and that something is left to try again for.
    pub(super) fn new(config: &Config) -> Result<Self, BadConfig> {
        let attempts = u32::try_from(config.attempts).ok().filter(|n| *n > 0).ok_or_else(|| {
            let message = format!("{} is not a number of attempts: 1 or more, the first one counted", config.attempts);
            BadConfig::new("attempts", message)
        })?;
        if config.status.is_empty() && config.disable_retry_on_network_error {
            let message = "leaves nothing to try again for: list some status, or take it out";
            return Err(BadConfig::new("disableRetryOnNetworkError", message));
        }
        let initial_interval = duration("initialInterval", config.initial_interval)?;
        let largest = match config.max_request_body_bytes.unwrap_or(LARGEST) {
            -1 => None,
            largest => Some(u64::try_from(largest).map_err(|_| {
                BadConfig::new("maxRequestBodyBytes", format!("{largest} is not a size: 0 or more, or -1 for no limit"))
            })?),
        };
        Ok(Retry {
            attempts,
            pauses: Pauses::new(initial_interval.unwrap_or_default(), attempts),
            timeout: duration("timeout", config.timeout)?,
            status: StatusRange::parse_all("status", &config.status)?,
            on_network_error: !config.disable_retry_on_network_error,
            any_method: config.retry_non_idempotent_method,
            largest,
        })
    }

    fn failed(&self, attempt: &Attempt<'_>) -> bool {
        let repeatable = self.any_method || attempt.request.method.is_idempotent();
        let network = self.on_network_error
            && match attempt.failure {
                None => false,
                // Nobody has seen it.
                Some(Failure::NotSent) => true,
                Some(Failure::Sent) => repeatable,
            };
        network || repeatable && self.status.iter().any(|range| range.contains(attempt.status))
    }
}

impl Filter for Retry {
    fn around(&self) -> Option<&dyn Around> {
        Some(self)
    }
}

impl Around for Retry {
    /// Only a status comes after the server has the body: without statuses bodies stream.
    fn hold_request(&self, _request: &RequestHeader) -> Option<Hold> {
        (self.attempts > 1 && !self.status.is_empty()).then(|| Hold {
            memory: IN_MEMORY,
            limit: self.largest,
            too_large: Reply::error(413, "Request body too large"),
        })
    }

    fn repeats(&self) -> bool {
        self.attempts > 1
    }

    fn judge(&self, attempt: &Attempt<'_>) -> Verdict {
        if attempt.number >= self.attempts || !attempt.replayable || !self.failed(attempt) {
            return Verdict::Pass;
        }
        let pause = self.pauses.after(attempt.number);
        if self.timeout.is_some_and(|timeout| attempt.elapsed + pause >= timeout) {
            return Verdict::Pass;
        }
        Verdict::Again(pause)
    }
}

// === impl Pauses ===

impl Pauses {
    fn new(first: Duration, attempts: u32) -> Self {
        let steps = f64::from(attempts.saturating_sub(1).max(1));
        Pauses { first, factor: 2f64.powf(1.0 / steps) }
    }

    /// The pause after an attempt, up to half more or less, so that clients who failed together don't come back together.
    fn after(self, attempt: u32) -> Duration {
        if self.first.is_zero() {
            return Duration::ZERO;
        }
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let factor = self.factor.powi(exponent).min(2.0) * rand::random_range(0.5..1.5);
        Duration::try_from_secs_f64(self.first.as_secs_f64() * factor).unwrap_or(self.first)
    }
}

/// A span of time that is more than nothing.
fn duration(path: &str, given: Option<GoDuration>) -> Result<Option<Duration>, BadConfig> {
    match given {
        Some(given) if given.as_nanos() < 0 => Err(BadConfig::new(path, "is negative: a span of time, such as 100ms")),
        given => Ok(given.and_then(GoDuration::positive)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn retry(json: &str) -> Result<Retry, BadConfig> {
        Retry::new(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn tries_again_what_failed_and_may_be_repeated() {
        use Failure::{NotSent, Sent};
        let both = r#"{"attempts": 3, "status": ["500", "502-504"]}"#;
        let any = r#"{"attempts": 3, "status": ["500"], "retryNonIdempotentMethod": true}"#;
        let status_only = r#"{"attempts": 3, "status": ["500"], "disableRetryOnNetworkError": true}"#;
        for (json, method, status, failure, number, replayable, again) in [
            (r#"{"attempts": 3}"#, "GET", 502, Some(NotSent), 1, true, true),
            (r#"{"attempts": 3}"#, "GET", 502, Some(NotSent), 2, true, true),
            (r#"{"attempts": 3}"#, "GET", 502, Some(NotSent), 3, true, false),
            (r#"{"attempts": 1}"#, "GET", 502, Some(NotSent), 1, true, false),
            (r#"{"attempts": 3}"#, "POST", 502, Some(NotSent), 1, true, true),
            (r#"{"attempts": 3}"#, "GET", 502, Some(Sent), 1, true, true),
            (r#"{"attempts": 3}"#, "POST", 502, Some(Sent), 1, true, false),
            (r#"{"attempts": 3}"#, "GET", 502, Some(Sent), 1, false, false),
            (r#"{"attempts": 3}"#, "GET", 502, None, 1, true, false),
            (both, "GET", 500, None, 1, true, true),
            (both, "GET", 503, None, 1, true, true),
            (both, "GET", 501, None, 1, true, false),
            (both, "GET", 200, None, 1, true, false),
            (both, "PUT", 500, None, 2, true, true),
            (both, "POST", 500, None, 1, true, false),
            (both, "PATCH", 500, None, 1, true, false),
            (any, "POST", 500, None, 1, true, true),
            (any, "POST", 502, Some(Sent), 1, true, true),
            (status_only, "GET", 502, Some(NotSent), 1, true, false),
            (status_only, "GET", 500, Some(Sent), 1, true, true),
        ] {
            let request = RequestHeader::build(method, b"/", None).unwrap();
            let attempt =
                Attempt { request: &request, tls: false, status, failure, number, elapsed: Duration::ZERO, replayable };
            let verdict = retry(json).unwrap().judge(&attempt);
            let expected = matches!(verdict, Verdict::Again(_));
            assert_eq!(expected, again, "{json} {method} {status} {failure:?} {number} {replayable}");
        }
    }

    #[test]
    fn pauses_grow_to_twice_the_first_and_end_with_the_timeout() {
        let filter = retry(r#"{"attempts": 4, "initialInterval": "100ms", "timeout": "1s"}"#).unwrap();
        for (attempt, least, most) in [(1, 50, 150), (2, 62, 190), (3, 79, 239), (900, 100, 300)] {
            let pause = filter.pauses.after(attempt).as_millis();
            assert!((least..=most).contains(&pause), "{attempt}: {pause}");
        }
        let request = RequestHeader::build("GET", b"/", None).unwrap();
        let attempt = |elapsed| Attempt {
            request: &request,
            tls: false,
            status: 502,
            failure: Some(Failure::NotSent),
            number: 1,
            elapsed: Duration::from_millis(elapsed),
            replayable: true,
        };
        assert!(matches!(filter.judge(&attempt(0)), Verdict::Again(_)));
        assert!(matches!(filter.judge(&attempt(990)), Verdict::Pass));
        let at_once = retry(r#"{"attempts": 2}"#).unwrap();
        assert!(matches!(at_once.judge(&attempt(99_000)), Verdict::Again(Duration::ZERO)));
    }

    #[test]
    fn bodies_are_held_only_where_a_status_may_ask_for_them_again() {
        let request = |method| RequestHeader::build(method, b"/", None).unwrap();
        let limit = |json: &str, method| retry(json).unwrap().hold_request(&request(method)).map(|hold| hold.limit);
        assert_eq!(limit(r#"{"attempts": 2}"#, "PUT"), None);
        assert_eq!(limit(r#"{"attempts": 1, "status": ["500"]}"#, "PUT"), None);
        assert_eq!(limit(r#"{"attempts": 2, "status": ["500"]}"#, "PUT"), Some(Some(2 << 20)));
        // As in Traefik, whatever the method.
        assert_eq!(limit(r#"{"attempts": 2, "status": ["500"]}"#, "POST"), Some(Some(2 << 20)));
        let unlimited = r#"{"attempts": 2, "status": ["500"], "maxRequestBodyBytes": -1}"#;
        assert_eq!(limit(unlimited, "PUT"), Some(None));
        assert_eq!(limit(r#"{"attempts": 2, "status": ["500"], "maxRequestBodyBytes": 7}"#, "PUT"), Some(Some(7)));
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for (json, path) in [
            (r#"{"attempts": 0}"#, "attempts"),
            (r#"{"attempts": -1}"#, "attempts"),
            (r#"{"attempts": 9999999999}"#, "attempts"),
            (r#"{"attempts": 2, "status": ["500", "5xx"]}"#, "status[1]"),
            (r#"{"attempts": 2, "status": ["500,502"]}"#, "status[0]"),
            (r#"{"attempts": 2, "disableRetryOnNetworkError": true}"#, "disableRetryOnNetworkError"),
            (r#"{"attempts": 2, "initialInterval": "-1s"}"#, "initialInterval"),
            (r#"{"attempts": 2, "timeout": "-1s"}"#, "timeout"),
            (r#"{"attempts": 2, "maxRequestBodyBytes": -2}"#, "maxRequestBodyBytes"),
        ] {
            assert_eq!(retry(json).err().map(|bad| bad.path).as_deref(), Some(path), "{json}");
        }
    }
}
