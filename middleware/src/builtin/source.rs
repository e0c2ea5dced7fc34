//! Which requests are counted together: those of a client, for a host, or with the same value of a header.
//! Used by the filters that limit.

use std::borrow::Cow;

use http::header::{HeaderName, HeaderValue};
use ingora_crds::middleware as config;

use super::ip_strategy::IpStrategy;
use crate::filter::RequestCx;
use crate::header::header_name;
use crate::registry::BadConfig;

/// What a request is counted under.
pub(super) enum Source {
    /// The client's address.
    Client(IpStrategy),
    /// The host asked for, with its port.
    Host,
    /// A header's first value; requests without it are counted together.
    Header(HeaderName),
}

// === impl Source ===

impl Source {
    /// From configuration; `default` where nothing is chosen.
    pub(super) fn new(config: Option<&config::SourceCriterion>, default: Source) -> Result<Self, BadConfig> {
        let Some(config) = config else { return Ok(default) };
        let bad = |e: BadConfig| e.under("sourceCriterion");
        match (&config.ip_strategy, config.request_header_name.as_str(), config.request_host) {
            (None, "", false) => Ok(default),
            (Some(strategy), "", false) => IpStrategy::new(Some(strategy)).map(Source::Client).map_err(bad),
            (None, "", true) => Ok(Source::Host),
            (None, name, false) => header_name("requestHeaderName", name).map(Source::Header).map_err(bad),
            _ => Err(BadConfig::new(
                "sourceCriterion",
                "several are set: one of ipStrategy, requestHeaderName and requestHost is accepted",
            )),
        }
    }

    /// What this request is counted under.
    pub(super) fn key<'c>(&self, cx: &'c RequestCx<'_>) -> Cow<'c, str> {
        match self {
            Source::Client(strategy) => strategy.text(cx),
            Source::Host => cx.host().into(),
            Source::Header(name) => {
                let value = cx.request.headers.get(name).map(HeaderValue::as_bytes);
                String::from_utf8_lossy(value.unwrap_or_default())
            }
        }
    }
}
