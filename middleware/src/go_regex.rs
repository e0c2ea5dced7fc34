//! Regular expressions in Go's syntax.
//! A leaf: used by filters and by rules.

use regex::Regex;

/// Compiles a regular expression written for Go's `regexp` package.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn go_regex(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|e| e.to_string())
}
