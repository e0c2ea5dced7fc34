//! The set of typed objects that a translation starts from. Sources change theirs, object by object, and hand out copies,
//! which share all that is unchanged.

use std::borrow::Cow;
use std::sync::Arc;

use ingora_crds::{
    IngressRoute, IngressRouteTCP, IngressRouteUDP, Middleware, MiddlewareTCP, ServersTransport, ServersTransportTCP,
    TLSOption, TLSStore, TraefikService,
};
use k8s_openapi::Metadata;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::object::HasSpec;

use crate::diagnostic::{Diagnostic, ObjectRef};
use crate::persistent::Map;

/// The label that names the Service of an EndpointSlice.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// The label of a Node with its zone.
pub const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// The one version of the custom resources.
pub const VERSION: &str = "v1alpha1";

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
pub struct Store<T>(Map<Arc<str>, Map<Arc<str>, T>>);

/// The EndpointSlices of a Service, by name. Hardly ever more than a few.
pub type Slices = Arc<[Arc<EndpointSlice>]>;

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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// All objects at one moment. Cheap to clone, however many there are: what two copies have in common is shared.
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
    /// By namespace and name of the *Service*.
    pub endpoint_slices: Store<Slices>,
    pub secrets: Store<Arc<Secret>>,
    pub config_maps: Store<Arc<ConfigMap>>,
    /// By name; Nodes have no namespace.
    pub nodes: Map<Arc<str>, Arc<Node>>,
    /// What was found wrong with objects that are not, or not as written, in this snapshot. See [`Snapshot::tell`].
    pub findings: Vec<Diagnostic>,
    /// The same by object.
    told: Map<Key<'static>, Arc<[Diagnostic]>>,
    /// Metadata of custom resources of a cluster that are not in here, since they are invalid. See [`Snapshot::refuse`].
    pub refused: Map<Key<'static>, Arc<ObjectMeta>>,
    /// The Service of each EndpointSlice that has one.
    slice_services: Store<Arc<str>>,
    /// Objects of `traefik.containo.us` that one of `traefik.io` stands before.
    shadowed: Map<Key<'static>, Object>,
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

    /// What `apiVersion` says of its objects: the group and its one version.
    pub fn api_version(self) -> String {
        format!("{}/{VERSION}", self.name())
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

impl<T: kube::Resource + HasSpec<Spec: PartialEq>> Custom<T> {
    fn says_the_same(&self, other: &Self) -> bool {
        let (a, b) = (&*self.object, &*other.object);
        self.group == other.group && a.meta() == b.meta() && a.spec() == b.spec()
    }
}

// === impl Store ===

impl<T> Default for Store<T> {
    fn default() -> Self {
        Store(Map::default())
    }
}

impl<T> Store<T> {
    /// The object of that namespace and name.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&T> {
        self.0.get(namespace)?.get(name)
    }

    /// All objects with their namespace and name, in that order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &T)> {
        self.0.iter().flat_map(|(ns, names)| names.iter().map(move |(name, t)| (&**ns, &**name, t)))
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.0.values().map(Map::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Namespace and name of what differs from an older version: added, removed, or not the `same`.
    pub fn changes<'s>(&'s self, old: &'s Self, same: impl Fn(&T, &T) -> bool) -> Vec<(&'s Arc<str>, &'s Arc<str>)> {
        let (none, mut found) = (const { &Map::new() }, Vec::new());
        for namespace in self.0.changes(&old.0, Map::same) {
            let (old, new) = (namespace.old.unwrap_or(none), namespace.new.unwrap_or(none));
            found.extend(new.changes(old, &same).into_iter().map(|name| (namespace.key, name.key)));
        }
        found
    }
}

impl<T: Clone> Store<T> {
    /// Puts an object in; gives back the one that it replaces.
    pub fn insert(&mut self, namespace: &str, name: &str, object: T) -> Option<T> {
        match self.0.get_mut(namespace) {
            Some(names) => names.insert(name.into(), object),
            None => {
                self.0.insert(namespace.into(), [(name.into(), object)].into_iter().collect());
                None
            }
        }
    }

    /// Takes an object out.
    pub fn remove(&mut self, namespace: &str, name: &str) -> Option<T> {
        let names = self.0.get_mut(namespace)?;
        let removed = names.remove(name);
        if names.is_empty() {
            self.0.remove(namespace);
        }
        removed
    }
}

// === impl Object ===

impl Object {
    fn parts(&self) -> (&'static str, Option<Group>, &ObjectMeta) {
        match self {
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
        }
    }

    /// What tells it from all others.
    pub fn key(&self) -> Key<'_> {
        let (kind, group, metadata) = self.parts();
        let (namespace, name) = key(metadata);
        let namespace = if kind == "Node" { "" } else { namespace };
        Key { kind, group, namespace: namespace.into(), name: name.into() }
    }
}

impl Object {
    /// Whether it says the same as another one of its key: metadata and spec; a status says nothing.
    pub fn says_the_same(&self, other: &Object) -> bool {
        use Object as O;
        match (self, other) {
            (O::IngressRoute(a), O::IngressRoute(b)) => a.says_the_same(b),
            (O::IngressRouteTCP(a), O::IngressRouteTCP(b)) => a.says_the_same(b),
            (O::IngressRouteUDP(a), O::IngressRouteUDP(b)) => a.says_the_same(b),
            (O::Middleware(a), O::Middleware(b)) => a.says_the_same(b),
            (O::MiddlewareTCP(a), O::MiddlewareTCP(b)) => a.says_the_same(b),
            (O::TraefikService(a), O::TraefikService(b)) => a.says_the_same(b),
            (O::TLSOption(a), O::TLSOption(b)) => a.says_the_same(b),
            (O::TLSStore(a), O::TLSStore(b)) => a.says_the_same(b),
            (O::ServersTransport(a), O::ServersTransport(b)) => a.says_the_same(b),
            (O::ServersTransportTCP(a), O::ServersTransportTCP(b)) => a.says_the_same(b),
            (O::Service(a), O::Service(b)) => a == b,
            (O::EndpointSlice(a), O::EndpointSlice(b)) => a == b,
            (O::Secret(a), O::Secret(b)) => a == b,
            (O::ConfigMap(a), O::ConfigMap(b)) => a == b,
            (O::Node(a), O::Node(b)) => a == b,
            _ => false,
        }
    }
}

// === impl Key ===

impl Key<'_> {
    /// The same, owning its texts.
    pub fn to_owned(&self) -> Key<'static> {
        let text = |text: &Cow<'_, str>| Cow::Owned(text.clone().into_owned());
        Key { kind: self.kind, group: self.group, namespace: text(&self.namespace), name: text(&self.name) }
    }

    /// The object, as diagnostics name it.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef::new(self.kind, self.namespace.as_ref(), self.name.as_ref())
    }
}

// === impl Snapshot ===

/// The store of a custom resource's kind.
type StoreOf<T> = fn(&mut Snapshot) -> &mut Store<Custom<T>>;

impl Snapshot {
    /// Adds an object, or replaces it. Of the same kind, namespace and name in both groups, `traefik.io` wins, with a
    /// warning (as Traefik 2.11 did); the other one comes back when it is removed.
    pub fn insert(&mut self, object: Object) {
        use Object as O;
        match object {
            O::IngressRoute(o) => self.insert_custom(o, O::IngressRoute, |s| &mut s.ingress_routes),
            O::IngressRouteTCP(o) => self.insert_custom(o, O::IngressRouteTCP, |s| &mut s.ingress_route_tcps),
            O::IngressRouteUDP(o) => self.insert_custom(o, O::IngressRouteUDP, |s| &mut s.ingress_route_udps),
            O::Middleware(o) => self.insert_custom(o, O::Middleware, |s| &mut s.middlewares),
            O::MiddlewareTCP(o) => self.insert_custom(o, O::MiddlewareTCP, |s| &mut s.middleware_tcps),
            O::TraefikService(o) => self.insert_custom(o, O::TraefikService, |s| &mut s.traefik_services),
            O::TLSOption(o) => self.insert_custom(o, O::TLSOption, |s| &mut s.tls_options),
            O::TLSStore(o) => self.insert_custom(o, O::TLSStore, |s| &mut s.tls_stores),
            O::ServersTransport(o) => self.insert_custom(o, O::ServersTransport, |s| &mut s.servers_transports),
            O::ServersTransportTCP(o) => {
                self.insert_custom(o, O::ServersTransportTCP, |s| &mut s.servers_transport_tcps);
            }
            O::Service(o) => plain(&mut self.services, o),
            O::Secret(o) => plain(&mut self.secrets, o),
            O::ConfigMap(o) => plain(&mut self.config_maps, o),
            O::EndpointSlice(o) => self.insert_slice(o),
            O::Node(o) => {
                self.nodes.insert(key(&o.metadata).1.into(), o);
            }
        }
    }

    /// The object of that key, whether it counts or one of the other group stands before it.
    pub fn get(&self, key: &Key<'_>) -> Option<Object> {
        use Object as O;
        let (namespace, name) = (&*key.namespace, &*key.name);
        let group = |group: Group| Some(group) == key.group;
        macro_rules! custom {
            ($store:ident, $variant:ident) => {
                self.$store.get(namespace, name).filter(|o| group(o.group)).cloned().map(O::$variant)
            };
        }
        let found = match key.kind {
            "IngressRoute" => custom!(ingress_routes, IngressRoute),
            "IngressRouteTCP" => custom!(ingress_route_tcps, IngressRouteTCP),
            "IngressRouteUDP" => custom!(ingress_route_udps, IngressRouteUDP),
            "Middleware" => custom!(middlewares, Middleware),
            "MiddlewareTCP" => custom!(middleware_tcps, MiddlewareTCP),
            "TraefikService" => custom!(traefik_services, TraefikService),
            "TLSOption" => custom!(tls_options, TLSOption),
            "TLSStore" => custom!(tls_stores, TLSStore),
            "ServersTransport" => custom!(servers_transports, ServersTransport),
            "ServersTransportTCP" => custom!(servers_transport_tcps, ServersTransportTCP),
            "Service" => self.services.get(namespace, name).cloned().map(O::Service),
            "Secret" => self.secrets.get(namespace, name).cloned().map(O::Secret),
            "ConfigMap" => self.config_maps.get(namespace, name).cloned().map(O::ConfigMap),
            "Node" => self.nodes.get(name).cloned().map(O::Node),
            "EndpointSlice" => self.slice(namespace, name).cloned().map(O::EndpointSlice),
            _ => None,
        };
        found.or_else(|| self.shadowed.get(key).cloned())
    }

    fn slice(&self, namespace: &str, name: &str) -> Option<&Arc<EndpointSlice>> {
        let service = self.slice_services.get(namespace, name)?;
        let slices = self.endpoint_slices.get(namespace, service)?;
        slices.iter().find(|slice| slice.metadata.name.as_deref() == Some(name))
    }

    /// Takes out the object of that key, and what was told of it; says whether there was one of them.
    pub fn remove(&mut self, key: &Key<'_>) -> bool {
        let told = self.tell(key, Vec::new()) | self.refuse(key, None);
        self.take(key) || told
    }

    /// Of the objects that are there for both groups, only those that count: one that doesn't stands before no other one.
    pub fn where_both_count(&self, counts: impl Fn(&str, &ObjectMeta) -> bool) -> Cow<'_, Snapshot> {
        let mut left = Cow::Borrowed(self);
        for older in self.shadowed.keys() {
            for group in Group::ALL {
                let key = Key { group: Some(group), ..older.to_owned() };
                if self.get(&key).is_some_and(|object| !counts(&key.namespace, object.parts().2)) {
                    left.to_mut().take(&key);
                }
            }
        }
        left
    }

    fn take(&mut self, key: &Key<'_>) -> bool {
        let (namespace, name) = (&*key.namespace, &*key.name);
        match key.kind {
            "IngressRoute" => self.remove_custom(key, |s| &mut s.ingress_routes),
            "IngressRouteTCP" => self.remove_custom(key, |s| &mut s.ingress_route_tcps),
            "IngressRouteUDP" => self.remove_custom(key, |s| &mut s.ingress_route_udps),
            "Middleware" => self.remove_custom(key, |s| &mut s.middlewares),
            "MiddlewareTCP" => self.remove_custom(key, |s| &mut s.middleware_tcps),
            "TraefikService" => self.remove_custom(key, |s| &mut s.traefik_services),
            "TLSOption" => self.remove_custom(key, |s| &mut s.tls_options),
            "TLSStore" => self.remove_custom(key, |s| &mut s.tls_stores),
            "ServersTransport" => self.remove_custom(key, |s| &mut s.servers_transports),
            "ServersTransportTCP" => self.remove_custom(key, |s| &mut s.servers_transport_tcps),
            "Service" => self.services.remove(namespace, name).is_some(),
            "Secret" => self.secrets.remove(namespace, name).is_some(),
            "ConfigMap" => self.config_maps.remove(namespace, name).is_some(),
            "EndpointSlice" => self.remove_slice(namespace, name),
            "Node" => self.nodes.remove(name).is_some(),
            _ => false,
        }
    }

    /// Says what is wrong with the object of that key, in place of what was told of it before; it need not be in here.
    /// Says whether that is another thing than before.
    pub fn tell(&mut self, key: &Key<'_>, findings: Vec<Diagnostic>) -> bool {
        if findings.is_empty() {
            return !self.told.is_empty() && self.told.remove(&key.to_owned()).is_some();
        }
        let before = self.told.insert(key.to_owned(), findings.as_slice().into());
        before.is_none_or(|before| *before != *findings)
    }

    /// Keeps the metadata of an object that is not in here as it is now, since it is invalid; forgets it where it is, or is gone.
    /// Says whether that is another thing than before.
    pub fn refuse(&mut self, key: &Key<'_>, metadata: Option<ObjectMeta>) -> bool {
        match metadata {
            None => !self.refused.is_empty() && self.refused.remove(&key.to_owned()).is_some(),
            Some(new) => {
                let before = self.refused.insert(key.to_owned(), Arc::new(new.clone()));
                before.is_none_or(|before| *before != new)
            }
        }
    }

    /// Everything that was found wrong: what sources told, and objects that are there for both groups.
    pub fn all_findings(&self) -> Vec<Diagnostic> {
        let groups = self.shadowed.keys().map(|key| {
            let message = "defined in both traefik.io/v1alpha1 and traefik.containo.us/v1alpha1: the traefik.io one is \
                           used; delete the other";
            Diagnostic::warning("DuplicateGroup", &key.reference(), "apiVersion", message)
        });
        let told = self.told.values().flat_map(|findings| findings.iter());
        self.findings.iter().chain(told).cloned().chain(groups).collect()
    }

    fn insert_custom<T: kube::Resource>(
        &mut self,
        object: Custom<T>,
        variant: fn(Custom<T>) -> Object,
        store: StoreOf<T>,
    ) {
        let (namespace, name) = key(object.object.meta());
        match store(self).get(namespace, name).cloned() {
            Some(winner) if winner.group > object.group => self.shadow(variant(object)),
            Some(loser) if loser.group < object.group => {
                store(self).insert(namespace, name, object.clone());
                self.shadow(variant(loser));
            }
            _ => {
                store(self).insert(namespace, name, object.clone());
            }
        }
    }

    fn shadow(&mut self, object: Object) {
        self.shadowed.insert(object.key().to_owned(), object);
    }

    fn remove_custom<T>(&mut self, key: &Key<'_>, store: StoreOf<T>) -> bool {
        let shadow = Key { group: Some(Group::ContainoUs), ..key.to_owned() };
        if key.group == shadow.group && self.shadowed.remove(&shadow).is_some() {
            return true;
        }
        let store = store(self);
        if store.get(&key.namespace, &key.name).is_none_or(|object| Some(object.group) != key.group) {
            return false;
        }
        store.remove(&key.namespace, &key.name);
        if let Some(object) = self.shadowed.remove(&shadow) {
            self.insert(object);
        }
        true
    }

    /// One that names another Service than before is no longer that one's.
    fn insert_slice(&mut self, slice: Arc<EndpointSlice>) {
        let (namespace, name) = key(&slice.metadata);
        let service = slice.metadata.labels.as_ref().and_then(|labels| labels.get(SERVICE_NAME_LABEL));
        let before = self.slice_services.get(namespace, name);
        if before.is_some_and(|before| Some(&**before) != service.map(String::as_str)) {
            self.remove_slice(namespace, name);
        }
        let Some(service) = service else { return };
        let others = self.endpoint_slices.get(namespace, service).into_iter().flat_map(|slices| slices.iter());
        let mut slices: Vec<_> = others.filter(|other| key(&other.metadata).1 != name).cloned().collect();
        let place = slices.partition_point(|other| key(&other.metadata).1 < name);
        slices.insert(place, slice.clone());
        self.endpoint_slices.insert(namespace, service, slices.into());
        self.slice_services.insert(namespace, name, service.as_str().into());
    }

    fn remove_slice(&mut self, namespace: &str, name: &str) -> bool {
        let Some(service) = self.slice_services.remove(namespace, name) else { return false };
        let slices = self.endpoint_slices.get(namespace, &service).into_iter().flat_map(|slices| slices.iter());
        let left: Slices = slices.filter(|slice| key(&slice.metadata).1 != name).cloned().collect();
        if left.is_empty() {
            self.endpoint_slices.remove(namespace, &service);
        } else {
            self.endpoint_slices.insert(namespace, &service, left);
        }
        true
    }
}

fn key(metadata: &ObjectMeta) -> (&str, &str) {
    (metadata.namespace.as_deref().unwrap_or("default"), metadata.name.as_deref().unwrap_or_default())
}

fn plain<T: Metadata<Ty = ObjectMeta>>(store: &mut Store<Arc<T>>, object: Arc<T>) {
    let (namespace, name) = key(object.metadata());
    store.insert(namespace, name, object.clone());
}

#[cfg(test)]
mod tests;
