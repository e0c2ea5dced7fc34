//! The index answers as a linear scan over all rules would.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use http::HeaderMap;
use proptest::prelude::*;

use super::Index;
use crate::rule::{HttpRule, RequestView, Syntax, parse_http};

type Rules = Vec<(Arc<HttpRule>, i64, String)>;

fn rules(texts: &[(&str, i64)]) -> Rules {
    let parse = |(i, (text, priority)): (usize, &(&str, i64))| {
        (Arc::new(parse_http(text, Syntax::V3).unwrap()), *priority, format!("r{i}"))
    };
    texts.iter().enumerate().map(parse).collect()
}

fn index(rules: &Rules) -> Index {
    Index::build(rules.iter().map(|(rule, priority, name)| (rule.clone(), *priority, name.as_str())))
}

fn view<'a>(host: &'a str, path: &'a str, headers: &'a HeaderMap) -> RequestView<'a> {
    RequestView { host, path, method: "GET", headers, query: "", client_ip: [127, 0, 0, 1].into() }
}

fn scan(rules: &Rules, request: &RequestView<'_>) -> Option<usize> {
    let mut order: Vec<usize> = (0..rules.len()).collect();
    order.sort_by(|a, b| rules[*b].1.cmp(&rules[*a].1).then(rules[*a].2.cmp(&rules[*b].2)));
    order.into_iter().find(|i| rules[*i].0.matches(request))
}

#[test]
fn prefers_priority_then_name() {
    let rules = rules(&[
        ("Host(`a.example`)", 10),
        ("Host(`a.example`) && PathPrefix(`/api`)", 20),
        ("PathPrefix(`/`)", 30),
        ("HostRegexp(`^.+$`)", 30),
        ("Host(`*.example`)", 40),
        ("!Host(`b.other`)", 1),
    ]);
    let index = index(&rules);
    let headers = HeaderMap::new();
    for (host, path, expected) in [
        ("a.example", "/api", Some(4)),
        ("a.b.example", "/api", Some(2)),
        ("b.other", "*", Some(3)),
        ("", "*", Some(5)),
        ("b.other", "/", Some(2)),
    ] {
        assert_eq!(index.find(&view(host, path, &headers)), expected, "{host}{path}");
    }
}

fn matcher() -> impl Strategy<Value = String> {
    let host = prop::sample::select(vec!["a.x", "b.x", "c.a.x", "*.x", "*.a.x", "*", "x"]);
    let path = prop::sample::select(vec!["/", "/a", "/a/", "/a/b", "/ab", "/b"]);
    prop_oneof![
        host.clone().prop_map(|h| format!("Host(`{h}`)")),
        path.clone().prop_map(|p| format!("Path(`{p}`)")),
        path.prop_map(|p| format!("PathPrefix(`{p}`)")),
        Just("HostRegexp(`^a`)".to_owned()),
        Just("Header(`k`, `v`)".to_owned()),
        Just("Method(`POST`)".to_owned()),
    ]
}

fn rule() -> impl Strategy<Value = String> {
    matcher().prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

proptest! {
    #[test]
    fn equals_a_linear_scan(
        texts in prop::collection::vec((rule(), -2_i64..3), 0..40),
        requests in prop::collection::vec(
            (
                prop::sample::select(vec!["a.x", "b.x", "c.a.x", "d.c.a.x", "x", "", "y", ".", "a.x.", "d.a.x."]),
                prop::sample::select(vec!["/", "/a", "/a/", "/a/b", "/a/b/c", "/abc", "/b", "*", ""]),
                any::<bool>(),
            ),
            1..20,
        ),
    ) {
        let texts: Vec<(&str, i64)> = texts.iter().map(|(t, p)| (t.as_str(), *p)).collect();
        let rules = rules(&texts);
        let index = index(&rules);
        for (host, path, header) in requests {
            let mut headers = HeaderMap::new();
            if header {
                headers.insert("k", "v".parse().unwrap());
            }
            let request = view(host, path, &headers);
            let found = index.find(&request);
            prop_assert_eq!(found, scan(&rules, &request), "{}{}", host, path);
            let matching = index.ranked().find(|i| rules[*i].0.matches(&request));
            prop_assert_eq!(matching, found);
        }
    }
}
