//! The filter on requests: what it counts, what it answers. States and counts have tests of their own.

#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use super::*;
use crate::testing::{Outcome, Trial};

fn filter(json: &str) -> Result<Arc<CircuitBreaker>, BadConfig> {
    CircuitBreaker::new(&serde_json::from_str(json).unwrap(), "m").map(Arc::new)
}

fn run(filter: &Arc<CircuitBreaker>, status: u16) -> Outcome {
    Trial::get("/").answered(status).run_built(Arc::clone(filter) as Arc<dyn Filter>)
}

#[test]
fn refuses_while_it_is_open() {
    for (options, code, text) in
        [("", 503, "Service Unavailable"), (r#", "responseCode": 429"#, 429, "Too Many Requests")]
    {
        let filter = filter(&format!(
            r#"{{"expression": "ResponseCodeRatio(500, 600, 0, 600) > 0.5", "checkPeriod": "1ns"{options}}}"#
        ))
        .unwrap();
        assert_eq!(run(&filter, 200).status(), 200);
        assert_eq!(run(&filter, 500).status(), 500);
        assert_eq!(run(&filter, 500).status(), 500);
        let refused = run(&filter, 200);
        assert_eq!((refused.status(), refused.text().as_str(), refused.forwarded), (code, text, false));
    }
}

#[test]
fn names_the_field_that_is_wrong() {
    for (json, path) in [
        (r#"{"expression": ""}"#, "expression"),
        (r#"{"expression": "NetworkErrorRatio() > 1"}"#, "expression"),
        (r#"{"expression": "NetworkErrorRatio() > 0.1", "responseCode": 99}"#, "responseCode"),
        (r#"{"expression": "NetworkErrorRatio() > 0.1", "responseCode": 600}"#, "responseCode"),
        (r#"{"expression": "NetworkErrorRatio() > 0.1", "checkPeriod": "-1s"}"#, "checkPeriod"),
        (r#"{"expression": "NetworkErrorRatio() > 0.1", "fallbackDuration": "-1s"}"#, "fallbackDuration"),
        (r#"{"expression": "NetworkErrorRatio() > 0.1", "recoveryDuration": "-1s"}"#, "recoveryDuration"),
    ] {
        assert_eq!(filter(json).err().unwrap().path, path, "{json}");
    }
}
