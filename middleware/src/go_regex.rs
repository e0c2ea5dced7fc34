//! Regular expressions in Go's syntax, compiled by Rust's `regex`: both are RE2's children and differ in little.
//! A leaf: used by filters and by rules.

mod brackets;
mod escape;
mod repetition;

use regex::{Regex, RegexBuilder};

use self::repetition::{Repetition, Repetitions};
use crate::registry::BadConfig;

/// How large a compiled expression may become, in bytes.
const SIZE_LIMIT: usize = 4 << 20;

/// Compiles a regular expression written for Go's `regexp` package.
///
/// What Rust's `regex` reads in another way is translated: `\d`, `\w`, `\s` and `\b` are about ASCII, `{` that begins
/// no repetition stands for itself, `[`, `&&`, `--` and `~~` in brackets too, `\Q…\E` quotes, `\123` is octal. What only
/// Rust's knows is refused: flags such as `x`, `\u`, a repetition of a repetition, one of more than 1000.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn go_regex(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(&translated(text)?).size_limit(SIZE_LIMIT).build().map_err(|error| {
        let text = error.to_string();
        let line = text.lines().last().unwrap_or_default();
        line.strip_prefix("error: ").unwrap_or(line).to_owned()
    })
}

/// Compiles an expression that is the value of an option.
pub(crate) fn regex_option(field: &str, text: &str) -> Result<Regex, BadConfig> {
    go_regex(text).map_err(|e| BadConfig::new(field, format!("{text:?} is no regular expression: {e}")))
}

/// The expression in Rust's syntax. What is wrong in both is left as it is, so that compiling it tells.
fn translated(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut repetitions = Repetitions::default();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (written, read) = match (next, Repetition::at(rest)) {
            (_, Some(repetition)) => {
                repetitions.repeat(&repetition)?;
                (repetition.text.to_owned(), repetition.text.len())
            }
            ('\\', _) => {
                repetitions.atom();
                escape::outside(rest)?
            }
            ('[', _) => {
                repetitions.atom();
                brackets::translated(rest)?
            }
            ('(', _) => {
                let (written, read) = opening(rest)?;
                // Flags alone, as in `(?i)`, are no group.
                if !written.ends_with(')') && !written.is_empty() {
                    repetitions.open();
                }
                (written, read)
            }
            (next, _) => {
                match next {
                    ')' => repetitions.close(),
                    _ => repetitions.atom(),
                }
                (if next == '{' { r"\{".to_owned() } else { next.to_string() }, next.len_utf8())
            }
        };
        out.push_str(&written);
        rest = rest.get(read..).unwrap_or_default();
    }
    Ok(out)
}

/// What the beginning of a group becomes, or flags alone, and its length.
fn opening(text: &str) -> Result<(String, usize), String> {
    let Some(about) = text.strip_prefix("(?") else { return Ok(("(".to_owned(), 1)) };
    if let Some(named) = about.strip_prefix("P<").or_else(|| about.strip_prefix('<'))
        && !named.starts_with(['=', '!'])
    {
        let name = named.split('>').next().unwrap_or_default();
        if name.chars().any(|c| c != '_' && !c.is_ascii_alphanumeric()) {
            return Err(format!("a group's name has letters, digits and _ only: {name}"));
        }
        let read = text.len() - named.len();
        return Ok((text.get(..read).unwrap_or_default().to_owned(), read));
    }
    if about.starts_with(['=', '!', '<', 'P']) {
        return Ok(("(?".to_owned(), 2));
    }
    let Some(end) = about.find([')', ':']) else { return Ok(("(?".to_owned(), 2)) };
    let (flags, rest) = about.split_at(end);
    let wrong = || format!("(?{flags} is not flags: there are i, m, s and U, and those after one - are taken off");
    let (mut on, mut off, mut negative) = (String::new(), String::new(), false);
    for flag in flags.chars() {
        match flag {
            '-' if !negative => negative = true,
            'i' | 'm' | 's' | 'U' => {
                on.retain(|known| known != flag);
                off.retain(|known| known != flag);
                if negative { off.push(flag) } else { on.push(flag) }
            }
            _ => return Err(wrong()),
        }
    }
    if negative && off.is_empty() {
        return Err(wrong());
    }
    let dash = if negative { "-" } else { "" };
    let close = if rest.starts_with(')') { ")" } else { ":" };
    let written = match (close, flags) {
        (")", "") => String::new(),
        _ => format!("(?{on}{dash}{off}{close}"),
    };
    Ok((written, 2 + end + 1))
}

#[cfg(test)]
mod tests;
