//! Classes in brackets: Go's have no operators, and a `[` in them stands for itself.
//! Used by the translation.

use super::escape;

/// The classes that have a name: `[:alpha:]`, or `[:^alpha:]` for all others.
const NAMED: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// What brackets at the beginning of `text` become, and their length.
pub(super) fn translated(text: &str) -> Result<(String, usize), String> {
    let mut out = String::from("[");
    let mut read = 1;
    if text.get(read..).is_some_and(|rest| rest.starts_with('^')) {
        out.push('^');
        read += 1;
    }
    let first = read;
    while let Some(rest) = text.get(read..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(']') && read > first {
            return Ok((out + "]", read + 1));
        }
        let (written, length) = match named(rest)? {
            Some(named) => named,
            None => match escape_of_class(rest)? {
                Some(class) => class,
                None => range(rest)?,
            },
        };
        out.push_str(&written);
        read += length;
    }
    // Not closed, which Rust's `regex` tells.
    Ok((out, text.len()))
}

fn named(text: &str) -> Result<Option<(String, usize)>, String> {
    let end = text.strip_prefix("[:").and_then(|name| name.find(":]"));
    let Some(named) = end.and_then(|end| text.get(..end + 4)) else { return Ok(None) };
    let name = named.get(2..named.len() - 2).unwrap_or_default();
    match NAMED.contains(&name.strip_prefix('^').unwrap_or(name)) {
        true => Ok(Some((named.to_owned(), named.len()))),
        false => Err(format!("{named} is no class")),
    }
}

fn escape_of_class(text: &str) -> Result<Option<(String, usize)>, String> {
    if text.starts_with('\\') { escape::class(text) } else { Ok(None) }
}

/// A character, or two with a `-` between them.
fn range(text: &str) -> Result<(String, usize), String> {
    let (least, read) = character(text)?;
    let most = text.get(read..).and_then(|rest| rest.strip_prefix('-')).filter(|most| !most.starts_with(']'));
    match most {
        Some(most) if !most.is_empty() => {
            let (most, more) = character(most)?;
            Ok((format!("{}-{}", escape::escaped(least), escape::escaped(most)), read + 1 + more))
        }
        _ => Ok((escape::escaped(least), read)),
    }
}

fn character(text: &str) -> Result<(char, usize), String> {
    if text.starts_with('\\') {
        return escape::character(text);
    }
    let character = text.chars().next().unwrap_or_default();
    Ok((character, character.len_utf8()))
}
