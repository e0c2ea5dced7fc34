//! What the process itself answers: the services `ping@internal`, `ready@internal`, `prometheus@internal`, `noop@internal`.
//! Reached by routes like any other service.

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use ingora_middleware::Reply;

use super::life_cycle::LifeCycle;
use crate::observe::{Observed, Readiness};
use crate::routing::Internal;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// Prometheus' text format.
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// The answer of an internal service.
pub(super) fn answer(service: Internal, life_cycle: &LifeCycle, observed: &Observed) -> Reply {
    match service {
        Internal::Ping { terminating_status } => {
            let (status, body) = match (life_cycle.ready(), life_cycle.terminating()) {
                (true, _) => (200, "OK"),
                (false, true) => (terminating_status, "terminating"),
                (false, false) => (503, "no configuration yet"),
            };
            Reply::plain(status, body).with(CONTENT_TYPE, TEXT)
        }
        Internal::Ready => {
            let Readiness { status, body } = Readiness::of(life_cycle.ready(), life_cycle.terminating(), observed);
            Reply::plain(status, body).with(CONTENT_TYPE, TEXT)
        }
        Internal::Prometheus => Reply::plain(200, observed.text()).with(CONTENT_TYPE, METRICS),
        Internal::Noop => Reply::status_text(418),
    }
}
