//! The order of rules: the user's priority, or the length of the rule.

use super::expression::Expression;
use super::parser::{self, Matchers};

/// The highest priority that a user may give.
pub const MAX_PRIORITY: i64 = i64::MAX - 1000;

/// A priority above what is left to users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the priority {0} is above the maximum {MAX_PRIORITY}")]
pub struct PriorityError(pub i64);

/// The priority of a rule: the one given, or, given 0, the length of the text in bytes. A TCP rule that is nothing but
/// ``HostSNI(`*`)`` then comes last, with -1. Higher goes first; negative ones are allowed.
///
/// # Errors
/// Above [`MAX_PRIORITY`].
pub fn priority(text: &str, given: i64, tcp: bool) -> Result<i64, PriorityError> {
    match given {
        0 if tcp && is_catch_all(text) => Ok(-1),
        0 => Ok(i64::try_from(text.len()).unwrap_or(MAX_PRIORITY)),
        given if given > MAX_PRIORITY => Err(PriorityError(given)),
        given => Ok(given),
    }
}

/// Whatever the spelling, quotes or parentheses; as upstream, even when negated.
fn is_catch_all(text: &str) -> bool {
    const HOST_SNI: Matchers<bool> = &[("HostSNI", |call| call.one(|argument| Ok(argument.text == "*")))];
    matches!(parser::parse(text, HOST_SNI), Ok(Expression::Is(true) | Expression::Not(true)))
}
