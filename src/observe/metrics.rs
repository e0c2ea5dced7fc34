//! What `/metrics` answers, in Prometheus' text format. Names and labels are Traefik's where it has the metric; `ingora_`
//! names are ours.

use std::sync::atomic::Ordering;

use prometheus::{
    Gauge, IntCounter, IntGauge, IntGaugeVec, Registry, TextEncoder, register_gauge_with_registry as gauge,
    register_int_counter_with_registry as counter, register_int_gauge_vec_with_registry as gauges,
    register_int_gauge_with_registry as int_gauge,
};

use super::{Observed, Source, Written};

/// What is counted by events; what has a state is read from it when somebody asks.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// `traefik_config_reloads_total`
    pub reloads: IntCounter,
    /// `traefik_config_last_reload_success`: seconds since 1970.
    pub last_reload: Gauge,
    /// `ingora_routes`
    pub routes: IntGauge,
    /// `ingora_diagnostics` by severity
    pub diagnostics: IntGaugeVec,
    states: IntGaugeVec,
    objects: IntGaugeVec,
    lists: IntGaugeVec,
    failures: IntGaugeVec,
    /// By name: statuses, events, errors, leader.
    written: [IntGauge; 4],
}

// === impl Metrics ===

impl Metrics {
    pub(super) fn new() -> prometheus::Result<Self> {
        let r = Registry::new();
        let watcher = &["resource", "namespace"];
        let state = "What the watcher of a kind does: 1 for the state that it is in";
        Ok(Metrics {
            reloads: counter!("traefik_config_reloads_total", "Config reloads", r)?,
            last_reload: gauge!("traefik_config_last_reload_success", "Last config reload success", r)?,
            routes: int_gauge!("ingora_routes", "Routes that serve, on all entry points", r)?,
            diagnostics: gauges!("ingora_diagnostics", "What is wrong with objects now", &["severity"], r)?,
            states: gauges!("ingora_source_state", state, &["resource", "namespace", "state"], r)?,
            objects: gauges!("ingora_source_objects", "Objects known of a kind", watcher, r)?,
            lists: gauges!("ingora_source_lists_total", "How often all objects of a kind were read", watcher, r)?,
            failures: gauges!("ingora_source_failures_total", "Failures to read a kind", watcher, r)?,
            written: [
                int_gauge!("ingora_feedback_statuses_total", "Statuses written", r)?,
                int_gauge!("ingora_feedback_events_total", "Events written", r)?,
                int_gauge!("ingora_feedback_errors_total", "Statuses and Events that could not be written", r)?,
                int_gauge!("ingora_feedback_leader", "Whether this process writes statuses and Events", r)?,
            ],
            registry: r,
        })
    }
}

impl Observed {
    /// All metrics, as Prometheus reads them.
    pub fn text(&self) -> String {
        let metrics = &self.metrics;
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        metrics.states.reset();
        for Source { resource, namespace, state, objects, lists, failures, .. } in self.sources.load().iter() {
            let labels = [&**resource, &**namespace];
            metrics.states.with_label_values(&[&**resource, &**namespace, *state]).set(1);
            metrics.objects.with_label_values(&labels).set(number(*objects as u64));
            metrics.lists.with_label_values(&labels).set(number(*lists));
            metrics.failures.with_label_values(&labels).set(number(*failures));
        }
        let Written { statuses, events, errors, leads } = &*self.written;
        let counts = [statuses, events, errors].map(|n| number(n.load(Ordering::Relaxed)));
        let all = counts.into_iter().chain([i64::from(leads.load(Ordering::Relaxed))]);
        metrics.written.iter().zip(all).for_each(|(gauge, n)| gauge.set(n));
        TextEncoder::new().encode_to_string(&metrics.registry.gather()).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn tells_the_state_of_sources() {
        let observed = Observed::new().unwrap();
        let source = |state| Source {
            resource: "services".into(),
            namespace: "".into(),
            state,
            problem: None,
            missing: false,
            objects: 3,
            lists: 1,
            failures: 0,
        };
        observed.metrics.reloads.inc();
        observed.written.events.store(7, Ordering::Relaxed);
        observed.written.leads.store(true, Ordering::Relaxed);
        observed.sources.store(Arc::new(vec![source("syncing")]));
        observed.text();
        observed.sources.store(Arc::new(vec![source("watching")]));
        let text = observed.text();
        for line in [
            "traefik_config_reloads_total 1",
            "ingora_feedback_events_total 7",
            "ingora_feedback_leader 1",
            "ingora_source_state{namespace=\"\",resource=\"services\",state=\"watching\"} 1",
            "ingora_source_objects{namespace=\"\",resource=\"services\"} 3",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("syncing"), "{text}");
    }
}
