//! Looks objects up, and notes which: what a unit read decides when it must be translated again.
//! The only way to the snapshot, so that nothing is read unnoticed.

use std::cell::RefCell;

use k8s_openapi::api::core::v1::{ConfigMap, Node, Secret, Service};
use smallvec::SmallVec;

use super::unit::{Mark, mark};
use crate::objects::snapshot::Slices;
use crate::objects::{Custom, Snapshot, Store};

/// The marks of the objects that were looked up.
pub(super) type Marks = SmallVec<[Mark; 4]>;

/// A snapshot that is read from.
pub(super) struct Reader<'a> {
    snapshot: &'a Snapshot,
    marks: RefCell<Marks>,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        Reader { snapshot, marks: RefCell::default() }
    }

    /// What was looked up, each once.
    pub(super) fn marks(self) -> Marks {
        let mut marks = self.marks.into_inner();
        marks.sort_unstable();
        marks.dedup();
        marks.shrink_to_fit();
        marks
    }

    /// A custom resource.
    pub(super) fn custom<T: kube::Resource<DynamicType = ()>>(
        &self,
        store: fn(&Snapshot) -> &Store<Custom<T>>,
        namespace: &str,
        name: &str,
    ) -> Option<&'a Custom<T>> {
        self.note(&T::kind(&()), namespace, name);
        store(self.snapshot).get(namespace, name)
    }

    pub(super) fn service(&self, namespace: &str, name: &str) -> Option<&'a Service> {
        self.note("Service", namespace, name);
        self.snapshot.services.get(namespace, name).map(|service| &**service)
    }

    /// The EndpointSlices of a Service.
    pub(super) fn slices(&self, namespace: &str, service: &str) -> Option<&'a Slices> {
        self.note("EndpointSlice", namespace, service);
        self.snapshot.endpoint_slices.get(namespace, service)
    }

    pub(super) fn secret(&self, namespace: &str, name: &str) -> Option<&'a Secret> {
        self.note("Secret", namespace, name);
        self.snapshot.secrets.get(namespace, name).map(|secret| &**secret)
    }

    pub(super) fn config_map(&self, namespace: &str, name: &str) -> Option<&'a ConfigMap> {
        self.note("ConfigMap", namespace, name);
        self.snapshot.config_maps.get(namespace, name).map(|map| &**map)
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &'a Node> {
        self.note("Node", "", "");
        self.snapshot.nodes.values().map(|node| &**node)
    }

    pub(super) fn node(&self, name: &str) -> Option<&'a Node> {
        self.note("Node", "", "");
        self.snapshot.nodes.get(name).map(|node| &**node)
    }

    fn note(&self, kind: &str, namespace: &str, name: &str) {
        self.marks.borrow_mut().push(mark(kind, namespace, name));
    }
}
