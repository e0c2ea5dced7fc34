//! Operators, names, strings, and where errors are.

use super::*;

#[test]
fn and_binds_tighter_than_or_and_not_tightest() {
    check(
        v3,
        &[
            ("Host(`a`) || Host(`b`) && Path(`/x`)", &["a/", "a/x", "b/x"], &["b/", "c/x"]),
            ("(Host(`a`) || Host(`b`)) && Path(`/x`)", &["a/x", "b/x"], &["a/", "b/"]),
            ("Path(`/x`) && Host(`a`) || Host(`b`)", &["a/x", "b/"], &["a/"]),
            ("!Host(`a`) && Path(`/x`)", &["b/x"], &["a/x", "b/"]),
            ("!(Host(`a`) && Path(`/x`))", &["b/x", "a/", "b/"], &["a/x"]),
            ("!(Host(`a`) || Path(`/x`))", &["b/"], &["a/x", "a/", "b/x"]),
            ("!(!Host(`a`) || !(Path(`/x`) && !Method(`PUT`)))", &["a/x"], &["PUT a/x", "a/", "b/x"]),
            ("!!Host(`a`)", &["a/"], &["b/"]),
            ("! ! ! Host(`a`)", &["b/"], &["a/"]),
            ("((Host(`a`)))", &["a/"], &["b/"]),
        ],
    );
}

#[test]
fn negation_ends_at_the_matchers() {
    let rule = v3("!(Host(`a`) && (Path(`/x`) || !Method(`PUT`)))");
    let expected = "Any([Not(Host(\"a\")), All([Not(Path(\"/x\")), Is(Method(\"PUT\"))])])";
    assert_eq!(format!("{:?}", rule.expression), expected);
    let rule = v2("!Method(`PUT`, `POST`)");
    assert_eq!(format!("{:?}", rule.expression), "All([Not(Method(\"PUT\")), Not(Method(\"POST\"))])");
}

#[test]
fn names_have_four_spellings() {
    for name in ["PathPrefix", "pathprefix", "PATHPREFIX", "Pathprefix"] {
        assert!(v3(&format!("{name}(`/a`)")).matches(&Request::new("h/a").view()), "{name}");
    }
    for name in ["pathPrefix", "PAthprefix", "PathPREFIX", "Path_Prefix", "PathPrefixé"] {
        let error = parse_http(&format!("{name}(`/a`)"), Syntax::V3).unwrap_err();
        assert!(error.message.contains("unknown matcher"), "{name}: {error}");
        assert!(error.message.contains("PathPrefix, PathRegexp"), "the known ones are listed: {error}");
    }
    for name in ["ClientIP", "clientip", "CLIENTIP", "Clientip"] {
        assert!(v3(&format!("{name}(`192.0.2.7`)")).matches(&Request::new("h/").view()), "{name}");
    }
    for name in ["ALPN", "alpn", "Alpn"] {
        assert!(parse_tcp(&format!("{name}(`h2`)"), Syntax::V3).is_ok(), "{name}");
    }
}

#[test]
fn strings_are_gos() {
    let rows = [
        (r#""/a""#, "/a"),
        (r#""/\t\"\\""#, "/\t\"\\"),
        (r#""/\a\b\f\n\r\v""#, "/\u{7}\u{8}\u{c}\n\r\u{b}"),
        (r#""/\x41\101\u0041\U00000041\000""#, "/AAAA\0"),
        (r#""/\xc3\xa9\u00e9é\303\251""#, "/éééé"),
        (r#""/`'""#, "/`'"),
        (r"`/\n\x41{`", r"/\n\x41{"),
        ("`/\"\r\n'`", "/\"\n'"),
    ];
    for (string, value) in rows {
        let rule = v3(&format!("Path({string})"));
        let request = Request { path: value.to_owned(), ..Request::new("h/") };
        assert!(rule.matches(&request.view()), "{string} is not {value:?}: {rule:?}");
    }
}

#[test]
fn space_comments_and_a_trailing_comma_are_gos_too() {
    for text in ["\tHost( `a` , )\r\n", "Host(`a`)\n||\nHost(`b`)", "/* why */ Host(`a`) // here", "Host /**/ (`a`)"] {
        assert!(v3(text).matches(&Request::new("a/").view()), "{text}");
    }
    assert!(v3("Path(`//x`)").matches(&Request::new("a//x").view()), "no comment within a string");
}

#[test]
fn errors_name_the_place() {
    let rows = [
        ("", 0, "empty"),
        (" \t", 2, "empty"),
        ("// nothing", 10, "empty"),
        ("Hots(`a`)", 0, "unknown matcher `Hots`"),
        ("Host(`a`) && Hots(`a`)", 13, "unknown matcher `Hots`"),
        ("Headers(`a`, `b`)", 0, "unknown matcher"),
        ("Host", 4, "expected `(` after Host"),
        ("Host `a`", 5, "expected `(` after Host, found the string `a`"),
        ("Host(", 5, "expected a string"),
        ("Host()", 5, "Host has no arguments"),
        ("Host(,)", 5, "found `,`"),
        ("Host(`a`,,)", 9, "found `,`"),
        ("Host(`a` `b`)", 9, "found the string `b`"),
        ("Host(`a`", 8, "or the `)` of Host, found the end"),
        ("Host(``)", 5, "empty"),
        ("Header(`a`, \"\")", 12, "empty"),
        ("Host(a)", 5, "found the name `a`"),
        ("Host(Host(`a`))", 5, "found the name"),
        ("Host((`a`))", 5, "found `(`"),
        ("Host(1)", 5, "number `1`"),
        ("Host('a')", 5, "single quotes"),
        ("Host(`a)", 5, "closing backtick"),
        ("Host(\"a)", 5, "closing double quote"),
        ("Host(\"a\nb\")", 5, "closing double quote"),
        ("Host(\"a\\\"", 5, "closing double quote"),
        ("Host(\"a\\", 7, "unknown escape"),
        (r#"Host("a\q")"#, 7, "unknown escape"),
        (r#"Host("a\'")"#, 7, "unknown escape"),
        (r#"Host("a\x4")"#, 7, "unknown escape"),
        (r#"Host("a\x+4")"#, 7, "unknown escape"),
        (r#"Host("a\18")"#, 7, "unknown escape"),
        (r#"Host("a\400")"#, 7, "unknown escape"),
        (r#"Host("a\ud800")"#, 7, "no Unicode character"),
        (r#"Host("a\U00110000")"#, 7, "no Unicode character"),
        (r#"Host("a\xff")"#, 5, "no UTF-8"),
        ("Host(`a`) Host(`b`)", 10, "expected `&&`, `||` or the end, found the name `Host`"),
        ("Host(`a`) &&", 12, "expected a matcher"),
        ("|| Host(`a`)", 0, "found `||`"),
        ("Host(`a`) & Host(`b`)", 10, "single `&`"),
        ("Host(`a`) | Host(`b`)", 10, "single `|`"),
        ("Host(`a`) != Host(`b`)", 10, "`!=`"),
        ("Host(`a`) == Host(`b`)", 10, "unexpected character '='"),
        ("!", 1, "expected a matcher"),
        ("(Host(`a`)", 10, "the `(` at byte 0"),
        ("((Host(`a`))", 12, "the `(` at byte 0"),
        ("()", 1, "expected a matcher"),
        ("Host(`a`))", 9, "found `)`"),
        ("`a`", 0, "found the string"),
        ("é", 0, "unknown matcher"),
        ("Host(`é`) && Path(`x`)", 5, "ASCII"),
        ("Path(`/é`) && Path(`x`)", 20, "start with `/`"),
        ("Host(`a`) /* x", 10, "comment is not closed"),
        ("Host.x(`a`)", 4, "unexpected character '.'"),
        ("\u{feff}Host(`a`)", 0, "unexpected character"),
    ];
    check_errors(|text| parse_http(text, Syntax::V3).err(), &rows);
}

#[test]
fn errors_show_a_short_excerpt() {
    let error = parse_http("Host(`a`) && Hots(`b`)", Syntax::V3).unwrap_err();
    assert!(error.to_string().starts_with("at byte 13: unknown matcher `Hots`"), "{error}");
    assert!(error.to_string().ends_with("near `Hots(`b`)`"), "{error}");
    let error = parse_http("Host(`a`", Syntax::V3).unwrap_err();
    assert!(error.to_string().ends_with("at the end of the rule"), "{error}");
    let error = parse_http(&format!("Host(`a`)\n{}", "x".repeat(9999)), Syntax::V3).unwrap_err();
    assert!(error.to_string().len() < 300, "{error}");
}

#[test]
fn priority_is_the_length_unless_given() {
    let rows = [
        ("Host(`a.b`)", 0, false, Ok(11)),
        ("HostSNI(`*`)", 0, true, Ok(-1)),
        ("HostSNI(`*`)", 0, false, Ok(12)),
        ("HostSNI(`*`)", 7, true, Ok(7)),
        ("(hostsni(\"*\"))", 0, true, Ok(-1)),
        ("!HostSNI(`*`)", 0, true, Ok(-1)),
        ("HostSNI(`*`) && ALPN(`h2`)", 0, true, Ok(26)),
        ("HostSNI(`*`) || HostSNI(`*`)", 0, true, Ok(28)),
        ("HostSNI(`a`, `*`)", 0, true, Ok(17)),
        ("HostSNI(`a.b`)", 0, true, Ok(14)),
        ("Host(`a.b`) && Path(`/`)", 0, false, Ok(24)),
        ("Path(`/é`)", 0, false, Ok(11)),
        ("x", -5, false, Ok(-5)),
        ("x", i64::MIN, true, Ok(i64::MIN)),
        ("x", i64::MAX - 1000, false, Ok(i64::MAX - 1000)),
        ("x", i64::MAX - 999, false, Err(PriorityError(i64::MAX - 999))),
    ];
    for (text, given, tcp, expected) in rows {
        assert_eq!(priority(text, given, tcp), expected, "{text} {given} {tcp}");
    }
    let message = priority("x", i64::MAX, false).unwrap_err().to_string();
    assert!(message.contains("9223372036854774807"), "{message}");
}

#[test]
fn syntaxes_have_names() {
    assert_eq!((Syntax::V2.to_string().as_str(), Syntax::default().to_string().as_str()), ("v2", "v3"));
    assert_eq!(serde_json::from_str::<Syntax>("\"v2\"").unwrap(), Syntax::V2);
    assert_eq!(v2("Host(`a`)").syntax(), Syntax::V2);
}

#[test]
fn rules_are_shared_between_threads_and_small() {
    fn shared<T: Send + Sync + fmt::Debug>() {}
    shared::<HttpRule>();
    shared::<TcpRule>();
    assert!(size_of::<Expression<HttpMatcher>>() <= 32, "{}", size_of::<Expression<HttpMatcher>>());
}
