//! The filters that services within a router's service have of their own (`services[].middlewares` of a reference): what
//! is chosen brings them, behind those of the router.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::table::{Route, Target};
use super::Compiler;
use crate::dynamic::http::Service;
use crate::rule::HttpRule;

impl Compiler<'_> {
    /// The filters by service, of all that the router's service may choose; its own are with the router's.
    pub(super) fn inner(
        &mut self,
        router: &str,
        rule: &Arc<HttpRule>,
        service: &str,
    ) -> Result<Vec<(Arc<str>, Arc<Route>)>, String> {
        let configuration = self.configuration;
        let mut found = Vec::new();
        let (mut due, mut seen) = (vec![plain(service)], HashSet::new());
        while let Some(name) = due.pop() {
            if !seen.insert(name) {
                continue;
            }
            match configuration.http.services.get(name) {
                None => {}
                Some(Service::LoadBalancer(servers)) if servers.middlewares.is_empty() || name == plain(service) => {}
                Some(Service::LoadBalancer(servers)) => {
                    let (chain, middlewares) = self.filters.chain(name, &servers.middlewares)?;
                    let own_services = self.own_services(&chain)?;
                    let route = Route {
                        name: router.into(),
                        rule: rule.clone(),
                        text: String::new(),
                        priority: 0,
                        middlewares,
                        acts_around: chain.acts_around(),
                        chain,
                        own_services,
                        service: name.to_owned(),
                        target: Target::Chosen,
                        inner: Vec::new(),
                    };
                    found.push((name.into(), Arc::new(route)));
                }
                // Mirrors answer nobody: what filters would do to them is not done to copies.
                Some(Service::Mirroring(mirroring)) => due.push(plain(&mirroring.service)),
                Some(Service::Failover(failover)) => {
                    due.extend([plain(&failover.service), plain(&failover.fallback)]);
                }
                Some(Service::Weighted(weighted)) => due.extend(weighted.services.iter().map(|s| plain(&s.name))),
                Some(Service::HighestRandomWeight(hashed)) => {
                    due.extend(hashed.services.iter().map(|s| plain(&s.name)));
                }
            }
        }
        Ok(found)
    }
}

fn plain(service: &str) -> &str {
    service.strip_suffix("@kubernetescrd").unwrap_or(service)
}
