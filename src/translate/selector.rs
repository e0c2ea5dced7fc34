//! Kubernetes label selectors as text: equality (`a=b`, `a!=b`), sets (`a in (b, c)`, `a notin (b)`), existence
//! (`a`, `!a`) and order (`a>1`, `a<5`), all of which must hold. Source: Kubernetes' `labels.Parse`.

use std::collections::BTreeMap;

/// Requirements on the labels of an object; none means every object.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Selector(Vec<Requirement>);

/// Why a text is not a label selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a label selector: {reason}; write for example `app=web,tier in (front, back),!legacy`")]
pub(super) struct BadSelector {
    text: String,
    reason: String,
}

#[derive(Debug, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug, PartialEq)]
enum Operator {
    Exists,
    Absent,
    In(Vec<String>),
    /// Holds, too, where the label is absent.
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

/// What the text is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Token<'t> {
    Word(&'t str),
    Symbol(&'t str),
}

/// Reads tokens one after the other.
struct Reader<'t> {
    rest: &'t str,
}

// === impl Selector ===

impl Selector {
    /// Reads a selector; an empty text selects everything.
    pub(super) fn parse(text: &str) -> Result<Self, BadSelector> {
        let mut reader = Reader { rest: text };
        let read = || -> Result<Vec<Requirement>, String> {
            let mut requirements = Vec::new();
            if reader.peek().is_none() {
                return Ok(requirements);
            }
            loop {
                requirements.push(reader.requirement()?);
                match reader.next() {
                    None => return Ok(requirements),
                    Some(Token::Symbol(",")) => {}
                    Some(other) => return Err(format!("expected `,` or the end, found `{}`", other.text())),
                }
            }
        };
        let mut read = read;
        read().map(Selector).map_err(|reason| BadSelector { text: text.to_owned(), reason })
    }

    /// Whether all requirements hold.
    pub(super) fn matches(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        self.0.iter().all(|r| r.matches(labels.and_then(|l| l.get(&r.key)).map(String::as_str)))
    }
}

// === impl Requirement ===

impl Requirement {
    fn matches(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|v| v.parse::<i64>().ok());
        match &self.operator {
            Operator::Exists => value.is_some(),
            Operator::Absent => value.is_none(),
            Operator::In(values) => value.is_some_and(|v| values.iter().any(|x| x == v)),
            Operator::NotIn(values) => value.is_none_or(|v| values.iter().all(|x| x != v)),
            Operator::Greater(bound) => number().is_some_and(|n| n > *bound),
            Operator::Less(bound) => number().is_some_and(|n| n < *bound),
        }
    }
}

// === impl Token ===

impl<'t> Token<'t> {
    fn text(self) -> &'t str {
        match self {
            Token::Word(text) | Token::Symbol(text) => text,
        }
    }
}

// === impl Reader ===

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<Token<'t>> {
        let rest = self.rest.trim_start();
        let first = rest.chars().next()?;
        let symbol = ["==", "!=", "=", "!", ",", "(", ")", "<", ">"].into_iter().find(|s| rest.starts_with(s));
        if let Some(symbol) = symbol {
            return Some(Token::Symbol(symbol));
        }
        debug_assert!(!first.is_whitespace());
        let end = rest.find(|c: char| c.is_whitespace() || "=!,()<>".contains(c)).unwrap_or(rest.len());
        rest.get(..end).map(Token::Word)
    }

    fn next(&mut self) -> Option<Token<'t>> {
        let token = self.peek()?;
        self.rest = self.rest.trim_start().get(token.text().len()..).unwrap_or_default();
        Some(token)
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        if self.peek() == Some(Token::Symbol("!")) {
            self.next();
            return Ok(Requirement { key: self.key()?, operator: Operator::Absent });
        }
        let key = self.key()?;
        let operator = match self.peek() {
            None | Some(Token::Symbol(",")) => Operator::Exists,
            Some(token) => {
                self.next();
                match token {
                    Token::Symbol("=" | "==") => Operator::In(vec![self.value()]),
                    Token::Symbol("!=") => Operator::NotIn(vec![self.value()]),
                    Token::Symbol(">") => Operator::Greater(self.number()?),
                    Token::Symbol("<") => Operator::Less(self.number()?),
                    Token::Word("in") => Operator::In(self.values()?),
                    Token::Word("notin") => Operator::NotIn(self.values()?),
                    other => {
                        let found = other.text();
                        return Err(format!("after `{key}` expected =, ==, !=, in, notin, < or >, found `{found}`"));
                    }
                }
            }
        };
        Ok(Requirement { key, operator })
    }

    fn key(&mut self) -> Result<String, String> {
        let legal = |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        match self.next() {
            Some(Token::Word(key)) if legal(key) => Ok(key.to_owned()),
            Some(other) => Err(format!("expected the name of a label, found `{}`", other.text())),
            None => Err("expected the name of a label, found the end".to_owned()),
        }
    }

    /// A value; nothing at all is the empty one.
    fn value(&mut self) -> String {
        match self.peek() {
            Some(Token::Word(value)) => {
                self.next();
                value.to_owned()
            }
            _ => String::new(),
        }
    }

    fn number(&mut self) -> Result<i64, String> {
        let value = self.value();
        value.parse().map_err(|_| format!("expected a whole number, found `{value}`"))
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        if self.next() != Some(Token::Symbol("(")) {
            return Err("expected `(` after in or notin".to_owned());
        }
        let mut values = Vec::new();
        loop {
            values.push(self.value());
            match self.next() {
                Some(Token::Symbol(",")) => {}
                Some(Token::Symbol(")")) => return Ok(values),
                _ => return Err("expected `,` or `)` between values".to_owned()),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn selects() {
        let labels: BTreeMap<String, String> =
            [("app", "web"), ("tier", "front"), ("n", "5"), ("e", ""), ("x.io/y", "z")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into();
        for (text, expected) in [
            ("", true),
            ("  ", true),
            ("app", true),
            ("nope", false),
            ("!nope", true),
            ("! app", false),
            ("app=web", true),
            ("app==web", true),
            ("app = api", false),
            ("app!=web", false),
            ("app!=api", true),
            ("nope!=api", true),
            ("e=", true),
            ("app=", false),
            ("tier in (front, back)", true),
            ("tier in (back)", false),
            ("tier notin (back,mid)", true),
            ("tier notin (front)", false),
            ("nope notin (a)", true),
            ("nope in (a)", false),
            ("e in ()", true),
            ("n>4,n<6", true),
            ("n>5", false),
            ("app>1", false),
            ("app=web,tier=back", false),
            ("x.io/y=z , app in (web)", true),
            ("in in (a)", false),
        ] {
            assert_eq!(Selector::parse(text).unwrap().matches(Some(&labels)), expected, "{text}");
        }
        assert!(!Selector::parse("app").unwrap().matches(None));
        assert!(Selector::parse("!app").unwrap().matches(None));
    }

    #[test]
    fn refuses() {
        for text in ["=a", "a b", "a in", "a in b", "a in (b", "a,", ",a", "a>x", "!", "a=b c", "a(b)", "é=1", "a=b=c"]
        {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
    }
}
