//! Rules, references and lists that are large, deep or circular: an answer within the deadline, and one that is short.

use std::fs;

use super::{check, directory, expect};

const API: &str = "apiVersion: traefik.io/v1alpha1";

/// An IngressRoute with one route, as JSON: quoting is simpler there.
fn with_rule(rule: &str) -> Vec<u8> {
    let services = serde_json::json!([{"name": "good", "port": 80}]);
    let spec = serde_json::json!({"entryPoints": ["web"], "routes": [{"match": rule, "services": services}]});
    let object = serde_json::json!({
        "apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": "heavy"}, "spec": spec,
    });
    object.to_string().into_bytes()
}

#[test]
fn heavy_rules_are_refused_or_served() {
    let long = "Host(`a.example`) || ".repeat(100_000) + "Host(`b.example`)";
    let deep = |n: usize| format!("{}Host(`a.example`){}", "(".repeat(n), ")".repeat(n));
    let at = "error[InvalidRule] IngressRoute default/heavy spec.routes[0].match";
    for (what, rule, told) in [
        ("100,000 alternatives", long, &[][..]),
        ("ten megabytes of host", format!("Host(`{}`)", "a".repeat(10_000_000)), &[]),
        ("ten megabytes of nonsense", "x".repeat(10_000_000), &[(at, "at byte")]),
        ("100,000 parentheses", deep(100_000), &[(at, "nested more than 100 deep")]),
        ("100,000 parentheses left open", "(".repeat(100_000), &[(at, "nested more than 100 deep")]),
        ("few parentheses", deep(50), &[]),
        ("100,000 negations", "!".repeat(100_000) + "Host(`a.example`)", &[]),
        ("nothing but negations", "!".repeat(100_000), &[(at, "end of the rule")]),
        ("a repetition of repetitions", "PathRegexp(`((((a{100}){100}){100}){100})`)".to_owned(), &[(at, "")]),
        ("an unfinished regular expression", "PathRegexp(`(`)".to_owned(), &[(at, "")]),
        ("a NUL", "Host(`a\0b`)".to_owned(), &[]),
        ("a rule of spaces", " ".repeat(100_000), &[(at, "empty")]),
    ] {
        let dir = directory(&[("heavy.json", &with_rule(&rule))]);
        let checked = check(dir.path());
        checked.expect(what, told);
        for line in &checked.lines {
            assert!(line.len() < 1000, "{what}: a message of {} bytes", line.len());
        }
    }
}

#[test]
fn circles_are_told_and_their_neighbours_served() {
    let chains = "
kind: Middleware
metadata: {name: a}
spec: {chain: {middlewares: [{name: b}]}}
---
kind: Middleware
metadata: {name: b}
spec: {chain: {middlewares: [{name: a}]}}
";
    let services = "
kind: TraefikService
metadata: {name: a}
spec: {weighted: {services: [{name: b, kind: TraefikService}]}}
---
kind: TraefikService
metadata: {name: b}
spec: {weighted: {services: [{name: a, kind: TraefikService}]}}
";
    let parents = "
kind: IngressRoute
metadata: {name: a}
spec: {parentRefs: [{name: b}], routes: [{match: Path(`/a`)}]}
---
kind: IngressRoute
metadata: {name: b}
spec: {parentRefs: [{name: a}], routes: [{match: Path(`/b`)}]}
";
    let written = |text: &str| text.replace("\nkind:", &format!("\n{API}\nkind:"));
    for (what, text, told) in [
        (
            "chains",
            chains,
            &[
                ("error[ChainCycle] Middleware default/a spec.chain.middlewares[0]", "default-a"),
                ("error[ChainCycle] Middleware default/b spec.chain.middlewares[0]", "default-b"),
            ][..],
        ),
        (
            "services",
            services,
            &[
                ("error[CyclicService] TraefikService default/a spec.weighted", "default-a → default-b → default-a"),
                ("error[CyclicService] TraefikService default/b spec.weighted", "break the circle"),
            ],
        ),
        (
            "parents",
            parents,
            &[
                ("error[CyclicParents] IngressRoute default/a spec.routes[0]", "is its own ancestor"),
                ("error[CyclicParents] IngressRoute default/b spec.routes[0]", "break the circle"),
            ],
        ),
    ] {
        expect(what, "circle.yaml", written(text).as_bytes(), told);
    }
}

/// Names of `n` objects that lean on one another, `step` saying what each has for its spec.
fn tower(kind: &str, n: usize, step: impl Fn(usize) -> serde_json::Value) -> Vec<u8> {
    let mut text = Vec::new();
    for i in 0..n {
        let object = serde_json::json!({
            "apiVersion": "traefik.io/v1alpha1", "kind": kind, "metadata": {"name": format!("n{i}")}, "spec": step(i),
        });
        text.extend(object.to_string().into_bytes());
        text.push(b'\n');
    }
    text
}

#[test]
fn long_chains_of_references_take_no_time() {
    let next = |i: usize, n: usize| format!("n{}", (i + 1) % n);
    let n = 2000;
    let dir = directory(&[
        (
            "chains.json",
            &tower("Middleware", n, |i| serde_json::json!({"chain": {"middlewares": [{"name": next(i, n)}]}})),
        ),
        (
            "services.json",
            &tower(
                "TraefikService",
                n,
                |i| serde_json::json!({"weighted": {"services": [{"name": next(i, n), "kind": "TraefikService"}]}}),
            ),
        ),
        (
            "parents.json",
            &tower(
                "IngressRoute",
                n,
                |i| serde_json::json!({"parentRefs": [{"name": next(i, n)}], "routes": [{"match": "Path(`/`)"}]}),
            ),
        ),
    ]);
    let checked = check(dir.path());
    assert_eq!(checked.exit, 1);
    for code in ["ChainCycle", "CyclicService", "CyclicParents"] {
        assert!(checked.lines.iter().any(|line| line.contains(code)), "no {code}");
    }
    let longest = checked.lines.iter().map(String::len).max().unwrap();
    assert!(longest < 2000, "a message of {longest} bytes");
}

/// The same without a circle, and with a route that asks for all of it: too deep for the stack.
#[test]
fn deep_references_are_refused() {
    let n = 2000;
    let next = |i: usize| format!("n{}", i + 1);
    let good = serde_json::json!([{"name": "good", "port": 80}]);
    let dir = directory(&[
        (
            "chains.json",
            &tower("Middleware", n, |i| match i + 1 {
                last if last == n => serde_json::json!({"addPrefix": {"prefix": "/a"}}),
                _ => serde_json::json!({"chain": {"middlewares": [{"name": next(i)}]}}),
            }),
        ),
        (
            "services.json",
            &tower("TraefikService", n, |i| match i + 1 {
                last if last == n => serde_json::json!({"weighted": {"services": good}}),
                _ => serde_json::json!({"weighted": {"services": [{"name": next(i), "kind": "TraefikService"}]}}),
            }),
        ),
        (
            "layers.json",
            &tower("IngressRoute", n, |i| match i {
                0 => serde_json::json!({"entryPoints": ["web"], "routes": [{"match": "Path(`/`)"}]}),
                i => {
                    let services = if i + 1 == n { good.clone() } else { serde_json::json!([]) };
                    let routes = serde_json::json!([{"match": "Path(`/`)", "services": services}]);
                    serde_json::json!({"parentRefs": [{"name": format!("n{}", i - 1)}], "routes": routes})
                }
            }),
        ),
        ("user.json", &user(serde_json::json!([{"name": "n0"}]), good.clone())),
        ("other.json", &user(serde_json::json!([]), serde_json::json!([{"name": "n0", "kind": "TraefikService"}]))),
    ]);
    let checked = check(dir.path());
    // They are two definitions of one object.
    let told = |start: &str, part: &str| checked.lines.iter().any(|l| l.starts_with(start) && l.contains(part));
    assert!(told("error[MiddlewareUnusable] IngressRoute default/user", "more than 64 deep"), "{:#?}", checked.lines);
    assert!(told("error[TooManyLayers] IngressRoute default/n", "more than 64 layers"), "{:#?}", checked.lines);
    fs::remove_file(dir.path().join("user.json")).unwrap();
    let checked = check(dir.path());
    let told = |start: &str, part: &str| checked.lines.iter().any(|l| l.starts_with(start) && l.contains(part));
    assert!(told("error[ServiceUnusable] IngressRoute default/user", "more than 64 levels"), "{:#?}", checked.lines);
    assert!(checked.lines.iter().all(|line| line.len() < 1000));
}

/// A route that asks for these.
fn user(middlewares: serde_json::Value, services: serde_json::Value) -> Vec<u8> {
    let route = serde_json::json!({"match": "Path(`/user`)", "middlewares": middlewares, "services": services});
    let object = serde_json::json!({
        "apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": "user"},
        "spec": {"entryPoints": ["web"], "routes": [route]},
    });
    object.to_string().into_bytes()
}

/// Each one names the next one twice: written out, there would be 2^60 of them.
#[test]
fn references_that_multiply_do_not_grow() {
    let n = 60;
    let next = |i: usize| format!("n{}", i + 1);
    let twice = |i: usize, last: serde_json::Value, step: serde_json::Value| if i + 1 == n { last } else { step };
    let chains = tower("Middleware", n, |i| {
        let both = serde_json::json!([{"name": next(i)}, {"name": next(i)}]);
        twice(
            i,
            serde_json::json!({"addPrefix": {"prefix": "/a"}}),
            serde_json::json!({"chain": {"middlewares": both}}),
        )
    });
    let chained = user(serde_json::json!([{"name": "n0"}]), serde_json::json!([{"name": "good", "port": 80}]));
    let dir = directory(&[("chains.json", &chains), ("user.json", &chained)]);
    let at = "error[MiddlewareUnusable] IngressRoute default/user spec.routes[0].middlewares";
    check(dir.path()).expect("chains", &[(at, "more than 10000 middlewares")]);
    let services = tower("TraefikService", n, |i| {
        let both = serde_json::json!([{"name": next(i), "kind": "TraefikService"}, {"name": next(i), "kind": "TraefikService"}]);
        let last = serde_json::json!({"weighted": {"services": [{"name": "good", "port": 80}]}});
        twice(i, last, serde_json::json!({"weighted": {"services": both}}))
    });
    let weighted = user(serde_json::json!([]), serde_json::json!([{"name": "n0", "kind": "TraefikService"}]));
    let dir = directory(&[("services.json", &services), ("user.json", &weighted)]);
    check(dir.path()).expect("services", &[]);
}

/// The same of layers: every route of a level has both routes of the level above for parents.
#[test]
fn layers_that_multiply_do_not_grow() {
    let n = 40;
    let services = serde_json::json!([{"name": "good", "port": 80}]);
    let layers = tower("IngressRoute", n, |i| {
        let mut spec = serde_json::json!({"routes": [{"match": "Path(`/a`)"}, {"match": "Path(`/b`)"}]});
        match i {
            0 => spec["entryPoints"] = serde_json::json!(["web"]),
            i => spec["parentRefs"] = serde_json::json!([{"name": format!("n{}", i - 1)}]),
        }
        if i + 1 == n {
            spec["routes"][0]["services"] = services.clone();
            spec["routes"][1]["services"] = services.clone();
        }
        spec
    });
    let checked = check(directory(&[("layers.json", &layers)]).path());
    checked.expect("layers", &[]);
    assert_eq!(checked.report["configuration"]["http"]["routers"].as_object().unwrap().len(), 2 * n + 1);
}

/// Values in a row in one file, which need no separator.
#[test]
fn ten_thousand_objects_of_one_json_file() {
    let objects = tower("Middleware", 10_000, |_| serde_json::json!({"addPrefix": {"prefix": "/a"}}));
    let checked = check(directory(&[("many.json", &objects)]).path());
    checked.expect("many", &[]);
    assert_eq!(checked.report["configuration"]["http"]["middlewares"].as_object().unwrap().len(), 10_000);
}

#[test]
fn many_findings_are_cut_short() {
    let text: String =
        (0..5000).map(|i| format!("---\n{API}\nkind: Middleware\nmetadata: {{name: m{i}}}\nspec: 5\n")).collect();
    let checked = check(directory(&[("many.yaml", text.as_bytes())]).path());
    assert_eq!(checked.exit, 1);
    assert!(checked.lines.len() < 1000, "{} findings", checked.lines.len());
    assert!(
        checked.lines.iter().any(|l| l.starts_with("info[MoreFindings] File DIR/many.yaml") && l.contains("4500 more"))
    );
}
