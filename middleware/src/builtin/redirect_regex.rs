//! `redirectRegex`: redirects requests whose URL matches.
//! A request filter; the scheme is the connection's, whatever headers say.

use ingora_crds::middleware as config;
use regex::Regex;

use super::redirect::redirect;
use crate::filter::{Filter, RequestCx, Step};
use crate::go_regex::regex_option;
use crate::registry::BadConfig;

/// Redirects where the URL matches and the rewritten one differs.
pub(super) struct RedirectRegex {
    regex: Regex,
    replacement: String,
    permanent: bool,
}

// === impl RedirectRegex ===

impl RedirectRegex {
    pub(super) fn new(config: &config::RedirectRegex) -> Result<Self, BadConfig> {
        let regex = regex_option("regex", &config.regex)?;
        Ok(RedirectRegex { regex, replacement: config.replacement.clone(), permanent: config.permanent })
    }
}

impl Filter for RedirectRegex {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        let scheme = if cx.client.tls.is_some() { "https" } else { "http" };
        let old = [scheme, "://", cx.host(), cx.target()].concat();
        if !self.regex.is_match(&old) {
            return Step::NEXT;
        }
        let new = self.regex.replace_all(&old, &self.replacement);
        if new == old {
            return Step::NEXT;
        }
        Step::reply(redirect(&new, self.permanent, &cx.request.method))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::Trial;

    fn filter(regex: &str, replacement: &str, permanent: bool) -> Result<RedirectRegex, BadConfig> {
        RedirectRegex::new(&config::RedirectRegex { regex: regex.into(), replacement: replacement.into(), permanent })
    }

    #[test]
    fn redirects_what_matches() {
        for (regex, replacement, permanent, trial, status, location) in [
            (
                "^http://(.*)/old/(.*)",
                "https://${1}/new/$2",
                false,
                Trial::get("/old/x?q"),
                302,
                "https://example.com/new/x?q",
            ),
            (
                "^http://(.*)/old/(.*)",
                "https://${1}/new/$2",
                true,
                Trial::new("POST", "/old/x"),
                308,
                "https://example.com/new/x",
            ),
            ("^http://(.*)/old/(.*)", "https://${1}/new/$2", true, Trial::get("/other"), 200, "-"),
            ("^http://", "https://", true, Trial::get("/").tls(), 200, "-"),
            ("^https://", "https://", true, Trial::get("/").tls(), 200, "-"),
            (
                "^http://example.com:8080/(.*)",
                "/$1",
                true,
                Trial::get("/a").header("Host", "example.com:8080"),
                301,
                "/a",
            ),
            (
                "^http://",
                "https://",
                true,
                Trial::get("/").header("X-Forwarded-Proto", "https"),
                301,
                "https://example.com/",
            ),
            ("^http://(.*)", "https://$1 x", false, Trial::get("/a"), 302, "https://example.com/a%20x"),
            ("^http://(.*)", "%%", false, Trial::get("/a"), 500, "-"),
        ] {
            let outcome = trial.run(filter(regex, replacement, permanent).unwrap());
            assert_eq!((outcome.status(), outcome.got("Location").as_str()), (status, location), "{regex}");
        }
    }

    #[test]
    fn names_an_expression_that_is_none() {
        assert_eq!(filter("(", "", false).err().unwrap().path, "regex");
    }
}
