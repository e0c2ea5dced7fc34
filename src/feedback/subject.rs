//! Which objects are spoken of: the custom resources of a snapshot with what a status needs to know of them, and the
//! reference that an Event makes to an object of any kind.

use std::borrow::Cow;

use ingora_crds::ingress_route::Route;
use ingora_crds::ingress_route_tcp::RouteTcp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use rustc_hash::FxHashMap;

use crate::diagnostic::ObjectRef;
use crate::objects::{Custom, Group, Key, Snapshot, Store};

/// The one version of the custom resources.
pub(super) const VERSION: &str = "v1alpha1";

/// A kind of custom resource in one of the groups, as the API's paths name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Kind {
    pub group: Group,
    pub kind: Cow<'static, str>,
    pub plural: Cow<'static, str>,
}

/// A custom resource that a status can be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub kind: Kind,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub generation: Option<i64>,
}

/// What an object asks to be served.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked<'s> {
    /// HTTP routes.
    Http(&'s [Route]),
    /// TCP routes.
    Tcp(&'s [RouteTcp]),
    /// So many UDP routes.
    Udp(usize),
    /// It is only referred to.
    Nothing,
}

/// A custom resource of a snapshot.
#[derive(Debug, Clone)]
pub(super) struct Found<'s> {
    pub kind: Kind,
    pub namespace: &'s str,
    pub name: &'s str,
    pub metadata: &'s ObjectMeta,
    pub asked: Asked<'s>,
}

/// Hands over every custom resource that came from an API server, which gives it a uid.
pub(super) fn each<'s>(snapshot: &'s Snapshot, mut take: impl FnMut(Found<'s>)) {
    let take = &mut take;
    let newer = &newer(snapshot);
    of(&snapshot.ingress_routes, |o| Asked::Http(&o.spec.routes), newer, take);
    of(&snapshot.ingress_route_tcps, |o| Asked::Tcp(&o.spec.routes), newer, take);
    of(&snapshot.ingress_route_udps, |o| Asked::Udp(o.spec.routes.len()), newer, take);
    of(&snapshot.middlewares, |_| Asked::Nothing, newer, take);
    of(&snapshot.middleware_tcps, |_| Asked::Nothing, newer, take);
    of(&snapshot.traefik_services, |_| Asked::Nothing, newer, take);
    of(&snapshot.tls_options, |_| Asked::Nothing, newer, take);
    of(&snapshot.tls_stores, |_| Asked::Nothing, newer, take);
    of(&snapshot.servers_transports, |_| Asked::Nothing, newer, take);
    of(&snapshot.servers_transport_tcps, |_| Asked::Nothing, newer, take);
    for (key, metadata) in snapshot.refused.iter() {
        // Those that are in a store were taken above.
        if let (Some(kind), true, None) = (Kind::named(key), metadata.uid.is_some(), snapshot.get(key)) {
            let (namespace, name) = (&*key.namespace, &*key.name);
            take(Found { kind, namespace, name, metadata, asked: Asked::Nothing });
        }
    }
}

/// The metadata of objects that are refused as they are now, by uid: of some of them an older version serves.
fn newer(snapshot: &Snapshot) -> FxHashMap<&str, &ObjectMeta> {
    snapshot.refused.values().filter_map(|metadata| Some((metadata.uid.as_deref()?, &**metadata))).collect()
}

fn of<'s, T: Resource<DynamicType = ()>>(
    store: &'s Store<Custom<T>>,
    asked: impl Fn(&'s T) -> Asked<'s>,
    newer: &FxHashMap<&str, &'s ObjectMeta>,
    take: &mut impl FnMut(Found<'s>),
) {
    for (namespace, name, custom) in store.iter() {
        let metadata = custom.object.meta();
        if let Some(uid) = &metadata.uid {
            let metadata = newer.get(uid.as_str()).copied().unwrap_or(metadata);
            let asked = asked(&custom.object);
            take(Found { kind: Kind::of::<T>(custom.group), namespace, name, metadata, asked });
        }
    }
}

/// How an Event refers to an object. `None` for what isn't in the cluster: a file, the configuration, an object that is
/// not there.
pub(super) fn regarding(snapshot: &Snapshot, object: &ObjectRef) -> Option<ObjectReference> {
    let (namespace, name) = (object.namespace.as_str(), object.name.as_str());
    let plain = |api: &str, metadata: Option<&ObjectMeta>| {
        Some(reference(api.to_owned(), &object.kind, metadata?)).filter(|r| r.uid.is_some())
    };
    match object.kind.as_str() {
        "IngressRoute" => custom(&snapshot.ingress_routes, object),
        "IngressRouteTCP" => custom(&snapshot.ingress_route_tcps, object),
        "IngressRouteUDP" => custom(&snapshot.ingress_route_udps, object),
        "Middleware" => custom(&snapshot.middlewares, object),
        "MiddlewareTCP" => custom(&snapshot.middleware_tcps, object),
        "TraefikService" => custom(&snapshot.traefik_services, object),
        "TLSOption" => custom(&snapshot.tls_options, object),
        "TLSStore" => custom(&snapshot.tls_stores, object),
        "ServersTransport" => custom(&snapshot.servers_transports, object),
        "ServersTransportTCP" => custom(&snapshot.servers_transport_tcps, object),
        "Service" => plain("v1", snapshot.services.get(namespace, name).map(|o| &o.metadata)),
        "Secret" => plain("v1", snapshot.secrets.get(namespace, name).map(|o| &o.metadata)),
        "ConfigMap" => plain("v1", snapshot.config_maps.get(namespace, name).map(|o| &o.metadata)),
        "Node" => plain("v1", snapshot.nodes.get(name).map(|o| &o.metadata)),
        _ => None,
    }
    .or_else(|| refused(snapshot, object))
}

fn refused(snapshot: &Snapshot, object: &ObjectRef) -> Option<ObjectReference> {
    let is_it = |key: &Key<'_>| key.kind == object.kind && key.namespace == object.namespace && key.name == object.name;
    let (key, metadata) = snapshot.refused.iter().find(|(key, _)| is_it(key))?;
    let api = format!("{}/{VERSION}", key.group?.name());
    Some(reference(api, &object.kind, metadata)).filter(|r| r.uid.is_some())
}

fn custom<T: Resource<DynamicType = ()>>(store: &Store<Custom<T>>, object: &ObjectRef) -> Option<ObjectReference> {
    let custom = store.get(&object.namespace, &object.name)?;
    let api = format!("{}/{VERSION}", custom.group.name());
    Some(reference(api, &object.kind, custom.object.meta())).filter(|r| r.uid.is_some())
}

fn reference(api_version: String, kind: &str, metadata: &ObjectMeta) -> ObjectReference {
    ObjectReference {
        api_version: Some(api_version),
        kind: Some(kind.to_owned()),
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        uid: metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

// === impl Kind ===

impl Kind {
    fn of<T: Resource<DynamicType = ()>>(group: Group) -> Self {
        Kind { group, kind: T::kind(&()), plural: T::plural(&()) }
    }

    /// Of an object that has only a name.
    fn named(key: &Key<'_>) -> Option<Self> {
        Some(Kind { group: key.group?, kind: key.kind.into(), plural: format!("{}s", key.kind.to_lowercase()).into() })
    }

    /// `ingressroutes.traefik.io`
    pub fn resource(&self) -> String {
        format!("{}.{}", self.plural, self.group.name())
    }
}

// === impl Found ===

impl Found<'_> {
    /// The same, on its own.
    pub fn subject(&self) -> Subject {
        Subject {
            kind: self.kind.clone(),
            namespace: self.namespace.to_owned(),
            name: self.name.to_owned(),
            uid: self.metadata.uid.clone().unwrap_or_default(),
            generation: self.metadata.generation,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::feedback::fixture;
    use crate::objects::decode::decode;
    use serde_json::json;

    /// Each kind of custom resource, with a spec that fits none of them where it is to be refused.
    #[test]
    fn every_kind_of_custom_resource_has_a_subject_and_a_reference_valid_or_not() {
        for crd in ingora_crds::crd::all().iter().filter(|crd| crd.spec.group == Group::TraefikIo.name()) {
            let (kind, plural) = (crd.spec.names.kind.as_str(), crd.spec.names.plural.as_str());
            let good = if kind.starts_with("IngressRoute") { json!({"routes": []}) } else { json!({}) };
            let mut refused = Snapshot::default();
            let decoded = decode(fixture::object(
                kind,
                "x",
                json!({"routes": 7, "certificates": 7, "weighted": 7,
                "minVersion": [], "serverName": [], "tls": 7, "inFlightConn": 7, "addPrefix": 7}),
            ));
            assert!(decoded.objects.is_empty(), "{kind}");
            let one = decoded.refused.into_iter().next().unwrap();
            refused.refuse(&one.key, Some(*one.metadata.unwrap()));
            for (case, snapshot) in
                [("valid", fixture::snapshot([fixture::object(kind, "x", good)])), ("refused", refused)]
            {
                let mut found = Vec::new();
                each(&snapshot, |one| found.push(one.subject()));
                assert_eq!(found.len(), 1, "{kind}, {case}");
                let subject = &found[0];
                assert_eq!((&*subject.kind.kind, &*subject.kind.plural), (kind, plural), "{case}");
                assert_eq!((&*subject.name, subject.generation), ("x", Some(3)), "{kind}, {case}");
                let reference = regarding(&snapshot, &ObjectRef::new(kind, "default", "x")).unwrap();
                assert_eq!(reference.uid.as_ref(), Some(&subject.uid), "{kind}, {case}");
                assert_eq!(reference.api_version.as_deref(), Some("traefik.io/v1alpha1"), "{kind}, {case}");
            }
        }
    }
}
