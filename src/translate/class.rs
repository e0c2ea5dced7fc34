//! Which objects count: namespaces, label selector, ingress class.
//! The selector filters custom resources only, the class routes only; namespaces hold for everything.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::context::{Context, Options};
use super::selector::Selector;
use crate::diagnostic::{Diagnostic, ObjectRef};

/// The annotation that names the class where `spec.ingressClassName` is absent.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// The class that is served, besides none, where no class is configured.
const DEFAULT_CLASS: &str = "traefik";

/// Decides which objects count.
pub struct Filter {
    /// Sorted; none means all.
    namespaces: Vec<String>,
    /// `None` where the configured one can't be read: then nothing counts.
    selector: Option<Selector>,
    class: String,
}

/// Whether an IngressRoute, IngressRouteTCP or IngressRouteUDP is of the class served; where not, that is told.
pub(super) fn served(
    cx: &mut Context<'_>,
    class_name: Option<&str>,
    metadata: &ObjectMeta,
    object: &ObjectRef,
) -> bool {
    let Err(class) = cx.filter.serves(class_name, metadata) else { return true };
    let class = if class.is_empty() { "none".to_owned() } else { format!("{class:?}") };
    let served = match cx.filter.class.as_str() {
        "" => "none or \"traefik\"".to_owned(),
        served => format!("{served:?}"),
    };
    let path = if class_name.is_some() { "spec.ingressClassName" } else { "metadata.annotations" };
    cx.info("ClassNotServed", object, path, format!("its ingress class is {class}, and the one served is {served}"));
    false
}

// === impl Filter ===

impl Filter {
    /// A filter as configured, and what is to be told of it. A selector that can't be read selects nothing.
    pub fn new(options: &Options) -> (Self, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let mut namespaces = options.namespaces.clone();
        namespaces.sort_unstable();
        let selector = Selector::parse(&options.label_selector);
        if let Err(bad) = &selector {
            diagnostics.push(Diagnostic::error(
                "InvalidLabelSelector",
                &ObjectRef::new("Configuration", "", "kubernetesCRD"),
                "labelSelector",
                format!("{bad}; no custom resource is selected until it is corrected"),
            ));
        }
        (Filter { namespaces, selector: selector.ok(), class: options.ingress_class.clone() }, diagnostics)
    }

    /// Whether objects of that namespace are read.
    pub(super) fn watches(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.binary_search_by(|n| n.as_str().cmp(namespace)).is_ok()
    }

    /// Whether a custom resource counts.
    pub fn selects(&self, namespace: &str, metadata: &ObjectMeta) -> bool {
        self.watches(namespace) && self.selector.as_ref().is_some_and(|s| s.matches(metadata.labels.as_ref()))
    }

    /// Whether an IngressRoute, IngressRouteTCP or IngressRouteUDP is of the class served; else `Err` holds its class.
    pub(super) fn serves<'m>(&self, class_name: Option<&'m str>, metadata: &'m ObjectMeta) -> Result<(), &'m str> {
        let annotation = || metadata.annotations.as_ref()?.get(CLASS_ANNOTATION).map(String::as_str);
        let class = class_name.or_else(annotation).unwrap_or_default();
        let served =
            if self.class.is_empty() { class.is_empty() || class == DEFAULT_CLASS } else { class == self.class };
        if served { Ok(()) } else { Err(class) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(class: &str, namespaces: &[&str], selector: &str) -> (Filter, usize) {
        let options = Options {
            ingress_class: class.into(),
            namespaces: namespaces.iter().map(|n| (*n).to_owned()).collect(),
            label_selector: selector.into(),
            ..Options::default()
        };
        let (filter, found) = Filter::new(&options);
        (filter, found.len())
    }

    fn annotated(class: Option<&str>) -> ObjectMeta {
        let annotations = class.map(|c| [(CLASS_ANNOTATION.to_owned(), c.to_owned())].into());
        ObjectMeta { annotations, ..ObjectMeta::default() }
    }

    #[test]
    fn serves_the_class() {
        for (option, field, annotation, expected) in [
            ("", None, None, Ok(())),
            ("", None, Some(""), Ok(())),
            ("", None, Some("traefik"), Ok(())),
            ("", None, Some("nginx"), Err("nginx")),
            ("", Some("traefik"), Some("nginx"), Ok(())),
            ("", Some(""), Some("nginx"), Ok(())),
            ("", Some("nginx"), Some("traefik"), Err("nginx")),
            ("mine", None, None, Err("")),
            ("mine", None, Some("mine"), Ok(())),
            ("mine", Some("mine"), None, Ok(())),
            ("mine", Some(""), Some("mine"), Err("")),
            ("mine", None, Some("traefik"), Err("traefik")),
        ] {
            let (filter, _) = filter(option, &[], "");
            let metadata = annotated(annotation);
            assert_eq!(filter.serves(field, &metadata), expected, "{option} {field:?} {annotation:?}");
        }
    }

    #[test]
    fn watches_namespaces() {
        let (all, _) = filter("", &[], "");
        assert!(all.watches("a"));
        let (some, _) = filter("", &["z", "b"], "");
        assert_eq!(["a", "b", "z"].map(|n| some.watches(n)), [false, true, true]);
    }

    #[test]
    fn an_unreadable_selector_selects_nothing_and_is_reported() {
        let (filter, found) = filter("", &[], "a in (");
        assert_eq!(found, 1);
        assert!(!filter.selects("default", &ObjectMeta::default()));
    }
}
