//! The service that writes into the cluster what became of its objects, and what it asks of a table.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;

use crate::config::Config;
use crate::diagnostic::ObjectRef;
use crate::dynamic::Section;
use crate::feedback::{Facts, Feedback, Settings, run};
use crate::objects::kube::Access;
use crate::proxy::LifeCycle;
use crate::proxy::life_cycle::turned;
use crate::routing::Table;
use crate::translate::{Filter, Options};

/// Writes until the process ends.
pub(super) struct Writer {
    feedback: Feedback,
    settings: Settings,
    access: Access,
    life_cycle: Arc<LifeCycle>,
}

/// A table, and which objects it was made from.
pub(super) struct Serving {
    pub table: Arc<Table>,
    pub filter: Arc<Filter>,
}

/// The filter that the translation has, too; what is wrong with it, that one tells.
pub(super) fn filter(options: &Options) -> Arc<Filter> {
    Arc::new(Filter::new(options).0)
}

// === impl Writer ===

impl Writer {
    /// Writes what `feedback` is told into the cluster that `access` leads to, as far as the configuration says.
    pub fn new(config: &Config, feedback: Feedback, access: Access, life_cycle: Arc<LifeCycle>) -> Self {
        let provider = config.providers.kubernetes_crd.as_ref();
        let asked = provider.map(|p| p.feedback.clone()).unwrap_or_default();
        let settings = Settings {
            status: asked.status,
            events: asked.events,
            lease_name: asked.lease_name,
            lease_namespace: Some(asked.lease_namespace).filter(|namespace| !namespace.is_empty()),
            namespaces: provider.map(|p| p.namespaces.clone()).unwrap_or_default(),
        };
        Writer { feedback, settings, access, life_cycle }
    }
}

#[async_trait]
impl BackgroundService for Writer {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let client = match self.access.client() {
            Ok(client) => client,
            Err(error) => return log::error!("feedback: {error}"),
        };
        // The Lease is given back before the process ends.
        let _draining = self.life_cycle.register();
        let mut terminating = self.life_cycle.watch_terminating();
        let stop = async {
            tokio::select! {
                () = turned(&mut shutdown) => {}
                () = turned(&mut terminating) => {}
            }
        };
        run(self.feedback.clone(), self.settings.clone(), client, stop).await;
    }
}

// === impl Serving ===

impl Serving {
    /// The objects that these routers are made from; the process's own are made from none.
    fn origins<'a>(&'a self, section: Section, names: HashSet<&'a str>) -> impl Iterator<Item = &'a ObjectRef> {
        let origins = &self.table.configuration().origins;
        names.into_iter().filter_map(move |name| Some(&*origins.get(section, name)?.object))
    }
}

impl Facts for Serving {
    fn counts(&self, namespace: &str, metadata: &ObjectMeta) -> bool {
        self.filter.selects(namespace, metadata)
    }

    fn serving(&self) -> Vec<&ObjectRef> {
        let http = self.origins(Section::HttpRouter, self.table.serving());
        let tcp = self.origins(Section::TcpRouter, self.table.serving_tcp());
        let udp = self.origins(Section::UdpRouter, self.table.serving_udp());
        http.chain(tcp).chain(udp).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::fixture;

    const OBJECTS: &str = "
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: parent, namespace: default}
spec:
  routes:
    - {match: Host(`a`), kind: Rule}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: child, namespace: default}
spec:
  parentRefs: [{name: parent}]
  routes:
    - {match: Path(`/`), kind: Rule, services: [{name: noop@internal, kind: TraefikService}]}
    - {match: Path(`/b`), kind: Rule, services: [{name: noop@internal, kind: TraefikService}]}
    - {match: Nonsense(`/c`), kind: Rule, services: [{name: noop@internal, kind: TraefikService}]}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: nowhere, namespace: default}
spec:
  entryPoints: [unknown]
  routes:
    - {match: Host(`b`), kind: Rule, services: [{name: noop@internal, kind: TraefikService}]}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRouteTCP
metadata: {name: tcp, namespace: default}
spec:
  routes:
    - {match: HostSNI(`*`), services: [{name: s, port: 80}]}
    - {match: HostSNI(`a`), services: [{name: s, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: s, namespace: default}
spec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}
";

    #[test]
    fn routers_that_serve_are_counted_once_however_many_entry_points_they_have() {
        let recipe = fixture::recipe(
            "
entryPoints: {web: {address: ':80'}, other: {address: ':81'}}
providers: {manifests: {path: x, allowEmptyServices: true, namespaces: [default]}}",
        );
        let (table, _) = recipe.cook(&fixture::snapshot(OBJECTS), None);
        let serving = Serving { table: Arc::new(table), filter: filter(&recipe.options) };
        let mut names: Vec<_> = serving.serving().into_iter().map(ToString::to_string).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "IngressRoute default/child",
                "IngressRoute default/child",
                "IngressRoute default/parent",
                "IngressRouteTCP default/tcp"
            ]
        );
        assert!(serving.counts("default", &ObjectMeta::default()));
        assert!(!serving.counts("other", &ObjectMeta::default()));
    }
}
