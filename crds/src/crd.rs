//! The definitions of the custom resources, for the API server.
//! Made from the types; the files beside this crate's manifest are the same, held current by a test.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// The API groups: Traefik 3's first, then the one of Traefik 2.
pub const GROUPS: [&str; 2] = ["traefik.io", "traefik.containo.us"];

/// The definitions of all ten kinds, in both groups; in the same order always.
pub fn all() -> Vec<CustomResourceDefinition> {
    GROUPS.iter().flat_map(|group| in_group(group)).collect()
}

/// All definitions as one YAML text of many documents.
pub fn yaml() -> String {
    all().iter().map(document).collect()
}

/// The definitions of all ten kinds in that group.
fn in_group(group: &str) -> Vec<CustomResourceDefinition> {
    let mut crds = vec![
        crate::IngressRoute::crd(),
        crate::IngressRouteTCP::crd(),
        crate::IngressRouteUDP::crd(),
        crate::Middleware::crd(),
        crate::MiddlewareTCP::crd(),
        crate::ServersTransport::crd(),
        crate::ServersTransportTCP::crd(),
        crate::TLSOption::crd(),
        crate::TLSStore::crd(),
        crate::TraefikService::crd(),
    ];
    for crd in &mut crds {
        crd.metadata.name = Some(format!("{}.{group}", crd.spec.names.plural));
        crd.spec.group = group.to_owned();
    }
    crds
}

/// One definition as a YAML document, with its opening `---`.
fn document(crd: &CustomResourceDefinition) -> String {
    format!("---\n{}", serde_yaml::to_string(crd).unwrap_or_default())
}
