//! What every part of the translation reads (snapshot, options) and writes (configuration, diagnostics).
//! Custom resources and Services are looked up through here, so that namespaces and label selector always hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;

use super::class::Filter;
use crate::diagnostic::{Diagnostic, ObjectRef};
use crate::dynamic::tls::CertAndStores;
use crate::dynamic::{Configuration, Origin, Section};
use crate::objects::{Custom, Snapshot, Store};

/// The options of Traefik's KubernetesCRD provider that decide what objects mean.
/// Source: Traefik's "Kubernetes CRD provider" reference, `providers.kubernetesCRD`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Namespaces that objects are taken from; none means all.
    pub namespaces: Vec<String>,
    /// Kubernetes label selector for the custom resources; empty means all.
    pub label_selector: String,
    /// The ingress class served; empty means none or `traefik`.
    pub ingress_class: String,
    /// References across namespaces; default false.
    pub allow_cross_namespace: bool,
    /// Services of type ExternalName; default false.
    pub allow_external_name_services: bool,
    /// A Service without endpoints answers 503 instead of being no route; default false.
    pub allow_empty_services: bool,
    /// `nativeLB` where a reference doesn't say; default false.
    pub native_lb_by_default: bool,
    /// No Nodes are read, so `nodePortLB` doesn't work; default false.
    pub disable_cluster_scope_resources: bool,
    /// Namespaces that may refer to other providers; absent means all, empty means none.
    pub cross_provider_namespaces: Option<Vec<String>>,
}

/// The state of one translation.
pub(super) struct Context<'a> {
    pub snapshot: &'a Snapshot,
    pub options: &'a Options,
    pub out: Configuration,
    pub diagnostics: Vec<Diagnostic>,
    /// Which objects count.
    pub filter: Filter,
    /// The certificates loaded so far, by `namespace/secret`; they end up in `out.tls.certificates` in that order.
    pub certificates: BTreeMap<String, CertAndStores>,
}

/// A custom resource that counts, with its namespace and name.
pub(super) struct Found<'a, T> {
    pub namespace: &'a str,
    pub name: &'a str,
    pub custom: &'a Custom<T>,
}

// === impl Context ===

impl<'a> Context<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, options: &'a Options) -> Self {
        let mut diagnostics = snapshot.all_findings();
        let filter = Filter::new(options, &mut diagnostics);
        Context { snapshot, options, out: Configuration::default(), diagnostics, filter, certificates: BTreeMap::new() }
    }

    pub(super) fn finish(mut self) -> (Configuration, Vec<Diagnostic>) {
        self.diagnostics.sort_by(|a, b| (&a.object, &a.path, a.severity).cmp(&(&b.object, &b.path, b.severity)));
        self.diagnostics.dedup();
        for (key, certificate) in self.certificates {
            self.out.tls.certificates.insert(key, certificate);
        }
        (self.out, self.diagnostics)
    }

    /// The objects of a kind that count, by namespace and name. The borrow is the snapshot's, not the context's.
    pub(super) fn objects<T: kube::Resource>(&self, store: &'a Store<Custom<T>>) -> Vec<Found<'a, T>> {
        let found = store.iter().map(|(namespace, name, custom)| Found { namespace, name, custom });
        found.filter(|f| self.filter.selects(f.namespace, f.custom.object.meta())).collect()
    }

    /// The object of that namespace and name, if it counts.
    pub(super) fn find<T: kube::Resource>(
        &self,
        store: &'a Store<Custom<T>>,
        namespace: &str,
        name: &str,
    ) -> Option<&'a Custom<T>> {
        store.get(namespace, name).filter(|custom| self.filter.selects(namespace, custom.object.meta()))
    }

    /// The Service of that namespace and name, if the namespace counts.
    pub(super) fn service(&self, namespace: &str, name: &str) -> Option<&'a Service> {
        let service = self.snapshot.services.get(namespace, name)?;
        self.filter.watches(namespace).then_some(&**service)
    }

    /// Reports that something asked for is not served.
    pub(super) fn error(
        &mut self,
        code: &'static str,
        object: &ObjectRef,
        path: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.diagnostics.push(Diagnostic::error(code, object, path, message));
    }

    /// Reports something that is served, but probably not as meant.
    pub(super) fn warning(
        &mut self,
        code: &'static str,
        object: &ObjectRef,
        path: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.diagnostics.push(Diagnostic::warning(code, object, path, message));
    }

    /// Reports something worth knowing.
    pub(super) fn info(
        &mut self,
        code: &'static str,
        object: &ObjectRef,
        path: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.diagnostics.push(Diagnostic::info(code, object, path, message));
    }

    /// Notes which field of which object an element of the configuration is made from.
    pub(super) fn origin(&mut self, section: Section, name: &str, object: &ObjectRef, path: &str) {
        self.out.origins.insert(section, name, Origin { object: Arc::new(object.clone()), path: path.to_owned() });
    }
}
