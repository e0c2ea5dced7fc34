//! `ipAllowList`, and its old name `ipWhiteList`: lets addresses through, refuses the others.
//! A request filter.

use ingora_crds::middleware as config;

use super::ip_strategy::{IpStrategy, Ranges};
use crate::filter::{Filter, RequestCx, Step};
use crate::registry::BadConfig;
use crate::reply::{Reply, status_text};

/// Lets the clients of a list of addresses through.
pub(super) struct IpAllowList {
    ranges: Ranges,
    strategy: IpStrategy,
    status: u16,
}

/// The same under the old name, which always refuses with 403.
pub(super) struct IpWhiteList;

// === impl IpAllowList ===

impl IpAllowList {
    pub(super) fn new(config: &config::IpAllowList) -> Result<Self, BadConfig> {
        if config.source_range.is_empty() {
            return Err(BadConfig::new("sourceRange", "is empty: at least one address or CIDR is needed"));
        }
        let status = match config.reject_status_code {
            0 => 403,
            code => u16::try_from(code).ok().filter(|code| !status_text(*code).is_empty()).ok_or_else(|| {
                BadConfig::new(
                    "rejectStatusCode",
                    format!("{code} is not a status of HTTP: 403 or 404, for example, are"),
                )
            })?,
        };
        let strategy = IpStrategy::new(config.ip_strategy.as_ref())?;
        Ok(IpAllowList { ranges: Ranges::new("sourceRange", &config.source_range)?, strategy, status })
    }
}

impl Filter for IpAllowList {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        match self.strategy.address(cx) {
            Some(ip) if self.ranges.contain(ip) => Step::NEXT,
            _ => Step::reply(Reply::status_text(self.status)),
        }
    }
}

// === impl IpWhiteList ===

impl IpWhiteList {
    #[allow(clippy::new_ret_no_self, reason = "it is the other filter under an old name")]
    pub(super) fn new(config: &config::IpWhiteList) -> Result<IpAllowList, BadConfig> {
        let (source_range, ip_strategy) = (config.source_range.clone(), config.ip_strategy.clone());
        IpAllowList::new(&config::IpAllowList { source_range, ip_strategy, reject_status_code: 0 })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::Trial;

    #[test]
    fn lets_the_listed_through() {
        let from = |ip| Trial::get("/").peer(ip);
        for (json, trial, status, text) in [
            (r#"{"sourceRange": ["192.0.2.1"]}"#, from("192.0.2.1"), 200, ""),
            (r#"{"sourceRange": ["192.0.2.1"]}"#, from("192.0.2.2"), 403, "Forbidden"),
            (r#"{"sourceRange": ["10.0.0.0/8", "192.0.2.9/24"]}"#, from("192.0.2.2"), 200, ""),
            (r#"{"sourceRange": ["192.0.2.0/24"]}"#, from("::ffff:192.0.2.2"), 200, ""),
            (r#"{"sourceRange": ["2001:db8::/32"]}"#, from("2001:db8::1"), 200, ""),
            (r#"{"sourceRange": ["2001:db8::/32"], "rejectStatusCode": 404}"#, from("192.0.2.2"), 404, "Not Found"),
            (r#"{"sourceRange": ["10.0.0.1"], "ipStrategy": {"depth": 1}}"#, from("10.0.0.1"), 403, "Forbidden"),
            (
                r#"{"sourceRange": ["10.0.0.1"], "ipStrategy": {"depth": 1}}"#,
                from("1.1.1.1").header("X-Forwarded-For", "10.0.0.1"),
                200,
                "",
            ),
        ] {
            let outcome = trial.run(IpAllowList::new(&serde_json::from_str(json).unwrap()).unwrap());
            assert_eq!((outcome.status(), outcome.text().as_str()), (status, text), "{json}");
        }
    }

    #[test]
    fn the_old_name_refuses_with_403() {
        let config = config::IpWhiteList { source_range: vec!["10.0.0.1".into()], ..Default::default() };
        assert_eq!(Trial::get("/").run(IpWhiteList::new(&config).unwrap()).status(), 403);
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        for (json, path) in [
            (r#"{"sourceRange": []}"#, "sourceRange"),
            (r#"{"sourceRange": ["10.0.0.1", "10.0.0.0/33"]}"#, "sourceRange[1]"),
            (r#"{"sourceRange": ["10.0.0.1"], "rejectStatusCode": 999}"#, "rejectStatusCode"),
            (r#"{"sourceRange": ["10.0.0.1"], "rejectStatusCode": -1}"#, "rejectStatusCode"),
            (r#"{"sourceRange": ["10.0.0.1"], "ipStrategy": {"depth": -1}}"#, "ipStrategy.depth"),
        ] {
            assert_eq!(IpAllowList::new(&serde_json::from_str(json).unwrap()).err().unwrap().path, path);
        }
    }
}
