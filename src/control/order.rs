//! The order in which findings are told: by object, then by field as people count, `routes[2]` before `routes[10]`.

use std::cmp::Ordering;

use crate::diagnostic::Diagnostic;

/// Sorts findings, and drops those that are told twice.
pub(super) fn arrange(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| a.object.cmp(&b.object).then_with(|| natural(&a.path, &b.path)).then_with(|| a.cmp(b)));
    diagnostics.dedup();
}

/// Texts in order, the numbers in them by their value.
fn natural(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let ((a_text, a_rest), (b_text, b_rest)) = (cut(a, |c| !c.is_ascii_digit()), cut(b, |c| !c.is_ascii_digit()));
        let ((a_number, a_rest), (b_number, b_rest)) =
            (cut(a_rest, |c| c.is_ascii_digit()), cut(b_rest, |c| c.is_ascii_digit()));
        let by_value = value(a_number).cmp(&value(b_number));
        match a_text.cmp(b_text).then(by_value) {
            Ordering::Equal if a_rest.is_empty() || b_rest.is_empty() => return a_rest.cmp(b_rest),
            Ordering::Equal => (a, b) = (a_rest, b_rest),
            unequal => return unequal,
        }
    }
}

/// Cuts a text after the characters that fit.
fn cut(text: &str, fits: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !fits(c)).unwrap_or(text.len()))
}

/// Numbers of any length compare as these do.
fn value(digits: &str) -> (usize, &str) {
    let digits = digits.trim_start_matches('0');
    (digits.len(), digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count() {
        let ordered = [
            "",
            "metadata",
            "spec",
            "spec.routes",
            "spec.routes[0].match",
            "spec.routes[2]",
            "spec.routes[2].services[9].port",
            "spec.routes[2].services[10].port",
            "spec.routes[10]",
            "spec.routes[10000000000000000000000]",
            "spec.tls",
        ];
        for (i, a) in ordered.iter().enumerate() {
            for (j, b) in ordered.iter().enumerate() {
                assert_eq!(natural(a, b), i.cmp(&j), "{a:?} {b:?}");
            }
        }
    }
}
