//! `chain`: the order of its members, chains in chains, and what a member that can't be used does to routers; and
//! `plugin`, whose filters are compiled in or aren't.

use crate::support::protocol::BOTH;
use crate::support::{Backend, Gateway, Manifests, middleware, object, route};

/// Adds to the path, and says where it stands on the way back.
fn mark(name: &str) -> Manifests {
    middleware(&format!("path-{name}"), &format!("addPrefix: {{prefix: /{name}}}"))
        + middleware(
            &format!("mark-{name}"),
            &format!("headers: {{customRequestHeaders: {{X-Who: {name}}}, customResponseHeaders: {{X-Who: {name}}}}}"),
        )
        + middleware(name, &format!("chain: {{middlewares: [{{name: path-{name}}}, {{name: mark-{name}}}]}}"))
}

fn to(host: &str, middlewares: &[&str], backend: &Backend) -> Manifests {
    route(host).rule(&format!("Host(`{host}`)")).middlewares(middlewares).to(backend).into()
}

#[tokio::test]
async fn members_stand_in_the_place_of_their_chain() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        to("listed", &["a", "b", "c"], &backend)
            + to("chained", &["chain"], &backend)
            + to("nested", &["a", "nested"], &backend)
            + to("twice", &["a", "pair", "pair"], &backend)
            + to("empty", &["empty", "a"], &backend)
            + mark("a")
            + mark("b")
            + mark("c")
            + middleware("chain", "chain: {middlewares: [{name: a}, {name: b}, {name: c}]}")
            + middleware("nested", "chain: {middlewares: [{name: deeper}, {name: c}]}")
            + middleware("deeper", "chain: {middlewares: [{name: empty}, {name: b}]}")
            + middleware("pair", "chain: {middlewares: [{name: b}, {name: c}]}")
            + middleware("empty", "chain: {middlewares: []}"),
    )
    .await;
    for protocol in BOTH {
        for (host, target, innermost) in [
            ("listed", "/c/b/a/x?y=1", "c"),
            ("chained", "/c/b/a/x?y=1", "c"),
            ("nested", "/c/b/a/x?y=1", "c"),
            ("twice", "/c/b/c/b/a/x?y=1", "c"),
            ("empty", "/a/x?y=1", "a"),
        ] {
            let reply = protocol.get(&gateway, host, "/x?y=1").await;
            let seen = reply.echoed();
            assert_eq!((seen.target(), seen.header("X-Who")), (target, Some(innermost)), "{protocol:?} {host}");
            // On the way back the outermost has the last word.
            reply.assert_header("X-Who", "a");
        }
    }
}

#[tokio::test]
async fn who_answers_ends_the_chain_there() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        to("r", &["chain"], &backend)
            + mark("a")
            + mark("b")
            + middleware("refuse", "ipAllowList: {sourceRange: [10.0.0.1]}")
            + middleware("chain", "chain: {middlewares: [{name: a}, {name: refuse}, {name: b}]}"),
    )
    .await;
    for protocol in BOTH {
        protocol.get(&gateway, "r", "/").await.assert_status(403).assert_header("X-Who", "a");
    }
    assert_eq!(backend.requests(), 0);
}

#[tokio::test]
async fn a_member_that_can_t_be_used_closes_the_routers_of_its_chain() {
    let backend = Backend::echo().await;
    let broken = [
        ("gone", "chain: {middlewares: [{name: a}, {name: nowhere}]}"),
        ("bad", "chain: {middlewares: [{name: a}, {name: bad-option}]}"),
        ("two-keys", "chain: {middlewares: [{name: both}]}"),
        ("no-key", "chain: {middlewares: [{name: neither}]}"),
        ("deep", "chain: {middlewares: [{name: bad}]}"),
        ("circle", "chain: {middlewares: [{name: a}, {name: back}]}"),
        ("self", "chain: {middlewares: [{name: self}]}"),
        ("foreign", "chain: {middlewares: [{name: a, namespace: other}]}"),
        ("provider", "chain: {middlewares: [{name: a@file}]}"),
        ("plugged", "chain: {middlewares: [{name: a}, {name: unknown-plugin}]}"),
        ("unknown-plugin", "plugin: {nobody-compiled-this: {a: 1}}"),
        ("two-plugins", "plugin: {a: {}, b: {}}"),
    ];
    let mut objects = to("good", &["a"], &backend)
        + mark("a")
        + middleware("bad-option", "stripPrefixRegex: {regex: ['(']}")
        + middleware("both", "{addPrefix: {prefix: /a}, stripPrefix: {prefixes: [/a]}}")
        + object("Middleware", "neither", "{}")
        + middleware("back", "chain: {middlewares: [{name: circle}]}");
    for (name, spec) in broken {
        // By itself, and beside a router that takes what it leaves.
        objects = objects
            + middleware(name, spec)
            + to(name, &[name], &backend)
            + to(&format!("{name}-beside"), &["a", name], &backend)
            + route(&format!("{name}-broader"))
                .rule(&format!("HostRegexp(`^{name}-beside$`)"))
                .priority(1)
                .to(&backend);
    }
    let gateway = Gateway::start(objects).await;
    for protocol in BOTH {
        assert_eq!(protocol.get(&gateway, "good", "/x").await.echoed().target(), "/a/x");
        for (name, _) in broken {
            let before = backend.requests();
            protocol.get(&gateway, name, "/x").await.assert_status(404).assert_no_header("X-Who");
            assert_eq!(backend.requests(), before, "{name}");
            // As Traefik's: what is disabled serves nothing, and the next router may.
            let reply = protocol.get(&gateway, &format!("{name}-beside"), "/x").await;
            assert_eq!(reply.echoed().target(), "/x", "{name}");
        }
    }
}

#[tokio::test]
async fn a_chain_that_is_mended_opens_its_routers() {
    let backend = Backend::echo().await;
    let objects = |prefix: &str| {
        to("r", &["chain"], &backend)
            + middleware("chain", "chain: {middlewares: [{name: a}]}")
            + middleware("a", &format!("stripPrefixRegex: {{regex: ['{prefix}']}}"))
    };
    let gateway = Gateway::start(objects("(")).await;
    gateway.get("r", "/a/x").await.assert_status(404);
    gateway.change(objects("/a"));
    gateway.until("r", "/a/x", |reply| reply.status() == 200 && reply.echoed().target() == "/x").await;
    gateway.change(objects("["));
    gateway.until("r", "/a/x", |reply| reply.status() == 404).await;
}
