//! TraefikServices in, services out, and what is said of those that are wrong or refer to themselves.

use serde_json::{Value, json};

use crate::translate::Options;
use crate::translate::fixture::{Outcome, outcome_with};

const OBJECTS: &str = r#"
{kind: Service, metadata: {namespace: default, name: a}, spec: {clusterIP: 10.9.0.1, ports: [{port: 80}]}}
---
{kind: EndpointSlice, metadata: {namespace: default, name: a-1, labels: {kubernetes.io/service-name: a}}, addressType: IPv4, ports: [{port: 80}], endpoints: [{addresses: [10.0.0.1]}]}
---
{kind: Service, metadata: {namespace: default, name: b}, spec: {ports: [{port: 80}]}}
---
{kind: EndpointSlice, metadata: {namespace: default, name: b-1, labels: {kubernetes.io/service-name: b}}, addressType: IPv4, ports: [{port: 80}], endpoints: [{addresses: [10.0.0.2]}]}
"#;

fn services(list: &[(&str, &str)]) -> Outcome {
    let mut yaml = OBJECTS.to_owned();
    for (name, spec) in list {
        yaml +=
            &format!("---\n{{kind: TraefikService, metadata: {{namespace: default, name: {name}}}, spec: {spec}}}\n");
    }
    // The default is for routes only: these services must not follow it.
    outcome_with(&yaml, &Options { native_lb_by_default: true, ..Options::default() })
}

#[test]
fn kinds() {
    for (spec, expected) in [
        (
            "{weighted: {services: [{name: a, port: 80}, {name: b, port: 80, weight: 4}], sticky: {cookie: {name: c, sameSite: lax, maxAge: 3, path: /p}}}}",
            json!({"weighted": {"services": [{"name": "default-a-80", "weight": 1}, {"name": "default-b-80", "weight": 4}],
                "sticky": {"cookie": {"name": "c", "sameSite": "lax", "maxAge": 3, "path": "/p"}}}}),
        ),
        (
            "{mirroring: {name: a, port: 80, mirrors: [{name: b, port: 80, percent: 10}]}}",
            json!({"mirroring": {"service": "default-a-80", "mirrors": [{"name": "default-b-80", "percent": 10}]}}),
        ),
        (
            "{mirroring: {name: a, port: 80, mirrorBody: false, maxBodySize: 5, mirrors: [{name: b, port: 80}]}}",
            json!({"mirroring": {"service": "default-a-80", "mirrorBody": false, "maxBodySize": 5, "mirrors": [{"name": "default-b-80"}]}}),
        ),
        (
            "{highestRandomWeight: {services: [{name: a, port: 80, weight: 2}, {name: b, port: 80}]}}",
            json!({"highestRandomWeight": {"services": [{"name": "default-a-80", "weight": 2}, {"name": "default-b-80", "weight": 1}]}}),
        ),
        (
            "{failover: {service: {name: a, port: 80}, fallback: {name: b, port: 80}, errors: {status: ['500-599']}}}",
            json!({"failover": {"service": "default-a-80", "fallback": "default-b-80",
                "errors": {"status": ["500-599"], "maxRequestBodyBytes": -1}}}),
        ),
    ] {
        let out = services(&[("x.y", spec)]);
        assert_eq!(out.messages(), "", "{spec}");
        assert_eq!(out.json("/http/services/default-x-y"), expected, "{spec}");
        for (child, url) in [("default-a-80", "http://10.0.0.1:80"), ("default-b-80", "http://10.0.0.2:80")] {
            let server = out.json(&format!("/http/services/{child}/loadBalancer/servers"));
            assert_eq!(server, json!([{"url": url}]), "{spec}");
        }
    }
}

#[test]
fn broken_ones_are_lost() {
    for (spec, emitted, expected) in [
        ("{}", false, vec!["E NoServiceKind spec"]),
        ("{weighted: {services: []}}", true, vec!["W NoServices spec.weighted.services"]),
        (
            "{weighted: {services: [{name: no, port: 80}, {name: a, port: 81}]}}",
            false,
            vec!["E ServiceNotFound spec.weighted.services[0].name", "E PortNotFound spec.weighted.services[1].port"],
        ),
        ("{mirroring: {name: no, port: 80}}", false, vec!["E ServiceNotFound spec.mirroring.name"]),
        (
            "{mirroring: {name: a, port: 80, mirrors: [{name: no, port: 80}]}}",
            false,
            vec!["E ServiceNotFound spec.mirroring.mirrors[0].name"],
        ),
        (
            "{failover: {service: {name: a, port: 80}, fallback: {name: no, port: 80}}}",
            false,
            vec!["E ServiceNotFound spec.failover.fallback.name"],
        ),
        (
            "{weighted: {services: [{name: a, port: 80}]}, failover: {service: {name: a}, fallback: {name: a}}}",
            true,
            vec!["W SeveralServiceKinds spec.failover"],
        ),
        (
            "{weighted: {services: [{name: no, kind: TraefikService}]}}",
            true,
            vec!["E TraefikServiceNotFound spec.weighted.services[0].name"],
        ),
    ] {
        let out = services(&[("x", spec)]);
        assert_eq!(out.findings("TraefikService"), expected, "{spec}");
        assert_eq!(out.json("/http/services/default-x") != Value::Null, emitted, "{spec}");
    }
}

#[test]
fn circles_are_told() {
    let to = |name: &str| format!("{{weighted: {{services: [{{name: {name}, kind: TraefikService}}]}}}}");
    let out = services(&[("x", &to("y")), ("y", &to("z")), ("z", &to("x")), ("w", &to("x"))]);
    let told: Vec<_> = out.diagnostics.iter().map(|d| d.object.name.as_str()).collect();
    assert_eq!(told, ["x", "y", "z"], "{}", out.messages());
    assert_eq!(out.findings("TraefikService"), ["E CyclicService spec.weighted"; 3]);
    assert!(out.messages().contains("default-x → default-y → default-z → default-x"), "{}", out.messages());
}

#[test]
fn error_pages() {
    let middleware = |service: &str| {
        format!(
            "{OBJECTS}---\n{{kind: Middleware, metadata: {{namespace: default, name: e.p}}, spec: {{errors: {{status: ['500'], query: /, service: {service}}}}}}}"
        )
    };
    let out =
        outcome_with(&middleware("{name: a, port: 80}"), &Options { native_lb_by_default: true, ..Options::default() });
    let name = "default-e-p-errorpage-service";
    assert_eq!(out.json("/http/middlewares/default-e-p/errors/service"), json!(name));
    assert_eq!(
        out.json(&format!("/http/services/{name}/loadBalancer/servers")),
        json!([{"url": "http://10.0.0.1:80"}])
    );
    let out = outcome_with(&middleware("{name: no, port: 80}"), &Options::default());
    assert_eq!(out.findings("Middleware"), ["E ServiceNotFound spec.errors.service.name"]);
    assert_eq!(out.json("/http/middlewares"), Value::Null);
}
