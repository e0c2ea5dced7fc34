//! IngressRouteUDPs in, routers and services out, and what is said of those that are wrong.

use serde_json::{Value, json};

use crate::translate::fixture::outcome;

const OBJECTS: &str = r#"
{kind: Service, metadata: {namespace: default, name: dns}, spec: {ports: [{name: dns, port: 53}]}}
---
kind: EndpointSlice
metadata: {namespace: default, name: dns-1, labels: {kubernetes.io/service-name: dns}}
addressType: IPv6
ports: [{name: dns, port: 5353}]
endpoints: [{addresses: ["fd00::1"], conditions: {ready: true}}, {addresses: [10.0.0.3]}]
---
{kind: Service, metadata: {namespace: default, name: native}, spec: {clusterIP: 10.9.9.9, ports: [{port: 53}]}}
---
"#;

fn udp(api: &str, spec: &str) -> (Value, Value, Vec<String>) {
    let head =
        format!("{{apiVersion: {api}/v1alpha1, kind: IngressRouteUDP, metadata: {{namespace: default, name: u.x}}");
    let out = outcome(&format!("{OBJECTS}{head}, spec: {spec}}}"));
    (out.json("/udp/routers"), out.json("/udp/services"), out.findings("IngressRouteUDP"))
}

#[test]
fn translates() {
    let servers = json!([{"address": "[fd00::1]:5353"}]);
    let router = |i: u8| json!({"service": format!("default-u.x-{i}")});
    for (spec, routers, services, findings) in [
        (
            "{entryPoints: [dns], routes: [{services: [{name: dns, port: 53}]}]}",
            json!({"default-u.x-0": {"entryPoints": ["dns"], "service": "default-u.x-0"}}),
            json!({"default-u.x-0": {"loadBalancer": {"servers": servers}}}),
            vec![],
        ),
        (
            "{routes: [{services: [{name: dns, port: dns, weight: 0}, {name: native, port: 53, nativeLB: true}, {name: absent, port: 1}]}]}",
            json!({"default-u.x-0": router(0)}),
            json!({
                "default-u.x-0": {"weighted": {"services": [
                    {"name": "default-u.x-0-dns-dns", "weight": 0}, {"name": "default-u.x-0-native-53", "weight": 1},
                ]}},
                "default-u.x-0-dns-dns": {"loadBalancer": {"servers": servers}},
                "default-u.x-0-native-53": {"loadBalancer": {"servers": [{"address": "10.9.9.9:53"}]}},
            }),
            vec!["E ServiceNotFound spec.routes[0].services[2].name"],
        ),
        (
            "{routes: [{services: []}, {services: [{name: dns, namespace: other, port: 53}]}]}",
            json!({"default-u.x-0": router(0), "default-u.x-1": router(1)}),
            Value::Null,
            vec![
                "E NoServices spec.routes[0].services",
                "E CrossNamespaceNotAllowed spec.routes[1].services[0].namespace",
            ],
        ),
    ] {
        let found = udp("traefik.io", spec);
        assert_eq!((found.0, found.1), (routers, services), "{spec}");
        assert_eq!(found.2, findings, "{spec}");
    }
}

#[test]
fn the_only_port_of_the_older_group() {
    for (api, finding) in [
        ("traefik.containo.us", "I PortAssumed spec.routes[0].services[0].port"),
        ("traefik.io", "E PortMissing spec.routes[0].services[0].port"),
    ] {
        assert_eq!(udp(api, "{routes: [{services: [{name: dns}]}]}").2, [finding], "{api}");
    }
}

#[test]
fn other_classes_are_passed_over() {
    let (routers, services, _) =
        udp("traefik.io", "{ingressClassName: nginx, routes: [{services: [{name: dns, port: 53}]}]}");
    assert_eq!((routers, services), (Value::Null, Value::Null));
}

#[test]
fn routers_of_the_same_name() {
    let object = |ns: &str, name: &str| {
        format!(
            "---\n{{kind: IngressRouteUDP, metadata: {{namespace: {ns}, name: {name}}}, spec: {{routes: [{{services: []}}]}}}}\n"
        )
    };
    let out = outcome(&(object("a", "b-c") + &object("a-b", "c")));
    let collisions = out.diagnostics.iter().filter(|d| d.code == "RouterNameCollision");
    assert_eq!(collisions.map(|d| d.object.to_string()).collect::<Vec<_>>(), ["IngressRouteUDP a-b/c"]);
}
