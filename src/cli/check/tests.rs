//! Tests of the report: the JSON's fixed shape, and the text.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::diagnostic::ObjectRef;
use crate::dynamic::http::{Router, Server, ServersLoadBalancer, Service};

fn configuration() -> Configuration {
    let mut configuration = Configuration::default();
    let router = |service: &str, entry_points: &[&str]| Router {
        entry_points: entry_points.iter().map(|e| (*e).to_owned()).collect(),
        service: service.to_owned(),
        rule: "Host(`a\u{1b}[31m`)".to_owned(),
        ..Router::default()
    };
    let server = Server { url: "http://10.0.0.1:80".to_owned(), ..Server::default() };
    let balancer = ServersLoadBalancer { servers: vec![server], ..ServersLoadBalancer::default() };
    configuration.http.services.insert("a".to_owned(), Service::LoadBalancer(Box::new(balancer)));
    for (name, service, entry_points) in
        [("a", "a", &["web"][..]), ("b", "a", &[]), ("c", "gone", &["web", "websecure"]), ("d", "api@internal", &[])]
    {
        configuration.http.routers.insert(name.to_owned(), router(service, entry_points));
    }
    configuration
}

fn diagnostics() -> Vec<Diagnostic> {
    let object = ObjectRef::new("IngressRoute", "default", "a");
    vec![
        Diagnostic::error("ServiceNotFound", &object, "spec.routes[0].services[0]", "there is no Service `x`"),
        Diagnostic::warning("Doubtful", &object, "", "is doubtful"),
        Diagnostic::info("Note", &ObjectRef::new("Middleware", "default", "m"), "", "is noted"),
    ]
}

fn written(report: &Report<'_>, format: Format) -> String {
    let mut out = anstream::StripStream::new(Vec::new());
    report.write(&mut out, format).unwrap();
    String::from_utf8(out.into_inner()).unwrap()
}

#[test]
fn text_groups_by_object_and_lists_routers() {
    let (configuration, diagnostics) = (configuration(), diagnostics());
    let report = Report { configuration: &configuration, diagnostics: &diagnostics };
    let expected = "\
IngressRoute default/a
  error[ServiceNotFound] spec.routes[0].services[0]: there is no Service `x`
  warning[Doubtful] is doubtful

Middleware default/m
  info[Note] is noted

HTTP ROUTER  ENTRY POINTS   SERVICE         RULE
a            web            1 server        Host(`a [31m`)
b            (default)      a (1 server)    Host(`a [31m`)
c            web,websecure  gone (missing)  Host(`a [31m`)
d            (default)      api@internal    Host(`a [31m`)

1 error, 1 warning, 4 routers
";
    assert_eq!(written(&report, Format::Text), expected);
}

#[test]
fn json_has_the_fixed_shape() {
    let configuration = Configuration::default();
    let diagnostics = diagnostics();
    let report = Report { configuration: &configuration, diagnostics: &diagnostics[..1] };
    let json: serde_json::Value = serde_json::from_str(&written(&report, Format::Json)).unwrap();
    let expected = serde_json::json!({
        "configuration": {"http": {}, "tcp": {}, "udp": {}, "tls": {}},
        "diagnostics": [{
            "severity": "error",
            "code": "ServiceNotFound",
            "object": {"kind": "IngressRoute", "namespace": "default", "name": "a"},
            "path": "spec.routes[0].services[0]",
            "message": "there is no Service `x`",
        }],
    });
    assert_eq!(json, expected);
}

#[test]
fn only_errors_fail() {
    let configuration = Configuration::default();
    let diagnostics = diagnostics();
    for (some, fails) in [(&diagnostics[..], true), (&diagnostics[1..], false), (&[], false)] {
        assert_eq!(Report { configuration: &configuration, diagnostics: some }.has_errors(), fails);
    }
}
