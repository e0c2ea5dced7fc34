//! Translates IngressRouteTCPs: a router for each route, and the services it needs.
//! As in Traefik, a router stays when its services are broken: it is then disabled, and its names are still taken.

use ingora_crds::ingress_route_tcp::{RouteTcp, ServiceTcp, TlsTcp};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::context::Context;
use super::endpoints::{self, Wanted};
use super::reference::{self, Target};
use super::{class, names, service, tls};
use crate::diagnostic::ObjectRef;
use crate::dynamic::Section;
use crate::dynamic::http::WeightedService;
use crate::dynamic::tcp::{
    ProxyProtocol, TcpRouter, TcpRouterTls, TcpServer, TcpServersLoadBalancer, TcpService, TcpWeighted,
};
use crate::dynamic::tls::Domain;
use crate::objects::Group;

/// A route on its way: what its findings are told of, and what its references start from.
struct Scope<'s> {
    object: &'s ObjectRef,
    group: Group,
    /// The name that its routers carry.
    name: &'s str,
    /// `spec.routes[0]`
    path: String,
}

/// Translates an IngressRouteTCP, if it counts and is of the class served; `None` where it doesn't count.
pub(super) fn translate(cx: &mut Context<'_>, namespace: &str, name: &str) -> Option<()> {
    let custom = cx.find(|s| &s.ingress_route_tcps, namespace, name)?;
    let route = &*custom.object;
    let object = ObjectRef::new("IngressRouteTCP", namespace, name);
    if !class::served(cx, route.spec.ingress_class_name.as_deref(), &route.metadata, &object) {
        return Some(());
    }
    let name = match name {
        "" => route.metadata.generate_name.as_deref().unwrap_or_default(),
        name => name,
    };
    if let Some(tls) = &route.spec.tls
        && !tls.passthrough
        && !tls.secret_name.is_empty()
    {
        tls::ask(cx, &tls.secret_name, "spec.tls.secretName", None);
    }
    if route.spec.tls.as_ref().and_then(|tls| tls.store.as_ref()).is_some_and(|s| s.name != "default") {
        let message = "has no effect: only the TLSStore named default is used";
        cx.info("TLSStoreIgnored", &object, "spec.tls.store", message);
    }
    for (i, rule) in route.spec.routes.iter().enumerate() {
        let path = format!("spec.routes[{i}]");
        let scope = Scope { object: &object, group: custom.group, name, path };
        let tls = route.spec.tls.as_ref();
        self::route(cx, &scope, rule, &route.spec.entry_points, tls);
    }
    Some(())
}

fn route(cx: &mut Context<'_>, scope: &Scope<'_>, route: &RouteTcp, entry_points: &[String], tls: Option<&TlsTcp>) {
    let Scope { object, group, name, ref path } = *scope;
    if route.rule.is_empty() {
        let message = "has no rule: write for example HostSNI(`*`)";
        cx.error("EmptyRule", object, format!("{path}.match"), message);
        return;
    }
    let Some(middlewares) = middlewares(cx, scope, route) else { return };
    let Ok(tls) = tls.map(|tls| self::tls(cx, object, tls)).transpose() else { return };
    let name = names::tcp_router(&object.namespace, name, &route.rule);
    if !takes(cx, &name, object, path) {
        return;
    }
    services(cx, scope, route, &name);
    let syntax = if route.syntax.is_empty() && group == Group::ContainoUs { "v2" } else { &route.syntax };
    let router = TcpRouter {
        entry_points: entry_points.to_vec(),
        middlewares,
        service: name.clone(),
        rule: route.rule.clone(),
        rule_syntax: syntax.to_owned(),
        priority: route.priority,
        tls,
    };
    cx.origin(Section::TcpRouter, &name, object, path);
    cx.out.tcp.routers.insert(name, router);
}

/// Whether a router may have the name: of one object the last one with it wins, of several objects the first.
fn takes(cx: &mut Context<'_>, name: &str, object: &ObjectRef, path: &str) -> bool {
    let Some(first) = cx.out.origins.get(Section::TcpRouter, name).cloned() else { return true };
    let path = format!("{path}.match");
    if *first.object != *object {
        let message = format!(
            "makes the router {name}, which {} {} makes, too, and which is the one that is served: \
            rename one of the objects",
            first.object, first.path
        );
        cx.error("RouterNameCollision", object, path, message);
        return false;
    }
    let message = format!("is the match of {}, too, which this route replaces: remove one of them", first.path);
    cx.warning("DuplicateMatch", object, path, message);
    cx.out.tcp.services.remove(name);
    true
}

/// All of them, or `None` where one may not be referred to.
fn middlewares(cx: &mut Context<'_>, scope: &Scope<'_>, route: &RouteTcp) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for (i, middleware) in route.middlewares.iter().enumerate() {
        let path = format!("{}.middlewares[{i}]", scope.path);
        let wanted = (middleware.name.as_str(), middleware.namespace.as_deref());
        let namespace = &scope.object.namespace;
        found.push(reference::resolve(cx, Target::MiddlewareTcp, wanted, namespace, scope.object, &path));
    }
    found.into_iter().collect()
}

/// `Err` where the options may not be referred to; that is told.
fn tls(cx: &mut Context<'_>, object: &ObjectRef, tls: &TlsTcp) -> Result<TcpRouterTls, ()> {
    let options = match tls.options.as_ref().filter(|o| !o.name.is_empty()) {
        Some(o) => {
            let wanted = (o.name.as_str(), o.namespace.as_deref());
            reference::resolve(cx, Target::TlsOption, wanted, &object.namespace, object, "spec.tls.options").ok_or(())?
        }
        None => String::new(),
    };
    if !tls.passthrough {
        tls::doubt_resolver(cx, &tls.cert_resolver, object, "spec.tls.certResolver");
    }
    Ok(TcpRouterTls {
        passthrough: tls.passthrough,
        options,
        cert_resolver: tls.cert_resolver.clone(),
        domains: tls.domains.iter().map(|d| Domain { main: d.main.clone(), sans: d.sans.clone() }).collect(),
    })
}

/// Makes the service of a router: the only one's servers, or a weighted set of those that work.
fn services(cx: &mut Context<'_>, scope: &Scope<'_>, route: &RouteTcp, name: &str) {
    let path = format!("{}.services", scope.path);
    let mut children = Vec::new();
    for (i, service) in route.services.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let Some((balancer, port)) = balancer(cx, scope, service, &path) else { continue };
        let service_name = if route.services.len() == 1 {
            name.to_owned()
        } else {
            let child = format!("{name}-{}-{}", service.name, names::port_text(&port));
            children.push(WeightedService { name: child.clone(), weight: Some(service.weight.unwrap_or(1)) });
            child
        };
        let service = TcpService::LoadBalancer(balancer);
        service::put_in(
            cx,
            Section::TcpService,
            |out| &mut out.tcp.services,
            &service_name,
            service,
            scope.object,
            &path,
        );
    }
    if route.services.is_empty() {
        let message = "is empty: name at least one Service; until then the route serves nothing";
        cx.error("NoServices", scope.object, &path, message);
    }
    if !children.is_empty() {
        cx.origin(Section::TcpService, name, scope.object, &path);
        cx.out.tcp.services.insert(name.to_owned(), TcpService::Weighted(TcpWeighted { services: children }));
    }
}

/// The servers of a reference, and the port that they were found by.
fn balancer(
    cx: &mut Context<'_>,
    scope: &Scope<'_>,
    service: &ServiceTcp,
    path: &str,
) -> Option<(TcpServersLoadBalancer, IntOrString)> {
    let Scope { object, group, .. } = *scope;
    let home = &object.namespace;
    let namespace = service.namespace.as_deref().filter(|n| !n.is_empty()).unwrap_or(home);
    if !reference::namespace_allowed(cx, "Service", &service.name, namespace, home, object, path) {
        return None;
    }
    let port = service.port.as_ref();
    let only = endpoints::only_port(cx, group, (namespace, &service.name), port, object, path);
    let port = port.or(only.as_ref());
    let wanted = Wanted {
        namespace,
        name: &service.name,
        port,
        native_lb: service.native_lb.unwrap_or(cx.options.native_lb_by_default),
        node_port_lb: service.node_port_lb,
    };
    let addresses = endpoints::addresses(cx, &wanted, object, path)?;
    let port = port?.clone();
    let transport = match service.servers_transport.as_str() {
        "" => String::new(),
        transport => {
            let path = format!("{path}.serversTransport");
            reference::resolve(cx, Target::ServersTransportTcp, (transport, None), home, object, &path)?
        }
    };
    for (field, given) in
        [("terminationDelay", service.termination_delay.is_some()), ("proxyProtocol", service.proxy_protocol.is_some())]
    {
        if given && group == Group::TraefikIo {
            let message = format!(
                "is deprecated: write {field} in a ServersTransportTCP, and name that \
                in serversTransport"
            );
            cx.info("Deprecated", object, format!("{path}.{field}"), message);
        }
    }
    let proxy_protocol = service.proxy_protocol.as_ref();
    let balancer = TcpServersLoadBalancer {
        servers: addresses.into_iter().map(|address| TcpServer { address, tls: service.tls }).collect(),
        proxy_protocol: proxy_protocol.map(|p| ProxyProtocol { version: p.version.filter(|v| *v != 0).unwrap_or(2) }),
        termination_delay: service.termination_delay.filter(|_| transport.is_empty()),
        servers_transport: transport,
    };
    Some((balancer, port))
}

#[cfg(test)]
mod tests;
