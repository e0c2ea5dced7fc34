//! What this version translates, and shows, but does not serve: counted, to be told once.

use std::fmt;

use crate::dynamic::http::Service;
use crate::routing::Table;

/// Numbers of what is not served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unserved {
    /// HTTP services that are served without some of their settings.
    pub services: usize,
}

// === impl Unserved ===

impl Unserved {
    /// Counts what is in a table, and in the configuration that it was made from.
    pub fn of(table: &Table) -> Self {
        let configuration = table.configuration();
        Unserved { services: configuration.http.services.values().filter(|service| is_simplified(service)).count() }
    }

    /// Whether everything is served.
    pub fn is_empty(&self) -> bool {
        *self == Unserved::default()
    }
}

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |n: usize, what: &str| (n > 0).then(|| format!("{n} {what}{}", if n == 1 { "" } else { "s" }));
        let services = count(self.services, "service").map(|n| format!("mirroring/failover of {n}"));
        write!(f, "{}: translated, not served by this version", services.unwrap_or_default())
    }
}

/// Whether a service is served by its main service alone, though more is asked for.
fn is_simplified(service: &Service) -> bool {
    matches!(service, Service::Mirroring(_) | Service::Failover(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::fixture;

    const ROUTES: &str = "
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: plain, namespace: default}
spec:
  routes:
    - {match: Host(`b`), kind: Rule, services: [{name: m, kind: TraefikService}]}
---
apiVersion: traefik.io/v1alpha1
kind: TraefikService
metadata: {name: m, namespace: default}
spec: {mirroring: {name: s, port: 80}}
---
apiVersion: v1
kind: Service
metadata: {name: s, namespace: default}
spec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}
";

    #[test]
    fn counts_what_is_not_served() {
        let config = "providers: {manifests: {path: x, allowEmptyServices: true}}";
        let (table, _) = fixture::recipe(config).cook(&fixture::snapshot(ROUTES), None);
        let unserved = Unserved::of(&table);
        assert_eq!(unserved, Unserved { services: 1 });
        let text = "mirroring/failover of 1 service: translated, not served by this version";
        assert_eq!(unserved.to_string(), text);
        assert!(Unserved::of(&Table::default()).is_empty());
    }
}
