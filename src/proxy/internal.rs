//! What the process itself answers: the services `ping@internal` and `noop@internal`.
//! Reached by routes like any other service.

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use ingora_middleware::Reply;

use super::life_cycle::LifeCycle;
use crate::routing::Internal;

/// The answer of an internal service.
pub(super) fn answer(service: Internal, life_cycle: &LifeCycle) -> Reply {
    match service {
        Internal::Ping { terminating_status } => {
            let (status, body) = match (life_cycle.ready(), life_cycle.terminating()) {
                (true, _) => (200, "OK"),
                (false, true) => (terminating_status, "terminating"),
                (false, false) => (503, "no configuration yet"),
            };
            Reply::plain(status, body).with(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))
        }
        Internal::Noop => Reply::status_text(418),
    }
}
