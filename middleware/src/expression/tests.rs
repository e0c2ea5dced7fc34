//! What is read, in which order operators bind, and what is said of mistakes.

#![allow(clippy::unwrap_used)]
use super::*;

/// The expression with all its parentheses, and calls as they are read.
fn shown(text: &str) -> Result<String, String> {
    fn show(expression: &Expression<String>) -> String {
        match expression {
            Expression::And(a, b) => format!("({} && {})", show(a), show(b)),
            Expression::Or(a, b) => format!("({} || {})", show(a), show(b)),
            Expression::Not(inner) => format!("!{}", show(inner)),
            Expression::Test(call) => call.clone(),
        }
    }
    let call = |call: Call| {
        let arguments: Vec<_> = call.arguments.iter().map(Literal::to_string).collect();
        let compared = call.compared.map(|(comparison, literal)| format!(" {comparison:?} {literal}"));
        Ok(format!("{}[{}]{}", call.name, arguments.join(";"), compared.unwrap_or_default()))
    };
    parse(text, call).map(|e| show(&e))
}

#[test]
fn reads_expressions() {
    for (text, expected) in [
        ("A()", "A[]"),
        ("A() > 0.5", "A[] More 0.5"),
        ("A(1,2.5, \"x\")>=3", "A[1;2.5;\"x\"] AtLeast 3"),
        ("A() == `GET` && B() != \"a\\\"b\"", "(A[] Equal \"GET\" && B[] Unequal \"a\\\"b\")"),
        ("A() || B() && C() || D()", "((A[] || (B[] && C[])) || D[])"),
        ("(A() || B()) && (C())", "((A[] || B[]) && C[])"),
        (" A( ) < 1\n&& B()<=2 ", "(A[] Less 1 && B[] AtMost 2)"),
        ("A() > .5", "A[] More 0.5"),
        ("!A() && !(B() || ! C())", "(!A[] && !(B[] || !C[]))"),
    ] {
        assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn says_what_is_wrong() {
    for (text, message) in [
        ("", "the end stands where a function such as `Name()` is accepted"),
        ("A", "the end stands where `(` is accepted"),
        ("A(", "the end stands where a number or a quoted text is accepted"),
        ("A(1", "the end stands where `,` is accepted"),
        ("A() >", "the end stands where a number or a quoted text is accepted"),
        ("A() > B()", "`B` stands where a number or a quoted text is accepted"),
        ("0.5 < A()", "0.5 stands where a function such as `Name()` is accepted"),
        ("A() &&", "the end stands where a function such as `Name()` is accepted"),
        ("A() B()", "`B` follows where the expression ends: `&&` or `||` is accepted"),
        ("(A()", "the end stands where `)` is accepted"),
        ("A() > 1.2.3", "\"1.2.3\" is not a number"),
        ("A() > 5x", "\"5x\" is not a number"),
        ("!", "the end stands where a function such as `Name()` is accepted"),
        ("A() & B()", "'&' is not accepted"),
        ("A() > -1", "'-' is not accepted"),
        ("A() == \"x", "\"\\\"x\" has no closing quote"),
        ("é()", "'é' is not accepted"),
    ] {
        assert_eq!(shown(text).unwrap_err(), message, "{text}");
    }
    assert!(shown(&("(".repeat(1000) + "A()")).unwrap_err().contains("nested"));
    assert!(shown(&"A() && ".repeat(100_000)).unwrap_err().contains("words"));
    let long = format!("{}A()", "A() && ".repeat(1000));
    assert!(parse(&long, |_| Ok(true)).unwrap().holds(&mut |test| *test));
    assert!(shown(&format!("{}A(){}", "(".repeat(60), ")".repeat(60))).is_ok());
}

#[test]
fn holds_as_its_tests_do() {
    let expression = parse("T() && (F() || T()) && T()", |call| Ok(call.name == "T")).unwrap();
    assert!(expression.holds(&mut |test| *test));
    assert!(!expression.holds(&mut |_| false));
    let mut asked = 0;
    let short = parse("F() && T()", |call| Ok(call.name == "T")).unwrap();
    assert!(!short.holds(&mut |test| {
        asked += 1;
        *test
    }));
    assert_eq!(asked, 1);
}
