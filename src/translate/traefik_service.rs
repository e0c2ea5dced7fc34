//! `TraefikService`: services made of services. One broken child loses the whole service, and so disables its routers.
//! Circles are emitted, because routing disables them, but told here.

use std::collections::BTreeMap;

use ingora_crds::TraefikService;
use ingora_crds::service::{ServiceRef, Sticky};
use ingora_crds::traefik_service::{Failover, Mirroring, TraefikServiceSpec};
use rustc_hash::FxHashSet;

use super::context::{Context, Found};
use super::cycles::cycles;
use super::names;
use super::service::{self, Referrer};
use crate::diagnostic::{Diagnostic, ObjectRef};
use crate::dynamic::Section;
use crate::dynamic::http::{self, HighestRandomWeight, MirrorService, Service, WeightedRoundRobin, WeightedService};

/// Translates all TraefikServices that count.
pub(super) fn translate(cx: &mut Context<'_>) {
    for found in cx.objects(&cx.snapshot.traefik_services) {
        translate_one(cx, &found);
    }
    report_cycles(cx);
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

fn translate_one(cx: &mut Context<'_>, found: &Found<'_, TraefikService>) {
    let object = ObjectRef::new("TraefikService", found.namespace, found.name);
    // The provider's nativeLBByDefault is for routes only.
    let referrer = Referrer { object: &object, group: found.custom.group, native_lb: false };
    let spec = &found.custom.object.spec;
    let Some((kind, service)) = build(cx, &referrer, spec) else { return };
    service::put(cx, &names::key(found.namespace, found.name), service, &object, &format!("spec.{kind}"));
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

fn report_cycles(cx: &mut Context<'_>) {
    let edges: BTreeMap<&str, Vec<&str>> = cx
        .out
        .http
        .services
        .iter()
        .filter_map(|(name, s)| {
            let children: Vec<&str> = match s {
                Service::LoadBalancer(_) => return None,
                Service::Weighted(w) => w.services.iter().map(|s| s.name.as_str()).collect(),
                Service::HighestRandomWeight(h) => h.services.iter().map(|s| s.name.as_str()).collect(),
                Service::Mirroring(m) => {
                    std::iter::once(m.service.as_str()).chain(m.mirrors.iter().map(|s| s.name.as_str())).collect()
                }
                Service::Failover(f) => vec![&f.service, &f.fallback],
            };
            Some((&**name, children))
        })
        .collect();
    let mut told = FxHashSet::default();
    for cycle in cycles(&edges) {
        let message = format!("refers to itself ({}): its routers are not served; break the circle", cycle.way);
        for (name, _) in cycle.edges {
            let Some(origin) = cx.out.origins.get(Section::HttpService, name).filter(|_| told.insert(name)) else {
                continue;
            };
            let finding = Diagnostic::error("CyclicService", &origin.object, origin.path.as_str(), message.as_str());
            cx.diagnostics.push(finding);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
