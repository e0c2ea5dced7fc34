//! A rule as a tree: matchers joined by "all of" and "any of"; negation sits at the matchers.
//! Nodes have any number of children, so a long chain of operators is wide, not deep.

use std::fmt;

/// What the leaves of a rule do. Displayed as the user would write it.
pub(super) trait Matcher: fmt::Display {
    /// What is looked at.
    type View<'a>;

    /// Tells whether it fits.
    fn matches(&self, view: &Self::View<'_>) -> bool;

    /// The value that was compared, as a clause: `the host is …`.
    fn found(&self, view: &Self::View<'_>) -> String;
}

/// A rule over matchers `M`. `All` and `Any` hold at least one child.
#[derive(Debug)]
pub(super) enum Expression<M> {
    /// The matcher fits.
    Is(M),
    /// The matcher does not fit.
    Not(M),
    /// Every child holds.
    All(Box<[Expression<M>]>),
    /// At least one child holds.
    Any(Box<[Expression<M>]>),
}

// === impl Expression ===

impl<M> Expression<M> {
    /// Every one of `children`, of which there must be one; a single one stands for itself.
    pub(super) fn all(children: Vec<Self>) -> Self {
        single(children).unwrap_or_else(|children| Expression::All(children.into()))
    }

    /// One of `children`, of which there must be one; a single one stands for itself.
    pub(super) fn any(children: Vec<Self>) -> Self {
        single(children).unwrap_or_else(|children| Expression::Any(children.into()))
    }

    /// The opposite, by De Morgan's laws.
    pub(super) fn negate(self) -> Self {
        let each = |children: Box<[Self]>| children.into_iter().map(Expression::negate).collect();
        match self {
            Expression::Is(matcher) => Expression::Not(matcher),
            Expression::Not(matcher) => Expression::Is(matcher),
            Expression::All(children) => Expression::Any(each(children)),
            Expression::Any(children) => Expression::All(each(children)),
        }
    }

    /// Every matcher in the order of the text, negated ones too.
    pub(super) fn leaves(&self) -> Vec<&M> {
        fn walk<'e, M>(expression: &'e Expression<M>, found: &mut Vec<&'e M>) {
            match expression {
                Expression::Is(matcher) | Expression::Not(matcher) => found.push(matcher),
                Expression::All(children) | Expression::Any(children) => {
                    children.iter().for_each(|child| walk(child, found));
                }
            }
        }
        let mut found = Vec::new();
        walk(self, &mut found);
        found
    }
}

impl<M: Matcher> Expression<M> {
    pub(super) fn matches(&self, view: &M::View<'_>) -> bool {
        match self {
            Expression::Is(matcher) => matcher.matches(view),
            Expression::Not(matcher) => !matcher.matches(view),
            Expression::All(children) => children.iter().all(|child| child.matches(view)),
            Expression::Any(children) => children.iter().any(|child| child.matches(view)),
        }
    }

    /// Names the first matcher that makes the rule fail; `None` when the rule holds.
    pub(super) fn explain(&self, view: &M::View<'_>) -> Option<String> {
        if self.matches(view) {
            return None;
        }
        match self {
            Expression::Is(matcher) => Some(format!("{matcher} does not match: {}", matcher.found(view))),
            Expression::Not(matcher) => Some(format!("!{matcher} does not match: {}", matcher.found(view))),
            Expression::All(children) => children.iter().find_map(|child| child.explain(view)),
            Expression::Any(children) => {
                let first = children.first()?.explain(view)?;
                Some(match children.len() - 1 {
                    0 => first,
                    1 => format!("{first}; nor does its alternative"),
                    others => format!("{first}; nor does one of its {others} alternatives"),
                })
            }
        }
    }
}

/// The only element, or the list again.
fn single<T>(mut list: Vec<T>) -> Result<T, Vec<T>> {
    match list.pop() {
        Some(only) if list.is_empty() => Ok(only),
        Some(last) => {
            list.push(last);
            Err(list)
        }
        None => Err(list),
    }
}
