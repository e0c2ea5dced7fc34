//! `stripPrefixRegex`: takes what matches off the path's beginning and tells it in `X-Forwarded-Prefix`.
//! A request filter; expressions see the decoded path.

use http::header::HeaderValue;
use ingora_crds::middleware as config;
use regex::Regex;

use super::strip_prefix::strip;
use crate::filter::{Fault, Filter, Flow, Progress, RequestCx, Step};
use crate::go_regex::regex_option;
use crate::path;
use crate::registry::BadConfig;

/// Takes off what the first expression finds that matches at the beginning.
pub(super) struct StripPrefixRegex {
    expressions: Vec<Regex>,
}

// === impl StripPrefixRegex ===

impl StripPrefixRegex {
    pub(super) fn new(config: &config::StripPrefixRegex) -> Result<Self, BadConfig> {
        let expressions =
            config.regex.iter().enumerate().map(|(i, text)| regex_option(&format!("regex[{i}]"), text.trim()));
        Ok(StripPrefixRegex { expressions: expressions.collect::<Result<_, _>>()? })
    }

    fn on_request(&self, cx: &mut RequestCx<'_>) -> Progress {
        let Ok(decoded) = path::decode(cx.path()) else { return Ok(Flow::Next) };
        let decoded = String::from_utf8_lossy(&decoded);
        let prefix = self.expressions.iter().find_map(|expression| {
            let found = expression.find(&decoded)?;
            (found.start() == 0 && !found.is_empty()).then_some(found.as_str())
        });
        let Some(prefix) = prefix else { return Ok(Flow::Next) };
        let Some(cut) = path::escaped_prefix_len(cx.path(), prefix.as_bytes()) else { return Ok(Flow::Next) };
        let value = HeaderValue::from_bytes(prefix.as_bytes()).map_err(Fault::internal)?;
        strip(cx, cut, value, false)
    }
}

impl Filter for StripPrefixRegex {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        Step::Now(self.on_request(cx))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::Trial;

    fn filter(regex: &[&str]) -> Result<StripPrefixRegex, BadConfig> {
        StripPrefixRegex::new(&config::StripPrefixRegex { regex: regex.iter().map(|r| (*r).to_owned()).collect() })
    }

    #[test]
    fn takes_what_matches_at_the_beginning_off() {
        for (regex, target, sent, told) in [
            (&["/a/[0-9]+"] as &[_], "/a/12/b?q", "/b?q", "/a/12"),
            (&["/a/[0-9]+"], "/x/a/12", "/x/a/12", "-"),
            (&["^/a/", "/a"], "/a/b", "/b", "/a/"),
            (&["/x", "/a"], "/a", "/", "/a"),
            (&["x*"], "/a", "/a", "-"),
            (&["/a b"], "/a%20b/c%2Fd", "/c%2Fd", "/a b"),
            (&["/é"], "/%C3%A9/x", "/x", "/é"),
        ] {
            let outcome = Trial::get(target).run(filter(regex).unwrap());
            let told_bytes = outcome.request.headers.get("X-Forwarded-Prefix").map(|v| v.as_bytes().to_vec());
            assert_eq!(outcome.target(), sent, "{target}");
            assert_eq!(told_bytes.as_deref().unwrap_or(b"-"), told.as_bytes(), "{target}");
        }
    }

    #[test]
    fn refuses_what_is_not_clean_afterwards() {
        assert_eq!(Trial::get("/a../b").run(filter(&["/a"]).unwrap()).status(), 400);
    }

    #[test]
    fn names_the_expression_that_is_none() {
        assert_eq!(filter(&["ok", "("]).err().unwrap().path, "regex[1]");
    }
}
