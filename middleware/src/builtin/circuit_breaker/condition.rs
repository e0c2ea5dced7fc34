//! When a breaker opens: an expression over what is counted, with Traefik's functions and their kinds of numbers.
//! Read when the filter is built.

use std::ops::Range;

use super::metrics::Metrics;
use crate::expression::{Call, Comparison, Expression, Literal, parse};
use crate::registry::BadConfig;

const FUNCTIONS: &str =
    "NetworkErrorRatio(), ResponseCodeRatio(a, b, c, d), LatencyAtQuantileMS(q) and RequestThreshold() are accepted";

/// An expression, and what must be counted for it.
pub(super) struct Condition {
    expression: Expression<Test>,
    ratios: Vec<Ratio>,
    needs_latency: bool,
}

/// Two sets of codes whose responses are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ratio {
    /// Those that Traefik takes for a network's failure, of all.
    NetworkErrors,
    /// Those of the first range, of those of the second.
    Codes(Range<u16>, Range<u16>),
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    /// The ratio of this number, against a share.
    Ratio(usize, Comparison, f64),
    /// A quantile of latencies, in percent, against milliseconds.
    Latency(f64, Comparison, i64),
    /// The number of responses.
    Requests(Comparison, i64),
}

// === impl Condition ===

impl Condition {
    pub(super) fn new(text: &str) -> Result<Self, BadConfig> {
        let bad = |message: String| BadConfig::new("expression", format!("{text:?}: {message}"));
        if text.trim().is_empty() {
            return Err(BadConfig::new("expression", "is empty: such as `NetworkErrorRatio() > 0.30` is accepted"));
        }
        let mut ratios = Vec::new();
        let expression = parse(text, |call| Test::new(&call, &mut ratios)).map_err(bad)?;
        let mut needs_latency = false;
        expression.each(&mut |test| needs_latency |= matches!(test, Test::Latency(..)));
        Ok(Condition { expression, ratios, needs_latency })
    }

    pub(super) fn ratios(&self) -> &[Ratio] {
        &self.ratios
    }

    pub(super) fn needs_latency(&self) -> bool {
        self.needs_latency
    }

    /// Whether it holds for what was counted.
    pub(super) fn holds(&self, metrics: &Metrics) -> bool {
        self.expression.holds(&mut |test| match test {
            Test::Ratio(number, comparison, share) => comparison.holds(metrics.ratio(*number), *share),
            Test::Latency(quantile, comparison, millis) => comparison.holds(metrics.latency_millis(*quantile), *millis),
            Test::Requests(comparison, number) => comparison.holds(metrics.responses(), *number),
        })
    }
}

// === impl Test ===

impl Test {
    fn new(call: &Call, ratios: &mut Vec<Ratio>) -> Result<Self, String> {
        let name = call.name.as_str();
        let ratio = match (name, call.arguments.as_slice()) {
            ("NetworkErrorRatio", []) => Ratio::NetworkErrors,
            ("ResponseCodeRatio", [a, b, c, d]) => Ratio::Codes(range(a, b)?, range(c, d)?),
            ("LatencyAtQuantileMS", [Literal::Float(quantile)]) if (0.0..=100.0).contains(quantile) => {
                let (comparison, millis) = integer(call)?;
                return Ok(Test::Latency(*quantile, comparison, millis));
            }
            ("RequestThreshold", []) => {
                let (comparison, number) = integer(call)?;
                return Ok(Test::Requests(comparison, number));
            }
            ("NetworkErrorRatio" | "RequestThreshold", _) => return Err(format!("{name}() takes no arguments")),
            ("ResponseCodeRatio", _) => {
                return Err(format!(
                    "{name} takes four codes: such as ResponseCodeRatio(500, 600, 0, 600) is accepted"
                ));
            }
            ("LatencyAtQuantileMS", _) => {
                return Err(format!("{name} takes a quantile in percent with a point: such as 50.0 is accepted"));
            }
            _ => return Err(format!("there is no function {name}: {FUNCTIONS}")),
        };
        let Some((comparison, literal)) = &call.compared else { return Err(uncompared(name, "0.30")) };
        let Literal::Float(share) = literal else {
            return Err(format!("{name} is compared with {literal}: a number with a point, such as 0.30, is accepted"));
        };
        let number = ratios.iter().position(|known| *known == ratio).unwrap_or_else(|| {
            ratios.push(ratio);
            ratios.len() - 1
        });
        Ok(Test::Ratio(number, *comparison, *share))
    }
}

fn integer(call: &Call) -> Result<(Comparison, i64), String> {
    match &call.compared {
        Some((comparison, Literal::Integer(number))) => Ok((*comparison, *number)),
        Some((_, literal)) => {
            Err(format!("{} is compared with {literal}: a whole number, such as 100, is accepted", call.name))
        }
        None => Err(uncompared(&call.name, "100")),
    }
}

fn uncompared(name: &str, example: &str) -> String {
    format!("{name} is not compared with anything: such as `{name}(…) > {example}` is accepted")
}

/// Codes from the first on, without the last.
fn range(from: &Literal, to: &Literal) -> Result<Range<u16>, String> {
    let code = |literal: &Literal| match literal {
        Literal::Integer(code) => {
            u16::try_from(*code).map_err(|_| format!("{code} is not a code: 0 to 600 is accepted"))
        }
        other => Err(format!("{other} is not a code: a whole number such as 500 is accepted")),
    };
    Ok(code(from)?..code(to)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_traefiks_functions() {
        for (text, ratios, latency) in [
            ("NetworkErrorRatio() > 0.30", vec![Ratio::NetworkErrors], false),
            ("ResponseCodeRatio(500, 600, 0, 600) > 0.25", vec![Ratio::Codes(500..600, 0..600)], false),
            ("LatencyAtQuantileMS(50.0) > 100", vec![], true),
            (
                "RequestThreshold() >= 20 && NetworkErrorRatio() > 0.1 || NetworkErrorRatio() == 1.0",
                vec![Ratio::NetworkErrors],
                false,
            ),
        ] {
            let condition = Condition::new(text).unwrap();
            assert_eq!((condition.ratios(), condition.needs_latency()), (ratios.as_slice(), latency), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, message) in [
            ("", "is empty"),
            ("NetworkErrorRatio()", "is not compared with anything"),
            ("NetworkErrorRatio() > 1", "a number with a point, such as 0.30, is accepted"),
            ("NetworkErrorRatio(1) > 0.1", "takes no arguments"),
            ("NetworkErrorRatio() > \"x\"", "compared with \"x\""),
            ("ResponseCodeRatio(500, 600) > 0.1", "takes four codes"),
            ("ResponseCodeRatio(500, 600, 0, 6.0) > 0.1", "6.0 is not a code"),
            ("ResponseCodeRatio(500, 600, 0, 70000) > 0.1", "70000 is not a code"),
            ("LatencyAtQuantileMS(50) > 100", "takes a quantile in percent with a point"),
            ("LatencyAtQuantileMS(101.0) > 100", "takes a quantile in percent with a point"),
            ("LatencyAtQuantileMS(50.0) > 1.5", "a whole number, such as 100, is accepted"),
            ("LatencyAtQuantileMS(50.0)", "is not compared"),
            ("RequestThreshold() > 0.5", "a whole number"),
            ("ErrorRatio() > 0.5", "there is no function ErrorRatio: NetworkErrorRatio()"),
            ("NetworkErrorRatio() > 0.5 &&", "the end stands where"),
        ] {
            let bad = Condition::new(text).err().unwrap();
            assert!(bad.path == "expression" && bad.message.contains(message), "{text}: {bad}");
        }
    }
}
