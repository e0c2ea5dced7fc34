//! The functions of `retryExpression`: facts of an attempt, compared and combined as in Go.
//! `IsNetworkError() && Attempts() < 3 || ResponseCode() == 503 && RequestMethod() == "GET"`.

use crate::expression::{self, Call, Comparison, Literal};

const FUNCTIONS: &str = "IsNetworkError(), Attempts(), ResponseCode() and RequestMethod() are accepted";

/// What an expression is asked about.
pub(super) struct Facts<'a> {
    /// Attempts so far.
    pub attempts: u32,
    /// The answer's status.
    pub status: u16,
    /// The request's method.
    pub method: &'a str,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expression(expression::Expression<Test>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    /// The answer is 502 or 504.
    IsNetworkError,
    Attempts(Comparison, i64),
    ResponseCode(Comparison, i64),
    /// The method is, or is not, this one.
    Method(bool, String),
}

// === impl Expression ===

impl Expression {
    /// Reads an expression; the error says what was found and what is accepted.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        expression::parse(text, |call| Test::new(&call)).map(Expression).map_err(|e| format!("{text:?}: {e}"))
    }

    /// Whether it is true of an attempt.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> bool {
        self.0.holds(&mut |test| match test {
            Test::IsNetworkError => matches!(facts.status, 502 | 504),
            Test::Attempts(comparison, number) => comparison.holds(facts.attempts.into(), *number),
            Test::ResponseCode(comparison, number) => comparison.holds(facts.status.into(), *number),
            Test::Method(is, method) => (facts.method == method) == *is,
        })
    }
}

// === impl Test ===

impl Test {
    fn new(call: &Call) -> Result<Self, String> {
        let name = call.name.as_str();
        if !matches!(name, "IsNetworkError" | "Attempts" | "ResponseCode" | "RequestMethod") {
            return Err(format!("there is no function {name}: {FUNCTIONS}"));
        }
        if !call.arguments.is_empty() {
            return Err(format!("{name}() takes no arguments"));
        }
        match (name, &call.compared) {
            ("IsNetworkError", None) => Ok(Test::IsNetworkError),
            ("IsNetworkError", Some(_)) => Err(format!("{name}() is true or not, and compared with nothing")),
            ("Attempts", Some((comparison, Literal::Integer(number)))) => Ok(Test::Attempts(*comparison, *number)),
            ("ResponseCode", Some((comparison, Literal::Integer(number)))) => {
                Ok(Test::ResponseCode(*comparison, *number))
            }
            ("RequestMethod", Some((Comparison::Equal, Literal::Text(method)))) => {
                Ok(Test::Method(true, method.clone()))
            }
            ("RequestMethod", Some((Comparison::Unequal, Literal::Text(method)))) => {
                Ok(Test::Method(false, method.clone()))
            }
            ("RequestMethod", _) => Err(format!("{name}() is compared by == or != with a text such as \"GET\"")),
            _ => Err(format!("{name}() is compared with a whole number, as in {name}() < 3")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_when_to_try_again() {
        for (text, attempts, status, method, expected) in [
            ("IsNetworkError()", 1, 502, "GET", true),
            ("IsNetworkError()", 1, 504, "GET", true),
            ("IsNetworkError()", 1, 503, "GET", false),
            ("! IsNetworkError ( )", 1, 503, "GET", true),
            ("Attempts() < 2", 1, 200, "GET", true),
            ("Attempts() < 2", 2, 200, "GET", false),
            ("Attempts()<=2&&ResponseCode()>=500", 2, 500, "GET", true),
            ("ResponseCode() > 499 && ResponseCode() != 501", 1, 501, "GET", false),
            ("ResponseCode() == 503", 1, 503, "GET", true),
            ("RequestMethod() == \"GET\"", 1, 200, "GET", true),
            ("RequestMethod() != `GET`", 1, 200, "POST", true),
            // && binds closer.
            ("ResponseCode() == 500 || ResponseCode() == 502 && Attempts() < 1", 9, 500, "GET", true),
            ("(ResponseCode() == 500 || ResponseCode() == 502) && Attempts() < 1", 9, 500, "GET", false),
        ] {
            let parsed = Expression::parse(text).map(|e| e.holds(&Facts { attempts, status, method }));
            assert_eq!(parsed, Ok(expected), "{text} {attempts} {status} {method}");
        }
    }

    #[test]
    fn says_what_it_does_not_understand() {
        for (text, part) in [
            ("", "the end stands where a function"),
            ("true", "the end stands where `(`"),
            ("Other()", "there is no function Other"),
            ("IsNetworkError() == 1", "compared with nothing"),
            ("IsNetworkError() Attempts() < 2", "follows where the expression ends"),
            ("IsNetworkError() & Attempts() < 2", "'&' is not accepted"),
            ("Attempts()", "a whole number"),
            ("Attempts(1) < 2", "takes no arguments"),
            ("Attempts() < two", "`two` stands where a number"),
            ("Attempts() < 1.5", "a whole number"),
            ("Attempts() < 99999999999999999999", "a whole number"),
            ("(Attempts() < 2", "the end stands where `)`"),
            ("RequestMethod() < \"GET\"", "by == or !="),
            ("RequestMethod() == GET", "`GET` stands where"),
            ("RequestMethod() == \"GET", "no closing quote"),
            (&"!".repeat(100), "deep"),
            (&"(".repeat(1000), "deep"),
            (&"(".repeat(100_000), "words"),
        ] {
            let error = Expression::parse(text).err();
            assert!(error.as_ref().is_some_and(|e| e.contains(part)), "{text:.40}: {error:?}");
        }
    }
}
