//! Which servers a reference to a Service means: ports, schemes, slices, nodes, and what is said where there are none.

use serde_json::{Value, json};

use crate::translate::Options;
use crate::translate::fixture::{Outcome, outcome_with};

const ROUTER: &str = "default-r-c6f977443c7bb29d98b0";

/// A Service `web` as given, some slices of it, and a route with the reference as given.
fn route(service: &str, slices: &[&str], reference: &str, options: &Options) -> Outcome {
    let mut yaml = format!("{{kind: Service, metadata: {{namespace: default, name: web}}, spec: {service}}}\n");
    for (i, slice) in slices.iter().enumerate() {
        yaml += &format!(
            "---\n{{kind: EndpointSlice, addressType: IPv4, metadata: {{namespace: default, name: web-{i}, labels: \
             {{kubernetes.io/service-name: web}}}}, {slice}}}\n"
        );
    }
    yaml += "---\n{kind: Node, metadata: {name: n1, labels: {topology.kubernetes.io/zone: a}}, status: \
             {addresses: [{type: Hostname, address: n1}, \
             {type: InternalIP, address: 172.16.0.1}]}}\n---\n{kind: Node, metadata: {name: n2}, status: {addresses: \
             [{type: InternalIP, address: 'fd00::2'}]}}\n";
    yaml += &format!(
        "---\n{{apiVersion: traefik.io/v1alpha1, kind: IngressRoute, metadata: {{namespace: default, name: r}}, spec: \
         {{routes: [{{match: 'Host(`example.com`)', services: [{{name: web, {reference}}}]}}]}}}}"
    );
    outcome_with(&yaml, options)
}

fn urls(out: &Outcome) -> Vec<String> {
    let servers = out.json(&format!("/http/services/{ROUTER}/loadBalancer/servers"));
    let list = servers.as_array().cloned().unwrap_or_default();
    let url = |s: &Value| {
        let fenced = if s["fenced"] == json!(true) { " fenced" } else { "" };
        format!("{}{fenced}", s["url"].as_str().unwrap_or("?"))
    };
    list.iter().map(url).collect()
}

fn options(external: bool, empty: bool, native: bool) -> Options {
    Options {
        allow_external_name_services: external,
        allow_empty_services: empty,
        native_lb_by_default: native,
        ..Options::default()
    }
}

#[test]
fn finds_port_and_scheme() {
    let slice = |name: &str| format!("ports: [{{name: '{name}', port: 9000}}], endpoints: [{{addresses: [10.0.0.1]}}]");
    for (port, reference, expected) in [
        ("{port: 80}", "port: 80", Ok("http://10.0.0.1:9000")),
        ("{name: web, port: 80}", "port: 80", Ok("http://10.0.0.1:9000")),
        ("{name: web, port: 80}", "port: web", Ok("http://10.0.0.1:9000")),
        ("{port: 443}", "port: 443", Ok("https://10.0.0.1:9000")),
        ("{name: https-alt, port: 8443}", "port: 8443", Ok("https://10.0.0.1:9000")),
        ("{name: httpsalt, port: 8443}", "port: httpsalt", Ok("https://10.0.0.1:9000")),
        ("{name: web-https, port: 8443}", "port: 8443", Ok("http://10.0.0.1:9000")),
        ("{port: 443}", "port: 443, scheme: http", Ok("http://10.0.0.1:9000")),
        ("{port: 80}", "port: 80, scheme: h2c", Ok("h2c://10.0.0.1:9000")),
        ("{port: 80}", "port: 80, scheme: https", Ok("https://10.0.0.1:9000")),
        ("{port: 80}", "port: 80, scheme: ftp", Err("E InvalidScheme spec.routes[0].services[0].scheme")),
        ("{port: 80}", "port: 81", Err("E PortNotFound spec.routes[0].services[0].port")),
        ("{port: 80}", "port: '80'", Err("E PortNotFound spec.routes[0].services[0].port")),
        ("{name: web, port: 80}", "port: wep", Err("E PortNotFound spec.routes[0].services[0].port")),
        ("{port: 80}", "port: 0", Err("E PortMissing spec.routes[0].services[0].port")),
        ("{port: 80}", "port: ''", Err("E PortMissing spec.routes[0].services[0].port")),
        ("{port: 80}", "weight: 1", Err("E PortMissing spec.routes[0].services[0].port")),
    ] {
        let name = port.strip_prefix("{name: ").and_then(|p| p.split(',').next()).unwrap_or_default();
        let out = route(&format!("{{ports: [{port}]}}"), &[&slice(name)], reference, &Options::default());
        match expected {
            Ok(url) => {
                assert_eq!((urls(&out), out.messages()), (vec![url.to_owned()], String::new()), "{port} {reference}")
            }
            Err(finding) => {
                assert_eq!(out.findings("IngressRoute"), [finding], "{port} {reference}");
                assert_eq!(out.json("/http/routers"), Value::Null, "{port} {reference}");
            }
        }
    }
}

#[test]
fn chooses_servers() {
    let none = Options::default();
    let slice = "ports: [{port: 9000}], endpoints: [{addresses: [10.0.0.1]}]";
    let ip = "type: ClusterIP, clusterIP: 10.9.0.1";
    for (service, reference, options, expected) in [
        (format!("{{{ip}, ports: [{{port: 80}}]}}"), "port: 80, nativeLB: true", &none, vec!["http://10.9.0.1:80"]),
        (
            format!("{{{ip}, ports: [{{port: 80}}]}}"),
            "port: 80",
            &options(false, false, true),
            vec!["http://10.9.0.1:80"],
        ),
        (
            format!("{{{ip}, ports: [{{port: 80}}]}}"),
            "port: 80, nativeLB: false",
            &options(false, false, true),
            vec!["http://10.0.0.1:9000"],
        ),
        (
            "{clusterIP: 'fd00::1', ports: [{port: 80}]}".into(),
            "port: 80, nativeLB: true",
            &none,
            vec!["http://[fd00::1]:80"],
        ),
        (
            "{type: NodePort, ports: [{port: 80, nodePort: 30080}]}".into(),
            "port: 80, nodePortLB: true",
            &none,
            vec!["http://172.16.0.1:30080", "http://[fd00::2]:30080"],
        ),
        (
            "{type: NodePort, clusterIP: 10.9.0.1, ports: [{port: 80, nodePort: 30080}]}".into(),
            "port: 80, nodePortLB: true, nativeLB: true",
            &none,
            vec!["http://10.9.0.1:80"],
        ),
        (
            "{type: ExternalName, externalName: x.example, ports: [{port: 80}]}".into(),
            "port: 80, nativeLB: true",
            &options(true, false, false),
            vec!["http://x.example:80"],
        ),
        (
            "{type: ExternalName, externalName: x.example}".into(),
            "port: 443",
            &options(true, false, false),
            vec!["https://x.example:443"],
        ),
    ] {
        let out = route(&service, &[slice], reference, options);
        assert_eq!(urls(&out), expected, "{service} {reference}: {}", out.messages());
        assert_eq!(out.messages(), "", "{service} {reference}");
    }
}

#[test]
fn tells_what_can_not_be_served() {
    let none = Options::default();
    let external = options(true, false, false);
    let cluster = Options { disable_cluster_scope_resources: true, ..Options::default() };
    for (service, reference, options, expected) in [
        (
            "{clusterIP: None, ports: [{port: 80}]}",
            "port: 80, nativeLB: true",
            &none,
            "E NoClusterIP spec.routes[0].services[0].nativeLB",
        ),
        (
            "{ports: [{port: 80}]}",
            "port: 80, nativeLB: true",
            &none,
            "E NoClusterIP spec.routes[0].services[0].nativeLB",
        ),
        (
            "{type: NodePort, ports: [{port: 80}]}",
            "port: 80, nodePortLB: true",
            &none,
            "E NodesNotFound spec.routes[0].services[0].nodePortLB",
        ),
        (
            "{type: NodePort, ports: [{port: 80, nodePort: 1}]}",
            "port: 80, nodePortLB: true",
            &cluster,
            "E NodesNotFound spec.routes[0].services[0].nodePortLB",
        ),
        (
            "{type: ExternalName, externalName: x}",
            "port: 80",
            &none,
            "E ExternalNameNotAllowed spec.routes[0].services[0].name",
        ),
        ("{type: ExternalName}", "port: 80", &external, "E ExternalNameMissing spec.routes[0].services[0].name"),
        (
            "{type: ExternalName, externalName: x, ports: [{port: 80}]}",
            "port: web",
            &external,
            "E PortNotFound spec.routes[0].services[0].port",
        ),
        (
            "{ports: [{port: 80}]}",
            "port: 80, healthCheck: {path: /}",
            &none,
            "E HealthCheckNotAllowed spec.routes[0].services[0].healthCheck",
        ),
        (
            "{ports: [{port: 80}]}",
            "port: 80, strategy: best",
            &none,
            "E InvalidStrategy spec.routes[0].services[0].strategy",
        ),
        ("{ports: [{port: 80}]}", "port: 80", &none, "E NoEndpoints spec.routes[0].services[0].name"),
    ] {
        let out = route(service, &[], reference, options);
        assert_eq!(out.findings("IngressRoute"), [expected], "{service} {reference}");
        assert_eq!(out.json("/http/services"), Value::Null, "{service} {reference}");
    }
    let out = route("{type: ExternalName, externalName: x, ports: [{port: 81}]}", &[], "port: 80", &external);
    assert_eq!(out.findings("IngressRoute"), ["W PortNotDeclared spec.routes[0].services[0].port"]);
    assert_eq!(urls(&out), ["http://x:80"]);
    let slice = "ports: [{port: 9000}], endpoints: [{addresses: [10.0.0.1]}]";
    let out = route("{type: LoadBalancer, ports: [{port: 80}]}", &[slice], "port: 80, nodePortLB: true", &none);
    assert_eq!(out.findings("IngressRoute"), ["W NodePortLBIgnored spec.routes[0].services[0].nodePortLB"]);
    assert_eq!(urls(&out), ["http://10.0.0.1:9000"]);
}

#[test]
fn reads_endpoint_slices() {
    let service = "{selector: {app: web}, ports: [{name: web, port: 80}, {name: adm, port: 81}]}";
    let ports = "ports: [{name: adm, port: 9001}, {name: web, port: 9000}]";
    let slice = |endpoints: &str| format!("{ports}, endpoints: [{endpoints}]");
    let serving = slice(
        "{addresses: [10.0.0.1], conditions: {serving: true, ready: false}}, {addresses: [10.0.0.2], conditions: {serving: false, ready: true}}",
    );
    let terminating =
        slice("{addresses: [10.0.0.3], conditions: {serving: true, terminating: true}}, {addresses: [10.0.0.4]}");
    let twice = slice("{addresses: [10.0.0.4, 'fd00::1']}, {addresses: ['fd00::1']}");
    let other = "ports: [{name: other, port: 9000}], endpoints: [{addresses: [10.0.0.9]}]".to_owned();
    let none = Options::default();
    for (slices, expected) in [
        (vec![&*serving], vec!["http://10.0.0.1:9000"]),
        (vec![&*terminating], vec!["http://10.0.0.3:9000 fenced", "http://10.0.0.4:9000"]),
        (
            vec![&*terminating, &*other, &*twice],
            vec!["http://10.0.0.3:9000 fenced", "http://10.0.0.4:9000", "http://[fd00::1]:9000"],
        ),
    ] {
        let out = route(service, &slices, "port: 80", &none);
        assert_eq!((urls(&out), out.messages()), (expected.iter().map(|u| (*u).to_owned()).collect(), String::new()));
    }
    let path = "spec.routes[0].services[0].name";
    for (slices, empty, expected) in [
        (vec![], false, vec![format!("E NoEndpoints {path}"), format!("W NoEndpointSlices {path}")]),
        (vec![&*other], false, vec![format!("E NoEndpoints {path}")]),
        (vec![&*other], true, vec![format!("W NoEndpoints {path}")]),
    ] {
        let out = route(service, &slices, "port: 80", &options(false, empty, false));
        assert_eq!(out.findings("IngressRoute"), expected);
        let routers = out.json("/http/routers").as_object().map_or(0, serde_json::Map::len);
        assert_eq!(routers, usize::from(empty));
        let balancer = out.json(&format!("/http/services/{ROUTER}/loadBalancer"));
        assert_eq!((balancer.is_object(), urls(&out).len()), (empty, 0));
    }
}

#[test]
fn hints_lead_to_what_is_near() {
    let at = |node: &str, zone: &str| Options { node: node.into(), zone: zone.into(), ..Options::default() };
    let endpoint = |address: u8, hints: &str| format!("{{addresses: [10.0.0.{address}], {hints}}}");
    let zone = |name: &str| format!("hints: {{forZones: [{{name: {name}}}]}}");
    let node =
        |name: &str, zone: &str| format!("hints: {{forNodes: [{{name: {name}}}], forZones: [{{name: {zone}}}]}}");
    let zones = [endpoint(1, &zone("a")), endpoint(2, &zone("b"))];
    let nodes = [endpoint(1, &node("n1", "a")), endpoint(2, &node("n2", "b"))];
    let unready = "conditions: {ready: false, serving: true, terminating: true}";
    for (endpoints, options, expected) in [
        // The node n1 is in zone a, as its label says; n2 doesn't say.
        (zones.to_vec(), at("n1", ""), "1 2-fenced"),
        (zones.to_vec(), at("n1", "b"), "1-fenced 2"),
        (zones.to_vec(), at("", "b"), "1-fenced 2"),
        // Unknown zones, or none for this one: all.
        (zones.to_vec(), at("", ""), "1 2"),
        (zones.to_vec(), at("n2", ""), "1 2"),
        (zones.to_vec(), at("nobody", ""), "1 2"),
        (zones.to_vec(), at("", "c"), "1 2"),
        // An endpoint without hints: all.
        ([&zones[..], &[endpoint(3, "hints: {}")]].concat(), at("n1", ""), "1 2 3"),
        // But for one that only ends.
        ([&zones[..], &[endpoint(3, unready)]].concat(), at("n1", ""), "1 2-fenced 3-fenced"),
        // Nodes before zones.
        (nodes.to_vec(), at("n2", "a"), "1-fenced 2"),
        (nodes.to_vec(), at("n3", "a"), "1 2-fenced"),
    ] {
        let slice = format!("ports: [{{port: 9000}}], endpoints: [{}]", endpoints.join(", "));
        let out = route("{ports: [{port: 80}]}", &[&slice], "port: 80", &options);
        let short = |url: String| url.replace("http://10.0.0.", "").replace(":9000", "").replace(' ', "-");
        let found: Vec<String> = urls(&out).into_iter().map(short).collect();
        assert_eq!(found.join(" "), expected, "{endpoints:?} {options:?}");
    }
}
