//! IngressRouteTCPs in, routers and services out, and what is said of those that are wrong.

use serde_json::{Value, json};

use crate::translate::Options;
use crate::translate::fixture::{Outcome, outcome_with};

const OBJECTS: &str = r#"
{kind: Service, metadata: {namespace: default, name: db}, spec: {ports: [{name: pg, port: 5432}]}}
---
kind: EndpointSlice
metadata: {namespace: default, name: db-1, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: pg, port: 15432}]
endpoints: [{addresses: [10.0.0.1, 10.0.0.2], conditions: {ready: true}}, {addresses: [10.0.0.3], conditions: {ready: false}}]
---
{kind: Service, metadata: {namespace: default, name: two}, spec: {clusterIP: 10.9.9.9, ports: [{name: a, port: 1}, {name: b, port: 2}]}}
---
{kind: Service, metadata: {namespace: other, name: db}, spec: {clusterIP: 10.9.9.8, ports: [{port: 5432}]}}
---
{kind: MiddlewareTCP, metadata: {namespace: default, name: allow.it}, spec: {inFlightConn: {amount: 1}}}
---
{kind: MiddlewareTCP, metadata: {namespace: other, name: allow}, spec: {inFlightConn: {amount: 1}}}
---
{kind: TLSOption, metadata: {namespace: default, name: opt}, spec: {}}
---
{kind: ServersTransportTCP, metadata: {namespace: default, name: st}, spec: {}}
---
"#;

/// ``HostSNI(`*`)`` gives this name.
const NAME: &str = "default-test.route-673acf455cb2dab0b43a";

fn group(group: &str, spec: &str, options: &Options) -> Outcome {
    let head = format!(
        "{{apiVersion: {group}/v1alpha1, kind: IngressRouteTCP, metadata: {{namespace: default, name: test.route}}"
    );
    outcome_with(&format!("{OBJECTS}{head}, spec: {spec}}}"), options)
}

fn tcp(spec: &str) -> Outcome {
    group("traefik.io", spec, &Options::default())
}

fn route(rest: &str) -> String {
    format!("{{routes: [{{match: 'HostSNI(`*`)', {rest}}}]}}")
}

#[test]
fn one_service() {
    let out = tcp(
        "{entryPoints: [tcp], routes: [{match: 'HostSNI(`*`)', priority: 7, syntax: v3, middlewares: [{name: allow.it}], services: [{name: db, port: 5432, tls: true}]}]}",
    );
    assert_eq!(
        out.json("/tcp/routers"),
        json!({NAME: {
            "entryPoints": ["tcp"], "middlewares": ["default-allow-it"], "service": NAME, "rule": "HostSNI(`*`)",
            "ruleSyntax": "v3", "priority": 7,
        }})
    );
    assert_eq!(
        out.json("/tcp/services"),
        json!({NAME: {"loadBalancer": {"servers": [
            {"address": "10.0.0.1:15432", "tls": true}, {"address": "10.0.0.2:15432", "tls": true},
        ]}}})
    );
    assert_eq!(out.findings("IngressRouteTCP"), [""; 0]);
}

#[test]
fn several_services_without_the_broken_ones() {
    let out = tcp(&route(
        "services: [{name: db, port: pg, weight: 3}, {name: absent, port: 1}, {name: two, port: 2, nativeLB: true}]",
    ));
    let (first, second) = (format!("{NAME}-db-pg"), format!("{NAME}-two-2"));
    assert_eq!(
        out.json("/tcp/services"),
        json!({
            NAME: {"weighted": {"services": [{"name": first, "weight": 3}, {"name": second, "weight": 1}]}},
            first: {"loadBalancer": {"servers": [{"address": "10.0.0.1:15432"}, {"address": "10.0.0.2:15432"}]}},
            second: {"loadBalancer": {"servers": [{"address": "10.9.9.9:2"}]}},
        })
    );
    assert_eq!(out.findings("IngressRouteTCP"), ["E ServiceNotFound spec.routes[0].services[1].name"]);
}

#[test]
fn a_router_stays_without_its_service() {
    for (rest, finding) in [
        ("services: []", "E NoServices spec.routes[0].services"),
        ("services: [{name: absent, port: 1}]", "E ServiceNotFound spec.routes[0].services[0].name"),
        ("services: [{name: db, port: 1}]", "E PortNotFound spec.routes[0].services[0].port"),
        ("services: [{name: db}]", "E PortMissing spec.routes[0].services[0].port"),
        ("services: [{name: two, port: 1}]", "E NoEndpoints spec.routes[0].services[0].name"),
        (
            "services: [{name: db, namespace: other, port: 5432}]",
            "E CrossNamespaceNotAllowed spec.routes[0].services[0].namespace",
        ),
    ] {
        let out = tcp(&route(rest));
        assert!(out.findings("IngressRouteTCP").contains(&finding.to_owned()), "{rest}: {}", out.messages());
        assert_eq!(out.json(&format!("/tcp/routers/{NAME}/service")), json!(NAME), "{rest}");
        assert_eq!(out.json("/tcp/services"), Value::Null, "{rest}");
    }
}

#[test]
fn a_route_is_dropped() {
    for (spec, finding) in [
        ("{routes: [{match: '', services: []}]}", "E EmptyRule spec.routes[0].match"),
        (
            "{routes: [{match: 'HostSNI(`*`)', middlewares: [{name: allow, namespace: other}]}]}",
            "E CrossNamespaceNotAllowed spec.routes[0].middlewares[0].namespace",
        ),
        (
            "{routes: [{match: 'HostSNI(`*`)'}], tls: {options: {name: opt, namespace: other}}}",
            "E CrossNamespaceNotAllowed spec.tls.options.namespace",
        ),
    ] {
        let out = tcp(spec);
        assert_eq!(out.findings("IngressRouteTCP"), [finding], "{spec}");
        assert_eq!((out.json("/tcp/routers"), out.json("/tcp/services")), (Value::Null, Value::Null), "{spec}");
    }
}

#[test]
fn across_namespaces_where_allowed() {
    let options = Options { allow_cross_namespace: true, ..Options::default() };
    let out = group(
        "traefik.io",
        &route(
            "middlewares: [{name: allow, namespace: other}], services: [{name: db, namespace: other, port: 5432, nativeLB: true}]",
        ),
        &options,
    );
    assert_eq!(out.json(&format!("/tcp/routers/{NAME}/middlewares")), json!(["other-allow"]));
    let servers = out.json(&format!("/tcp/services/{NAME}/loadBalancer/servers"));
    assert_eq!(servers, json!([{"address": "10.9.9.8:5432"}]));
    assert_eq!(out.findings("IngressRouteTCP"), [""; 0]);
}

#[test]
fn missing_references_keep_the_router() {
    let out = tcp(
        "{routes: [{match: 'HostSNI(`*`)', middlewares: [{name: absent}], services: [{name: db, port: 5432}]}], tls: {options: {name: absent}}}",
    );
    assert_eq!(
        out.findings("IngressRouteTCP"),
        ["E MiddlewareTCPNotFound spec.routes[0].middlewares[0].name", "E TLSOptionNotFound spec.tls.options.name"]
    );
    assert_eq!(out.json(&format!("/tcp/routers/{NAME}/middlewares")), json!(["default-absent"]));
}

#[test]
fn tls() {
    for (given, expected) in [
        ("{}", json!({"passthrough": false})),
        ("{passthrough: true, secretName: absent}", json!({"passthrough": true})),
        (
            "{certResolver: le, domains: [{main: a.b, sans: [c.d]}], options: {name: opt}}",
            json!({
                "passthrough": false, "certResolver": "le", "domains": [{"main": "a.b", "sans": ["c.d"]}],
                "options": "default-opt",
            }),
        ),
    ] {
        let out = tcp(&format!(
            "{{routes: [{{match: 'HostSNI(`*`)', services: [{{name: db, port: 5432}}]}}], tls: {given}}}"
        ));
        assert_eq!(out.json(&format!("/tcp/routers/{NAME}/tls")), expected, "{given}");
        let findings: &[&str] = match given.contains("certResolver") {
            true => &["W CertResolverNotUsed spec.tls.certResolver"],
            false => &[],
        };
        assert_eq!(out.findings("IngressRouteTCP"), findings, "{given}");
    }
    let out = tcp("{routes: [{match: 'HostSNI(`*`)', services: [{name: db, port: 5432}]}], \
         tls: {secretName: absent, store: {name: mine}}}");
    let findings = ["E SecretNotFound spec.tls.secretName", "I TLSStoreIgnored spec.tls.store"];
    assert_eq!(out.findings("IngressRouteTCP"), findings);
    assert_eq!(out.json(&format!("/tcp/routers/{NAME}/tls")), json!({"passthrough": false}));
}

#[test]
fn balancer_options() {
    for (rest, expected, findings) in [
        ("proxyProtocol: {}", json!({"proxyProtocol": {"version": 2}}), vec!["I Deprecated"]),
        ("proxyProtocol: {version: 1}", json!({"proxyProtocol": {"version": 1}}), vec!["I Deprecated"]),
        ("terminationDelay: 200", json!({"terminationDelay": 200}), vec!["I Deprecated"]),
        (
            "terminationDelay: 200, serversTransport: st",
            json!({"serversTransport": "default-st"}),
            vec!["I Deprecated"],
        ),
        (
            "serversTransport: absent",
            json!({"serversTransport": "default-absent"}),
            vec!["E ServersTransportTCPNotFound spec.routes[0].services[0].serversTransport"],
        ),
    ] {
        let out = tcp(&route(&format!("services: [{{name: db, port: 5432, {rest}}}]")));
        let mut balancer = out.json(&format!("/tcp/services/{NAME}/loadBalancer"));
        let _ = balancer.as_object_mut().and_then(|b| b.remove("servers"));
        assert_eq!(balancer, expected, "{rest}");
        let found = out.findings("IngressRouteTCP");
        assert_eq!(found.len(), findings.len(), "{found:?}");
        assert!(found.iter().zip(findings).all(|(found, code)| found.starts_with(code)), "{found:?}");
    }
}

#[test]
fn the_older_group() {
    for (rest, syntax, finding) in [
        ("services: [{name: db}]", json!("v2"), "I PortAssumed spec.routes[0].services[0].port"),
        ("services: [{name: two}]", json!("v2"), "E PortMissing spec.routes[0].services[0].port"),
        ("syntax: v3, services: []", json!("v3"), "E NoServices spec.routes[0].services"),
    ] {
        let out = group("traefik.containo.us", &route(rest), &Options::default());
        assert_eq!(out.json(&format!("/tcp/routers/{NAME}/ruleSyntax")), syntax, "{rest}");
        assert_eq!(out.findings("IngressRouteTCP"), [finding], "{rest}");
    }
    let out = group("traefik.containo.us", &route("services: [{name: db}, {name: db, port: pg}]"), &Options::default());
    let services = out.json("/tcp/services");
    let names: Vec<_> = services.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, [NAME.to_owned(), format!("{NAME}-db-5432"), format!("{NAME}-db-pg")]);
}

#[test]
fn other_classes_are_passed_over() {
    let out = tcp("{ingressClassName: nginx, routes: [{match: 'HostSNI(`*`)'}], tls: {secretName: absent}}");
    assert_eq!(out.json("/tcp/routers"), Value::Null);
    assert!(!out.messages().contains("error"), "{}", out.messages());
}

#[test]
fn routers_of_the_same_name() {
    let out = tcp(
        "{routes: [{match: 'HostSNI(`*`)', services: [{name: two, port: 1, nativeLB: true}]}, {match: 'HostSNI(`*`)', services: [{name: db, port: 5432}]}]}",
    );
    assert_eq!(out.findings("IngressRouteTCP"), ["W DuplicateMatch spec.routes[1].match"]);
    let servers = out.json(&format!("/tcp/services/{NAME}/loadBalancer/servers/0/address"));
    assert_eq!(servers, json!("10.0.0.1:15432"));

    let object = |ns: &str, name: &str, port: u16| {
        format!(
            "---\n{{kind: Service, metadata: {{namespace: {ns}, name: s}}, spec: {{clusterIP: 1.1.1.1, ports: [{{port: {port}}}]}}}}\n---\n{{kind: IngressRouteTCP, metadata: {{namespace: {ns}, name: {name}}}, spec: {{routes: [{{match: 'HostSNI(`*`)', services: [{{name: s, port: {port}, nativeLB: true}}]}}]}}}}\n"
        )
    };
    let out = outcome_with(&(object("a", "b-c", 1) + &object("a-b", "c", 2)), &Options::default());
    assert_eq!(out.findings("IngressRouteTCP"), ["E RouterNameCollision spec.routes[0].match"]);
    let servers = out.json("/tcp/services/a-b-c-673acf455cb2dab0b43a/loadBalancer/servers");
    assert_eq!(servers, json!([{"address": "1.1.1.1:1"}]));
}
