//! Tests across the kinds: documents decode, come back as they were, and pass the schemas.

#![allow(clippy::unwrap_used, clippy::panic)]

mod schema;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::de::{Deserialize, DeserializeOwned};
use serde_json::{Value, json};

use crate::duration::GoDuration;
use crate::service::ServiceKind;
use crate::*;

/// The examples of Traefik 2.3's document on these resources, without repetitions.
const EXAMPLES: &str = include_str!("tests/examples.yaml");

/// Every field of every kind, named by hand.
const EVERY_FIELD: &str = include_str!("tests/every_field.yaml");

/// The documents of a YAML text, merge keys applied.
fn documents(yaml: &str) -> Vec<Value> {
    let mut documents = Vec::new();
    for document in serde_yaml::Deserializer::from_str(yaml) {
        let mut value = serde_yaml::Value::deserialize(document).unwrap();
        value.apply_merge().unwrap();
        documents.push(serde_json::to_value(value).unwrap());
    }
    documents
}

/// Decodes an object into its type, and encodes it again.
fn round_trip(object: &Value) -> Result<Value, serde_json::Error> {
    fn through<T: DeserializeOwned + serde::Serialize>(object: &Value) -> Result<Value, serde_json::Error> {
        serde_json::to_value(T::deserialize(object)?)
    }
    match object["kind"].as_str().unwrap() {
        "IngressRoute" => through::<IngressRoute>(object),
        "IngressRouteTCP" => through::<IngressRouteTCP>(object),
        "IngressRouteUDP" => through::<IngressRouteUDP>(object),
        "Middleware" => through::<Middleware>(object),
        "MiddlewareTCP" => through::<MiddlewareTCP>(object),
        "ServersTransport" => through::<ServersTransport>(object),
        "ServersTransportTCP" => through::<ServersTransportTCP>(object),
        "TLSOption" => through::<TLSOption>(object),
        "TLSStore" => through::<TLSStore>(object),
        "TraefikService" => through::<TraefikService>(object),
        kind => panic!("unknown kind {kind}"),
    }
}

/// The value without fields that say what their absence would.
fn essential(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let said = map.iter().filter(|(k, v)| {
                **v != json!(false) && **v != json!("") && !(k.as_str() == "kind" && **v == json!("Service"))
            });
            said.map(|(k, v)| (k.clone(), essential(v))).collect()
        }
        Value::Array(items) => items.iter().map(essential).collect(),
        other => other.clone(),
    }
}

#[test]
fn nothing_is_lost() {
    for (text, least) in [(EXAMPLES, 20), (EVERY_FIELD, 10)] {
        let objects = documents(text);
        assert!(objects.len() >= least, "{}", objects.len());
        for object in objects {
            let name = format!("{} {}", object["kind"], object["metadata"]["name"]);
            let back = round_trip(&object).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(essential(&back["spec"]), essential(&object["spec"]), "{name}");
        }
    }
}

#[test]
fn the_examples_pass_the_schemas() {
    for object in documents(EXAMPLES).into_iter().chain(documents(EVERY_FIELD)) {
        let spec = schema::of_spec(object["kind"].as_str().unwrap());
        assert_eq!(schema::violations(&spec, &object["spec"], "spec"), Vec::<String>::new(), "{}", object["metadata"]);
    }
}

#[test]
fn the_schemas_have_no_field_that_is_not_in_the_list() {
    for object in documents(EVERY_FIELD) {
        let spec = schema::of_spec(object["kind"].as_str().unwrap());
        assert_eq!(schema::uncovered(&spec, &object["spec"], "spec"), Vec::<String>::new(), "{}", object["kind"]);
    }
}

#[test]
fn the_schemas_refuse_what_traefik_s_refuse() {
    let service = |more: Value| {
        let mut service = json!({"name": "a"});
        service.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        json!({"routes": [{"match": "Path(`/`)", "services": [service]}]})
    };
    for (kind, spec, at) in [
        ("IngressRoute", json!({}), "spec.routes: required"),
        ("IngressRoute", json!({"routes": [{}]}), "spec.routes[0].match: required"),
        ("IngressRoute", json!({"routes": [{"match": "", "kind": "Role"}]}), "spec.routes[0].kind: enum"),
        (
            "IngressRoute",
            json!({"routes": [{"match": "", "services": [{}]}]}),
            "spec.routes[0].services[0].name: required",
        ),
        ("IngressRoute", service(json!({"kind": "Pod"})), "spec.routes[0].services[0].kind: enum"),
        ("IngressRoute", service(json!({"strategy": "random"})), "spec.routes[0].services[0].strategy: enum"),
        ("IngressRoute", service(json!({"weight": -1})), "spec.routes[0].services[0].weight: minimum"),
        (
            "IngressRoute",
            service(json!({"sticky": {"cookie": {"sameSite": "LAX"}}})),
            "spec.routes[0].services[0].sticky.cookie.sameSite: enum",
        ),
        (
            "IngressRoute",
            service(json!({"healthCheck": {"mode": "tcp"}})),
            "spec.routes[0].services[0].healthCheck.mode: enum",
        ),
        ("IngressRoute", json!({"routes": [], "parentRefs": [{}]}), "spec.parentRefs[0].name: required"),
        ("IngressRouteTCP", json!({"routes": [{"match": "", "syntax": "v1"}]}), "spec.routes[0].syntax: enum"),
        (
            "IngressRouteTCP",
            json!({"routes": [{"match": "", "services": [{"name": "a", "proxyProtocol": {"version": 3}}]}]}),
            "spec.routes[0].services[0].proxyProtocol.version: maximum",
        ),
        (
            "IngressRouteUDP",
            json!({"routes": [{"services": [{"name": "a", "weight": -1}]}]}),
            "spec.routes[0].services[0].weight: minimum",
        ),
        ("Middleware", json!({"addPrefix": {"prefix": "foo"}}), "spec.addPrefix.prefix: pattern"),
        (
            "Middleware",
            json!({"circuitBreaker": {"expression": "", "responseCode": 600}}),
            "spec.circuitBreaker.responseCode: maximum",
        ),
        (
            "Middleware",
            json!({"circuitBreaker": {"expression": "", "checkPeriod": "soon"}}),
            "spec.circuitBreaker.checkPeriod: pattern",
        ),
        (
            "Middleware",
            json!({"compress": {"minResponseBodyBytes": -1}}),
            "spec.compress.minResponseBodyBytes: minimum",
        ),
        ("Middleware", json!({"errors": {"status": ["600"]}}), "spec.errors.status[0]: pattern"),
        ("Middleware", json!({"retry": {"attempts": 1, "status": ["5xx"]}}), "spec.retry.status[0]: pattern"),
        (
            "Middleware",
            json!({"retry": {"attempts": 1, "maxRequestBodyBytes": -2}}),
            "spec.retry.maxRequestBodyBytes: minimum",
        ),
        ("Middleware", json!({"retry": {}}), "spec.retry.attempts: required"),
        ("Middleware", json!({"headers": {"stsSeconds": -1}}), "spec.headers.stsSeconds: minimum"),
        ("Middleware", json!({"inFlightReq": {"amount": -1}}), "spec.inFlightReq.amount: minimum"),
        ("Middleware", json!({"rateLimit": {"average": -1}}), "spec.rateLimit.average: minimum"),
        ("Middleware", json!({"rateLimit": {"burst": -1}}), "spec.rateLimit.burst: minimum"),
        (
            "Middleware",
            json!({"rateLimit": {"redis": {"readTimeout": "-1s"}}}),
            "spec.rateLimit.redis.readTimeout: pattern",
        ),
        (
            "Middleware",
            json!({"inFlightReq": {"sourceCriterion": {"ipStrategy": {"depth": -1}}}}),
            "spec.inFlightReq.sourceCriterion.ipStrategy.depth: minimum",
        ),
        ("MiddlewareTCP", json!({"inFlightConn": {"amount": -1}}), "spec.inFlightConn.amount: minimum"),
        ("TraefikService", json!({"mirroring": {}}), "spec.mirroring.name: required"),
        (
            "TraefikService",
            json!({"mirroring": {"name": "a", "mirrors": [{}]}}),
            "spec.mirroring.mirrors[0].name: required",
        ),
        ("TLSOption", json!({"clientAuth": {"clientAuthType": "Maybe"}}), "spec.clientAuth.clientAuthType: enum"),
        ("TLSStore", json!({"certificates": [{}]}), "spec.certificates[0].secretName: required"),
        ("ServersTransport", json!({"maxIdleConnsPerHost": -2}), "spec.maxIdleConnsPerHost: minimum"),
        (
            "ServersTransport",
            json!({"forwardingTimeouts": {"dialTimeout": "1d"}}),
            "spec.forwardingTimeouts.dialTimeout: pattern",
        ),
        (
            "ServersTransport",
            json!({"peerCertSANs": [{"type": "IP", "value": "a"}]}),
            "spec.peerCertSANs[0].type: enum",
        ),
        ("ServersTransportTCP", json!({"dialKeepAlive": "x"}), "spec.dialKeepAlive: pattern"),
    ] {
        assert_eq!(schema::violations(&schema::of_spec(kind), &spec, "spec"), [at], "{kind} {spec}");
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    for (kind, spec, message) in [
        ("IngressRoute", json!({}), "missing field `routes`"),
        ("IngressRoute", json!({"routes": [{"services": [{}]}]}), "missing field `name`"),
        ("IngressRoute", json!({"routes": [{"services": [{"name": "a", "kind": "Pod"}]}]}), "unknown variant `Pod`"),
        ("IngressRoute", json!({"routes": [{"services": [{"name": "a", "port": true}]}]}), "invalid type: boolean"),
        ("IngressRoute", json!({"routes": [{"priority": "high"}]}), "invalid type: string \"high\""),
        ("Middleware", json!({"rateLimit": {"period": "1 minute"}}), "is not a duration"),
        ("Middleware", json!({"retry": {}}), "missing field `attempts`"),
        ("Middleware", json!({"redirectScheme": {"port": "443"}}), "missing field `scheme`"),
        ("Middleware", json!({"stripPrefix": {"prefixes": "/foo"}}), "invalid type: string \"/foo\""),
        ("TraefikService", json!({"failover": {"service": {"name": "a"}}}), "missing field `fallback`"),
        ("TLSStore", json!({"defaultCertificate": {}}), "missing field `secretName`"),
    ] {
        let object =
            json!({"apiVersion": "traefik.io/v1alpha1", "kind": kind, "metadata": {"name": "a"}, "spec": spec});
        let error = round_trip(&object).unwrap_err().to_string();
        assert!(error.contains(message), "{spec}: {error}");
    }
}

#[test]
fn absence_is_told_from_emptiness_where_it_matters() {
    let spec: IngressRouteSpec =
        serde_yaml::from_str("{ingressClassName: '', tls: {}, routes: [{services: [{name: a, kind: ''}]}]}").unwrap();
    assert_eq!(spec.ingress_class_name.as_deref(), Some(""));
    assert_eq!(spec.tls, Some(Default::default()));
    let service = &spec.routes[0].services[0];
    assert_eq!((service.kind, &service.port, service.weight), (ServiceKind::Service, &None, None));
    assert_eq!((service.pass_host_header, service.native_lb), (None, None));
    assert_eq!(spec.routes[0].rule, "", "an empty match costs the route, not the object");
    let back = serde_json::to_value(&spec).unwrap();
    assert_eq!(back, json!({"ingressClassName": "", "tls": {}, "routes": [{"services": [{"name": "a"}]}]}));

    let spec: MiddlewareSpec = serde_yaml::from_str("{compress: {}, errors: {errorRequestHeaders: []}}").unwrap();
    assert_eq!(spec.compress, Some(Default::default()));
    assert_eq!(spec.errors.unwrap().error_request_headers, Some(Vec::new()));
}

#[test]
fn ports_and_durations_are_numbers_or_texts() {
    for (port, expected) in [
        ("0", IntOrString::Int(0)),
        ("80", IntOrString::Int(80)),
        ("web", IntOrString::String("web".into())),
        ("'80'", IntOrString::String("80".into())),
    ] {
        let spec: TraefikServiceSpec = serde_yaml::from_str(&format!("mirroring: {{name: a, port: {port}}}")).unwrap();
        assert_eq!(spec.mirroring.unwrap().service.port, Some(expected));
    }
    for (period, expected) in
        [("60", GoDuration::from_secs(60)), ("'60'", GoDuration::from_secs(60)), ("1ms", GoDuration::from_millis(1))]
    {
        let spec: MiddlewareSpec = serde_yaml::from_str(&format!("rateLimit: {{period: {period}}}")).unwrap();
        assert_eq!(spec.rate_limit.unwrap().period, Some(expected));
    }
}

#[test]
fn the_keys_of_a_middleware_are_those_of_its_schema() {
    let everything = documents(EVERY_FIELD).into_iter().find(|d| d["kind"] == "Middleware").unwrap();
    let mut keys = Middleware::deserialize(everything).unwrap().spec.keys();
    keys.sort_unstable();
    let schema = schema::of_spec("Middleware");
    assert_eq!(keys, schema["properties"].as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>());

    assert_eq!(MiddlewareSpec::default().keys(), Vec::<&str>::new());
    let two: MiddlewareSpec = serde_yaml::from_str("{retry: {attempts: 1}, addPrefix: {prefix: /a}}").unwrap();
    assert_eq!(two.keys(), ["addPrefix", "retry"]);
}
