//! The limit on the rate of requests, and the Redis that its counts may be shared through.
//! Periods and timeouts are filled in as Traefik's provider does.

use ingora_crds::duration::GoDuration;
use ingora_crds::middleware::{RateLimit, Redis};
use ingora_middleware::config;

use super::{Refused, Scope, forward_auth};
use crate::translate::context::Context;
use crate::translate::secret;

/// Fills in a burst of 1 and a period of a second.
pub(super) fn translate(
    cx: &mut Context<'_>,
    scope: &Scope<'_>,
    given: &RateLimit,
) -> Result<config::RateLimit, Refused> {
    Ok(config::RateLimit {
        average: given.average,
        period: Some(given.period.unwrap_or(GoDuration::from_secs(1))),
        burst: if given.burst == 0 { 1 } else { given.burst },
        source_criterion: given.source_criterion.clone(),
        redis: given.redis.as_ref().map(|r| redis(cx, scope, r)).transpose()?,
    })
}

fn redis(cx: &mut Context<'_>, scope: &Scope<'_>, given: &Redis) -> Result<config::Redis, Refused> {
    let path = "spec.rateLimit.redis";
    let tls =
        given.tls.as_ref().map(|tls| forward_auth::client_tls(cx, scope, tls, &format!("{path}.tls"))).transpose()?;
    let (username, password) = match given.secret.as_str() {
        "" => (String::new(), None),
        name => match secret::credentials(&cx.reader, scope.namespace(), name) {
            Ok((username, password)) => (username, Some(password)),
            Err(problem) => {
                problem.report(cx, scope.object, &format!("{path}.secret"));
                return Err(Refused);
            }
        },
    };
    let endpoints = match given.endpoints.as_slice() {
        [] => vec!["127.0.0.1:6379".to_owned()],
        given => given.to_vec(),
    };
    Ok(config::Redis {
        endpoints,
        tls,
        username,
        password,
        db: given.db,
        pool_size: given.pool_size,
        min_idle_conns: given.min_idle_conns,
        max_active_conns: given.max_active_conns,
        read_timeout: Some(given.read_timeout.unwrap_or(GoDuration::from_secs(3))),
        write_timeout: Some(given.write_timeout.unwrap_or(GoDuration::from_secs(3))),
        dial_timeout: Some(given.dial_timeout.unwrap_or(GoDuration::from_secs(5))),
    })
}
