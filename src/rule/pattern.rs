//! Regular expressions of rules, and v2's `{name:regexp}` templates, which become some.

use std::fmt;

use ingora_middleware::go_regex;
use regex::Regex;

use super::RuleError;
use super::argument::{Argument, shown};

/// A compiled expression, with the text that the user wrote.
#[derive(Debug)]
pub(super) struct Pattern {
    text: Box<str>,
    regex: Regex,
    /// How much of the text's start is plain: any match begins with it.
    plain: usize,
}

/// What a template describes: decides on what `{name}` alone means, and how it is anchored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Template {
    /// A whole host name, in any case.
    Host,
    /// A whole path.
    Path,
    /// The start of a path.
    PathPrefix,
    /// A whole value of a query.
    Query,
}

// === impl Pattern ===

impl Pattern {
    /// An expression that may match anywhere.
    pub(super) fn regexp(argument: &Argument<'_>) -> Result<Box<Self>, RuleError> {
        let regex = go_regex(&argument.text).map_err(|e| argument.error(format!("no regular expression: {e}")))?;
        Ok(Box::new(Pattern { text: argument.text.as_ref().into(), regex, plain: 0 }))
    }

    /// A template; `None` when `text`, which belongs to `argument`, has no braces, so that it stands for itself.
    pub(super) fn template(
        argument: &Argument<'_>,
        text: &str,
        kind: Template,
    ) -> Result<Option<Box<Self>>, RuleError> {
        let mut pattern = String::from(if kind == Template::Host { "^(?i)" } else { "^" });
        let mut plain = None;
        let mut end = 0;
        for (open, close) in braces(text).ok_or_else(|| argument.error("the braces are not balanced"))? {
            plain = plain.or(Some(open));
            pattern.push_str(&regex::escape(text.get(end..open).unwrap_or_default()));
            let inner = text.get(open + 1..close).unwrap_or_default();
            let (name, expression) = inner.split_once(':').unwrap_or((inner, kind.default_expression()));
            if name.is_empty() || expression.is_empty() {
                return Err(argument.error(format!("a name or an expression is missing in {}", shown(inner))));
            }
            // Alone first: it must be whole in itself.
            go_regex(expression)
                .map_err(|e| argument.error(format!("no regular expression in the braces of {}: {e}", shown(name))))?;
            pattern.push_str(&format!("(?:{expression})"));
            end = close + 1;
        }
        let Some(plain) = plain else { return Ok(None) };
        pattern.push_str(&regex::escape(text.get(end..).unwrap_or_default()));
        if kind != Template::PathPrefix {
            pattern.push('$');
        }
        let regex = go_regex(&pattern).map_err(|e| argument.error(format!("no template: {e}")))?;
        Ok(Some(Box::new(Pattern { text: text.into(), regex, plain })))
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The text that any match begins with; may be empty.
    pub(super) fn plain_start(&self) -> &str {
        self.text.get(..self.plain).unwrap_or_default()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

// === impl Template ===

impl Template {
    fn default_expression(self) -> &'static str {
        match self {
            Template::Host => "[^.]+",
            Template::Path | Template::PathPrefix => "[^/]+",
            Template::Query => ".*",
        }
    }
}

/// The outermost pairs of braces; `None` when they are not balanced.
fn braces(text: &str) -> Option<Vec<(usize, usize)>> {
    let (mut pairs, mut level, mut open) = (Vec::new(), 0usize, 0);
    for (position, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => {
                if level == 0 {
                    open = position;
                }
                level += 1;
            }
            b'}' => {
                level = level.checked_sub(1)?;
                if level == 0 {
                    pairs.push((open, position));
                }
            }
            _ => {}
        }
    }
    (level == 0).then_some(pairs)
}
