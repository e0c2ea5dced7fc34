//! That the checks find what they are for: each is tried on bad samples, and on good ones that look bad.

use super::source::paths;
use super::{directions, shape};

#[test]
fn finds_what_points_the_wrong_way() {
    for (file, text, expected) in [
        ("src/translate/tls.rs", "use crate::routing::Table;", "translate must not know routing::Table"),
        ("src/translate.rs", "fn f() -> crate::proxy::Gateway {}", "translate must not know proxy::Gateway"),
        ("src/translate/tls.rs", "use super::super::control;", "translate must not know control"),
        ("src/dynamic.rs", "use super::{objects::Snapshot, diagnostic};", "dynamic must not know objects::Snapshot"),
        ("src/rule/http.rs", "use ingora_middleware::Filter;", "rule must not know ingora_middleware::Filter"),
        ("src/config.rs", "use crate::translate::{Options, translate};", "config must not know translate::translate"),
        ("src/balance/pool.rs", "use crate::{\n  dynamic, routing as r};", "balance must not know routing"),
        ("src/proxy/http.rs", "use crate::*;", "proxy must not know *"),
        ("src/main.rs", "ingora::proxy::f()", "main must not know proxy::f"),
        ("crds/src/tls_option.rs", "use ingora_middleware::go_regex;", "ingora_crds must not know ingora_middleware"),
        ("middleware/src/chain.rs", "use ingora::rule;", "ingora_middleware must not know rule"),
        ("src/attic.rs", "", "no room named attic"),
        ("src/rule.rs", "let start = Instant::now();", "rule must not name Instant::now"),
        ("src/rule.rs", "#[cfg(test)]\nmod tests;\nuse std::time::SystemTime;", "rule must not name time::SystemTime"),
        ("src/dynamic/http.rs", "use tokio::sync::{mpsc, watch};", "dynamic must not name tokio"),
        ("src/routing/table.rs", "use std::{fs, sync::Arc};", "routing must not name std::fs"),
        ("src/routing/table.rs", "std::net::TcpStream::connect(a)", "routing must not name net::TcpStream"),
        ("src/translate.rs", "use kube::{Client, Resource};", "translate must not name kube::Client"),
        ("src/translate.rs", "#[cfg(test)]\nmod t { }\nlog::warn!(\"\")", "translate must not name log"),
        ("src/routing.rs", "use pingora::server::Server;", "routing must not name pingora::server"),
        ("middleware/src/filter.rs", "use pingora_proxy::Session;", "ingora_middleware must not name pingora_proxy"),
    ] {
        let found = directions(file, text).join("\n");
        assert!(found.contains(expected), "{text}\nfound: {found:?}");
    }
}

#[test]
fn leaves_alone_what_is_allowed() {
    for (file, text) in [
        (
            "src/translate/tls.rs",
            "use crate::{dynamic::tls, objects, translate::names};\nuse super::super::diagnostic;",
        ),
        ("src/rule/http.rs", "use ingora_middleware::go_regex;\nuse super::super::rule::http;\nuse super::proxy;"),
        ("src/config/providers.rs", "use crate::translate::Options;"),
        ("src/routing.rs", "/// See [`crate::proxy`].\n// use tokio::fs;\nconst A: &str = \"crate::proxy::x\";"),
        ("src/routing.rs", "const A: &str = r#\"a \"crate::proxy::x\" \\\"#; fn f<'a>(c: char) -> bool { c == '\"' }"),
        ("src/translate.rs", "#[cfg(test)]\n#[allow(x)]\nmod tests { use crate::proxy; mod a { use tokio::fs; } }"),
        ("src/translate/tests.rs", "use crate::proxy::Gateway;"),
        ("src/rule.rs", "let log = 1; let tokio = log; Duration::from_secs(1)"),
        ("src/cli/run.rs", "use crate::{config, control, proxy}; use tokio::fs;"),
        ("crds/src/secret.rs", "use crate::control; use super::super::proxy;"),
        ("examples/custom_filter.rs", "use ingora::cli; use tokio::fs;"),
    ] {
        assert_eq!(directions(file, text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn unfolds_lists() {
    let text = "pub use a::b::{self, c::{D, e::*}, F as G, };\nimpl H for I::J<k::L> {} m!('\\'', '\"', n::o)";
    let found: Vec<_> = paths(text).iter().map(|p| p.join("::")).filter(|p| p.contains("::")).collect();
    assert_eq!(found, ["a::b::self", "a::b::c::D", "a::b::c::e::*", "a::b::F", "I::J", "k::L", "n::o"]);
}

#[test]
fn finds_misshapen_files() {
    let long = format!("//! Long.\n{}", "\n".repeat(600));
    for (file, text, expected) in [
        ("src/rule.rs", "use a;\n//! Late.\n", "opens without //!"),
        ("src/rule.rs", "", "opens without //!"),
        ("src/rule.rs", long.as_str(), "601 lines"),
        ("src/rule/utils.rs", "//! Odds and ends.\n", "a name that says nothing"),
        ("tests/e2e/mod.rs", "//! Tests.\n", "a name that says nothing"),
    ] {
        let found = shape(file, text);
        assert!(found.len() == 1 && found[0].contains(expected), "{file}: {found:?}");
    }
    assert_eq!(shape("src/rule/http.rs", &"//! Long enough.\n".repeat(600)), Vec::<String>::new());
}
