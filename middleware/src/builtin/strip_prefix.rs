//! `stripPrefix`: takes a prefix off the path and tells it in `X-Forwarded-Prefix`.
//! A request filter; refuses with 400 what wouldn't be a clean path afterwards.

use http::header::HeaderValue;
use ingora_crds::middleware as config;

use crate::filter::{Fault, Filter, Flow, Progress, RequestCx, Step};
use crate::header::header_value;
use crate::path;
use crate::registry::BadConfig;
use crate::reply::Reply;

/// The header that tells what was taken off.
const FORWARDED_PREFIX: &str = "X-Forwarded-Prefix";

/// Takes the first listed prefix off that the path starts with.
pub(super) struct StripPrefix {
    prefixes: Vec<Prefix>,
    /// Whether an empty result becomes `/`.
    force_slash: bool,
}

struct Prefix {
    text: String,
    value: HeaderValue,
}

// === impl StripPrefix ===

impl StripPrefix {
    pub(super) fn new(config: &config::StripPrefix) -> Result<Self, BadConfig> {
        let prefixes = config.prefixes.iter().enumerate().map(|(i, prefix)| {
            let text = prefix.trim().to_owned();
            let value = header_value(&format!("prefixes[{i}]"), &text)?;
            Ok(Prefix { text, value })
        });
        Ok(StripPrefix { prefixes: prefixes.collect::<Result<_, _>>()?, force_slash: config.force_slash == Some(true) })
    }
}

impl Filter for StripPrefix {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        let found = self.prefixes.iter().find_map(|prefix| {
            let cut = path::escaped_prefix_len(cx.path(), prefix.text.as_bytes())?;
            Some((cut, &prefix.value))
        });
        match found {
            Some((cut, prefix)) => Step::Now(strip(cx, cut, prefix.clone(), self.force_slash)),
            None => Step::NEXT,
        }
    }
}

/// Takes `cut` bytes off the escaped path, which decoded are `prefix`.
pub(super) fn strip(cx: &mut RequestCx<'_>, cut: usize, prefix: HeaderValue, force_slash: bool) -> Progress {
    let rest = cx.path().get(cut..).unwrap_or_default();
    let front = if rest.is_empty() && !force_slash || rest.starts_with('/') { "" } else { "/" };
    cx.splice_path(front, cut)?;
    if !path::is_clean(cx.path()) {
        return Ok(Flow::Reply(Box::new(Reply::empty(400))));
    }
    cx.request.append_header(FORWARDED_PREFIX, prefix).map_err(Fault::internal)?;
    Ok(Flow::Next)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::builtin::add_prefix::AddPrefix;
    use crate::chain::{Chain, Link};
    use crate::testing::Trial;
    use std::sync::Arc;

    fn filter(prefixes: &[&str], force_slash: Option<bool>) -> StripPrefix {
        let prefixes = prefixes.iter().map(|p| (*p).to_owned()).collect();
        StripPrefix::new(&config::StripPrefix { prefixes, force_slash }).unwrap()
    }

    #[test]
    fn takes_the_first_listed_prefix_off() {
        for (prefixes, target, sent, told) in [
            (&["/api"] as &[_], "/api/x?q=/api", "/x?q=/api", "/api"),
            (&["/api"], "/other", "/other", "-"),
            (&["/api"], "/apix", "/x", "/api"),
            (&["/api/"], "/api/x", "/x", "/api/"),
            (&["/a", "/ab"], "/ab/c", "/b/c", "/a"),
            (&["/ab", "/a"], "/ab/c", "/c", "/ab"),
            (&[" /api "], "/api", "/", "/api"),
            (&["/api"], "/api?q", "/?q", "/api"),
            (&["/a b"], "/a%20b/c%2Fd", "/c%2Fd", "/a b"),
        ] {
            let outcome = Trial::get(target).run(filter(prefixes, None));
            assert_eq!((outcome.target().as_str(), outcome.sent(FORWARDED_PREFIX).as_str()), (sent, told), "{target}");
        }
    }

    #[test]
    fn adds_to_the_prefixes_told() {
        let outcome = Trial::get("/a/b").header(FORWARDED_PREFIX, "/before").run(filter(&["/a"], None));
        assert_eq!(outcome.sent(FORWARDED_PREFIX), "/before|/a");
    }

    #[test]
    fn refuses_what_is_not_clean_afterwards() {
        for target in ["/a../b", "/a//b", "/a./b", "/a/./b"] {
            let outcome = Trial::get(target).run(filter(&["/a"], None));
            assert_eq!((outcome.status(), outcome.text().as_str(), outcome.forwarded), (400, "", false), "{target}");
        }
    }

    #[test]
    fn leaves_nothing_for_a_later_prefix_unless_a_slash_is_forced() {
        for (force_slash, target, sent) in [(None, "/a", "/b"), (Some(true), "/a", "/b/"), (Some(true), "/a/c", "/b/c")]
        {
            let add = AddPrefix::new(&config::AddPrefix { prefix: "/b".into() }).unwrap();
            let chain = Chain::new(vec![
                Link::new("strip", Arc::new(filter(&["/a"], force_slash))),
                Link::new("add", Arc::new(add)),
            ]);
            assert_eq!(Trial::get(target).through(&chain).target(), sent);
        }
    }
}
