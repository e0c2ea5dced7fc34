//! What the translation of a unit reads (objects, options) and writes (configuration, diagnostics).
//! Custom resources and Services are looked up through here, so that namespaces and label selector always hold.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use rustc_hash::FxHashSet;

use super::class::Filter;
use super::fragment::{Ask, Fragment, Part, World};
use super::reader::Reader;
use super::tls;
use crate::diagnostic::{Diagnostic, ObjectRef};
use crate::dynamic::{Configuration, Element, Origin, Section};
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
    /// The zone whose endpoints are used where a Service's endpoints have hints; empty means that of `node`. Ours.
    pub zone: String,
    /// The Node that ingora runs on, for hints; empty means that it isn't known. Ours.
    pub node: String,
}

/// The state of the translation of a unit, or of several that are translated together.
pub(super) struct Context<'a> {
    pub options: &'a Options,
    /// Which objects count.
    pub filter: &'a Filter,
    /// The objects, to be looked up.
    pub reader: Reader<'a>,
    /// The object that is being translated.
    pub about: Arc<ObjectRef>,
    pub out: Configuration,
    pub diagnostics: Vec<Diagnostic>,
    /// The HTTP services that others may make, too.
    pub shared: FxHashSet<String>,
    /// The certificates to be loaded.
    pub asks: Vec<Ask>,
    /// Objects named `default`, each of which is alone or doesn't count.
    pub defaults: Vec<(Section, Arc<ObjectRef>)>,
}

// === impl Context ===

impl<'a> Context<'a> {
    pub(super) fn new(World { snapshot, options, filter }: World<'a>) -> Self {
        Context {
            options,
            filter,
            reader: Reader::new(snapshot),
            about: Arc::new(ObjectRef::new("", "", "")),
            out: Configuration::default(),
            diagnostics: Vec::new(),
            shared: FxHashSet::default(),
            asks: Vec::new(),
            defaults: Vec::new(),
        }
    }

    /// What came of it.
    pub(super) fn fragment(self) -> Fragment {
        let part = |(name, element): (&Arc<str>, Element)| {
            let section = element.section();
            let origin = self.out.origins.get_shared(section, name).cloned();
            let origin = origin.unwrap_or_else(|| Arc::new(Origin { object: self.about.clone(), path: String::new() }));
            let shared = section == Section::HttpService && self.shared.contains(&**name);
            Part { section, name: name.clone(), element: Some(element), origin: Some(origin), shared }
        };
        let mut parts: Vec<Part> = self.out.elements().map(part).collect();
        for (section, _) in &self.defaults {
            if let Err(place) = parts.binary_search_by(|p| (p.section, &*p.name).cmp(&(*section, tls::DEFAULT))) {
                let origin = self.out.origins.get_shared(*section, tls::DEFAULT).cloned();
                let (section, name) = (*section, tls::DEFAULT.into());
                parts.insert(place, Part { section, name, element: None, origin, shared: false });
            }
        }
        Fragment {
            marks: self.reader.marks(),
            parts: parts.into(),
            asks: (!self.asks.is_empty()).then(|| self.asks.into()),
            told: (!self.diagnostics.is_empty()).then(|| self.diagnostics.into()),
        }
    }

    /// The custom resource of that namespace and name, if it counts.
    pub(super) fn find<T: kube::Resource<DynamicType = ()>>(
        &self,
        store: fn(&Snapshot) -> &Store<Custom<T>>,
        namespace: &str,
        name: &str,
    ) -> Option<&'a Custom<T>> {
        let custom = self.reader.custom(store, namespace, name)?;
        self.filter.selects(namespace, custom.object.meta()).then_some(custom)
    }

    /// The Service of that namespace and name, if the namespace counts.
    pub(super) fn service(&self, namespace: &str, name: &str) -> Option<&'a Service> {
        let service = self.reader.service(namespace, name)?;
        self.filter.watches(namespace).then_some(service)
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
        let object = if *self.about == *object { self.about.clone() } else { Arc::new(object.clone()) };
        self.out.origins.insert(section, name, Origin { object, path: path.to_owned() });
    }
}
