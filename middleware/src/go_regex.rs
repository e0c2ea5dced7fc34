//! Regular expressions in Go's syntax, compiled by Rust's `regex`: both are RE2's children and differ in little.
//! A leaf: used by filters and by rules.

use regex::{Regex, RegexBuilder};

use crate::registry::BadConfig;

/// How large a compiled expression may become, in bytes.
const SIZE_LIMIT: usize = 4 << 20;

/// Compiles a regular expression written for Go's `regexp` package.
///
/// What Rust's `regex` reads in another way is translated: `\d`, `\w`, `\s` and `\b` are about ASCII, `{` that begins
/// no repetition stands for itself, `[`, `&&`, `--` and `~~` in brackets too, `\Q…\E` quotes.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn go_regex(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(&translated(text)).size_limit(SIZE_LIMIT).build().map_err(|error| {
        let text = error.to_string();
        let line = text.lines().last().unwrap_or_default();
        line.strip_prefix("error: ").unwrap_or(line).to_owned()
    })
}

/// Compiles an expression that is the value of an option.
pub(crate) fn regex_option(field: &str, text: &str) -> Result<Regex, BadConfig> {
    go_regex(text).map_err(|e| BadConfig::new(field, format!("{text:?} is no regular expression: {e}")))
}

/// The expression in Rust's syntax.
fn translated(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (written, read) = match next {
            '\\' => escape(rest, false),
            '[' => brackets(rest),
            '{' if !is_repetition(rest) => (r"\{".to_owned(), 1),
            next => (next.to_string(), next.len_utf8()),
        };
        out.push_str(&written);
        rest = rest.get(read..).unwrap_or_default();
    }
    out
}

/// What an escape at the beginning of `text` becomes, and its length.
fn escape(text: &str, in_brackets: bool) -> (String, usize) {
    if let Some(quoted) = text.strip_prefix(r"\Q").filter(|_| !in_brackets) {
        let (quoted, read) = match quoted.find(r"\E") {
            Some(end) => (quoted.get(..end).unwrap_or_default(), end + 4),
            None => (quoted, text.len()),
        };
        return (regex::escape(quoted), read);
    }
    let Some(escaped) = text.chars().nth(1) else { return (text.to_owned(), text.len()) };
    if matches!(escaped, 'p' | 'P' | 'x') && text.get(2..).is_some_and(|rest| rest.starts_with('{')) {
        let whole = text.split_inclusive('}').next().unwrap_or(text);
        return (whole.to_owned(), whole.len());
    }
    let class = |members: &str| if in_brackets { members.to_owned() } else { format!("[{members}]") };
    let written = match escaped {
        'd' => class("0-9"),
        'w' => class("0-9A-Za-z_"),
        's' => class(r"\t\n\f\r "),
        'D' => "[^0-9]".to_owned(),
        'W' => "[^0-9A-Za-z_]".to_owned(),
        'S' => r"[^\t\n\f\r ]".to_owned(),
        'b' | 'B' if !in_brackets => format!(r"(?-u:\{escaped})"),
        // Punctuation in Go, the boundaries of words in Rust.
        '<' | '>' => escaped.to_string(),
        _ => format!(r"\{escaped}"),
    };
    (written, 1 + escaped.len_utf8())
}

/// What brackets at the beginning of `text` become, and their length.
fn brackets(text: &str) -> (String, usize) {
    let mut out = String::from("[");
    let mut read = 1;
    for opening in ["^", "]"] {
        if text.get(read..).is_some_and(|rest| rest.starts_with(opening)) {
            out.push_str(if opening == "]" { r"\]" } else { opening });
            read += 1;
        }
    }
    while let Some(rest) = text.get(read..).filter(|rest| !rest.is_empty()) {
        let named = rest.strip_prefix("[:").and_then(|name| name.find(":]")).and_then(|end| rest.get(..end + 4));
        let (written, length) = match (named, rest.chars().next().unwrap_or_default()) {
            (Some(named), _) => (named.to_owned(), named.len()),
            (None, ']') => return (out + "]", read + 1),
            (None, '\\') => escape(rest, true),
            (None, next @ ('[' | '&' | '~')) => (format!(r"\{next}"), 1),
            (None, '-') if rest.starts_with("--") => (r"-\-".to_owned(), 2),
            (None, next) => (next.to_string(), next.len_utf8()),
        };
        out.push_str(&written);
        read += length;
    }
    (out, text.len())
}

/// Whether the brace at the beginning of `text` begins a repetition: `{2}`, `{2,}`, `{2,3}`.
fn is_repetition(text: &str) -> bool {
    let Some((counts, _)) = text.get(1..).and_then(|rest| rest.split_once('}')) else { return false };
    let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
    let digits = |count: &str| count.bytes().all(|b| b.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn matches_as_go_does() {
        for (regex, matching, others) in [
            (r"^\d+$", "12", &["१२", "x"] as &[_]),
            (r"^\D$", "१", &["1"]),
            (r"^\w+$", "aZ_9", &["é"]),
            (r"^[\w-]+$", "a-b", &["a.b", "é"]),
            (r"^[^\d]$", "x", &["5"]),
            (r"^[\D]$", "x", &["5"]),
            (r"^\s$", "\t", &["\u{a0}", "\u{b}"]),
            (r"é\b", "éa", &["aé", "é "]),
            (r"^a\b.", "aé", &["ab"]),
            (r"a\B", "ab", &["a b"]),
            (r"^{a}{$", "{a}{", &["a"]),
            (r"^a{2}b{1,}c{1,2}$", "aabcc", &["abc", "aabccc"]),
            (r"^a{,2}$", "a{,2}", &["aa"]),
            (r"^[[a]$", "[", &["b"]),
            (r"^[a&&b]$", "&", &["c"]),
            (r"^[]a]+$", "]a", &["b"]),
            (r"^[^]a]$", "b", &["]", "a"]),
            (r"^[[:alpha:]_]+$", "a_", &["1"]),
            (r"^[+--]$", ",", &["a"]),
            (r"^[a~~b]$", "~", &["c"]),
            (r"^\Qa.b\E.$", "a.bc", &["axbc"]),
            (r"^\Qa.b", "a.b", &["axb"]),
            (r"^\<a\>$", "<a>", &["a"]),
            (r"^\p{Greek}\pL$", "αé", &["a1"]),
            (r"(?i)^ABC$", "abc", &["abd"]),
            (r"^(?P<n>a|b)+?$", "ab", &["c"]),
            (r"^/api/(v[0-9]+)/(.*)$", "/api/v1/x", &["/api/v/x"]),
            (r"^\x41\x{42}\n\/\-$", "AB\n/-", &["x"]),
        ] {
            let compiled = go_regex(regex).unwrap();
            assert!(compiled.is_match(matching), "{regex} {matching}");
            for other in others {
                assert!(!compiled.is_match(other), "{regex} {other}");
            }
        }
    }

    #[test]
    fn tells_what_is_wrong_in_a_line() {
        for (regex, message) in [
            ("(", "unclosed group"),
            ("[a", "unclosed character class"),
            ("*", "repetition operator missing expression"),
            ("\\", "incomplete escape sequence, reached end of pattern prematurely"),
            (r"(?=a)", "look-around, including look-ahead and look-behind, is not supported"),
        ] {
            assert_eq!(go_regex(regex).err().as_deref(), Some(message), "{regex}");
        }
        assert!(go_regex("((a{1000}){1000}){1000}").is_err());
    }
}
