//! Turns tokens into an expression: `||` over `&&` over `!`, calls of known matchers, parentheses.
//! Recursion happens for parentheses only, and is bounded.

use super::RuleError;
use super::argument::{Argument, Call, shown};
use super::expression::Expression;
use super::lexer::{Lexer, Token};

/// How deep parentheses may be nested: more than anyone writes, few enough for the stack.
const MAX_DEPTH: usize = 100;

/// Builds the (not negated) expression of a call.
pub(super) type Build<M> = fn(&Call<'_>) -> Result<Expression<M>, RuleError>;

/// The matchers of a syntax, by canonical name.
pub(super) type Matchers<M> = &'static [(&'static str, Build<M>)];

/// Parses a whole rule.
pub(super) fn parse<M>(text: &str, matchers: Matchers<M>) -> Result<Expression<M>, RuleError> {
    let mut lexer = Lexer::new(text);
    let (position, token) = lexer.next()?;
    if token == Token::End {
        return Err(RuleError::new(position, "the rule is empty"));
    }
    let mut parser = Parser { lexer, position, token, depth: 0, matchers };
    let expression = parser.alternatives(false)?;
    match parser.token {
        Token::End => Ok(expression),
        found => Err(RuleError::new(parser.position, format!("expected `&&`, `||` or the end, found {found}"))),
    }
}

/// The token at hand, and where it begins.
struct Parser<'t, M: 'static> {
    lexer: Lexer<'t>,
    position: usize,
    token: Token<'t>,
    depth: usize,
    matchers: Matchers<M>,
}

// === impl Parser ===

impl<'t, M> Parser<'t, M> {
    /// Steps to the next token and returns the one that was at hand.
    fn advance(&mut self) -> Result<Token<'t>, RuleError> {
        let (position, token) = self.lexer.next()?;
        self.position = position;
        Ok(std::mem::replace(&mut self.token, token))
    }

    /// Steps over `wanted` if it is at hand.
    fn take(&mut self, wanted: &Token<'_>) -> Result<bool, RuleError> {
        let there = self.token == *wanted;
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    /// `a || b || …`; below a negation that is: neither of them.
    fn alternatives(&mut self, negated: bool) -> Result<Expression<M>, RuleError> {
        let mut list = vec![self.conditions(negated)?];
        while self.take(&Token::Or)? {
            list.push(self.conditions(negated)?);
        }
        Ok(if negated { Expression::all(list) } else { Expression::any(list) })
    }

    /// `a && b && …`; below a negation that is: not all of them.
    fn conditions(&mut self, negated: bool) -> Result<Expression<M>, RuleError> {
        let mut list = vec![self.condition(negated)?];
        while self.take(&Token::And)? {
            list.push(self.condition(negated)?);
        }
        Ok(if negated { Expression::any(list) } else { Expression::all(list) })
    }

    /// A call or a group in parentheses, with any number of `!` before it.
    fn condition(&mut self, mut negated: bool) -> Result<Expression<M>, RuleError> {
        while self.take(&Token::Not)? {
            negated = !negated;
        }
        match self.token {
            Token::Name(name) => {
                let built = self.call(name)?;
                Ok(if negated { built.negate() } else { built })
            }
            Token::Open => self.group(negated),
            ref found => {
                let message = format!("expected a matcher such as Host(`example.com`), `!` or `(`, found {found}");
                Err(RuleError::new(self.position, message))
            }
        }
    }

    fn group(&mut self, negated: bool) -> Result<Expression<M>, RuleError> {
        let opened = self.position;
        if self.depth == MAX_DEPTH {
            return Err(RuleError::new(opened, format!("parentheses are nested more than {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        self.advance()?;
        let inner = self.alternatives(negated)?;
        self.depth -= 1;
        if !self.take(&Token::Close)? {
            let found = &self.token;
            let message = format!("expected `&&`, `||` or the `)` for the `(` at byte {opened}, found {found}");
            return Err(RuleError::new(self.position, message));
        }
        Ok(inner)
    }

    /// `Name(argument, …)`; Go's trailing comma is accepted.
    fn call(&mut self, name: &'t str) -> Result<Expression<M>, RuleError> {
        let position = self.position;
        let (canonical, build) = self.matcher(name)?;
        self.advance()?;
        if !self.take(&Token::Open)? {
            let message = format!("expected `(` after {canonical}, found {}", self.token);
            return Err(RuleError::new(self.position, message));
        }
        let mut arguments = Vec::new();
        while let Token::Text(_) = self.token {
            let position = self.position;
            if let Token::Text(text) = self.advance()? {
                if text.is_empty() {
                    return Err(RuleError::new(position, format!("an argument of {canonical} is empty")));
                }
                arguments.push(Argument { position, text });
            }
            if !self.take(&Token::Comma)? {
                break;
            }
        }
        if self.token != Token::Close {
            let found = &self.token;
            let message = format!("expected a string or the `)` of {canonical}, found {found}");
            return Err(RuleError::new(self.position, message));
        }
        if arguments.is_empty() {
            return Err(RuleError::new(self.position, format!("{canonical} has no arguments")));
        }
        self.advance()?;
        build(&Call { name: canonical, position, arguments })
    }

    fn matcher(&self, name: &str) -> Result<(&'static str, Build<M>), RuleError> {
        let known = self.matchers.iter().find(|(canonical, _)| is_spelling(name, canonical));
        known.copied().ok_or_else(|| {
            let names: Vec<_> = self.matchers.iter().map(|(canonical, _)| *canonical).collect();
            let message = format!("unknown matcher {}; this syntax knows {}", shown(name), names.join(", "));
            RuleError::new(self.position, message)
        })
    }
}

/// Tells whether a name is written as `PathPrefix`, `pathprefix`, `PATHPREFIX` or `Pathprefix`.
fn is_spelling(name: &str, canonical: &str) -> bool {
    let is_lower = |text: &str| !text.contains(|c: char| c.is_ascii_uppercase());
    let is_upper = |text: &str| !text.contains(|c: char| c.is_ascii_lowercase());
    let is_title = |text: &str| text.get(..1).is_some_and(is_upper) && text.get(1..).is_some_and(is_lower);
    name == canonical || (name.eq_ignore_ascii_case(canonical) && (is_lower(name) || is_upper(name) || is_title(name)))
}
