//! `buffering`: holds whole bodies, with a limit on their size, and makes a request again where an expression says so.

mod expression;

use std::time::Duration;

use expression::{Expression, Facts};
use ingora_crds::middleware::Buffering as Config;
use pingora_http::RequestHeader;

use crate::around::{Around, Attempt, Hold, Verdict};
use crate::filter::Filter;
use crate::registry::BadConfig;

/// From this size on bodies are held on disk, where nothing is said.
const MEMORY: u64 = 1024 * 1024;

/// Attempts beyond the first; what the expression says then is not asked.
const MOST_RETRIES: u32 = 10;

/// Holds whole bodies.
pub(super) struct Buffering {
    request: Hold,
    response: Hold,
    retry: Option<Expression>,
}

// === impl Buffering ===

impl Buffering {
    /// Checks sizes and the expression.
    pub(super) fn new(config: &Config) -> Result<Self, BadConfig> {
        let hold = |limit_at: &str, limit: i64, memory_at: &str, memory: i64, status| {
            let limit = size(limit_at, limit)?;
            let memory = size(memory_at, memory)?.unwrap_or(MEMORY);
            Ok(Hold { memory, limit, too_large: Hold::refusal(status) })
        };
        let c = config;
        let request = hold(
            "maxRequestBodyBytes",
            c.max_request_body_bytes,
            "memRequestBodyBytes",
            c.mem_request_body_bytes,
            413,
        )?;
        let response = hold(
            "maxResponseBodyBytes",
            c.max_response_body_bytes,
            "memResponseBodyBytes",
            c.mem_response_body_bytes,
            500,
        )?;
        let retry = match config.retry_expression.as_str() {
            "" => None,
            text => Some(Expression::parse(text).map_err(|message| BadConfig::new("retryExpression", message))?),
        };
        Ok(Buffering { request, response, retry })
    }
}

impl Filter for Buffering {
    fn around(&self) -> Option<&dyn Around> {
        Some(self)
    }
}

impl Around for Buffering {
    fn hold_request(&self, _request: &RequestHeader) -> Option<Hold> {
        Some(self.request.clone())
    }

    fn hold_response(&self) -> Option<Hold> {
        Some(self.response.clone())
    }

    fn repeats(&self) -> bool {
        self.retry.is_some()
    }

    fn judge(&self, attempt: &Attempt<'_>) -> Verdict {
        let Some(expression) = self.retry.as_ref().filter(|_| attempt.replayable && attempt.number <= MOST_RETRIES)
        else {
            return Verdict::Pass;
        };
        let facts = Facts { attempts: attempt.number, status: attempt.status, method: attempt.request.method.as_str() };
        if expression.holds(&facts) { Verdict::Again(Duration::ZERO) } else { Verdict::Pass }
    }
}

/// A size in bytes; 0 is none.
fn size(path: &str, bytes: i64) -> Result<Option<u64>, BadConfig> {
    match u64::try_from(bytes) {
        Ok(0) => Ok(None),
        Ok(bytes) => Ok(Some(bytes)),
        Err(_) => Err(BadConfig::new(path, format!("{bytes} is negative: a number of bytes, or 0 for the default"))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn buffering(json: &str) -> Result<Buffering, BadConfig> {
        Buffering::new(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn holds_as_it_is_told() {
        let request = RequestHeader::build("GET", b"/", None).unwrap();
        let plain = buffering("{}").unwrap();
        let hold = plain.hold_request(&request).unwrap();
        assert_eq!((hold.memory, hold.limit, hold.too_large.status), (1 << 20, None, 413));
        assert_eq!(plain.hold_response().unwrap().too_large.status, 500);
        assert!(!plain.repeats());
        let json = r#"{"maxRequestBodyBytes": 7, "memRequestBodyBytes": 3, "maxResponseBodyBytes": 9}"#;
        let hold = buffering(json).unwrap().hold_request(&request).unwrap();
        assert_eq!((hold.memory, hold.limit), (3, Some(7)));
        assert_eq!(buffering(json).unwrap().hold_response().unwrap().limit, Some(9));
    }

    #[test]
    fn tries_again_ten_times_at_most() {
        let request = RequestHeader::build("POST", b"/", None).unwrap();
        let attempt = |number, replayable| Attempt {
            request: &request,
            tls: false,
            status: 502,
            failure: None,
            number,
            elapsed: Duration::ZERO,
            replayable,
        };
        let filter = buffering(r#"{"retryExpression": "IsNetworkError() && Attempts() < 3"}"#).unwrap();
        assert!(filter.repeats() && matches!(filter.judge(&attempt(2, true)), Verdict::Again(Duration::ZERO)));
        assert!(matches!(filter.judge(&attempt(3, true)), Verdict::Pass));
        assert!(matches!(filter.judge(&attempt(1, false)), Verdict::Pass));
        let forever = buffering(r#"{"retryExpression": "IsNetworkError()"}"#).unwrap();
        assert!(matches!(forever.judge(&attempt(10, true)), Verdict::Again(_)));
        assert!(matches!(forever.judge(&attempt(11, true)), Verdict::Pass));
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for (json, path) in [
            (r#"{"maxRequestBodyBytes": -1}"#, "maxRequestBodyBytes"),
            (r#"{"memRequestBodyBytes": -1}"#, "memRequestBodyBytes"),
            (r#"{"maxResponseBodyBytes": -1}"#, "maxResponseBodyBytes"),
            (r#"{"memResponseBodyBytes": -1}"#, "memResponseBodyBytes"),
            (r#"{"retryExpression": "Nonsense()"}"#, "retryExpression"),
        ] {
            assert_eq!(buffering(json).err().map(|bad| bad.path).as_deref(), Some(path), "{json}");
        }
    }
}
