//! Translates IngressRouteUDPs: a router for each route, and the services it needs.
//! As in Traefik, a router stays when its services are broken, and is then disabled.

use ingora_crds::ingress_route_udp::{RouteUdp, ServiceUdp};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::context::Context;
use super::endpoints::{self, Wanted};
use super::{class, names, reference, service};
use crate::diagnostic::ObjectRef;
use crate::dynamic::Section;
use crate::dynamic::http::WeightedService;
use crate::dynamic::udp::{UdpRouter, UdpServer, UdpServersLoadBalancer, UdpService, UdpWeighted};
use crate::objects::Group;

/// Translates an IngressRouteUDP, if it counts and is of the class served; `None` where it doesn't count.
pub(super) fn translate(cx: &mut Context<'_>, namespace: &str, name: &str) -> Option<()> {
    let custom = cx.find(|s| &s.ingress_route_udps, namespace, name)?;
    let route = &*custom.object;
    let object = ObjectRef::new("IngressRouteUDP", namespace, name);
    if !class::served(cx, route.spec.ingress_class_name.as_deref(), &route.metadata, &object) {
        return Some(());
    }
    let name = match name {
        "" => route.metadata.generate_name.as_deref().unwrap_or_default(),
        name => name,
    };
    for (i, rule) in route.spec.routes.iter().enumerate() {
        let router = names::id(namespace, &format!("{name}-{i}"));
        let path = format!("spec.routes[{i}]");
        if let Some(first) = cx.out.origins.get(Section::UdpRouter, &router).cloned() {
            let message = format!(
                "makes the router {router}, which {} {} makes, too, and which is the one that is \
                served: rename one of the objects",
                first.object, first.path
            );
            cx.error("RouterNameCollision", &object, path, message);
            continue;
        }
        services(cx, rule, custom.group, &router, &object, &format!("{path}.services"));
        cx.origin(Section::UdpRouter, &router, &object, &path);
        let entry_points = route.spec.entry_points.clone();
        cx.out.udp.routers.insert(router.clone(), UdpRouter { entry_points, service: router });
    }
    Some(())
}

/// Makes the service of a router: the only one's servers, or a weighted set of those that work.
fn services(cx: &mut Context<'_>, route: &RouteUdp, group: Group, name: &str, object: &ObjectRef, path: &str) {
    let mut children = Vec::new();
    for (i, service) in route.services.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let Some((balancer, port)) = balancer(cx, service, group, object, &path) else { continue };
        let service_name = if route.services.len() == 1 {
            name.to_owned()
        } else {
            let child = format!("{name}-{}-{}", service.name, names::port_text(&port));
            children.push(WeightedService { name: child.clone(), weight: Some(service.weight.unwrap_or(1)) });
            child
        };
        let service = UdpService::LoadBalancer(balancer);
        service::put_in(cx, Section::UdpService, |out| &mut out.udp.services, &service_name, service, object, &path);
    }
    if route.services.is_empty() {
        cx.error(
            "NoServices",
            object,
            path,
            "is empty: name at least one Service; until then the route \
            serves nothing",
        );
    }
    if !children.is_empty() {
        cx.origin(Section::UdpService, name, object, path);
        cx.out.udp.services.insert(name.to_owned(), UdpService::Weighted(UdpWeighted { services: children }));
    }
}

/// The servers of a reference, and the port that they were found by.
fn balancer(
    cx: &mut Context<'_>,
    service: &ServiceUdp,
    group: Group,
    object: &ObjectRef,
    path: &str,
) -> Option<(UdpServersLoadBalancer, IntOrString)> {
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
    let servers = endpoints::addresses(cx, &wanted, object, path)?;
    let servers = servers.into_iter().map(|address| UdpServer { address }).collect();
    Some((UdpServersLoadBalancer { servers }, port?.clone()))
}

#[cfg(test)]
mod tests;
