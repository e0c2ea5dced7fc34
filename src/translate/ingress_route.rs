//! `IngressRoute`: every route becomes an HTTP router, and its Kubernetes Services the router's service.
//! A route that can't be built is dropped and reported; the other routes of its object stay.

use ingora_crds::ingress_route::{self as crd, Route};

use super::context::Context;
use super::reference::{self, Target};
use super::service::{self, Meant, Referrer};
use super::{class, layers, names, tls, traefik_service};
use crate::diagnostic::ObjectRef;
use crate::dynamic::Section;
use crate::dynamic::http::{Observability, Router, RouterTls};
use crate::dynamic::tls::Domain;
use crate::objects::Group;

/// An IngressRoute on its way.
struct Source<'a, 'o> {
    object: &'o ObjectRef,
    group: Group,
    spec: &'a crd::IngressRouteSpec,
    /// The name that its routers carry.
    name: &'a str,
    /// The parent routers of all its routers.
    parents: Vec<String>,
}

/// Translates an IngressRoute, if it counts and is of the class served; `None` where it doesn't count.
pub(super) fn translate(cx: &mut Context<'_>, namespace: &str, name: &str) -> Option<()> {
    let custom = cx.find(|s| &s.ingress_routes, namespace, name)?;
    let object = ObjectRef::new("IngressRoute", namespace, name);
    let route = &*custom.object;
    if !class::served(cx, route.spec.ingress_class_name.as_deref(), &route.metadata, &object) {
        return Some(());
    }
    if let Some(given) = &route.spec.tls {
        if !given.secret_name.is_empty() {
            tls::ask(cx, &given.secret_name, "spec.tls.secretName", None);
        }
        if given.store.as_ref().is_some_and(|s| s.name != "default") {
            let message = "has no effect: only the TLSStore named default is used";
            cx.info("TLSStoreIgnored", &object, "spec.tls.store", message);
        }
    }
    let Some(parents) = layers::parents(cx, &route.spec.parent_refs, &object) else { return Some(()) };
    layers::check_child(cx, &route.spec, &object);
    let name = match name {
        "" => route.metadata.generate_name.as_deref().unwrap_or_default(),
        name => name,
    };
    let source = Source { object: &object, group: custom.group, spec: &route.spec, name, parents };
    for (i, route) in source.spec.routes.iter().enumerate() {
        translate_route(cx, &source, route, &format!("spec.routes[{i}]"));
    }
    Some(())
}

/// `None` where the route is dropped, which is reported.
fn translate_route(cx: &mut Context<'_>, source: &Source<'_, '_>, route: &Route, path: &str) -> Option<()> {
    let object = source.object;
    check_kind(cx, source, route, path)?;
    if route.rule.is_empty() {
        cx.error("EmptyRule", object, format!("{path}.match"), "has no rule: write for example Host(`example.com`)");
        return None;
    }
    let key = names::http_router(&object.namespace, source.name, &route.rule);
    check_key(cx, &key, object, path)?;
    let middlewares = middlewares(cx, route, object, path)?;
    let service = route_service(cx, source, route, &key, path)?;
    let tls = match &source.spec.tls {
        Some(given) => Some(router_tls(cx, given, object)?),
        None => None,
    };
    let rule_syntax = match source.group {
        Group::ContainoUs if route.syntax.is_empty() => "v2".to_owned(),
        _ => route.syntax.clone(),
    };
    let router = Router {
        entry_points: source.spec.entry_points.clone(),
        middlewares,
        service,
        rule: route.rule.clone(),
        parent_refs: source.parents.clone(),
        rule_syntax,
        priority: route.priority,
        tls,
        observability: route.observability.as_ref().map(observability),
    };
    cx.origin(Section::HttpRouter, &key, object, path);
    cx.out.http.routers.insert(key, router);
    Some(())
}

fn check_kind(cx: &mut Context<'_>, source: &Source<'_, '_>, route: &Route, path: &str) -> Option<()> {
    match route.kind.as_str() {
        "Rule" => {}
        "" if source.group == Group::TraefikIo => {}
        "" => {
            let message = "no kind given, which traefik.containo.us asks for: taken for Rule; write kind: Rule";
            cx.warning("KindMissing", source.object, format!("{path}.kind"), message);
        }
        other => {
            let message = format!("kind {other:?} is not known: the only one is Rule");
            cx.error("InvalidKind", source.object, format!("{path}.kind"), message);
            return None;
        }
    }
    Some(())
}

/// Routers of the same name: within one object the last one wins, of several objects the first.
fn check_key(cx: &mut Context<'_>, key: &str, object: &ObjectRef, path: &str) -> Option<()> {
    let Some(first) = cx.out.origins.get(Section::HttpRouter, key) else { return Some(()) };
    let rule = format!("{path}.match");
    if *first.object == *object {
        let message = format!("is the match of {}, too, which this route replaces: remove one of them", first.path);
        cx.warning("DuplicateMatch", object, &rule, message);
        return Some(());
    }
    let message = format!(
        "makes the router {key}, which {} {} makes, too, and which is the one that is served: rename one of the objects",
        first.object, first.path
    );
    cx.error("RouterNameCollision", object, &rule, message);
    None
}

fn middlewares(cx: &mut Context<'_>, route: &Route, object: &ObjectRef, path: &str) -> Option<Vec<String>> {
    let list = route.middlewares.iter().enumerate();
    list.map(|(i, m)| {
        let target = (m.name.as_str(), m.namespace.as_deref());
        let field = format!("{path}.middlewares[{i}]");
        reference::resolve(cx, Target::Middleware, target, &object.namespace, object, &field)
    })
    .collect()
}

/// The name of the router's service. A service made for the route alone has the router's name.
fn route_service(
    cx: &mut Context<'_>,
    source: &Source<'_, '_>,
    route: &Route,
    key: &str,
    path: &str,
) -> Option<String> {
    let native_lb = cx.options.native_lb_by_default;
    let referrer = Referrer { object: source.object, group: source.group, native_lb };
    let list = format!("{path}.services");
    let (service, path) = match route.services.as_slice() {
        [] => return Some(String::new()),
        [one] => {
            let path = format!("{list}[0]");
            match service::refer(cx, &referrer, one, &path)? {
                Meant::Named(name) => return Some(name),
                Meant::Built(_, service) => (service, path),
            }
        }
        several => (traefik_service::weighted(cx, &referrer, several, None, &list)?, list),
    };
    cx.origin(Section::HttpService, key, source.object, &path);
    cx.shared.remove(key);
    cx.out.http.services.insert(key, service);
    Some(key.to_owned())
}

fn router_tls(cx: &mut Context<'_>, given: &crd::Tls, object: &ObjectRef) -> Option<RouterTls> {
    let options = match &given.options {
        Some(o) if !o.name.is_empty() => {
            let target = (o.name.as_str(), o.namespace.as_deref());
            reference::resolve(cx, Target::TlsOption, target, &object.namespace, object, "spec.tls.options")?
        }
        _ => String::new(),
    };
    tls::doubt_resolver(cx, &given.cert_resolver, object, "spec.tls.certResolver");
    let domain = |d: &crd::Domain| Domain { main: d.main.clone(), sans: d.sans.clone() };
    let domains = given.domains.iter().map(domain).collect();
    Some(RouterTls { options, cert_resolver: given.cert_resolver.clone(), domains })
}

fn observability(given: &crd::Observability) -> Observability {
    Observability {
        access_logs: given.access_logs,
        metrics: given.metrics,
        tracing: given.tracing,
        trace_verbosity: Some(given.trace_verbosity.clone()).filter(|v| !v.is_empty()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
