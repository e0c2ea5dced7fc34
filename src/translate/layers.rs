//! Routing in several layers: `parentRefs` of IngressRoutes. Every router of a child has all routers of its parents for
//! parents. What routing will refuse is told here, where the object is known.

use std::collections::BTreeSet;

use ingora_crds::ingress_route::IngressRouteSpec;
use ingora_crds::reference::ObjectReference;
use rustc_hash::FxHashSet;

use super::context::Context;
use super::cycles::cycles;
use super::{names, reference};
use crate::diagnostic::{Diagnostic, ObjectRef};
use crate::dynamic::{Configuration, Section};

/// The names of all routers of the parents. `None` where one may not be referred to or doesn't exist: the whole child
/// is then not served, which is reported.
pub(super) fn parents(cx: &mut Context<'_>, references: &[ObjectReference], object: &ObjectRef) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for (i, parent) in references.iter().enumerate() {
        let path = format!("spec.parentRefs[{i}]");
        let home = object.namespace.as_str();
        let namespace = parent.namespace.as_deref().filter(|n| !n.is_empty()).unwrap_or(home);
        if !reference::namespace_allowed(cx, "IngressRoute", &parent.name, namespace, home, object, &path) {
            return None;
        }
        let Some(found) = cx.find(|s| &s.ingress_routes, namespace, &parent.name) else {
            let message = format!(
                "IngressRoute {namespace}/{} does not exist: no route of this object is served; create it, or correct \
                 the name",
                parent.name
            );
            cx.error("ParentNotFound", object, format!("{path}.name"), message);
            return None;
        };
        let rules = found.object.spec.routes.iter().map(|route| &route.rule);
        all.extend(rules.map(|rule| names::http_router(namespace, &parent.name, rule)));
    }
    Some(all)
}

/// Reports fields that a child must leave to its parents; Traefik disables its routers.
pub(super) fn check_child(cx: &mut Context<'_>, spec: &IngressRouteSpec, object: &ObjectRef) {
    if spec.parent_refs.is_empty() {
        return;
    }
    let given = [("spec.tls", spec.tls.is_some()), ("spec.entryPoints", !spec.entry_points.is_empty())];
    let given = given.into_iter().filter(|(_, set)| *set).map(|(path, _)| path.to_owned());
    let routes = spec.routes.iter().enumerate().filter(|(_, route)| route.observability.is_some());
    for path in given.chain(routes.map(|(i, _)| format!("spec.routes[{i}].observability"))) {
        let message = "not allowed beside parentRefs, the parent's counts: the routers are not served; remove it here";
        cx.error("FieldOfParent", object, &path, message);
    }
}

/// What is wrong between routers: those that lack a service, have one beside children, or are their own ancestors.
/// `linked` are those without a service, and those with parents.
pub(super) fn check<'c>(configuration: &'c Configuration, linked: impl Iterator<Item = &'c str>) -> Vec<Diagnostic> {
    let routers = &configuration.http.routers;
    let linked: Vec<_> = linked.filter_map(|name| Some((name, routers.get(name)?))).collect();
    let parents: BTreeSet<&str> = linked.iter().flat_map(|(_, r)| &r.parent_refs).map(String::as_str).collect();
    let mut found = Vec::new();
    let mut tell = |code, name: &str, field: &str, message: String| {
        if let Some(origin) = configuration.origins.get(Section::HttpRouter, name) {
            found.push(Diagnostic::error(code, &origin.object, format!("{}{field}", origin.path), message));
        }
    };
    for (name, _) in linked.iter().filter(|(name, r)| r.service.is_empty() && !parents.contains(name)) {
        let message = "has no service, and no IngressRoute has this one in its parentRefs: add a service";
        tell("NoService", name, ".services", message.to_owned());
    }
    for name in parents.iter().filter(|name| routers.get(name).is_some_and(|r| !r.service.is_empty())) {
        let message = "has services, but other IngressRoutes have this one in their parentRefs: it is not served; \
                       remove one or the other";
        tell("ParentHasService", name, ".services", message.to_owned());
    }
    let edges = linked.iter().map(|(name, r)| (*name, r.parent_refs.iter().map(String::as_str).collect()));
    let mut told = FxHashSet::default();
    for cycle in cycles(&edges.collect()) {
        let message = format!("is its own ancestor ({}): not served; break the circle", cycle.way);
        for (name, _) in cycle.edges.into_iter().filter(|(name, _)| told.insert(*name)) {
            tell("CyclicParents", name, "", message.clone());
        }
    }
    found
}
