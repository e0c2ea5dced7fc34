//! Health checks of a service reference, with Traefik's defaults filled in.
//! Whether servers are well is found out elsewhere; this is what was asked for.

use ingora_crds::duration::GoDuration;
use ingora_crds::service::{HealthCheck, PassiveHealthCheck, ServiceRef};

use super::context::Context;
use crate::diagnostic::ObjectRef;
use crate::dynamic::http::{PassiveServerHealthCheck, ServerHealthCheck};

const INTERVAL: GoDuration = GoDuration::from_secs(30);
const TIMEOUT: GoDuration = GoDuration::from_secs(5);
const FAILURE_WINDOW: GoDuration = GoDuration::from_secs(10);
const MAX_FAILED_ATTEMPTS: i64 = 1;

/// Whether the reference may have an active check: only one to a Service of type ExternalName may. `None` is no, and
/// is reported. A Service that doesn't exist is reported elsewhere.
pub(super) fn allowed(
    cx: &mut Context<'_>,
    reference: &ServiceRef,
    namespace: &str,
    object: &ObjectRef,
    path: &str,
) -> Option<()> {
    if reference.health_check.is_none() {
        return Some(());
    }
    let Some(service) = cx.service(namespace, &reference.name) else { return Some(()) };
    let kind = service.spec.as_ref().and_then(|s| s.type_.as_deref()).unwrap_or("ClusterIP");
    if kind == "ExternalName" {
        return Some(());
    }
    let message = format!(
        "healthCheck is for Services of type ExternalName only, and {namespace}/{} is of type {kind}: remove it, \
         Kubernetes' readiness probes do this",
        reference.name
    );
    cx.error("HealthCheckNotAllowed", object, format!("{path}.healthCheck"), message);
    None
}

/// The active check as asked for.
pub(super) fn active(given: &HealthCheck) -> ServerHealthCheck {
    let interval = given.interval.unwrap_or(INTERVAL);
    ServerHealthCheck {
        scheme: given.scheme.clone(),
        mode: if given.mode.is_empty() { "http".to_owned() } else { given.mode.clone() },
        path: given.path.clone(),
        method: given.method.clone(),
        status: given.status,
        port: given.port,
        interval: Some(interval),
        unhealthy_interval: Some(given.unhealthy_interval.unwrap_or(interval)),
        timeout: Some(given.timeout.unwrap_or(TIMEOUT)),
        hostname: given.hostname.clone(),
        follow_redirects: Some(given.follow_redirects.unwrap_or(true)),
        headers: given.headers.clone(),
    }
}

/// The passive check as asked for.
pub(super) fn passive(given: &PassiveHealthCheck) -> PassiveServerHealthCheck {
    PassiveServerHealthCheck {
        failure_window: Some(given.failure_window.unwrap_or(FAILURE_WINDOW)),
        max_failed_attempts: Some(given.max_failed_attempts.unwrap_or(MAX_FAILED_ATTEMPTS)),
    }
}
