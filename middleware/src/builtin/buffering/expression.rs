//! The language of `retryExpression`: functions of an attempt, compared and combined as in Go.
//! `IsNetworkError() && Attempts() < 3 || ResponseCode() == 503 && RequestMethod() == "GET"`.

/// What an expression is asked about.
pub(super) struct Facts<'a> {
    /// Attempts so far.
    pub attempts: u32,
    /// The answer's status.
    pub status: u16,
    /// The request's method.
    pub method: &'a str,
}

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    /// The answer is 502 or 504.
    IsNetworkError,
    Number(Number, Comparison, i64),
    /// The method is, or is not, this one.
    Method(bool, String),
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Attempts,
    ResponseCode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Deeper expressions are refused: what reads them calls itself.
const DEEPEST: usize = 64;

/// The operators, the longer ones first.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

// === impl Expression ===

impl Expression {
    /// Reads an expression; the error says what was found and what is accepted.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { rest: text, depth: 0 };
        let expression = parser.or()?;
        match parser.peek() {
            "" => Ok(expression),
            rest => Err(format!("{rest:?} is too much: && or || is accepted there")),
        }
    }

    /// Whether it is true of an attempt.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> bool {
        match self {
            Expression::IsNetworkError => matches!(facts.status, 502 | 504),
            Expression::Number(number, comparison, value) => comparison.holds(number.of(facts), *value),
            Expression::Method(is, method) => (facts.method == method) == *is,
            Expression::Not(inner) => !inner.holds(facts),
            Expression::And(a, b) => a.holds(facts) && b.holds(facts),
            Expression::Or(a, b) => a.holds(facts) || b.holds(facts),
        }
    }
}

// === impl Number ===

impl Number {
    fn of(self, facts: &Facts<'_>) -> i64 {
        match self {
            Number::Attempts => facts.attempts.into(),
            Number::ResponseCode => facts.status.into(),
        }
    }
}

// === impl Comparison ===

impl Comparison {
    fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterOrEqual => left >= right,
        }
    }
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

// === impl Parser ===

impl<'t> Parser<'t> {
    fn peek(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    /// Takes a word that must not go on as a name.
    fn take(&mut self, word: &str) -> bool {
        match self.peek().strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn need(&mut self, word: &str) -> Result<(), String> {
        if self.take(word) { Ok(()) } else { Err(format!("{word:?} is missing before {:?}", self.rest)) }
    }

    fn or(&mut self) -> Result<Expression, String> {
        let mut left = self.and()?;
        while self.take("||") {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, String> {
        let mut left = self.term()?;
        while self.take("&&") {
            left = Expression::And(Box::new(left), Box::new(self.term()?));
        }
        Ok(left)
    }

    fn term(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("the expression is nested more than {DEEPEST} deep"));
        }
        let term = self.shallow_term();
        self.depth -= 1;
        term
    }

    fn shallow_term(&mut self) -> Result<Expression, String> {
        if self.take("!") {
            return Ok(Expression::Not(Box::new(self.term()?)));
        }
        if self.take("(") {
            let inner = self.or()?;
            self.need(")")?;
            return Ok(inner);
        }
        let name = self.name();
        let known = "IsNetworkError(), Attempts(), ResponseCode() and RequestMethod()";
        if !matches!(name, "IsNetworkError" | "Attempts" | "ResponseCode" | "RequestMethod") {
            let found = if name.is_empty() { self.peek() } else { name };
            return Err(format!("{found:?} is not a function that is known: {known}"));
        }
        self.need("(")?;
        self.need(")")?;
        match name {
            "IsNetworkError" => Ok(Expression::IsNetworkError),
            "Attempts" => self.number(Number::Attempts),
            "ResponseCode" => self.number(Number::ResponseCode),
            _ => self.method(),
        }
    }

    fn name(&mut self) -> &'t str {
        let text = self.peek();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        self.rest = rest;
        name
    }

    fn comparison(&mut self) -> Result<Comparison, String> {
        let found = COMPARISONS.iter().find(|(word, _)| self.take(word));
        found.map(|(_, comparison)| *comparison).ok_or_else(|| {
            format!("{:?} is not a comparison: ==, !=, <, <=, > and >= are accepted after a number", self.rest)
        })
    }

    fn number(&mut self, number: Number) -> Result<Expression, String> {
        let comparison = self.comparison()?;
        let text = self.peek();
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, rest) = text.split_at(end);
        let value = digits.parse().map_err(|_| format!("{text:?} is not a whole number"))?;
        self.rest = rest;
        Ok(Expression::Number(number, comparison, value))
    }

    fn method(&mut self) -> Result<Expression, String> {
        let is = match self.comparison()? {
            Comparison::Equal => true,
            Comparison::NotEqual => false,
            _ => return Err("methods are compared by == and != only".to_owned()),
        };
        let text = self.peek();
        let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '`'));
        let inner = quote.and_then(|quote| text.strip_prefix(quote)?.split_once(quote));
        let Some((method, rest)) = inner else {
            return Err(format!("{text:?} is not a method in quotes, such as \"GET\""));
        };
        self.rest = rest;
        Ok(Expression::Method(is, method.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_when_to_try_again() {
        for (text, attempts, status, method, expected) in [
            ("IsNetworkError()", 1, 502, "GET", true),
            ("IsNetworkError()", 1, 504, "GET", true),
            ("IsNetworkError()", 1, 503, "GET", false),
            ("! IsNetworkError ( )", 1, 503, "GET", true),
            ("Attempts() < 2", 1, 200, "GET", true),
            ("Attempts() < 2", 2, 200, "GET", false),
            ("Attempts()<=2&&ResponseCode()>=500", 2, 500, "GET", true),
            ("ResponseCode() > 499 && ResponseCode() != 501", 1, 501, "GET", false),
            ("ResponseCode() == 503", 1, 503, "GET", true),
            ("RequestMethod() == \"GET\"", 1, 200, "GET", true),
            ("RequestMethod() != `GET`", 1, 200, "POST", true),
            // && binds closer.
            ("ResponseCode() == 500 || ResponseCode() == 502 && Attempts() < 1", 9, 500, "GET", true),
            ("(ResponseCode() == 500 || ResponseCode() == 502) && Attempts() < 1", 9, 500, "GET", false),
        ] {
            let parsed = Expression::parse(text).map(|e| e.holds(&Facts { attempts, status, method }));
            assert_eq!(parsed, Ok(expected), "{text} {attempts} {status} {method}");
        }
    }

    #[test]
    fn says_what_it_does_not_understand() {
        for (text, part) in [
            ("", "not a function"),
            ("true", "not a function"),
            ("IsNetworkError", "\"(\" is missing"),
            ("IsNetworkError(", "\")\" is missing"),
            ("IsNetworkError() Attempts() < 2", "too much"),
            ("IsNetworkError() &&", "not a function"),
            ("IsNetworkError() & Attempts() < 2", "too much"),
            ("Attempts()", "not a comparison"),
            ("Attempts() < two", "not a whole number"),
            ("Attempts() < 1.5", "too much"),
            ("Attempts() < 99999999999999999999", "not a whole number"),
            ("(Attempts() < 2", "\")\" is missing"),
            ("RequestMethod() < \"GET\"", "only"),
            ("RequestMethod() == GET", "in quotes"),
            ("RequestMethod() == \"GET", "in quotes"),
            (&"!".repeat(100), "deep"),
            (&"(".repeat(100_000), "deep"),
        ] {
            let error = Expression::parse(text).err();
            assert!(error.as_ref().is_some_and(|e| e.contains(part)), "{text:.40}: {error:?}");
        }
    }
}
