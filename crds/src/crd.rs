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
        for version in &mut crd.spec.versions {
            version.additional_printer_columns = Some(crate::columns::of(&crd.spec.names.kind));
        }
    }
    crds
}

/// One definition as a YAML document, with its opening `---`.
fn document(crd: &CustomResourceDefinition) -> String {
    format!("---\n{}", serde_yaml::to_string(crd).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The files beside this crate's manifest, by name. `UPDATE_CRDS=1 cargo test -p ingora-crds` writes them.
    #[test]
    fn the_files_are_current() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let expected: BTreeMap<String, String> = all()
            .iter()
            .map(|crd| (format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural), document(crd)))
            .collect();
        let found = || {
            let names = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
            names.filter(|n| n.ends_with(".yaml")).collect::<Vec<_>>()
        };
        if std::env::var_os("UPDATE_CRDS").is_some() {
            for stale in found().iter().filter(|n| !expected.contains_key(*n)) {
                fs::remove_file(dir.join(stale)).unwrap();
            }
            for (name, text) in &expected {
                fs::write(dir.join(name), text).unwrap();
            }
        }
        let found = found().into_iter().map(|n| (n.clone(), fs::read_to_string(dir.join(n)).unwrap())).collect();
        // Not assert_eq!, which would print everything.
        assert!(expected == found, "the YAML files are stale: run `UPDATE_CRDS=1 cargo test -p ingora-crds`");
    }

    #[test]
    fn there_are_ten_kinds_in_two_groups() {
        let crds = all();
        let of = |group: &str| {
            let of_group = crds.iter().filter(|c| c.spec.group == group);
            of_group.map(|c| (c.spec.names.kind.as_str(), c.spec.names.plural.as_str())).collect::<Vec<_>>()
        };
        let kinds = [
            ("IngressRoute", "ingressroutes"),
            ("IngressRouteTCP", "ingressroutetcps"),
            ("IngressRouteUDP", "ingressrouteudps"),
            ("Middleware", "middlewares"),
            ("MiddlewareTCP", "middlewaretcps"),
            ("ServersTransport", "serverstransports"),
            ("ServersTransportTCP", "serverstransporttcps"),
            ("TLSOption", "tlsoptions"),
            ("TLSStore", "tlsstores"),
            ("TraefikService", "traefikservices"),
        ];
        assert_eq!(of("traefik.io"), kinds);
        assert_eq!(of("traefik.containo.us"), kinds);
        for crd in &crds {
            assert_eq!(crd.metadata.name, Some(format!("{}.{}", crd.spec.names.plural, crd.spec.group)));
            assert_eq!(crd.spec.scope, "Namespaced");
            assert!(crd.spec.versions.iter().all(|v| v.name == "v1alpha1" && v.served && v.storage));
            assert_eq!(crd.spec.versions.len(), 1);
            let version = &crd.spec.versions[0];
            assert!(version.subresources.as_ref().is_some_and(|s| s.status.is_some()), "{}", crd.spec.names.kind);
            let columns = version.additional_printer_columns.iter().flatten();
            let shown: Vec<_> = columns.filter(|c| c.priority.is_none()).map(|c| c.name.as_str()).collect();
            assert_eq!(shown[shown.len() - 2..], ["Ready", "Age"], "{}", crd.spec.names.kind);
        }
        assert_eq!(yaml().matches("---\n").count(), 20);
    }
}
