//! What is watched: a kind of a group, in one namespace or in all, with what narrows it down on the server.
//! Read by the watchers; the kinds are those of `decode`.

use kube::api::ApiResource;

use super::Selection;
use crate::objects::Group;
use crate::objects::decode::kinds;

/// Secrets of these types are of no use to anyone here: they are neither sent nor kept.
const USELESS_SECRETS: &str = "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token,\
    type!=kubernetes.io/dockerconfigjson,type!=kubernetes.io/dockercfg,type!=bootstrap.kubernetes.io/token,\
    type!=kubernetes.io/ssh-auth";

/// What one watcher watches.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    /// The kind as `kind` names it.
    pub kind: &'static str,
    /// The group of a custom resource; of others `None`.
    pub group: Option<Group>,
    /// How the API names it.
    pub api: ApiResource,
    /// The namespace; `None` is all, or none for kinds that have none.
    pub namespace: Option<String>,
    /// What objects must be labelled with.
    pub labels: Option<String>,
    /// What fields must be.
    pub fields: Option<&'static str>,
}

/// Everything to watch.
pub(super) fn all(selection: &Selection) -> Vec<Resource> {
    let mut resources = Vec::new();
    let mut add = |kind: &'static str, group: Option<Group>, api: ApiResource, namespaced: bool| {
        let labels = Some(&selection.label_selector).filter(|s| group.is_some() && !s.is_empty()).cloned();
        let fields = (kind == "Secret").then_some(USELESS_SECRETS);
        let resource = Resource { kind, group, api, namespace: None, labels, fields };
        match namespaced && !selection.namespaces.is_empty() {
            true => resources.extend(
                selection.namespaces.iter().map(|ns| Resource { namespace: Some(ns.clone()), ..resource.clone() }),
            ),
            false => resources.push(resource),
        }
    };
    for (kind, api, namespaced) in kinds() {
        match api {
            Some(api) if namespaced || selection.cluster_scope => add(kind, None, api_resource(api, kind), namespaced),
            Some(_) => {}
            None => {
                for group in Group::ALL {
                    add(kind, Some(group), api_resource(&group.api_version(), kind), namespaced);
                }
            }
        }
    }
    resources
}

fn api_resource(api: &str, kind: &str) -> ApiResource {
    let (group, version) = api.split_once('/').unwrap_or(("", api));
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: api.to_owned(),
        kind: kind.to_owned(),
        // True of all kinds that are read.
        plural: format!("{}s", kind.to_lowercase()),
    }
}

// === impl Resource ===

impl Resource {
    /// As `kubectl` names it: `ingressroutes.traefik.io`.
    pub fn name(&self) -> String {
        let ApiResource { group, plural, .. } = &self.api;
        if group.is_empty() { plural.clone() } else { format!("{plural}.{group}") }
    }
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())?;
        match &self.namespace {
            Some(namespace) => write!(f, " in {namespace}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(selection: &Selection) -> Vec<String> {
        all(selection).iter().map(Resource::to_string).collect()
    }

    #[test]
    fn watches_every_kind_of_both_groups() {
        let names = names(&Selection { cluster_scope: true, ..Selection::default() });
        assert_eq!(names.len(), 2 * 10 + 5, "{names:?}");
        for expected in [
            "ingressroutes.traefik.io",
            "serverstransporttcps.traefik.containo.us",
            "services",
            "endpointslices.discovery.k8s.io",
            "nodes",
        ] {
            assert!(names.iter().any(|name| name == expected), "{expected} is not among {names:?}");
        }
    }

    #[test]
    fn keeps_to_namespaces_and_labels() {
        let selection = Selection {
            namespaces: vec!["a".into(), "b".into()],
            label_selector: "team=x".into(),
            cluster_scope: false,
        };
        let names = names(&selection);
        assert_eq!(names.len(), 2 * (2 * 10 + 4), "{names:?}");
        assert!(names.contains(&"secrets in b".to_owned()) && !names.contains(&"nodes".to_owned()), "{names:?}");
        for resource in all(&selection) {
            assert_eq!(resource.labels.is_some(), resource.group.is_some(), "{resource}");
        }
    }
}
