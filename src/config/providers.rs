//! `providers`: where objects come from, and the options that decide what they mean.
//! Source of names and defaults: Traefik's "Kubernetes CRD provider" reference; `manifests` is ours.

use std::path::PathBuf;

use ingora_crds::duration::GoDuration;
use ingora_crds::secret::Secret;
use serde::Deserialize;

use super::{Inert, read};
use crate::translate::Options;

/// `providers`: at most one of `kubernetesCRD` and `manifests`. Traefik's other providers are accepted, without effect.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Providers {
    /// Objects of a cluster.
    #[serde(rename = "kubernetesCRD", deserialize_with = "read::switch")]
    pub kubernetes_crd: Option<KubernetesCrd>,
    /// Objects of files.
    #[serde(deserialize_with = "read::switch")]
    pub manifests: Option<Manifests>,
    providers_throttle_duration: Inert,
    precedence: Inert,
    consul: Inert,
    consul_catalog: Inert,
    docker: Inert,
    ecs: Inert,
    etcd: Inert,
    file: Inert,
    http: Inert,
    knative: Inert,
    kubernetes_gateway: Inert,
    kubernetes_ingress: Inert,
    #[serde(rename = "kubernetesIngressNGINX")]
    kubernetes_ingress_nginx: Inert,
    marathon: Inert,
    nomad: Inert,
    plugin: Inert,
    rancher: Inert,
    redis: Inert,
    rest: Inert,
    swarm: Inert,
    zoo_keeper: Inert,
}

/// `feedback` of `providers.kubernetesCRD`: what is written back into the cluster, by one replica. Ours.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Feedback {
    /// Write the `status` of custom resources; default true.
    pub status: bool,
    /// Write Kubernetes Events; default true.
    pub events: bool,
    /// The Lease of whoever writes; default `ingora`.
    pub lease_name: String,
    /// Its namespace; default, and where empty, the one that ingora runs in.
    pub lease_namespace: String,
}

impl Default for Feedback {
    fn default() -> Self {
        Feedback { status: true, events: true, lease_name: "ingora".to_owned(), lease_namespace: String::new() }
    }
}

/// Declares a provider: its own keys, then those that both have. (serde cannot both share keys and refuse unknown ones.)
macro_rules! provider {
    ($(#[$about:meta])* $name:ident { $($(#[$note:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        pub struct $name {
            $($(#[$note])* pub $field: $type,)*
            /// Namespaces that objects are taken from; default all.
            #[serde(default)]
            pub namespaces: Vec<String>,
            /// Kubernetes label selector for the custom resources; default all.
            #[serde(default)]
            pub label_selector: String,
            /// The ingress class served; default those with none or `traefik`.
            #[serde(default)]
            pub ingress_class: String,
            /// Least time between two changes that are served; default 0.
            #[serde(default)]
            pub throttle_duration: GoDuration,
            /// Allow references across namespaces; default false.
            #[serde(default)]
            pub allow_cross_namespace: bool,
            /// Allow Services of type ExternalName; default false.
            #[serde(default)]
            pub allow_external_name_services: bool,
            /// A Service without endpoints answers 503 instead of being no route; default false.
            #[serde(default)]
            pub allow_empty_services: bool,
            /// Use a Service's own address where a reference doesn't say; default false.
            #[serde(default, rename = "nativeLBByDefault")]
            pub native_lb_by_default: bool,
            /// Read no Nodes, so that `nodePortLB` doesn't work and no cluster-wide right is needed; default false.
            #[serde(default)]
            pub disable_cluster_scope_resources: bool,
            /// Namespaces that may refer to other providers (`name@provider`); default all, an empty list is none.
            #[serde(default)]
            pub cross_provider_namespaces: Option<Vec<String>>,
            /// The zone that ingora runs in, for the hints of EndpointSlices; default the label of the Node. Ours.
            #[serde(default)]
            pub zone: String,
            /// The Node that ingora runs on; default the environment's NODE_NAME. Ours.
            #[serde(default)]
            pub node_name: String,
        }

        impl $name {
            /// The part that decides what objects mean.
            pub fn translate_options(&self) -> Options {
                Options {
                    namespaces: self.namespaces.clone(),
                    label_selector: self.label_selector.clone(),
                    ingress_class: self.ingress_class.clone(),
                    allow_cross_namespace: self.allow_cross_namespace,
                    allow_external_name_services: self.allow_external_name_services,
                    allow_empty_services: self.allow_empty_services,
                    native_lb_by_default: self.native_lb_by_default,
                    disable_cluster_scope_resources: self.disable_cluster_scope_resources,
                    cross_provider_namespaces: self.cross_provider_namespaces.clone(),
                    zone: self.zone.clone(),
                    node: self.node_name.clone(),
                }
            }
        }
    };
}

provider! {
    /// `providers.kubernetesCRD`. Without an endpoint: the cluster that ingora runs in, else KUBECONFIG's.
    KubernetesCrd {
        /// URL of the Kubernetes API; default empty.
        #[serde(default)]
        endpoint: String,
        /// Bearer token for the endpoint; default empty.
        #[serde(default)]
        token: Secret,
        /// File with the CA of the endpoint; default empty.
        #[serde(default)]
        cert_auth_file_path: String,
        /// What is written back into the cluster; ours.
        #[serde(default)]
        feedback: Feedback,
    }
}

provider! {
    /// `providers.manifests`: the same objects from YAML files, without a cluster.
    Manifests {
        /// A file, or a directory of `.yaml` and `.yml` files; required.
        path: PathBuf,
        /// Follow changes of the files; default true.
        #[serde(default = "yes")]
        watch: bool,
    }
}

const fn yes() -> bool {
    true
}
