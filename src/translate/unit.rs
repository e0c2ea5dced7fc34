//! What is translated by itself: an object, or a certificate that several ask for. Also which of them a change is about.
//! Each unit leaves a mark for every object that it looked up, found or not; whoever bears the mark of a changed object is
//! translated again.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::{FxHashSet, FxHasher};

use crate::diagnostic::ObjectRef;
use crate::objects::{Custom, Snapshot, Store};

/// Stands for an object, there or not: a hash of its kind, namespace and name. Two that fall together cost a translation.
pub(super) type Mark = u32;

/// The kinds of units, in the order in which they are translated: of two that make the same name, the first has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// First, because a certificate that a store and a route name is the store's.
    TlsStore,
    TlsOption,
    IngressRoute,
    IngressRouteTcp,
    IngressRouteUdp,
    Middleware,
    MiddlewareTcp,
    TraefikService,
    ServersTransport,
    ServersTransportTcp,
    /// Named after its Secret.
    Certificate,
}

/// A unit; of a custom resource its namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Unit {
    pub kind: Kind,
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

/// What two snapshots differ in.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// The objects that can be units.
    pub units: BTreeSet<Arc<Unit>>,
    /// All objects.
    pub marks: FxHashSet<Mark>,
}

/// The mark of an object. Slices go by their Service; all Nodes are one.
pub(super) fn mark(kind: &str, namespace: &str, name: &str) -> Mark {
    let mut hasher = FxHasher::default();
    (kind, namespace, name).hash(&mut hasher);
    let hash = hasher.finish();
    (hash >> 32) as u32 ^ hash as u32
}

// === impl Kind ===

impl Kind {
    const ALL: [Kind; 11] = [
        Kind::TlsStore,
        Kind::TlsOption,
        Kind::IngressRoute,
        Kind::IngressRouteTcp,
        Kind::IngressRouteUdp,
        Kind::Middleware,
        Kind::MiddlewareTcp,
        Kind::TraefikService,
        Kind::ServersTransport,
        Kind::ServersTransportTcp,
        Kind::Certificate,
    ];

    /// As objects and diagnostics name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::TlsStore => "TLSStore",
            Kind::TlsOption => "TLSOption",
            Kind::IngressRoute => "IngressRoute",
            Kind::IngressRouteTcp => "IngressRouteTCP",
            Kind::IngressRouteUdp => "IngressRouteUDP",
            Kind::Middleware => "Middleware",
            Kind::MiddlewareTcp => "MiddlewareTCP",
            Kind::TraefikService => "TraefikService",
            Kind::ServersTransport => "ServersTransport",
            Kind::ServersTransportTcp => "ServersTransportTCP",
            Kind::Certificate => "Secret",
        }
    }
}

// === impl Unit ===

impl Unit {
    /// Whether it is translated before the unit of that object.
    pub(super) fn is_before(&self, object: &ObjectRef) -> bool {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == object.kind);
        (Some(self.kind), &*self.namespace, &*self.name) < (kind, &*object.namespace, &*object.name)
    }

    /// The object, as diagnostics name it.
    pub(super) fn reference(&self) -> ObjectRef {
        ObjectRef::new(self.kind.name(), &*self.namespace, &*self.name)
    }
}

// === impl Changes ===

impl Changes {
    /// Looks only at what the snapshots don't share.
    pub(super) fn between(old: &Snapshot, new: &Snapshot) -> Self {
        let mut changes = Changes::default();
        changes.units(Kind::TlsStore, &old.tls_stores, &new.tls_stores);
        changes.units(Kind::TlsOption, &old.tls_options, &new.tls_options);
        changes.units(Kind::IngressRoute, &old.ingress_routes, &new.ingress_routes);
        changes.units(Kind::IngressRouteTcp, &old.ingress_route_tcps, &new.ingress_route_tcps);
        changes.units(Kind::IngressRouteUdp, &old.ingress_route_udps, &new.ingress_route_udps);
        changes.units(Kind::Middleware, &old.middlewares, &new.middlewares);
        changes.units(Kind::MiddlewareTcp, &old.middleware_tcps, &new.middleware_tcps);
        changes.units(Kind::TraefikService, &old.traefik_services, &new.traefik_services);
        changes.units(Kind::ServersTransport, &old.servers_transports, &new.servers_transports);
        changes.units(Kind::ServersTransportTcp, &old.servers_transport_tcps, &new.servers_transport_tcps);
        changes.others("Service", &old.services, &new.services, Arc::ptr_eq);
        changes.others("EndpointSlice", &old.endpoint_slices, &new.endpoint_slices, Arc::ptr_eq);
        changes.others("Secret", &old.secrets, &new.secrets, Arc::ptr_eq);
        changes.others("ConfigMap", &old.config_maps, &new.config_maps, Arc::ptr_eq);
        if !new.nodes.changes(&old.nodes, Arc::ptr_eq).is_empty() {
            changes.marks.insert(mark("Node", "", ""));
        }
        changes
    }

    fn units<T>(&mut self, kind: Kind, old: &Store<Custom<T>>, new: &Store<Custom<T>>) {
        let same = |a: &Custom<T>, b: &Custom<T>| a.group == b.group && Arc::ptr_eq(&a.object, &b.object);
        for (namespace, name) in new.changes(old, same) {
            self.marks.insert(mark(kind.name(), namespace, name));
            self.units.insert(Arc::new(Unit { kind, namespace: namespace.clone(), name: name.clone() }));
        }
    }

    fn others<T>(&mut self, kind: &str, old: &Store<T>, new: &Store<T>, same: impl Fn(&T, &T) -> bool) {
        self.marks.extend(new.changes(old, same).into_iter().map(|(namespace, name)| mark(kind, namespace, name)));
    }
}
