//! Finds the paths that a Rust source names, `use` lists unfolded: as much of the language as that takes.
//! Comments, literals and inline test modules are left out.

/// A piece of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    Name(&'t str),
    /// `::`
    Separator,
    Other(char),
}

use Token::{Name, Other, Separator};

/// Every path of a text, names alone included, by its names; `a::{b, c::*}` is `a::b` and `a::c::*`.
pub fn paths(text: &str) -> Vec<Vec<&str>> {
    let tokens = without_tests(&tokens(text));
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at] {
            Name(_) => at = path(&tokens, at, Vec::new(), &mut found),
            _ => at += 1,
        }
    }
    found
}

/// Reads one path from `at` on; gives back where it ends.
fn path<'t>(tokens: &[Token<'t>], mut at: usize, mut names: Vec<&'t str>, found: &mut Vec<Vec<&'t str>>) -> usize {
    loop {
        match tokens.get(at) {
            Some(Name(name)) => names.push(name),
            Some(Other('*')) => names.push("*"),
            Some(Other('{')) => return group(tokens, at + 1, &names, found),
            // `Vec::<u8>`
            _ => break,
        }
        at += 1;
        if tokens.get(at) != Some(&Separator) {
            break;
        }
        at += 1;
    }
    found.push(names);
    at
}

/// Reads the paths of a list in braces, each of which goes on from `names`.
fn group<'t>(tokens: &[Token<'t>], mut at: usize, names: &[&'t str], found: &mut Vec<Vec<&'t str>>) -> usize {
    loop {
        match tokens.get(at) {
            None => return at,
            Some(Other('}')) => return at + 1,
            Some(Other(',')) => at += 1,
            Some(Name("as")) => at += 2,
            Some(Name(_) | Other('*')) => at = path(tokens, at, names.to_vec(), found),
            Some(_) => at += 1,
        }
    }
}

/// Without modules that are written in place and only there for tests.
fn without_tests<'t>(tokens: &[Token<'t>]) -> Vec<Token<'t>> {
    const CFG_TEST: [Token<'_>; 7] =
        [Other('#'), Other('['), Name("cfg"), Other('('), Name("test"), Other(')'), Other(']')];
    let mut kept = Vec::with_capacity(tokens.len());
    let mut rest = tokens;
    while let Some((first, after)) = rest.split_first() {
        if rest.starts_with(&CFG_TEST) {
            let mut item = &rest[CFG_TEST.len()..];
            while item.first() == Some(&Other('#')) {
                item = block(&item[1..], '[', ']');
            }
            if let [Name("mod"), Name(_), Other('{'), ..] = item {
                rest = block(&item[2..], '{', '}');
                continue;
            }
        }
        kept.push(*first);
        rest = after;
    }
    kept
}

/// What comes after the brackets that the tokens begin with.
fn block<'s, 't>(tokens: &'s [Token<'t>], open: char, close: char) -> &'s [Token<'t>] {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate() {
        match token {
            Other(c) if *c == open => depth += 1,
            Other(c) if *c == close => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &tokens[i + 1..];
        }
    }
    &[]
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = raw_string(rest) {
            length
        } else if c == '"' {
            string(rest)
        } else if c == '\'' {
            character(rest)
        } else if rest.starts_with("::") {
            found.push(Separator);
            2
        } else if is_name(c) {
            let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            found.push(Name(&rest[..length]));
            length
        } else {
            if !c.is_whitespace() {
                found.push(Other(c));
            }
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of `r"…"`, `r#"…"#`, `br"…"`.
fn raw_string(text: &str) -> Option<usize> {
    let inner = ["r", "br", "cr"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let hashes = inner.len() - inner.trim_start_matches('#').len();
    let content = inner[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - content.len();
    Some(content.find(&end).map_or(text.len(), |at| start + at + end.len()))
}

/// The length of `"…"`.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return i + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of `'c'`; of a lifetime, that of its quote.
fn character(text: &str) -> usize {
    let mut inner = text[1..].chars();
    match inner.next() {
        Some('\\') => text.get(3..).and_then(|rest| rest.find('\'')).map_or(text.len(), |end| end + 4),
        Some(c) if inner.next() == Some('\'') => c.len_utf8() + 2,
        _ => 1,
    }
}
