//! Rules that nobody writes, but that anybody who may write an object can send.

use std::time::{Duration, Instant};

use super::*;

/// Enough for a debug build on a busy machine; what is quadratic takes hours.
const LIMIT: Duration = Duration::from_secs(60);

/// Parses, evaluates and drops a rule on a small stack.
fn run(text: String, expected: Result<bool, &'static str>) {
    let start = Instant::now();
    let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(move || {
        let parsed = parse_http(&text, Syntax::V3);
        match (&parsed, expected) {
            (Ok(rule), Ok(expected)) => {
                let request = Request::new("a/");
                assert_eq!(rule.matches(&request.view()), expected);
                assert_eq!(rule.explain(&request.view()).is_none(), expected);
                let _ = (rule.hosts(), rule.literals());
            }
            (Err(error), Err(part)) => {
                assert!(error.message.contains(part), "{error}");
                assert!(error.message.len() < 400, "the message is short");
            }
            _ => panic!("{:?} for a text of {} bytes", parsed.map(|_| ()), text.len()),
        }
    });
    thread.unwrap().join().unwrap();
    assert!(start.elapsed() < LIMIT);
}

#[test]
fn long_chains() {
    run(vec!["Host(`b`)"; 100_000].join(" || "), Ok(false));
    run(vec!["Host(`a`)"; 100_000].join(" && "), Ok(true));
    run(vec!["!(Host(`b`))"; 100_000].join("&&"), Ok(true));
    run(format!("!({})", vec!["Host(`b`)"; 100_000].join("||")), Ok(true));
    let hosts: Vec<_> = (0..100_000).map(|i| format!("Host(`h{i}`) && Path(`/{i}`)")).collect();
    run(hosts.join("||"), Ok(false));
    run(format!("{}Host(`a`)", "!".repeat(100_001)), Ok(false));
}

#[test]
fn long_strings() {
    run(format!("Path(`/{}`)", "x".repeat(10 << 20)), Ok(false));
    run(format!("Path(\"/{}\")", r"\x41".repeat(2 << 20)), Ok(false));
    run(format!("Path(\"/{}", r"\x41".repeat(2 << 20)), Err("closing double quote"));
    run(format!("Host(`a`){}", " ".repeat(10 << 20)), Ok(true));
    run("x".repeat(10 << 20), Err("unknown matcher"));
    run("9".repeat(10 << 20), Err("number"));
    run(format!("HostRegexp(`{}`)", "a{1000}".repeat(10_000)), Err("no regular expression"));
}

#[test]
fn deep_nesting() {
    let nested = |depth| format!("{}Host(`a`){}", "(".repeat(depth), ")".repeat(depth));
    run(nested(100), Ok(true));
    run(nested(101), Err("nested more than 100 deep"));
    run(nested(100_000), Err("nested more than 100 deep"));
    run("(".repeat(10 << 20), Err("nested more than 100 deep"));
    run("!(".repeat(1 << 20), Err("nested more than 100 deep"));
    run("!".repeat(10 << 20), Err("expected a matcher"));
    let wide = format!("{}{}", "(".repeat(100), vec!["Host(`a`)"; 1000].join("&&"));
    run(wide, Err("the `(` at byte 99"));
    run(vec![nested(100); 1000].join(" && "), Ok(true));
    let uneven = format!("{}Host(`a`){}", "!(Host(`b`) || ".repeat(100), ")".repeat(100));
    run(uneven, Ok(true));
}

#[test]
fn deep_nesting_of_v2_regular_expressions() {
    let text = format!("Path(`/{{a:{}x{}}}`)", "(".repeat(100_000), ")".repeat(100_000));
    assert!(parse_http(&text, Syntax::V2).is_err());
    let text = format!("Path(`/{}{}`)", "{".repeat(100_000), "}".repeat(100_000));
    assert!(v2(&text).matches(&Request::new("a/x").view()), "all of it is one name");
}
