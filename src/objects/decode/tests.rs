//! Tables of objects as users write them, well and badly, and what becomes of them.

#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::json;

use super::*;

/// Decodes YAML; findings as `code path: message`.
fn decoded(yaml: &str) -> (Vec<Object>, Vec<String>) {
    let decoded = decode(serde_yaml::from_str(yaml).unwrap());
    let findings = decoded.findings.iter().map(|f| format!("{} {}: {}", f.code, f.path, f.message)).collect();
    (decoded.objects, findings)
}

fn keys(objects: &[Object]) -> Vec<String> {
    objects.iter().map(|o| o.key().reference().to_string()).collect()
}

fn custom(kind: &str, spec: &str) -> String {
    format!("{{apiVersion: traefik.io/v1alpha1, kind: {kind}, metadata: {{name: x}}, spec: {spec}}}")
}

#[test]
fn kinds() {
    let cases = [
        ("{apiVersion: traefik.io/v1alpha1, kind: TLSStore, metadata: {name: a}, spec: {}}", "TLSStore default/a"),
        (
            "{apiVersion: traefik.containo.us/v1alpha1, kind: TLSOption, metadata: {name: a, namespace: b}, spec: {}}",
            "TLSOption b/a",
        ),
        ("{apiVersion: v1, kind: Service, metadata: {name: a, namespace: ''}}", "Service default/a"),
        ("{apiVersion: v1, kind: Node, metadata: {name: a, namespace: b}}", "Node /a"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}}", "ConfigMap default/a"),
        (
            "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a}, addressType: IPv4, endpoints: []}",
            "EndpointSlice default/a",
        ),
        ("{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {any: thing}}", ""),
        ("{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}", ""),
        ("{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: a}}", ""),
        ("{apiVersion: example.com/v1, kind: Middleware, metadata: {name: a}}", ""),
        ("{apiVersion: hub.traefik.io/v1alpha1, kind: API, metadata: {name: a}}", ""),
        ("null", ""),
        ("{apiVersion: v1, kind: List}", ""),
        (
            "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Node, metadata: {name: a}}]}]}",
            "Node /a",
        ),
        ("{apiVersion: v1, kind: ServiceList, items: [{metadata: {name: a}}]}", "Service default/a"),
        ("{apiVersion: apps/v1, kind: DeploymentList, items: [{metadata: {name: a}}]}", ""),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: a, managedFields: 7}, status: {loadBalancer: {}}}",
            "Service default/a",
        ),
        (
            "{apiVersion: traefik.io/v1alpha1, kind: TLSStore, metadata: {name: a}, spec: {}, status: {x: 1}}",
            "TLSStore default/a",
        ),
    ];
    for (yaml, expected) in cases {
        let (objects, findings) = decoded(yaml);
        assert_eq!(keys(&objects).join(" "), expected, "{yaml}");
        assert_eq!(findings, Vec::<String>::new(), "{yaml}");
    }
}

#[test]
fn what_is_no_object_of_ours() {
    let nested = (0..12).fold(json!({}), |inner, _| json!({"apiVersion": "v1", "kind": "List", "items": [inner]}));
    let nested = serde_yaml::to_string(&nested).unwrap();
    let cases = [
        ("just text", "InvalidObject : expected an object with apiVersion and kind, found \"just text\""),
        ("{kind: Service}", "InvalidObject apiVersion: every object needs `apiVersion`; it is missing"),
        (
            "{apiVersion: 1, kind: Service}",
            "InvalidObject apiVersion: every object needs `apiVersion`; found the number 1",
        ),
        ("{apiVersion: v1}", "InvalidObject kind: every object needs `kind`; it is missing"),
        (
            "{apiVersion: traefik.io/v1alpha1, kind: IngresRoute}",
            "UnknownKind kind: no kind \"IngresRoute\" in traefik.io/v1alpha1; did you mean IngressRoute?",
        ),
        (
            "{apiVersion: traefik.containo.us/v1alpha1, kind: Whatever}",
            "UnknownKind kind: no kind \"Whatever\" in traefik.containo.us/v1alpha1; known: IngressRoute,",
        ),
        (
            "{apiVersion: traefik.io/v1, kind: IngressRoute}",
            "UnknownVersion apiVersion: no such version \"traefik.io/v1\" of Traefik's resources: write traefik.io/v1alpha1",
        ),
        ("{apiVersion: treafik.io/v1alpha1, kind: Middleware}", "UnknownVersion apiVersion: no kind Middleware in"),
        ("{apiVersion: v1, kind: IngressRouteUDP}", "UnknownVersion apiVersion: no kind IngressRouteUDP in"),
        (
            "{apiVersion: discovery.k8s.io/v1beta1, kind: EndpointSlice}",
            "UnknownVersion apiVersion: EndpointSlice is not read in",
        ),
        ("{apiVersion: v1, kind: service}", "UnknownKind kind: no kind \"service\" in v1; did you mean Service?"),
        ("{apiVersion: v1, kind: List, items: {}}", "InvalidObject items: expected a list, found a mapping"),
        (&nested, "InvalidObject items: lists are nested more than 8 deep"),
    ];
    for (yaml, expected) in cases {
        let (objects, findings) = decoded(yaml);
        assert!(objects.is_empty(), "{yaml}");
        assert_eq!(findings.len(), 1, "{yaml}: {findings:?}");
        assert!(findings[0].starts_with(expected), "{yaml}: {findings:?}");
    }
}

#[test]
fn what_the_api_server_would_refuse() {
    let route = |route: &str| custom("IngressRoute", &format!("{{routes: [{{match: Path(`/`)}}, {route}]}}"));
    let cases = [
        (route("{kind: Rule}"), "spec.routes[1].match", "required"),
        (route("{match: a, kind: Role}"), "spec.routes[1].kind", "accepted: Rule"),
        (route("{match: 7}"), "spec.routes[1].match", "expected a string, found the number 7"),
        (route("{match: a, priority: high}"), "spec.routes[1].priority", "expected an integer, found \"high\""),
        (route("{match: a, priority: 9223372036854775807}"), "spec.routes[1].priority", "or less"),
        (route("{match: a, services: {name: s}}"), "spec.routes[1].services", "expected a list, found a mapping"),
        (
            route("{match: a, services: [{name: s, port: [80]}]}"),
            "spec.routes[1].services[0].port",
            "integer or a string",
        ),
        (route("{match: a, services: [{name: s, kind: Svc}]}"), "spec.routes[1].services[0].kind", "TraefikService"),
        (route("{match: a, services: [{name: s, weight: -1}]}"), "spec.routes[1].services[0].weight", "0 or more"),
        (
            route("{match: a, services: [{name: s, sticky: {cookie: {sameSite: odd}}}]}"),
            "spec.routes[1].services[0].sticky.cookie.sameSite",
            "lax",
        ),
        (route("null"), "spec.routes[1]", "found null"),
        (custom("IngressRoute", "null"), "spec", "required"),
        (custom("IngressRoute", "{}"), "spec.routes", "required"),
        (
            custom("Middleware", "{circuitBreaker: {expression: a, responseCode: 42}}"),
            "spec.circuitBreaker.responseCode",
            "100 to 599",
        ),
        (
            custom("Middleware", "{circuitBreaker: {expression: a, checkPeriod: 1x}}"),
            "spec.circuitBreaker.checkPeriod",
            "match",
        ),
        (custom("Middleware", "{addPrefix: {prefix: x}}"), "spec.addPrefix.prefix", "match"),
        (custom("Middleware", "{errors: {status: ['600'], query: /}}"), "spec.errors.status[0]", "match"),
        (custom("Middleware", "{inFlightReq: {amount: -1}}"), "spec.inFlightReq.amount", "0 or more"),
        (
            custom("TLSOption", "{clientAuth: {clientAuthType: Perhaps}}"),
            "spec.clientAuth.clientAuthType",
            "NoClientCert",
        ),
        ("{apiVersion: v1, kind: Service, spec: {}}".into(), "metadata.name", "required"),
        ("{apiVersion: v1, kind: Service, metadata: {name: A_b}}".into(), "metadata.name", "lower-case"),
        ("{apiVersion: v1, kind: Service, metadata: {name: 7}}".into(), "metadata.name", "expected a string"),
        ("{apiVersion: v1, kind: Service, metadata: [a]}".into(), "metadata", "expected a mapping"),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: x, labels: {a.b/c: 1}}}".into(),
            "metadata.labels[a.b/c]",
            "expected a string",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {ports: [{port: http}]}}".into(),
            "spec.ports[0].port",
            "expected an integer",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {ports: [{port: 99999999999}]}}".into(),
            "spec.ports[0].port",
            "i32",
        ),
        ("{apiVersion: v1, kind: Secret, metadata: {name: x}, data: {tls.crt: '%%'}}".into(), "data.tls.crt", "symbol"),
    ];
    for (yaml, path, expected) in cases {
        let decoded = decode(serde_yaml::from_str(&yaml).unwrap());
        assert!(decoded.objects.is_empty(), "{yaml}");
        let error = decoded.findings.iter().find(|f| f.path == path);
        let error = error.unwrap_or_else(|| panic!("{yaml}: {:?}", decoded.findings));
        assert_eq!(error.code, "InvalidObject", "{yaml}");
        assert!(error.message.contains(expected), "{yaml}: {}", error.message);
        assert_eq!(decoded.refused.len(), usize::from(!error.object.name.is_empty()), "{yaml}");
    }
}

#[test]
fn a_refused_object_takes_no_other_along() {
    let (objects, findings) = decoded(
        "{apiVersion: v1, kind: List, items: [
            {apiVersion: v1, kind: Node, metadata: {name: a}},
            {apiVersion: v1, kind: Node, metadata: {name: b, labels: 7}},
            {apiVersion: v1, kind: Node, metadata: {name: c}}]}",
    );
    assert_eq!(keys(&objects), ["Node /a", "Node /c"]);
    assert_eq!(findings, ["InvalidObject metadata.labels: expected a mapping, found the number 7"]);
}

#[test]
fn doubtful_but_taken() {
    let cases = [
        (
            custom("IngressRoute", "{routes: [{match: a, middlewre: []}]}"),
            "UnknownField spec.routes[0].middlewre: no such field: did you mean `middlewares`?",
        ),
        (
            custom("IngressRoute", "{routes: [{match: a}], wholly: different}"),
            "UnknownField spec.wholly: no such field; it has no effect",
        ),
        (
            custom("IngressRouteTCP", "{routes: [{match: a, zzz: Rule}]}"),
            "UnknownField spec.routes[0].zzz: no such field; it",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: x, anotations: {}}}".into(),
            "UnknownField metadata.anotations: no such field: did you mean `annotations`?",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {externalname: y}}".into(),
            "UnknownField spec.externalname: no such field: did you mean `externalName`?",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: x-}}".into(),
            "GeneratedName metadata.name: is missing",
        ),
    ];
    for (yaml, expected) in cases {
        let (objects, findings) = decoded(&yaml);
        assert_eq!(objects.len(), 1, "{yaml}: {findings:?}");
        assert_eq!(findings.len(), 1, "{yaml}: {findings:?}");
        assert!(findings[0].starts_with(expected), "{yaml}: {findings:?}");
    }
}

#[test]
fn nulls_and_plain_words_read_as_kubernetes_reads_them() {
    let yaml = custom("IngressRoute", "{routes: [{match: a, services: null, middlewares: ~}], tls: null}");
    let (objects, findings) = decoded(&yaml);
    assert_eq!(findings, Vec::<String>::new());
    let [Object::IngressRoute(route)] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!(route.object.spec.tls, None);

    let yaml = custom("TLSOption", "{sniStrict: on}");
    let (objects, _) = decoded(&yaml);
    let [Object::TLSOption(option)] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!(serde_json::to_value(&option.object.spec).unwrap()["sniStrict"], true);

    let yaml = custom("Middleware", "{plugin: {mine: {Any: [null, {thing: null}]}}}");
    let (objects, findings) = decoded(&yaml);
    assert_eq!(findings, Vec::<String>::new());
    let [Object::Middleware(middleware)] = objects.as_slice() else { panic!("{objects:?}") };
    let plugin = &serde_json::to_value(&middleware.object.spec).unwrap()["plugin"];
    assert_eq!(*plugin, json!({"mine": {"Any": [null, {"thing": null}]}}));
}

#[test]
fn secrets_merge_their_texts_and_bear_wrapped_base64() {
    let (objects, findings) = decoded(
        "{apiVersion: v1, kind: Secret, metadata: {name: x}, data: {a: \"b2xk\\nZXI=\\n\", b: b2xk}, stringData: {b: new, c: more}}",
    );
    assert_eq!(findings, Vec::<String>::new());
    let [Object::Secret(secret)] = objects.as_slice() else { panic!("{objects:?}") };
    let data: Vec<_> = secret.data.iter().flatten().map(|(k, v)| (k.as_str(), v.0.as_slice())).collect();
    assert_eq!(data, [("a", b"older".as_slice()), ("b", b"new"), ("c", b"more")]);
    assert_eq!(secret.string_data, None);
}

#[test]
fn both_groups_are_told_apart() {
    for (api, group) in [("traefik.io", Group::TraefikIo), ("traefik.containo.us", Group::ContainoUs)] {
        let yaml = format!("{{apiVersion: {api}/v1alpha1, kind: Middleware, metadata: {{name: x}}, spec: {{}}}}");
        let (objects, _) = decoded(&yaml);
        assert_eq!(objects[0].key().group, Some(group));
    }
}

/// A pattern that our regular expressions cannot read would check nothing.
#[test]
fn every_kind_has_a_schema_whose_patterns_compile() {
    fn patterns(schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(fields) => {
                found.extend(fields.get("pattern").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|v| patterns(v, found));
            }
            Value::Array(items) => items.iter().for_each(|v| patterns(v, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    patterns(&serde_json::to_value(ingora_crds::crd::all()).unwrap(), &mut found);
    assert!(found.len() > 10, "{found:?}");
    for pattern in found {
        regex::Regex::new(&pattern).unwrap();
    }
    for kind in &kinds::KINDS {
        let mut report = Report::default();
        kind.schema.check(&mut json!({"metadata": {"name": 7}}), Field::Root, &mut report);
        assert!(report.errors.iter().any(|(path, _)| path == "metadata.name"), "{}: {report:?}", kind.name);
    }
}
