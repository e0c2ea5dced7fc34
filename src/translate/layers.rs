//! Routing in several layers: `parentRefs` of IngressRoutes. Every router of a child has all routers of its parents for
//! parents. What routing will refuse is told here, where the object is known.

use std::collections::BTreeMap;

use ingora_crds::ingress_route::IngressRouteSpec;
use ingora_crds::reference::ObjectReference;
use rustc_hash::FxHashSet;

use super::context::Context;
use super::cycles::cycles;
use super::{names, reference};
use crate::diagnostic::{Diagnostic, ObjectRef};
use crate::dynamic::Section;

/// Names of the routers of IngressRoutes that are parents, by the parent's namespace and name.
pub(super) type Names<'a> = BTreeMap<(String, &'a str), Vec<String>>;

/// The names of all routers of the parents. `None` where one may not be referred to or doesn't exist: the whole child
/// is then not served, which is reported.
pub(super) fn parents<'a>(
    cx: &mut Context<'a>,
    references: &'a [ObjectReference],
    object: &ObjectRef,
    known: &mut Names<'a>,
) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for (i, parent) in references.iter().enumerate() {
        let path = format!("spec.parentRefs[{i}]");
        let home = object.namespace.as_str();
        let namespace = parent.namespace.as_deref().filter(|n| !n.is_empty()).unwrap_or(home);
        if !reference::namespace_allowed(cx, "IngressRoute", &parent.name, namespace, home, object, &path) {
            return None;
        }
        let Some(found) = cx.find(&cx.snapshot.ingress_routes, namespace, &parent.name) else {
            let message = format!(
                "IngressRoute {namespace}/{} does not exist: no route of this object is served; create it, or correct \
                 the name",
                parent.name
            );
            cx.error("ParentNotFound", object, format!("{path}.name"), message);
            return None;
        };
        let routers = known.entry((namespace.to_owned(), parent.name.as_str())).or_insert_with(|| {
            let rules = found.object.spec.routes.iter().map(|route| &route.rule);
            rules.map(|rule| names::http_router(namespace, &parent.name, rule)).collect()
        });
        all.extend_from_slice(routers);
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

/// Reports routers that lack a service, have one beside children, or are their own ancestors.
pub(super) fn check(cx: &mut Context<'_>) {
    let routers = &cx.out.http.routers;
    let parents: FxHashSet<&str> = routers.values().flat_map(|r| &r.parent_refs).map(String::as_str).collect();
    let mut found = Vec::new();
    let mut tell = |code, name: &str, field: &str, message: String| {
        if let Some(origin) = cx.out.origins.get(Section::HttpRouter, name) {
            found.push(Diagnostic::error(code, &origin.object, format!("{}{field}", origin.path), message));
        }
    };
    for (name, router) in routers {
        if router.service.is_empty() && !parents.contains(&**name) {
            let message = "has no service, and no IngressRoute has this one in its parentRefs: add a service";
            tell("NoService", name, ".services", message.to_owned());
        } else if !router.service.is_empty() && parents.contains(&**name) {
            let message = "has services, but other IngressRoutes have this one in their parentRefs: it is not served; \
                           remove one or the other";
            tell("ParentHasService", name, ".services", message.to_owned());
        }
    }
    if !parents.is_empty() {
        let edges = routers.iter().map(|(name, r)| (&**name, r.parent_refs.iter().map(String::as_str).collect()));
        let mut told = FxHashSet::default();
        for cycle in cycles(&edges.collect()) {
            let message = format!("is its own ancestor ({}): not served; break the circle", cycle.way);
            for (name, _) in cycle.edges.into_iter().filter(|(name, _)| told.insert(*name)) {
                tell("CyclicParents", name, "", message.clone());
            }
        }
    }
    cx.diagnostics.append(&mut found);
}
