//! `TraefikService`: services made of services. One broken child loses the whole service, and so disables its routers.
//! Circles are emitted, because routing disables them, but told here.

use std::collections::BTreeMap;

use ingora_crds::service::{ServiceRef, Sticky};
use ingora_crds::traefik_service::{Failover, Mirroring, TraefikServiceSpec};
use rustc_hash::FxHashSet;

use super::context::Context;
use super::cycles::cycles;
use super::names;
use super::service::{self, Referrer};
use crate::diagnostic::{Diagnostic, ObjectRef};
use crate::dynamic::http::{self, HighestRandomWeight, MirrorService, Service, WeightedRoundRobin, WeightedService};
use crate::dynamic::{Configuration, Section};

/// Translates a TraefikService; `None` where it doesn't count.
pub(super) fn translate(cx: &mut Context<'_>, namespace: &str, name: &str) -> Option<()> {
    let custom = cx.find(|s| &s.traefik_services, namespace, name)?;
    let object = ObjectRef::new("TraefikService", namespace, name);
    // The provider's nativeLBByDefault is for routes only.
    let referrer = Referrer { object: &object, group: custom.group, native_lb: false };
    if let Some((kind, service)) = build(cx, &referrer, &custom.object.spec) {
        service::put(cx, &names::key(namespace, name), service, &object, &format!("spec.{kind}"));
    }
    Some(())
}

/// A weighted service of the references. `path` is the list's field.
pub(super) fn weighted(
    cx: &mut Context<'_>,
    referrer: &Referrer<'_>,
    references: &[ServiceRef],
    sticky: Option<&Sticky>,
    path: &str,
) -> Option<Service> {
    let services = weighted_children(cx, referrer, references, path)?;
    Some(Service::Weighted(WeightedRoundRobin { services, sticky: service::sticky(sticky) }))
}

/// The service, and the key of the spec that it is made from: the first one that is set.
fn build(cx: &mut Context<'_>, referrer: &Referrer<'_>, spec: &TraefikServiceSpec) -> Option<(&'static str, Service)> {
    let given = [
        ("weighted", spec.weighted.is_some()),
        ("mirroring", spec.mirroring.is_some()),
        ("highestRandomWeight", spec.highest_random_weight.is_some()),
        ("failover", spec.failover.is_some()),
    ];
    let mut given = given.into_iter().filter(|(_, set)| *set).map(|(key, _)| key);
    let Some(kind) = given.next() else {
        let message = "has no kind of service: set one of weighted, mirroring, highestRandomWeight and failover";
        cx.error("NoServiceKind", referrer.object, "spec", message);
        return None;
    };
    for ignored in given {
        let message = format!("ignored, because {kind} is set too: a TraefikService is one kind of service");
        cx.warning("SeveralServiceKinds", referrer.object, format!("spec.{ignored}"), message);
    }
    let service = if let Some(w) = &spec.weighted {
        weighted(cx, referrer, &w.services, w.sticky.as_ref(), "spec.weighted.services")?
    } else if let Some(m) = &spec.mirroring {
        mirroring(cx, referrer, m)?
    } else if let Some(h) = &spec.highest_random_weight {
        let services = weighted_children(cx, referrer, &h.services, "spec.highestRandomWeight.services")?;
        Service::HighestRandomWeight(HighestRandomWeight { services })
    } else {
        failover(cx, referrer, spec.failover.as_ref()?)?
    };
    Some((kind, service))
}

fn weighted_children(
    cx: &mut Context<'_>,
    referrer: &Referrer<'_>,
    references: &[ServiceRef],
    path: &str,
) -> Option<Vec<WeightedService>> {
    if references.is_empty() {
        cx.warning("NoServices", referrer.object, path, "has no services, and so answers 503: add one");
    }
    let paths = references.iter().enumerate().map(|(i, r)| (r, format!("{path}[{i}]")));
    let names = service::children(cx, referrer, paths)?;
    let child = |(name, r): (String, &ServiceRef)| WeightedService { name, weight: Some(r.weight.unwrap_or(1)) };
    Some(names.into_iter().zip(references).map(child).collect())
}

fn mirroring(cx: &mut Context<'_>, referrer: &Referrer<'_>, given: &Mirroring) -> Option<Service> {
    let main = std::iter::once((&given.service, "spec.mirroring".to_owned()));
    let mirrors = given.mirrors.iter().enumerate();
    let mirrors = mirrors.map(|(i, m)| (&m.service, format!("spec.mirroring.mirrors[{i}]")));
    let mut names = service::children(cx, referrer, main.chain(mirrors))?.into_iter();
    let service = names.next()?;
    let mirrors = names.zip(&given.mirrors).map(|(name, m)| MirrorService { name, percent: m.percent }).collect();
    let (mirror_body, max_body_size) = (given.mirror_body, given.max_body_size);
    Some(Service::Mirroring(http::Mirroring { service, mirror_body, max_body_size, mirrors }))
}

fn failover(cx: &mut Context<'_>, referrer: &Referrer<'_>, given: &Failover) -> Option<Service> {
    let both = [(&given.service, "spec.failover.service"), (&given.fallback, "spec.failover.fallback")];
    let names = service::children(cx, referrer, both.into_iter().map(|(r, path)| (r, path.to_owned())))?;
    let [service, fallback] = <[String; 2]>::try_from(names).ok()?;
    let errors = given.errors.as_ref().map(|e| http::FailoverErrors {
        status: e.status.clone(),
        max_request_body_bytes: Some(e.max_request_body_bytes.unwrap_or(-1)),
    });
    Some(Service::Failover(http::Failover { service, fallback, errors }))
}

/// Tells services that refer to themselves. `linked` are those that refer to others.
pub(super) fn check<'c>(configuration: &'c Configuration, linked: impl Iterator<Item = &'c str>) -> Vec<Diagnostic> {
    let services = linked.filter_map(|name| Some((name, configuration.http.services.get(name)?.children())));
    let edges: BTreeMap<&str, Vec<&str>> = services.collect();
    let mut found = Vec::new();
    let mut told = FxHashSet::default();
    for cycle in cycles(&edges) {
        let message = format!("refers to itself ({}): its routers are not served; break the circle", cycle.way);
        for (name, _) in cycle.edges {
            let origin = configuration.origins.get(Section::HttpService, name).filter(|_| told.insert(name));
            if let Some(origin) = origin {
                found.push(Diagnostic::error("CyclicService", &origin.object, origin.path.as_str(), message.as_str()));
            }
        }
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
