//! The words of an expression: names, literals, operators.
//! Used by the parser only.

use std::fmt;

use super::{Comparison, Literal};

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    Comma,
    Not,
    And,
    Or,
    Comparison(Comparison),
    Literal(Literal),
    Name(String),
}

/// What is written as it is; the longer of two that begin alike comes first.
const SIGNS: [(&str, Token); 12] = [
    ("&&", Token::And),
    ("||", Token::Or),
    ("==", Token::Comparison(Comparison::Equal)),
    ("!=", Token::Comparison(Comparison::Unequal)),
    ("<=", Token::Comparison(Comparison::AtMost)),
    (">=", Token::Comparison(Comparison::AtLeast)),
    ("<", Token::Comparison(Comparison::Less)),
    (">", Token::Comparison(Comparison::More)),
    ("(", Token::Open),
    (")", Token::Close),
    (",", Token::Comma),
    ("!", Token::Not),
];

/// Takes a text apart.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (token, after) = token(rest)?;
        found.push(token);
        rest = after.trim_start();
    }
    Ok(found)
}

fn token(text: &str) -> Result<(Token, &str), String> {
    for (sign, token) in &SIGNS {
        if let Some(after) = text.strip_prefix(sign) {
            return Ok((token.clone(), after));
        }
    }
    let first = text.chars().next().unwrap_or_default();
    if matches!(first, '"' | '`') {
        return quoted(text, first);
    }
    let length = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').unwrap_or(text.len());
    let (word, after) = text.split_at(length);
    if word.is_empty() {
        return Err(format!("{first:?} is not accepted"));
    }
    if !first.is_ascii_digit() && first != '.' {
        return Ok((Token::Name(word.to_owned()), after));
    }
    let literal = word.parse().map(Literal::Integer).or_else(|_| word.parse().map(Literal::Float));
    match literal {
        Ok(literal) => Ok((Token::Literal(literal), after)),
        Err(_) => Err(format!("{word:?} is not a number")),
    }
}

/// A text in quotes; a backslash takes the next character as it is.
fn quoted(text: &str, quote: char) -> Result<(Token, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            c if c == quote => {
                return Ok((Token::Literal(Literal::Text(value)), text.get(i + 1..).unwrap_or_default()));
            }
            '\\' if quote == '"' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    Err(format!("{text:?} has no closing quote"))
}

// === impl Token ===

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Literal(literal) => write!(f, "{literal}"),
            Token::Name(name) => write!(f, "`{name}`"),
            sign => {
                let sign = SIGNS.iter().find(|(_, token)| token == sign).map_or("", |(sign, _)| *sign);
                write!(f, "`{sign}`")
            }
        }
    }
}
