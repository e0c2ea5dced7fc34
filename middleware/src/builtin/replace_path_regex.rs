//! `replacePathRegex`: rewrites the escaped path and tells the old one in `X-Replaced-Path`.
//! A request filter; what doesn't match passes.

use ingora_crds::middleware as config;
use regex::Regex;

use super::replace_path::{refuse, replace, rooted};
use crate::filter::{Filter, Flow, Progress, RequestCx, Step};
use crate::go_regex::regex_option;
use crate::path;
use crate::registry::BadConfig;
use crate::reply::Reply;

/// Rewrites the path where it matches.
pub(super) struct ReplacePathRegex {
    regex: Regex,
    replacement: String,
}

// === impl ReplacePathRegex ===

impl ReplacePathRegex {
    pub(super) fn new(config: &config::ReplacePathRegex) -> Result<Self, BadConfig> {
        let regex = regex_option("regex", config.regex.trim())?;
        Ok(ReplacePathRegex { regex, replacement: config.replacement.trim().to_owned() })
    }

    fn on_request(&self, cx: &mut RequestCx<'_>) -> Progress {
        // An empty replacement changes nothing, in Traefik either.
        if self.replacement.is_empty() || !self.regex.is_match(cx.path()) {
            return Ok(Flow::Next);
        }
        let path = match rooted(&self.regex.replace_all(cx.path(), &self.replacement)) {
            Ok(path) => path,
            Err(error) => return refuse(&error),
        };
        if !path::is_clean(&path) {
            return Ok(Flow::Reply(Box::new(Reply::empty(400))));
        }
        replace(cx, &path)
    }
}

impl Filter for ReplacePathRegex {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        Step::Now(self.on_request(cx))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{Outcome, Trial};

    fn run(regex: &str, replacement: &str, target: &str) -> Outcome {
        let config = config::ReplacePathRegex { regex: regex.into(), replacement: replacement.into() };
        Trial::get(target).run(ReplacePathRegex::new(&config).unwrap())
    }

    #[test]
    fn rewrites_what_matches() {
        for (regex, replacement, target, sent, told) in [
            ("^/foo/(.*)", "/bar/$1", "/foo/x?q=/foo/", "/bar/x?q=/foo/", "/foo/x"),
            ("^/foo/(.*)", "/bar/${1}z", "/foo/x%2Fy", "/bar/x%2Fyz", "/foo/x%2Fy"),
            ("^/foo/(.*)", "/bar/$1", "/other", "/other", "-"),
            ("^/foo/(.*)", "", "/foo/x", "/foo/x", "-"),
            ("o", "0", "/foo/o", "/f00/0", "/foo/o"),
            ("^/a/", " /b c/ ", "/a/x", "/b%20c/x", "/a/x"),
            ("^/", "x/", "/a", "/x/a", "/a"),
        ] {
            let outcome = run(regex, replacement, target);
            assert_eq!((outcome.target().as_str(), outcome.sent("X-Replaced-Path").as_str()), (sent, told), "{regex}");
        }
    }

    #[test]
    fn refuses_what_is_no_path_or_not_clean_afterwards() {
        assert_eq!(run("^/a", "/%zz", "/a").status(), 500);
        for (replacement, target) in [("/$1", "/a/../b"), ("/$1", "/a//b"), ("//$1", "/a/b")] {
            assert_eq!(run("^/a/(.*)", replacement, target).status(), 400, "{target}");
        }
    }

    #[test]
    fn names_an_expression_that_is_none() {
        let config = config::ReplacePathRegex { regex: "(".into(), replacement: "/".into() };
        assert_eq!(ReplacePathRegex::new(&config).err().unwrap().path, "regex");
    }
}
