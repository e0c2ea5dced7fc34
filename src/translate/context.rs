//! What every part of the translation reads (snapshot, options) and writes (configuration, diagnostics).

use crate::diagnostic::Diagnostic;
use crate::dynamic::Configuration;
use crate::objects::Snapshot;

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
}

// === impl Context ===

impl<'a> Context<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, options: &'a Options) -> Self {
        Context { snapshot, options, out: Configuration::default(), diagnostics: snapshot.findings.clone() }
    }

    pub(super) fn finish(mut self) -> (Configuration, Vec<Diagnostic>) {
        self.diagnostics.sort_by(|a, b| (&a.object, &a.path, a.severity).cmp(&(&b.object, &b.path, b.severity)));
        self.diagnostics.dedup();
        (self.out, self.diagnostics)
    }
}
