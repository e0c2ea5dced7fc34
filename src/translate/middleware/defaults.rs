//! The values that Traefik's provider fills in where a Middleware says nothing; those of Traefik 2.3 for its group.
//! Zero counts as nothing said wherever Traefik's own JSON leaves zero out.

use ingora_crds::duration::GoDuration;
use ingora_crds::middleware::{CircuitBreaker, Compress, ContentType, Headers, PassTlsClientCert, Retry, StripPrefix};

use crate::objects::Group;

/// Largest body that is kept for another try: 2 MiB.
const RETRY_BODY: i64 = 2 * 1024 * 1024;
/// Encodings of responses, in order of preference.
const ENCODINGS: [&str; 3] = ["gzip", "br", "zstd"];

/// Check each 100 ms, refuse for 10 s, recover in 10 s, answer 503.
pub(super) fn circuit_breaker(given: CircuitBreaker) -> CircuitBreaker {
    CircuitBreaker {
        check_period: given.check_period.or(Some(GoDuration::from_millis(100))),
        fallback_duration: given.fallback_duration.or(Some(GoDuration::from_secs(10))),
        recovery_duration: given.recovery_duration.or(Some(GoDuration::from_secs(10))),
        response_code: if given.response_code == 0 { 503 } else { given.response_code },
        ..given
    }
}

/// gzip, then br, then zstd; Traefik 2.3 knows the first alone.
pub(super) fn compress(given: Compress, group: Group) -> Compress {
    let known = if group == Group::ContainoUs { &ENCODINGS[..1] } else { &ENCODINGS };
    let encodings =
        if given.encodings.is_empty() { known.iter().map(|e| (*e).to_owned()).collect() } else { given.encodings };
    Compress { encodings, min_response_body_bytes: given.min_response_body_bytes.filter(|n| *n != 0), ..given }
}

/// Redirections to TLS are Traefik 2's alone.
pub(super) fn headers(given: Headers, group: Group) -> Headers {
    Headers { ssl_options_count: group == Group::ContainoUs, ..given }
}

/// In Traefik 2.3 types are found out only where that is asked for.
pub(super) fn content_type(given: ContentType, group: Group) -> ContentType {
    ContentType { auto_detect: given.auto_detect.or((group == Group::ContainoUs).then_some(false)) }
}

/// Traefik 2.3 escapes certificates as in a query.
pub(super) fn pass_tls_client_cert(given: PassTlsClientCert, group: Group) -> PassTlsClientCert {
    PassTlsClientCert { query_escaped: group == Group::ContainoUs, ..given }
}

/// A path that was stripped to nothing is `/` in Traefik 2.3.
pub(super) fn strip_prefix(given: StripPrefix, group: Group) -> StripPrefix {
    StripPrefix { force_slash: given.force_slash.or((group == Group::ContainoUs).then_some(true)), ..given }
}

/// Bodies up to 2 MiB.
pub(super) fn retry(given: Retry) -> Retry {
    let some = |d: &GoDuration| *d != GoDuration::default();
    Retry {
        initial_interval: given.initial_interval.filter(some),
        timeout: given.timeout.filter(some),
        max_request_body_bytes: given.max_request_body_bytes.or(Some(RETRY_BODY)),
        ..given
    }
}
