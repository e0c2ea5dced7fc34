//! `rateLimit`: a token bucket per source; requests that come a little too early wait, others get 429.
//! A request filter. The buckets are in memory, of one router, or in a Redis that replicas and routers share.

mod bucket;
mod redis;

use std::time::{Duration, Instant};

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue};
use ingora_crds::duration::GoDuration;

use self::bucket::{Buckets, Decision, Rate};
use self::redis::Shared;
use super::ip_strategy::IpStrategy;
use super::source::Source;
use crate::config;
use crate::filter::{BoxFuture, Fault, Filter, Flow, Progress, RequestCx, Step};
use crate::registry::BadConfig;
use crate::reply::Reply;

const X_RETRY_IN: HeaderName = HeaderName::from_static("x-retry-in");

/// Lets so many requests of a source through in a period.
pub(super) struct RateLimit {
    /// None is no limit.
    limit: Option<Limit>,
    source: Source,
}

struct Limit {
    rate: Rate,
    counts: Counts,
}

enum Counts {
    Here(Buckets),
    Shared(Box<Shared>),
}

// === impl RateLimit ===

impl RateLimit {
    /// `name` is the middleware's: buckets that are shared carry it.
    pub(super) fn new(config: &config::RateLimit, name: &str) -> Result<Self, BadConfig> {
        let rate = Rate::new(config)?;
        let source = Source::new(config.source_criterion.as_ref(), Source::Client(IpStrategy::new(None)?))?;
        let counts = match &config.redis {
            Some(redis) => Counts::Shared(Box::new(Shared::new(redis, name).map_err(|bad| bad.under("redis"))?)),
            None => Counts::Here(Buckets::default()),
        };
        Ok(RateLimit { limit: rate.map(|rate| Limit { rate, counts }), source })
    }
}

impl Filter for RateLimit {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        let Some(Limit { rate, counts }) = &self.limit else { return Step::NEXT };
        let source = self.source.key(cx);
        match counts {
            Counts::Here(buckets) => match buckets.take(rate, &source, Instant::now()) {
                Decision::Now => Step::NEXT,
                Decision::After(delay) => Step::Later(wait(delay)),
                Decision::Refused(delay) => Step::Now(refuse(delay)),
            },
            Counts::Shared(shared) => {
                let source = source.into_owned();
                Step::Later(Box::pin(async move {
                    match shared.take(rate, &source).await {
                        Ok(Decision::Now) => Ok(Flow::Next),
                        Ok(Decision::After(delay)) => wait(delay).await,
                        Ok(Decision::Refused(delay)) => refuse(delay),
                        Err(e) => Err(Fault::internal(format_args!("the shared limit can't be asked: {e}"))),
                    }
                }))
            }
        }
    }
}

fn wait<'a>(delay: Duration) -> BoxFuture<'a, Progress> {
    Box::pin(async move {
        tokio::time::sleep(delay).await;
        Ok(Flow::Next)
    })
}

fn refuse(delay: Duration) -> Progress {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    let exact = HeaderValue::try_from(GoDuration::from(delay).to_string()).map_err(Fault::internal)?;
    let reply = Reply::status_text(429).with(RETRY_AFTER, seconds.into()).with(X_RETRY_IN, exact);
    Ok(Flow::Reply(Box::new(reply)))
}

#[cfg(test)]
mod tests;
