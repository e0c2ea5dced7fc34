//! Cuts a rule's text into tokens, with positions in bytes. A subset of Go's tokens.
//! Line breaks are spaces: unlike Go, a line may begin with an operator.

use std::borrow::Cow;
use std::fmt;

use super::RuleError;
use super::argument::shown;

/// A piece of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// The name of a matcher.
    Name(&'t str),
    /// A string, its escapes resolved.
    Text(Cow<'t, str>),
    And,
    Or,
    Not,
    Open,
    Close,
    Comma,
    End,
}

/// Reads tokens from a text, each character once.
pub(super) struct Lexer<'t> {
    text: &'t str,
    position: usize,
}

// === impl Token ===

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Name(name) => write!(f, "the name {}", shown(name)),
            Token::Text(text) => write!(f, "the string {}", shown(text)),
            Token::And => f.write_str("`&&`"),
            Token::Or => f.write_str("`||`"),
            Token::Not => f.write_str("`!`"),
            Token::Open => f.write_str("`(`"),
            Token::Close => f.write_str("`)`"),
            Token::Comma => f.write_str("`,`"),
            Token::End => f.write_str("the end"),
        }
    }
}

// === impl Lexer ===

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Lexer { text, position: 0 }
    }

    /// The next token and where it begins.
    pub(super) fn next(&mut self) -> Result<(usize, Token<'t>), RuleError> {
        self.skip_space()?;
        let start = self.position;
        let Some(first) = self.rest().chars().next() else { return Ok((start, Token::End)) };
        let token = match first {
            '(' => self.symbol(1, Token::Open),
            ')' => self.symbol(1, Token::Close),
            ',' => self.symbol(1, Token::Comma),
            '!' if self.rest().starts_with("!=") => {
                return Err(RuleError::new(start, "`!=` is no operator of rules; accepted are `&&`, `||` and `!`"));
            }
            '!' => self.symbol(1, Token::Not),
            '&' if self.rest().starts_with("&&") => self.symbol(2, Token::And),
            '|' if self.rest().starts_with("||") => self.symbol(2, Token::Or),
            '&' => return Err(RuleError::new(start, "a single `&`; \"and\" is written `&&`")),
            '|' => return Err(RuleError::new(start, "a single `|`; \"or\" is written `||`")),
            '`' => Token::Text(self.raw_string()?),
            '"' => Token::Text(self.quoted_string()?),
            '\'' => {
                return Err(RuleError::new(
                    start,
                    "strings are written in backticks or double quotes, not in single quotes",
                ));
            }
            c if c == '_' || c.is_alphabetic() => Token::Name(self.take_while(|c| c == '_' || c.is_alphanumeric())),
            c if c.is_ascii_digit() => {
                let number = shown(self.take_while(|c| c == '.' || c.is_alphanumeric()));
                return Err(RuleError::new(start, format!("the number {number}: matchers take strings only")));
            }
            c => return Err(RuleError::new(start, format!("unexpected character {c:?}"))),
        };
        Ok((start, token))
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn symbol(&mut self, length: usize, token: Token<'t>) -> Token<'t> {
        self.position += length;
        token
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.position += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Spaces, line breaks and Go's comments.
    fn skip_space(&mut self) -> Result<(), RuleError> {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
            let rest = self.rest();
            if rest.starts_with("//") {
                self.position += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                let end = rest.find("*/").ok_or_else(|| RuleError::new(self.position, "the comment is not closed"))?;
                self.position += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    /// A string in backticks. As in Go, carriage returns in it are dropped.
    fn raw_string(&mut self) -> Result<Cow<'t, str>, RuleError> {
        let start = self.position;
        let body = self.rest().get(1..).unwrap_or_default();
        let end = body.find('`').ok_or_else(|| RuleError::new(start, "the string's closing backtick is missing"))?;
        self.position += end + 2;
        let body = body.get(..end).unwrap_or_default();
        Ok(if body.contains('\r') { Cow::Owned(body.replace('\r', "")) } else { Cow::Borrowed(body) })
    }

    /// A string in double quotes, with Go's escapes.
    fn quoted_string(&mut self) -> Result<Cow<'t, str>, RuleError> {
        let start = self.position;
        let unclosed = || RuleError::new(start, "the string's closing double quote is missing");
        self.position += 1;
        let plain = self.take_while(|c| !matches!(c, '"' | '\\' | '\n'));
        if self.rest().starts_with('"') {
            self.position += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut bytes = plain.as_bytes().to_vec();
        loop {
            match self.rest().as_bytes().first() {
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut bytes)?,
                _ => return Err(unclosed()),
            }
            bytes.extend_from_slice(self.take_while(|c| !matches!(c, '"' | '\\' | '\n')).as_bytes());
        }
        self.position += 1;
        let text =
            String::from_utf8(bytes).map_err(|_| RuleError::new(start, "the string's escapes are no UTF-8 text"))?;
        Ok(Cow::Owned(text))
    }

    /// One escape, the backslash first.
    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), RuleError> {
        let start = self.position;
        let wrong = || {
            let accepted = r#"\a \b \f \n \r \t \v \\ \" \NNN (octal, up to \377) \xNN \uNNNN \UNNNNNNNN"#;
            RuleError::new(start, format!("unknown escape; accepted are {accepted}"))
        };
        let kind = *self.rest().as_bytes().get(1).ok_or_else(wrong)?;
        let (first, digits, radix) = match kind {
            b'x' => (2, 2, 16),
            b'u' => (2, 4, 16),
            b'U' => (2, 8, 16),
            b'0'..=b'7' => (1, 3, 8),
            _ => {
                bytes.push(match kind {
                    b'a' => 0x07,
                    b'b' => 0x08,
                    b'f' => 0x0c,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 0x0b,
                    b'\\' | b'"' => kind,
                    _ => return Err(wrong()),
                });
                self.position += 2;
                return Ok(());
            }
        };
        let number = self.rest().get(first..first + digits).filter(|n| n.chars().all(|c| c.is_digit(radix)));
        let value = number.and_then(|n| u32::from_str_radix(n, radix).ok()).ok_or_else(wrong)?;
        if matches!(kind, b'u' | b'U') {
            let c = char::from_u32(value).ok_or_else(|| RuleError::new(start, "the escape is no Unicode character"))?;
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            bytes.push(u8::try_from(value).map_err(|_| wrong())?);
        }
        self.position += first + digits;
        Ok(())
    }
}
