//! The necessary conditions that an index looks up.

use super::*;

/// As `host path`, `*` for any host.
fn listed(rule: &HttpRule) -> Vec<String> {
    let line = |literals: Literals| match literals.host {
        HostLiteral::Any => format!("* {}", literals.path),
        HostLiteral::Wildcard(domain) => format!("*{domain} {}", literals.path),
        HostLiteral::Exact(host) => format!("{host} {}", literals.path),
    };
    rule.literals().into_iter().map(line).collect()
}

#[test]
fn v3_rules() {
    let rows: &[(&str, &[&str])] = &[
        ("Host(`A.`)", &["a "]),
        ("Host(`*.a.b`)", &["*.a.b "]),
        ("Host(`*`)", &["* "]),
        ("!Host(`*`)", &[]),
        ("!Host(`a`)", &["* "]),
        ("HostRegexp(`^a$`)", &["* "]),
        ("Path(`/x`)", &["* /x"]),
        ("PathPrefix(`/x`)", &["* /x"]),
        ("PathRegexp(`^/x`)", &["* "]),
        ("Method(`GET`)", &["* "]),
        ("Header(`Host`, `a`)", &[]),
        ("HeaderRegexp(`a b`, `a`)", &[]),
        ("!Header(`Host`, `a`)", &["* "]),
        ("Header(`Host`, `a`) || Host(`a`)", &["a "]),
        ("Host(`a`) && PathPrefix(`/x`)", &["a /x"]),
        ("Host(`a`) && PathPrefix(`/x`) && Path(`/x/y`) && Method(`GET`)", &["a /x/y"]),
        ("Host(`a`) && Host(`b`)", &[]),
        ("Path(`/x`) && PathPrefix(`/y`)", &[]),
        ("Host(`a.b`) && Host(`*.b`)", &["a.b "]),
        ("Host(`*.b`) && Host(`x.a.b`)", &[]),
        ("Host(`*.b`) && Host(`*.b`)", &["*.b "]),
        ("Host(`*.b`) && Host(`*.c`)", &[]),
        ("Host(`a`) && !PathPrefix(`/x`)", &["a "]),
        ("Host(`a`) || Host(`b`) && Path(`/x`)", &["a ", "b /x"]),
        ("Host(`a`) || Host(`a`)", &["a "]),
        ("Host(`a`) || Method(`GET`)", &["* "]),
        ("(Host(`a`) || Host(`b`)) && (Path(`/x`) || Path(`/y`))", &["a /x", "a /y", "b /x", "b /y"]),
        ("(Host(`a`) || Host(`b`)) && (Host(`b`) || Host(`c`))", &["b "]),
        ("!(!Host(`a`) || !Path(`/x`))", &["a /x"]),
    ];
    for (text, expected) in rows {
        assert_eq!(listed(&v3(text)), *expected, "{text}");
    }
}

#[test]
fn v2_rules() {
    let rows: &[(&str, &[&str])] = &[
        ("Host(`a`, `b`) && PathPrefix(`/x`, `/y`)", &["a /x", "a /y", "b /x", "b /y"]),
        ("!Host(`a`, `b`)", &["* "]),
        ("HostHeader(`a`)", &["a "]),
        ("HostRegexp(`a`)", &["a "]),
        ("HostRegexp(`{x}.a`)", &["* "]),
        ("Path(`/x/{id}`)", &["* /x/"]),
        ("PathPrefix(`/{id}`)", &["* /"]),
        ("Host(`*.a`)", &["*.a "]),
    ];
    for (text, expected) in rows {
        assert_eq!(listed(&v2(text)), *expected, "{text}");
    }
    assert_eq!(v2("Host(`*.a`)").literals()[0].host, HostLiteral::Exact("*.a".to_owned()), "v2 has no wildcards");
}

#[test]
fn too_many_are_cut() {
    let hosts = |count: usize| (0..count).map(|i| format!("Host(`h{i}`)")).collect::<Vec<_>>().join("||");
    let paths = |count: usize| (0..count).map(|i| format!("Path(`/{i}`)")).collect::<Vec<_>>().join("||");
    assert_eq!(v3(&hosts(1000)).literals().len(), 1000);
    assert_eq!(listed(&v3(&hosts(2000))), ["* "]);
    assert_eq!(v3(&format!("({}) && ({})", hosts(8), paths(8))).literals().len(), 64);
    // The hosts say more than the paths; the order makes no difference.
    assert_eq!(listed(&v3(&format!("({}) && ({})", hosts(9), paths(8)))), listed(&v3(&hosts(9))));
    assert_eq!(listed(&v3(&format!("({}) && ({})", paths(8), hosts(9)))), listed(&v3(&hosts(9))));
    assert_eq!(v3(&format!("({}) && PathPrefix(`/x`)", hosts(1000))).literals().len(), 1000);
    assert_eq!(listed(&v3(&format!("({}) && PathPrefix(`/x`)", hosts(70))))[0], "h0 /x");
}
