//! What expressions match, and which are refused: as Go's `regexp` does.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

#[test]
fn matches_as_go_does() {
    for (regex, matching, others) in [
        (r"^\d+$", "12", &["१२", "x"] as &[_]),
        (r"^\D$", "१", &["1"]),
        (r"^\w+$", "aZ_9", &["é"]),
        (r"^[\w-]+$", "a-b", &["a.b", "é"]),
        (r"^[^\d]$", "x", &["5"]),
        (r"^[\D]$", "x", &["5"]),
        (r"^\s$", "\t", &["\u{a0}", "\u{b}"]),
        (r"é\b", "éa", &["aé", "é "]),
        (r"^a\b.", "aé", &["ab"]),
        (r"a\B", "ab", &["a b"]),
        (r"^{a}{$", "{a}{", &["a"]),
        (r"^a{2}b{1,}c{1,2}$", "aabcc", &["abc", "aabccc"]),
        (r"^a{,2}$", "a{,2}", &["aa"]),
        (r"^[[a]$", "[", &["b"]),
        (r"^[a&&b]$", "&", &["c"]),
        (r"^[]a]+$", "]a", &["b"]),
        (r"^[^]a]$", "b", &["]", "a"]),
        (r"^[[:alpha:]_]+$", "a_", &["1"]),
        (r"^[+--]$", ",", &["a"]),
        (r"^[a~~b]$", "~", &["c"]),
        (r"^\Qa.b\E.$", "a.bc", &["axbc"]),
        (r"^\Qa.b", "a.b", &["axb"]),
        (r"^\<a\>$", "<a>", &["a"]),
        (r"^\p{Greek}\pL$", "αé", &["a1"]),
        (r"(?i)^ABC$", "abc", &["abd"]),
        (r"^(?P<n>a|b)+?$", "ab", &["c"]),
        (r"^/api/(v[0-9]+)/(.*)$", "/api/v1/x", &["/api/v/x"]),
        (r"^\x41\x{42}\n\/\-$", "AB\n/-", &["x"]),
        (r"^\101\0\12\400$", "A\0\nĀ", &["101"]),
        (r"^\1018$", "A8", &["1018"]),
        (r"^[\101-\x43]+$", "ABC", &["D"]),
        (r"^[\s\pL[:digit:]]+$", "a 1é", &["-"]),
        (r"^[\d-z]+$", "1-z", &["a"]),
        (r"^[]-a]+$", "]^a", &["b"]),
        (r"^[^\S]$", " ", &["a"]),
        (r"^\p{^Greek}$", "a", &["α"]),
        (r"^a{02}$", "a{02}", &["aa"]),
        (r"^(?:ab){2}?$", "abab", &["ab"]),
        (r"^(a{100}){0,10}?b{1000}$", &"b".repeat(1000), &["b"]),
        (r"^((a{1000}){0}b){2}$", "bb", &["b"]),
        (r"^(a*)*(b+)?c*?d+?e??$", "aabcd", &["a"]),
        (r"^a{,2}*$", "a{,2}}", &["aa"]),
        (r"^(?ii)A(?-i)B$", "aB", &["ab"]),
        (r"^(?i-i:a)$", "a", &["A"]),
        (r"^(?)a(?s:.)$", "a\n", &["a"]),
        (r"^(?m:a$)\nb\z", "a\nb", &["a"]),
        (r"^(?<year>[0-9]+)$", "1", &["a"]),
        (r"^\Q\E\Qa*\E*$", "a**", &["aa"]),
    ] {
        let compiled = go_regex(regex).unwrap();
        assert!(compiled.is_match(matching), "{regex} {matching}");
        for other in others {
            assert!(!compiled.is_match(other), "{regex} {other}");
        }
    }
}

#[test]
fn tells_what_is_wrong_in_a_line() {
    for (regex, message) in [
        ("(", "unclosed group"),
        ("[a", "unclosed character class"),
        ("*", "repetition operator missing expression"),
        ("\\", "incomplete escape sequence, reached end of pattern prematurely"),
        (r"(?=a)", "look-around, including look-ahead and look-behind, is not supported"),
    ] {
        assert_eq!(go_regex(regex).err().as_deref(), Some(message), "{regex}");
    }
    assert!(go_regex("((a{1000}){1000}){1000}").is_err());
}

#[test]
fn what_go_refuses_is_refused() {
    for regex in [
        "(?x)a b",
        "(?ix:a b)",
        "(?R)a",
        "(?-u:a)",
        "(?i-)a",
        "(?--i)a",
        "(?P<a.b>c)",
        "(?<é>c)",
        "(?P<>c)",
        "(?P=a)",
        "(?<!a)b",
        "(?",
        "(?i",
        r"\u0041",
        r"\u{41}",
        r"\U00000041",
        r"\1",
        r"\18",
        r"\8",
        r"\e",
        r"\E",
        r"\C",
        r"\Z",
        r"\é",
        r"\x4",
        r"\x{}",
        r"\x{110000}",
        r"\x{ 41 }",
        r"\p{Script=Greek}",
        r"\p{Nobody}",
        r"\p",
        r"[\b]",
        r"[\u0041]",
        r"[\Qa\E]",
        r"[a-\d]",
        r"[!-\w]",
        r"[z-a]",
        "[[:nobody:]]",
        "[]",
        "[^]",
        r"[\",
        "a**",
        "a++",
        "a???",
        "a*?*",
        "a{2}{3}",
        "a{2}?+",
        "a*{2}",
        "a{1,1001}",
        "a{1001}",
        "a{1001,}",
        "a{99999999999}",
        "a{3,2}",
        "(a{500}){3}",
        "((?:a{11}b|c){10}d){10}",
        "(a{1000}){2,}",
        "|*",
        "(+)",
        "{2}",
        "a)",
    ] {
        match go_regex(regex) {
            Ok(_) => panic!("{regex} is accepted"),
            Err(message) => assert!(!message.is_empty() && !message.contains('\n'), "{regex}: {message}"),
        }
    }
}
