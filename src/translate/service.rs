//! A reference to a service, wherever it stands: the servers behind it, and the name it is known by.
//! Kubernetes Services become load balancers here; a TraefikService is only named.

use std::borrow::Cow;

use ingora_crds::duration::GoDuration;
use ingora_crds::service::{self as crd, ServiceKind, ServiceRef};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::context::Context;
use super::endpoints::{self, Wanted};
use super::reference::{self, Target};
use super::{health, names};
use crate::diagnostic::ObjectRef;
use crate::dynamic::http::{Cookie, ResponseForwarding, ServersLoadBalancer, Service, Sticky};
use crate::dynamic::{Configuration, Named, Section};
use crate::objects::Group;

/// Time between flushes of a response, where nothing is given.
const FLUSH_INTERVAL: GoDuration = GoDuration::from_millis(100);

/// Who refers to services.
pub(super) struct Referrer<'o> {
    /// The object; its namespace counts where a reference has none.
    pub object: &'o ObjectRef,
    /// The object's API group.
    pub group: Group,
    /// `nativeLB` where a reference doesn't say: the provider's default for routes, false for anything else.
    pub native_lb: bool,
}

/// What a reference means.
#[allow(clippy::large_enum_variant)] // Moved on at once.
pub(super) enum Meant {
    /// A TraefikService, by its generated name.
    Named(String),
    /// A Kubernetes Service: its generated name as a child, and what it is.
    Built(String, Service),
}

/// What a reference means. `path` is the reference; `None` where it is broken, which is reported.
pub(super) fn refer(
    cx: &mut Context<'_>,
    referrer: &Referrer<'_>,
    reference: &ServiceRef,
    path: &str,
) -> Option<Meant> {
    let object = referrer.object;
    if reference.kind == ServiceKind::TraefikService {
        if !reference.middlewares.is_empty() {
            let message = "ignored: only a reference of kind Service has middlewares of its own";
            cx.warning("MiddlewaresIgnored", object, format!("{path}.middlewares"), message);
        }
        let target = (reference.name.as_str(), reference.namespace.as_deref());
        return reference::resolve(cx, Target::TraefikService, target, &object.namespace, object, path)
            .map(Meant::Named);
    }
    let namespace = reference.namespace.as_deref().filter(|n| !n.is_empty()).unwrap_or(&object.namespace);
    if !reference::namespace_allowed(cx, "Service", &reference.name, namespace, &object.namespace, object, path) {
        return None;
    }
    let port = match &reference.port {
        Some(port) => Some(Cow::Borrowed(port)),
        None => {
            endpoints::only_port(cx, referrer.group, (namespace, &reference.name), None, object, path).map(Cow::Owned)
        }
    };
    let balancer = load_balancer(cx, referrer, reference, (namespace, port.as_deref()), path)?;
    let name = names::child_service(namespace, &reference.name, port.as_deref()?);
    Some(Meant::Built(name, Service::LoadBalancer(Box::new(balancer))))
}

/// What several references mean, by name; Kubernetes Services among them are put in.
/// `None` where one is broken: then those after it are looked at, but not put in.
pub(super) fn children<'r>(
    cx: &mut Context<'_>,
    referrer: &Referrer<'_>,
    references: impl Iterator<Item = (&'r ServiceRef, String)>,
) -> Option<Vec<String>> {
    let mut names = Some(Vec::new());
    for (reference, path) in references {
        let meant = refer(cx, referrer, reference, &path);
        let (Some(list), Some(meant)) = (names.as_mut(), meant) else {
            names = None;
            continue;
        };
        list.push(match meant {
            Meant::Named(name) => name,
            Meant::Built(name, service) => {
                put(cx, &name, service, referrer.object, &path);
                name
            }
        });
    }
    names
}

/// Puts a service of HTTP in, which others may share.
pub(super) fn put(cx: &mut Context<'_>, name: &str, service: Service, object: &ObjectRef, path: &str) {
    if put_in(cx, Section::HttpService, |out| &mut out.http.services, name, service, object, path) {
        cx.shared.insert(name.to_owned());
    }
}

/// Puts a service among those of its section, and says whether it did. Where there is another one of that name already,
/// that one stays, with a warning.
pub(super) fn put_in<S: PartialEq>(
    cx: &mut Context<'_>,
    section: Section,
    services: fn(&mut Configuration) -> &mut Named<S>,
    name: &str,
    service: S,
    object: &ObjectRef,
    path: &str,
) -> bool {
    let services = services(&mut cx.out);
    let Some(first) = services.get(name) else {
        services.insert(name, service);
        cx.origin(section, name, object, path);
        return true;
    };
    if *first != service {
        let first = cx.out.origins.get(section, name);
        let first = first.map_or_else(String::new, |o| format!(" {} {}", o.object, o.path));
        let message = format!(
            "makes a service {name} that differs from the one made by{first}: that one is used for both; give \
             both references the same settings, or use different Services"
        );
        cx.warning("ServiceNameCollision", object, path, message);
    }
    false
}

/// The service of an `errors` middleware: puts it in, and gives back its name.
/// `middleware` is the middleware's generated name, `path` the reference (`spec.errors.service`).
/// `None` where it is broken; that is reported, and the middleware must not be emitted.
pub(super) fn error_page(
    cx: &mut Context<'_>,
    middleware: &str,
    reference: &ServiceRef,
    group: Group,
    object: &ObjectRef,
    path: &str,
) -> Option<String> {
    let referrer = Referrer { object, group, native_lb: false };
    match refer(cx, &referrer, reference, path)? {
        Meant::Named(name) => Some(name),
        Meant::Built(_, service) => {
            let name = format!("{middleware}-errorpage-service");
            put(cx, &name, service, object, path);
            Some(name)
        }
    }
}

/// Stickiness as given; none without a cookie.
pub(super) fn sticky(given: Option<&crd::Sticky>) -> Option<Sticky> {
    let cookie = given?.cookie.as_ref()?;
    Some(Sticky {
        cookie: Some(Cookie {
            name: cookie.name.clone(),
            secure: cookie.secure,
            http_only: cookie.http_only,
            same_site: cookie.same_site.clone(),
            max_age: cookie.max_age,
            path: Some(cookie.path.clone().unwrap_or_else(|| "/".to_owned())),
            domain: cookie.domain.clone(),
        }),
    })
}

fn load_balancer(
    cx: &mut Context<'_>,
    referrer: &Referrer<'_>,
    reference: &ServiceRef,
    (namespace, port): (&str, Option<&IntOrString>),
    path: &str,
) -> Option<ServersLoadBalancer> {
    let object = referrer.object;
    let strategy = strategy(cx, &reference.strategy, object, path)?;
    health::allowed(cx, reference, namespace, object, path)?;
    let wanted = Wanted {
        namespace,
        name: &reference.name,
        port,
        native_lb: reference.native_lb.unwrap_or(referrer.native_lb),
        node_port_lb: reference.node_port_lb,
    };
    let servers = endpoints::http_servers(cx, &wanted, &reference.scheme, object, path)?;
    let servers_transport = servers_transport(cx, &reference.servers_transport, namespace, object, path)?;
    let middlewares = middlewares(cx, reference, object, path)?;
    let flush_interval = reference.response_forwarding.as_ref().and_then(|r| r.flush_interval);
    Some(ServersLoadBalancer {
        sticky: sticky(reference.sticky.as_deref()),
        servers,
        strategy: strategy.to_owned(),
        health_check: reference.health_check.as_deref().map(health::active),
        passive_health_check: reference.passive_health_check.as_deref().map(health::passive),
        pass_host_header: Some(reference.pass_host_header.unwrap_or(true)),
        response_forwarding: Some(ResponseForwarding {
            flush_interval: Some(flush_interval.unwrap_or(FLUSH_INTERVAL)),
        }),
        servers_transport,
        middlewares,
    })
}

fn strategy<'r>(cx: &mut Context<'_>, given: &'r str, object: &ObjectRef, path: &str) -> Option<&'r str> {
    let field = || format!("{path}.strategy");
    match given {
        "" => Some("wrr"),
        "wrr" | "p2c" | "hrw" | "leasttime" => Some(given),
        "RoundRobin" => {
            cx.info("StrategyDeprecated", object, field(), "RoundRobin is the old name of wrr: write wrr");
            Some("wrr")
        }
        _ => {
            let message = format!("strategy {given:?} is not known: accepted are wrr, p2c, hrw and leasttime");
            cx.error("InvalidStrategy", object, field(), message);
            None
        }
    }
}

/// The name of the transport, looked up in the Service's namespace; empty for the default one.
fn servers_transport(
    cx: &mut Context<'_>,
    name: &str,
    namespace: &str,
    object: &ObjectRef,
    path: &str,
) -> Option<String> {
    if name.is_empty() {
        return Some(String::new());
    }
    let field = format!("{path}.serversTransport");
    reference::resolve(cx, Target::ServersTransport, (name, None), namespace, object, &field)
}

fn middlewares(cx: &mut Context<'_>, reference: &ServiceRef, object: &ObjectRef, path: &str) -> Option<Vec<String>> {
    let list = reference.middlewares.iter().enumerate();
    list.map(|(i, m)| {
        let field = format!("{path}.middlewares[{i}]");
        let target = (m.name.as_str(), m.namespace.as_deref());
        reference::resolve(cx, Target::Middleware, target, &object.namespace, object, &field)
    })
    .collect()
}
