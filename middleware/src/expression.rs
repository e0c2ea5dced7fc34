//! Conditions over functions, as Traefik's breakers and buffers have them: `Ratio() > 0.5 && (A() || B(1, 2) == 3)`.
//! A leaf: parsed when a filter is built; what a function is, and what it compares with, the filter says.

mod lexer;

use std::fmt;

use self::lexer::{Token, tokens};

/// Parentheses and negations nest no deeper.
const DEEPEST: usize = 64;

/// Words of an expression: asking a long one calls itself as often.
const LONGEST: usize = 4096;

/// A condition over tests.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression<T> {
    /// Both hold.
    And(Box<Expression<T>>, Box<Expression<T>>),
    /// One holds, at least.
    Or(Box<Expression<T>>, Box<Expression<T>>),
    /// It doesn't hold.
    Not(Box<Expression<T>>),
    /// A test holds.
    Test(T),
}

/// A call of a function, and what its value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The function.
    pub(crate) name: String,
    /// Its arguments.
    pub(crate) arguments: Vec<Literal>,
    /// None where the value itself is the condition.
    pub(crate) compared: Option<(Comparison, Literal)>,
}

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    AtMost,
    Equal,
    Unequal,
    AtLeast,
    More,
}

/// A value in the text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    /// `3`
    Integer(i64),
    /// `0.5`
    Float(f64),
    /// `"GET"`
    Text(String),
}

/// Reads an expression; `test` makes a test of each call, or says what is wrong with it.
///
/// # Errors
/// What was found, and what is accepted there.
pub(crate) fn parse<T>(text: &str, test: impl FnMut(Call) -> Result<T, String>) -> Result<Expression<T>, String> {
    let tokens = tokens(text)?;
    if tokens.len() > LONGEST {
        return Err(format!("it has {} words: up to {LONGEST} are accepted", tokens.len()));
    }
    let mut parser = Parser { tokens, position: 0, depth: 0, test };
    let expression = parser.or()?;
    match parser.next() {
        None => Ok(expression),
        Some(token) => Err(format!("{token} follows where the expression ends: `&&` or `||` is accepted")),
    }
}

struct Parser<F> {
    tokens: Vec<Token>,
    position: usize,
    depth: usize,
    test: F,
}

// === impl Expression ===

impl<T> Expression<T> {
    /// Whether it holds; tests that don't matter aren't asked.
    pub(crate) fn holds(&self, test: &mut impl FnMut(&T) -> bool) -> bool {
        match self {
            Expression::And(a, b) => a.holds(test) && b.holds(test),
            Expression::Or(a, b) => a.holds(test) || b.holds(test),
            Expression::Not(inner) => !inner.holds(test),
            Expression::Test(t) => test(t),
        }
    }

    /// Looks at every test.
    pub(crate) fn each(&self, look: &mut impl FnMut(&T)) {
        match self {
            Expression::And(a, b) | Expression::Or(a, b) => {
                a.each(look);
                b.each(look);
            }
            Expression::Not(inner) => inner.each(look),
            Expression::Test(t) => look(t),
        }
    }
}

// === impl Comparison ===

impl Comparison {
    /// Whether two values stand like this.
    pub(crate) fn holds<V: PartialOrd>(self, a: V, b: V) -> bool {
        match self {
            Comparison::Less => a < b,
            Comparison::AtMost => a <= b,
            Comparison::Equal => a == b,
            Comparison::Unequal => a != b,
            Comparison::AtLeast => a >= b,
            Comparison::More => a > b,
        }
    }
}

// === impl Parser ===

impl<T, F: FnMut(Call) -> Result<T, String>> Parser<F> {
    fn or(&mut self) -> Result<Expression<T>, String> {
        let mut left = self.and()?;
        while self.skip(&Token::Or) {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression<T>, String> {
        let mut left = self.term()?;
        while self.skip(&Token::And) {
            left = Expression::And(Box::new(left), Box::new(self.term()?));
        }
        Ok(left)
    }

    fn term(&mut self) -> Result<Expression<T>, String> {
        match self.next() {
            Some(opening @ (Token::Open | Token::Not)) => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err(format!("it is nested more than {DEEPEST} deep"));
                }
                let inner = match opening {
                    Token::Not => Expression::Not(Box::new(self.term()?)),
                    _ => {
                        let inner = self.or()?;
                        self.expect(&Token::Close)?;
                        inner
                    }
                };
                self.depth -= 1;
                Ok(inner)
            }
            Some(Token::Name(name)) => {
                let call = self.call(name)?;
                (self.test)(call).map(Expression::Test)
            }
            found => Err(format!("{} stands where a function such as `Name()` is accepted", told(found.as_ref()))),
        }
    }

    fn call(&mut self, name: String) -> Result<Call, String> {
        self.expect(&Token::Open)?;
        let mut arguments = Vec::new();
        if !self.skip(&Token::Close) {
            loop {
                arguments.push(self.literal()?);
                if self.skip(&Token::Close) {
                    break;
                }
                self.expect(&Token::Comma)?;
            }
        }
        let compared = match self.tokens.get(self.position) {
            Some(Token::Comparison(comparison)) => {
                let comparison = *comparison;
                self.position += 1;
                Some((comparison, self.literal()?))
            }
            _ => None,
        };
        Ok(Call { name, arguments, compared })
    }

    fn literal(&mut self) -> Result<Literal, String> {
        match self.next() {
            Some(Token::Literal(literal)) => Ok(literal),
            found => Err(format!("{} stands where a number or a quoted text is accepted", told(found.as_ref()))),
        }
    }

    fn expect(&mut self, token: &Token) -> Result<(), String> {
        match self.next() {
            Some(found) if found == *token => Ok(()),
            found => Err(format!("{} stands where {token} is accepted", told(found.as_ref()))),
        }
    }

    fn skip(&mut self, token: &Token) -> bool {
        let found = self.tokens.get(self.position) == Some(token);
        self.position += usize::from(found);
        found
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.position).cloned();
        self.position += 1;
        token
    }
}

fn told(token: Option<&Token>) -> String {
    token.map_or_else(|| "the end".to_owned(), Token::to_string)
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Integer(n) => write!(f, "{n}"),
            Literal::Float(n) => write!(f, "{n:?}"),
            Literal::Text(text) => write!(f, "{text:?}"),
        }
    }
}

#[cfg(test)]
mod tests;
