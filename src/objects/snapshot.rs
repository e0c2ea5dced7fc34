//! The immutable set of typed objects that a translation starts from.
//! Filled by the sources through [`Snapshot::insert`], then only read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use ingora_crds::{
    IngressRoute, IngressRouteTCP, IngressRouteUDP, Middleware, MiddlewareTCP, ServersTransport, ServersTransportTCP,
    TLSOption, TLSStore, TraefikService,
};
use k8s_openapi::Metadata;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::diagnostic::{Diagnostic, ObjectRef};

/// The label that names the Service of an EndpointSlice.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// The API group of a custom resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// `traefik.containo.us`, of Traefik 2.
    ContainoUs,
    /// `traefik.io`, of Traefik 3.
    TraefikIo,
}

/// A custom resource and the group it was written for.
#[derive(Debug)]
pub struct Custom<T> {
    /// Its API group.
    pub group: Group,
    /// The object; its namespace and name are set.
    pub object: Arc<T>,
}

/// Objects of one kind by namespace and name.
#[derive(Debug, Clone)]
pub struct Store<T>(BTreeMap<String, BTreeMap<String, T>>);

/// An object of a kind that ingora reads.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // The variants are the kinds.
pub enum Object {
    IngressRoute(Custom<IngressRoute>),
    IngressRouteTCP(Custom<IngressRouteTCP>),
    IngressRouteUDP(Custom<IngressRouteUDP>),
    Middleware(Custom<Middleware>),
    MiddlewareTCP(Custom<MiddlewareTCP>),
    TraefikService(Custom<TraefikService>),
    TLSOption(Custom<TLSOption>),
    TLSStore(Custom<TLSStore>),
    ServersTransport(Custom<ServersTransport>),
    ServersTransportTCP(Custom<ServersTransportTCP>),
    Service(Arc<Service>),
    EndpointSlice(Arc<EndpointSlice>),
    Secret(Arc<Secret>),
    ConfigMap(Arc<ConfigMap>),
    Node(Arc<Node>),
}

/// What tells an object from all others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key<'a> {
    /// Its kind.
    pub kind: &'static str,
    /// The API group of a custom resource; of others `None`.
    pub group: Option<Group>,
    /// Its namespace; of a Node empty.
    pub namespace: Cow<'a, str>,
    /// Its name.
    pub name: Cow<'a, str>,
}

/// All objects at one moment. Cheap to clone: the objects are shared.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // The fields are the kinds.
pub struct Snapshot {
    pub ingress_routes: Store<Custom<IngressRoute>>,
    pub ingress_route_tcps: Store<Custom<IngressRouteTCP>>,
    pub ingress_route_udps: Store<Custom<IngressRouteUDP>>,
    pub middlewares: Store<Custom<Middleware>>,
    pub middleware_tcps: Store<Custom<MiddlewareTCP>>,
    pub traefik_services: Store<Custom<TraefikService>>,
    pub tls_options: Store<Custom<TLSOption>>,
    pub tls_stores: Store<Custom<TLSStore>>,
    pub servers_transports: Store<Custom<ServersTransport>>,
    pub servers_transport_tcps: Store<Custom<ServersTransportTCP>>,
    pub services: Store<Arc<Service>>,
    /// By namespace and name of the *Service*; slices of a Service in order of their own name.
    pub endpoint_slices: Store<BTreeMap<String, Arc<EndpointSlice>>>,
    pub secrets: Store<Arc<Secret>>,
    pub config_maps: Store<Arc<ConfigMap>>,
    /// By name; Nodes have no namespace.
    pub nodes: BTreeMap<String, Arc<Node>>,
    /// What was found wrong with objects that are not, or not as written, in this snapshot.
    pub findings: Vec<Diagnostic>,
}

// === impl Group ===

impl Group {
    /// Both groups, the current one first.
    pub const ALL: [Group; 2] = [Group::TraefikIo, Group::ContainoUs];

    /// As `apiVersion` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Group::ContainoUs => "traefik.containo.us",
            Group::TraefikIo => "traefik.io",
        }
    }

    /// The group of that name.
    pub fn of(name: &str) -> Option<Self> {
        Group::ALL.into_iter().find(|group| group.name() == name)
    }
}

// === impl Custom ===

impl<T> Clone for Custom<T> {
    fn clone(&self) -> Self {
        Custom { group: self.group, object: self.object.clone() }
    }
}

// === impl Store ===

impl<T> Default for Store<T> {
    fn default() -> Self {
        Store(BTreeMap::new())
    }
}

impl<T> Store<T> {
    /// The object of that namespace and name.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&T> {
        self.0.get(namespace)?.get(name)
    }

    /// All objects with their namespace and name, in that order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &T)> {
        self.0.iter().flat_map(|(ns, names)| names.iter().map(move |(name, t)| (ns.as_str(), name.as_str(), t)))
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts an object in; gives back the one that it replaces.
    pub fn insert(&mut self, namespace: &str, name: &str, object: T) -> Option<T> {
        self.0.entry(namespace.to_owned()).or_default().insert(name.to_owned(), object)
    }
}

// === impl Object ===

impl Object {
    /// What tells it from all others.
    pub fn key(&self) -> Key<'_> {
        let (kind, group, metadata) = match self {
            Object::IngressRoute(o) => ("IngressRoute", Some(o.group), &o.object.metadata),
            Object::IngressRouteTCP(o) => ("IngressRouteTCP", Some(o.group), &o.object.metadata),
            Object::IngressRouteUDP(o) => ("IngressRouteUDP", Some(o.group), &o.object.metadata),
            Object::Middleware(o) => ("Middleware", Some(o.group), &o.object.metadata),
            Object::MiddlewareTCP(o) => ("MiddlewareTCP", Some(o.group), &o.object.metadata),
            Object::TraefikService(o) => ("TraefikService", Some(o.group), &o.object.metadata),
            Object::TLSOption(o) => ("TLSOption", Some(o.group), &o.object.metadata),
            Object::TLSStore(o) => ("TLSStore", Some(o.group), &o.object.metadata),
            Object::ServersTransport(o) => ("ServersTransport", Some(o.group), &o.object.metadata),
            Object::ServersTransportTCP(o) => ("ServersTransportTCP", Some(o.group), &o.object.metadata),
            Object::Service(o) => ("Service", None, &o.metadata),
            Object::EndpointSlice(o) => ("EndpointSlice", None, &o.metadata),
            Object::Secret(o) => ("Secret", None, &o.metadata),
            Object::ConfigMap(o) => ("ConfigMap", None, &o.metadata),
            Object::Node(o) => ("Node", None, &o.metadata),
        };
        let (namespace, name) = key(metadata);
        let namespace = if kind == "Node" { "" } else { namespace };
        Key { kind, group, namespace: namespace.into(), name: name.into() }
    }
}

// === impl Key ===

impl Key<'_> {
    /// The object, as diagnostics name it.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef::new(self.kind, self.namespace.as_ref(), self.name.as_ref())
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// Adds an object. Of the same kind, namespace and name in both groups, `traefik.io` wins, with a warning
    /// (as Traefik 2.11 did); otherwise the last one wins.
    pub fn insert(&mut self, object: Object) {
        let findings = &mut self.findings;
        match object {
            Object::IngressRoute(o) => custom(&mut self.ingress_routes, "IngressRoute", o, findings),
            Object::IngressRouteTCP(o) => custom(&mut self.ingress_route_tcps, "IngressRouteTCP", o, findings),
            Object::IngressRouteUDP(o) => custom(&mut self.ingress_route_udps, "IngressRouteUDP", o, findings),
            Object::Middleware(o) => custom(&mut self.middlewares, "Middleware", o, findings),
            Object::MiddlewareTCP(o) => custom(&mut self.middleware_tcps, "MiddlewareTCP", o, findings),
            Object::TraefikService(o) => custom(&mut self.traefik_services, "TraefikService", o, findings),
            Object::TLSOption(o) => custom(&mut self.tls_options, "TLSOption", o, findings),
            Object::TLSStore(o) => custom(&mut self.tls_stores, "TLSStore", o, findings),
            Object::ServersTransport(o) => custom(&mut self.servers_transports, "ServersTransport", o, findings),
            Object::ServersTransportTCP(o) => {
                custom(&mut self.servers_transport_tcps, "ServersTransportTCP", o, findings);
            }
            Object::Service(o) => plain(&mut self.services, o),
            Object::Secret(o) => plain(&mut self.secrets, o),
            Object::ConfigMap(o) => plain(&mut self.config_maps, o),
            Object::EndpointSlice(o) => {
                let (namespace, name) = key(&o.metadata);
                let service = o.metadata.labels.as_ref().and_then(|l| l.get(SERVICE_NAME_LABEL));
                if let Some(service) = service {
                    let services = self.endpoint_slices.0.entry(namespace.to_owned()).or_default();
                    services.entry(service.clone()).or_default().insert(name.to_owned(), o.clone());
                }
            }
            Object::Node(o) => {
                self.nodes.insert(key(&o.metadata).1.to_owned(), o);
            }
        }
    }
}

fn key(metadata: &ObjectMeta) -> (&str, &str) {
    (metadata.namespace.as_deref().unwrap_or("default"), metadata.name.as_deref().unwrap_or_default())
}

fn plain<T: Metadata<Ty = ObjectMeta>>(store: &mut Store<Arc<T>>, object: Arc<T>) {
    let (namespace, name) = key(object.metadata());
    store.insert(namespace, name, object.clone());
}

fn custom<T: kube::Resource>(
    store: &mut Store<Custom<T>>,
    kind: &str,
    object: Custom<T>,
    findings: &mut Vec<Diagnostic>,
) {
    let (namespace, name) = key(object.object.meta());
    let other = store.get(namespace, name).map(|o| o.group);
    if other.is_some_and(|g| g != object.group) {
        findings.push(Diagnostic::warning(
            "DuplicateGroup",
            &ObjectRef::new(kind, namespace, name),
            "apiVersion",
            "defined in both traefik.io/v1alpha1 and traefik.containo.us/v1alpha1: the traefik.io one is used; delete the other",
        ));
    }
    if other.is_none_or(|g| g <= object.group) {
        store.insert(namespace, name, object.clone());
    }
}
