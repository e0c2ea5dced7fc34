//! IngressRoutes in, routers and services out, and what is said of those that are wrong.

use serde_json::{Value, json};

use crate::translate::Options;
use crate::translate::fixture::{Outcome, outcome_with};

const OBJECTS: &str = r#"
{kind: Service, metadata: {namespace: default, name: web}, spec: {clusterIP: 10.9.0.1, ports: [{name: http, port: 80}]}}
---
{kind: EndpointSlice, metadata: {namespace: default, name: web-1, labels: {kubernetes.io/service-name: web}}, addressType: IPv4, ports: [{name: http, port: 8080}], endpoints: [{addresses: [10.0.0.1]}]}
---
{kind: Service, metadata: {namespace: default, name: ext}, spec: {type: ExternalName, externalName: x.example}}
---
{kind: Service, metadata: {namespace: default, name: two}, spec: {clusterIP: 10.9.0.2, ports: [{name: a, port: 1}, {name: b, port: 2}]}}
---
{kind: Service, metadata: {namespace: other, name: web}, spec: {clusterIP: 10.9.0.3, ports: [{port: 80}]}}
---
{kind: Middleware, metadata: {namespace: default, name: add.it}, spec: {addPrefix: {prefix: /x}}}
---
{kind: TLSOption, metadata: {namespace: default, name: opt.a}, spec: {}}
---
{kind: ServersTransport, metadata: {namespace: default, name: st}, spec: {}}
---
{kind: TraefikService, metadata: {namespace: default, name: wrr}, spec: {weighted: {services: [{name: web, port: 80}]}}}
"#;

const EXAMPLE: &str = "default-test-route-c6f977443c7bb29d98b0";

fn strict() -> Options {
    Options { allow_external_name_services: true, ..Options::default() }
}

/// IngressRoutes by name, each with its group and spec.
fn routes(list: &[(&str, &str, &str)], options: &Options) -> Outcome {
    let mut yaml = OBJECTS.to_owned();
    for (group, name, spec) in list {
        yaml += &format!(
            "---\n{{apiVersion: {group}/v1alpha1, kind: IngressRoute, metadata: {{namespace: default, name: {name}}}, \
             spec: {spec}}}\n"
        );
    }
    outcome_with(&yaml, options)
}

fn one(spec: &str) -> Outcome {
    routes(&[("traefik.io", "test.route", spec)], &strict())
}

fn route(rest: &str) -> Outcome {
    one(&format!("{{routes: [{{match: 'Host(`example.com`)', {rest}}}]}}"))
}

#[test]
fn a_route_with_everything() {
    let out = one(r#"{
        entryPoints: [web, websecure],
        tls: {options: {name: opt.a}, certResolver: le, domains: [{main: a.b, sans: [c.d]}]},
        routes: [{match: 'Host(`example.com`)', kind: Rule, priority: 12, syntax: v3,
            middlewares: [{name: add.it}], observability: {accessLogs: false, traceVerbosity: detailed},
            services: [{name: ext, port: 80, strategy: p2c, passHostHeader: false, serversTransport: st,
                responseForwarding: {flushInterval: 1ms}, sticky: {cookie: {name: c, httpOnly: true}},
                healthCheck: {path: /health, interval: 10s}, passiveHealthCheck: {}, middlewares: [{name: add.it}]}]}]
    }"#);
    assert_eq!(out.findings("IngressRoute"), ["W CertResolverNotUsed spec.tls.certResolver"]);
    assert_eq!(
        out.json("/http/routers"),
        json!({EXAMPLE: {
            "entryPoints": ["web", "websecure"], "middlewares": ["default-add-it"], "service": EXAMPLE,
            "rule": "Host(`example.com`)", "ruleSyntax": "v3", "priority": 12,
            "tls": {"options": "default-opt.a", "certResolver": "le", "domains": [{"main": "a.b", "sans": ["c.d"]}]},
            "observability": {"accessLogs": false, "traceVerbosity": "detailed"},
        }})
    );
    assert_eq!(
        out.json(&format!("/http/services/{EXAMPLE}")),
        json!({
            "loadBalancer": {
                "sticky": {"cookie": {"name": "c", "httpOnly": true, "path": "/"}},
                "servers": [{"url": "http://x.example:80"}],
                "strategy": "p2c",
                "healthCheck": {"mode": "http", "path": "/health", "interval": "10s", "unhealthyInterval": "10s",
                    "timeout": "5s", "followRedirects": true},
                "passiveHealthCheck": {"failureWindow": "10s", "maxFailedAttempts": 1},
                "passHostHeader": false,
                "responseForwarding": {"flushInterval": "1ms"},
                "serversTransport": "default-st",
            },
            "middlewares": ["default-add-it"],
        })
    );
}

#[test]
fn defaults_and_kinds_of_services() {
    let balancer = |url: &str| {
        json!({"loadBalancer": {"servers": [{"url": url}], "strategy": "wrr", "passHostHeader": true,
            "responseForwarding": {"flushInterval": "100ms"}}})
    };
    for (rest, service, services) in [
        (
            "services: [{name: web, port: http, strategy: RoundRobin}]",
            EXAMPLE,
            json!({EXAMPLE: balancer("http://10.0.0.1:8080")}),
        ),
        ("services: [{name: wrr, kind: TraefikService}]", "default-wrr", json!({})),
        ("services: [{name: api@internal, kind: TraefikService}]", "api@internal", json!({})),
        (
            "services: [{name: web, port: 80}, {name: two, port: a, nativeLB: true, weight: 0}, {name: wrr, kind: TraefikService, weight: 3}]",
            EXAMPLE,
            json!({
                EXAMPLE: {"weighted": {"services": [{"name": "default-web-80", "weight": 1},
                    {"name": "default-two-a", "weight": 0}, {"name": "default-wrr", "weight": 3}]}},
                "default-two-a": balancer("http://10.9.0.2:1"),
            }),
        ),
    ] {
        let out = route(rest);
        assert_eq!(out.json(&format!("/http/routers/{EXAMPLE}/service")), json!(service), "{rest}");
        let mut expected = services;
        expected["default-web-80"] = balancer("http://10.0.0.1:8080");
        expected["default-wrr"] = json!({"weighted": {"services": [{"name": "default-web-80", "weight": 1}]}});
        assert_eq!(out.json("/http/services"), expected, "{rest}");
    }
}

#[test]
fn broken_routes_are_dropped_or_emitted() {
    // (the route, whether its router is emitted, what is found)
    for (rest, emitted, expected) in [
        ("services: [{name: nope, port: 80}]", false, "E ServiceNotFound spec.routes[0].services[0].name"),
        ("services: [{name: api@internal, port: 80}]", false, "E ServiceNotFound spec.routes[0].services[0].name"),
        (
            "services: [{name: web, port: 80}, {name: web, port: 81}]",
            false,
            "E PortNotFound spec.routes[0].services[1].port",
        ),
        (
            "services: [{name: web, namespace: other, port: 80}]",
            false,
            "E CrossNamespaceNotAllowed spec.routes[0].services[0].namespace",
        ),
        ("services: [{name: web}]", false, "E PortMissing spec.routes[0].services[0].port"),
        ("kind: Role, services: [{name: web, port: 80}]", false, "E InvalidKind spec.routes[0].kind"),
        ("services: []", true, "E NoService spec.routes[0].services"),
        (
            "services: [{name: no, kind: TraefikService}]",
            true,
            "E TraefikServiceNotFound spec.routes[0].services[0].name",
        ),
        (
            "services: [{name: web, port: 80, serversTransport: no}]",
            true,
            "E ServersTransportNotFound spec.routes[0].services[0].serversTransport",
        ),
        (
            "services: [{name: web, port: 80, serversTransport: a@kubernetescrd}]",
            false,
            "E CrossNamespaceNotAllowed spec.routes[0].services[0].serversTransport",
        ),
        (
            "services: [{name: web, port: 80, strategy: RoundRobin}]",
            true,
            "I StrategyDeprecated spec.routes[0].services[0].strategy",
        ),
        (
            "middlewares: [{name: no}], services: [{name: web, port: 80}]",
            true,
            "E MiddlewareNotFound spec.routes[0].middlewares[0].name",
        ),
        (
            "middlewares: [{name: m, namespace: other}], services: [{name: web, port: 80}]",
            false,
            "E CrossNamespaceNotAllowed spec.routes[0].middlewares[0].namespace",
        ),
        (
            "middlewares: [{name: default-m@kubernetescrd}], services: [{name: web, port: 80}]",
            false,
            "E CrossNamespaceNotAllowed spec.routes[0].middlewares[0].name",
        ),
        (
            "middlewares: [{name: m@file}], services: [{name: web, port: 80}]",
            true,
            "E UnknownProvider spec.routes[0].middlewares[0].name",
        ),
        (
            "middlewares: [{name: m@internal, namespace: x}], services: [{name: web, port: 80}]",
            true,
            "W NamespaceIgnored spec.routes[0].middlewares[0].namespace",
        ),
    ] {
        let out = route(rest);
        assert_eq!(out.findings("IngressRoute"), [expected], "{rest}");
        assert_eq!(out.json("/http/routers").is_object(), emitted, "{rest}");
    }
    let out = one("{routes: [{match: '', services: [{name: web, port: 80}]}]}");
    assert_eq!(out.findings("IngressRoute"), ["E EmptyRule spec.routes[0].match"]);
    for (tls, emitted, expected) in [
        ("{}", true, None),
        ("{options: {name: ''}}", true, None),
        (
            "{options: {name: o, namespace: other}}",
            false,
            Some("E CrossNamespaceNotAllowed spec.tls.options.namespace"),
        ),
        ("{options: {name: no}}", true, Some("E TLSOptionNotFound spec.tls.options.name")),
        ("{store: {name: mine}}", true, Some("I TLSStoreIgnored spec.tls.store")),
        ("{secretName: nope}", true, Some("E SecretNotFound spec.tls.secretName")),
    ] {
        let out = one(&format!(
            "{{tls: {tls}, routes: [{{match: 'Host(`example.com`)', services: [{{name: web, port: 80}}]}}]}}"
        ));
        assert_eq!(out.findings("IngressRoute"), expected.into_iter().collect::<Vec<_>>(), "{tls}");
        let router = out.json(&format!("/http/routers/{EXAMPLE}"));
        assert_eq!(router["tls"].is_object(), emitted, "{tls}");
    }
}

#[test]
fn references_may_be_let_across() {
    let across = Options { allow_cross_namespace: true, native_lb_by_default: true, ..Options::default() };
    let spec = "{routes: [{match: 'Host(`example.com`)', middlewares: [{name: default-add-it@kubernetescrd}], services: \
                [{name: web, namespace: other, port: 80}]}]}";
    let out = routes(&[("traefik.io", "test.route", spec)], &across);
    assert_eq!(out.messages(), "");
    assert_eq!(out.json(&format!("/http/routers/{EXAMPLE}/middlewares")), json!(["default-add-it@kubernetescrd"]));
    assert_eq!(
        out.json(&format!("/http/services/{EXAMPLE}/loadBalancer/servers")),
        json!([{"url": "http://10.9.0.3:80"}])
    );
    for (listed, emitted) in [(None, true), (Some(vec![]), false), (Some(vec!["default".to_owned()]), true)] {
        let options = Options { cross_provider_namespaces: listed, ..across.clone() };
        let out = routes(&[("traefik.io", "test.route", spec)], &options);
        assert_eq!(out.json("/http/routers").is_object(), emitted);
        assert_eq!(out.messages().contains("CrossProviderNotAllowed"), !emitted);
    }
}

#[test]
fn objects_of_the_old_group() {
    for (rest, syntax, expected) in [
        ("kind: Rule, services: [{name: web, port: 80}]", Some("v2"), vec![]),
        ("kind: Rule, syntax: v3, services: [{name: web, port: 80}]", Some("v3"), vec![]),
        ("services: [{name: web, port: 80}]", Some("v2"), vec!["W KindMissing spec.routes[0].kind"]),
        ("kind: Rule, services: [{name: web}]", Some("v2"), vec!["I PortAssumed spec.routes[0].services[0].port"]),
        ("kind: Rule, services: [{name: two}]", None, vec!["E PortMissing spec.routes[0].services[0].port"]),
        ("kind: Rule, services: [{name: ext}]", None, vec!["E PortMissing spec.routes[0].services[0].port"]),
    ] {
        let spec = format!("{{routes: [{{match: 'Host(`example.com`)', {rest}}}]}}");
        let out = routes(&[("traefik.containo.us", "test.route", &spec)], &strict());
        assert_eq!(out.findings("IngressRoute"), expected, "{rest}");
        let found = out.json(&format!("/http/routers/{EXAMPLE}/ruleSyntax"));
        assert_eq!(found.as_str(), syntax, "{rest}");
    }
    let spec = "{routes: [{match: 'Host(`example.com`)', kind: Rule, services: [{name: web}, {name: web}]}]}";
    let out = routes(&[("traefik.containo.us", "test.route", spec)], &strict());
    let child = out.json(&format!("/http/services/{EXAMPLE}/weighted/services/0/name"));
    assert_eq!(child, json!("default-web-80"));
}

#[test]
fn collisions_are_decided_and_told() {
    let same = "{routes: [{match: 'Host(`example.com`)', services: [{name: web, port: 80}]}, \
                {match: 'Host(`example.com`)', services: [{name: two, port: 2, nativeLB: true}]}]}";
    let out = one(same);
    assert_eq!(out.findings("IngressRoute"), ["W DuplicateMatch spec.routes[1].match"]);
    assert_eq!(out.json(&format!("/http/services/{EXAMPLE}/loadBalancer/servers/0/url")), json!("http://10.9.0.2:2"));

    let first = "{entryPoints: [a], routes: [{match: 'Host(`example.com`)', services: [{name: web, port: 80}]}]}";
    let second = "{entryPoints: [b], routes: [{match: 'Host(`example.com`)', services: [{name: web, port: 80}]}]}";
    let out = routes(&[("traefik.io", "test.route", second), ("traefik.io", "test-route", first)], &strict());
    assert_eq!(out.findings("IngressRoute"), ["E RouterNameCollision spec.routes[0].match"]);
    assert_eq!(out.json(&format!("/http/routers/{EXAMPLE}/entryPoints")), json!(["a"]));

    let child = |name: &str, rest: &str| {
        format!(
            "{{routes: [{{match: 'Host(`{name}`)', services: [{{name: web, port: 80{rest}}}, {{name: two, port: 1, nativeLB: true}}]}}]}}"
        )
    };
    let (a, b, c) = (child("a", ", weight: 2"), child("b", ", scheme: h2c"), child("c", ""));
    let out = routes(&[("traefik.io", "a", &a), ("traefik.io", "b", &b), ("traefik.io", "c", &c)], &strict());
    assert_eq!(out.findings("IngressRoute"), ["W ServiceNameCollision spec.routes[0].services[0]"]);
    assert_eq!(out.json("/http/services/default-web-80/loadBalancer/servers/0/url"), json!("http://10.0.0.1:8080"));
}

#[test]
fn layers() {
    let parent = "{entryPoints: [web], routes: [{match: 'Host(`a`)'}, {match: 'Host(`b`)'}]}";
    let child = "{parentRefs: [{name: up}], routes: [{match: 'Path(`/`)', services: [{name: web, port: 80}]}]}";
    let out = routes(&[("traefik.io", "up", parent), ("traefik.io", "down", child)], &strict());
    assert_eq!(out.messages(), "");
    let routers = out.json("/http/routers");
    let found = routers.as_object().unwrap();
    let names: Vec<&String> = found.keys().filter(|n| n.starts_with("default-up-")).collect();
    let refs = found.values().find_map(|r| r.get("parentRefs")).unwrap().as_array().unwrap();
    assert_eq!((names.len(), refs.len()), (2, 2));
    assert!(refs.iter().all(|r| names.iter().any(|n| r == n.as_str())));

    let route = "routes: [{match: 'Host(`a`)', services: [{name: web, port: 80}]}]";
    for (up, down, expected, emitted) in [
        (
            parent.into(),
            format!("{{parentRefs: [{{name: no}}], {route}}}"),
            vec![
                "E NoService spec.routes[0].services",
                "E NoService spec.routes[1].services",
                "E ParentNotFound spec.parentRefs[0].name",
            ],
            2,
        ),
        (
            format!("{{{route}}}"),
            format!("{{parentRefs: [{{name: up, namespace: other}}], {route}}}"),
            vec!["E CrossNamespaceNotAllowed spec.parentRefs[0].namespace"],
            1,
        ),
        (
            format!("{{{route}}}"),
            format!("{{parentRefs: [{{name: up}}], {route}}}"),
            vec!["E ParentHasService spec.routes[0].services"],
            2,
        ),
        (
            parent.into(),
            format!("{{parentRefs: [{{name: up}}], tls: {{}}, entryPoints: [web], {route}}}"),
            vec!["E FieldOfParent spec.entryPoints", "E FieldOfParent spec.tls"],
            3,
        ),
        (
            "{parentRefs: [{name: down}], routes: [{match: 'Host(`a`)'}]}".into(),
            "{parentRefs: [{name: up}], routes: [{match: 'Host(`a`)'}]}".into(),
            vec!["E CyclicParents spec.routes[0]", "E CyclicParents spec.routes[0]"],
            2,
        ),
    ] {
        let out = routes(&[("traefik.io", "up", &up), ("traefik.io", "down", &down)], &strict());
        let mut found = out.findings("IngressRoute");
        found.sort();
        assert_eq!(found, expected, "{up} {down}");
        assert_eq!(out.json("/http/routers").as_object().map_or(0, serde_json::Map::len), emitted, "{up} {down}");
    }
}

#[test]
fn only_what_counts_is_translated() {
    let spec = |class: &str| {
        format!("{{{class}routes: [{{match: 'Host(`example.com`)', services: [{{name: web, port: 80}}]}}]}}")
    };
    let serve = |class: &str, options: Options| {
        let out = routes(&[("traefik.io", "test.route", &spec(class))], &options);
        (out.json("/http/routers").is_object(), out.findings("IngressRoute"))
    };
    let none = Options::default();
    assert_eq!(serve("", none.clone()), (true, vec![]));
    let other = serve("ingressClassName: nginx, ", none.clone());
    assert_eq!(other, (false, vec!["I ClassNotServed spec.ingressClassName".to_owned()]));
    let away = Options { namespaces: vec!["other".into()], ..none.clone() };
    assert_eq!(serve("", away), (false, vec![]));
    let labelled = Options { label_selector: "app=x".into(), ..none };
    assert_eq!(serve("", labelled), (false, vec![]));
}

#[test]
fn origins_lead_back() {
    let out = route("services: [{name: web, port: 80}, {name: wrr, kind: TraefikService}]");
    use crate::dynamic::Section::{HttpRouter, HttpService};
    for (section, name, object, path) in [
        (HttpRouter, EXAMPLE, "IngressRoute default/test.route", "spec.routes[0]"),
        (HttpService, EXAMPLE, "IngressRoute default/test.route", "spec.routes[0].services"),
        (HttpService, "default-web-80", "IngressRoute default/test.route", "spec.routes[0].services[0]"),
        (HttpService, "default-wrr", "TraefikService default/wrr", "spec.weighted"),
    ] {
        let origin = out.configuration.origins.get(section, name).unwrap();
        assert_eq!((origin.object.to_string().as_str(), origin.path.as_str()), (object, path), "{name}");
    }
    assert_eq!(out.json("/http/missing"), Value::Null);
}
