//! Manifests in the making: a route with its Service and EndpointSlices in a line, other objects beside it.
//! `route("api").rule("Host(`a.example`)").to(&backend) + middleware("strip", "stripPrefix: {prefixes: [/api]}")`

use std::ops::Add;

use serde_json::{Map, Value, json};

use super::Backend;

/// YAML documents.
#[derive(Clone, Default)]
pub struct Manifests(pub String);

/// An IngressRoute with one route, and the Services that it names.
#[derive(Clone)]
pub struct Route {
    name: String,
    api: &'static str,
    entry_points: Vec<String>,
    tls: Option<Value>,
    route: Map<String, Value>,
    services: Vec<Value>,
    objects: Manifests,
}

/// A route that matches everything until it is told better.
pub fn route(name: &str) -> Route {
    let route = json!({"kind": "Rule", "match": "PathPrefix(`/`)"});
    let Value::Object(route) = route else { unreachable!() };
    Route {
        name: name.to_owned(),
        api: "traefik.io/v1alpha1",
        entry_points: Vec::new(),
        tls: None,
        route,
        services: Vec::new(),
        objects: Manifests::default(),
    }
}

/// A custom resource with the spec written in YAML.
pub fn object(kind: &str, name: &str, spec: &str) -> Manifests {
    let spec = yaml(spec);
    document(&json!({
        "apiVersion": "traefik.io/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec,
    }))
}

pub fn middleware(name: &str, spec: &str) -> Manifests {
    object("Middleware", name, spec)
}

/// A Secret with one key.
pub fn secret(name: &str, key: &str, value: &str) -> Manifests {
    document(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default"},
        "stringData": {key: value},
    }))
}

/// A Service `name` on port 80 with an EndpointSlice for each backend (they have different ports).
pub fn service(name: &str, backends: &[&Backend]) -> Manifests {
    let ready = json!({"ready": true, "serving": true, "terminating": false});
    let mut objects = document(&json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 80}]},
    }));
    for (i, backend) in backends.iter().enumerate() {
        objects = objects + slice(name, i, backend, &ready);
    }
    objects
}

/// An EndpointSlice of a Service with one endpoint.
pub fn slice(service: &str, number: usize, backend: &Backend, conditions: &Value) -> Manifests {
    document(&json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "addressType": if backend.address.is_ipv4() { "IPv4" } else { "IPv6" },
        "metadata": {
            "name": format!("{service}-{number}"), "namespace": "default",
            "labels": {"kubernetes.io/service-name": service},
        },
        "ports": [{"name": "", "port": backend.address.port(), "protocol": "TCP"}],
        "endpoints": [{"addresses": [backend.address.ip()], "conditions": conditions}],
    }))
}

pub fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|e| panic!("{e} in the test's own YAML:\n{text}"))
}

pub(super) fn document(object: &Value) -> Manifests {
    Manifests(format!("---\n{}", serde_yaml::to_string(object).unwrap()))
}

// === impl Route ===

// `to` is where requests go, not a conversion.
#[allow(clippy::wrong_self_convention)]
impl Route {
    pub fn rule(mut self, rule: &str) -> Self {
        self.route.insert("match".to_owned(), rule.into());
        self
    }

    /// Another part of the route, in YAML: `priority: 7`.
    pub fn with(mut self, part: &str) -> Self {
        let Value::Object(part) = yaml(part) else { panic!("{part}") };
        self.route.extend(part);
        self
    }

    pub fn priority(self, priority: i64) -> Self {
        self.with(&format!("priority: {priority}"))
    }

    pub fn entry_point(mut self, name: &str) -> Self {
        self.entry_points.push(name.to_owned());
        self
    }

    /// Serves TLS only, with these settings in YAML.
    pub fn tls(mut self, settings: &str) -> Self {
        self.tls = Some(yaml(settings));
        self
    }

    pub fn middlewares(self, names: &[&str]) -> Self {
        let references: Vec<String> = names.iter().map(|name| format!("{{name: {name}}}")).collect();
        self.with(&format!("middlewares: [{}]", references.join(", ")))
    }

    /// As an object of v2's group.
    pub fn v2(mut self) -> Self {
        self.api = "traefik.containo.us/v1alpha1";
        self
    }

    /// A Service of its own with this backend.
    pub fn to(self, backend: &Backend) -> Self {
        self.to_all(&[backend])
    }

    /// A Service of its own with these backends.
    pub fn to_all(mut self, backends: &[&Backend]) -> Self {
        let name = format!("{}-{}", self.name, self.services.len());
        self.objects = self.objects + service(&name, backends);
        self.to_service(&name)
    }

    /// A Service, or what else has that name.
    pub fn to_service(mut self, name: &str) -> Self {
        self.services.push(json!({"name": name, "port": 80}));
        self
    }

    /// Says more about the last service: `weight: 3`.
    pub fn by(mut self, settings: &str) -> Self {
        let Value::Object(settings) = yaml(settings) else { panic!("{settings}") };
        let Some(Value::Object(service)) = self.services.last_mut() else { panic!("no service yet") };
        service.extend(settings);
        self
    }
}

impl From<Route> for Manifests {
    fn from(mut route: Route) -> Manifests {
        route.route.insert("services".to_owned(), route.services.into());
        let mut spec = json!({"routes": [route.route]});
        if !route.entry_points.is_empty() {
            spec["entryPoints"] = json!(route.entry_points);
        }
        if let Some(tls) = route.tls {
            spec["tls"] = tls;
        }
        let metadata = json!({"name": route.name, "namespace": "default"});
        document(&json!({"apiVersion": route.api, "kind": "IngressRoute", "metadata": metadata, "spec": spec}))
            + route.objects
    }
}

impl From<&str> for Manifests {
    fn from(yaml: &str) -> Manifests {
        Manifests(yaml.to_owned())
    }
}

impl From<&Manifests> for Manifests {
    fn from(manifests: &Manifests) -> Manifests {
        manifests.clone()
    }
}

impl<M: Into<Manifests>> Add<M> for Manifests {
    type Output = Manifests;
    fn add(self, more: M) -> Manifests {
        Manifests(format!("{}{}", self.0, more.into().0))
    }
}

impl<M: Into<Manifests>> Add<M> for Route {
    type Output = Manifests;
    fn add(self, more: M) -> Manifests {
        Manifests::from(self) + more
    }
}
