//! `replacePath`: sets the path and tells the old one in `X-Replaced-Path`.
//! A request filter; the query stays.

use http::header::HeaderValue;
use ingora_crds::middleware as config;

use crate::filter::{Fault, Filter, Flow, Progress, RequestCx, Step};
use crate::path;
use crate::registry::BadConfig;
use crate::reply::Reply;

/// Sets the path.
pub(super) struct ReplacePath {
    /// As it goes on the request line, or why it can't: Traefik accepts such a path and answers 500.
    path: Result<String, String>,
}

// === impl ReplacePath ===

impl ReplacePath {
    pub(super) fn new(config: &config::ReplacePath) -> Result<Self, BadConfig> {
        Ok(ReplacePath { path: rooted(&config.path) })
    }
}

impl Filter for ReplacePath {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        Step::Now(match &self.path {
            Ok(path) => replace(cx, path),
            Err(error) => refuse(error),
        })
    }
}

/// A path for the request line, escaped and with a leading slash, from what was written or what a rewrite gave.
pub(super) fn rooted(path: &str) -> Result<String, String> {
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok(format!("{slash}{}", path::escaped(path)?))
}

/// Sets the path, telling the old one.
pub(super) fn replace(cx: &mut RequestCx<'_>, path: &str) -> Progress {
    let old = HeaderValue::from_bytes(cx.path().as_bytes()).map_err(Fault::internal)?;
    cx.request.append_header("X-Replaced-Path", old).map_err(Fault::internal)?;
    cx.set_path(path)?;
    Ok(Flow::Next)
}

/// The answer to a request whose new path is no path.
pub(super) fn refuse(error: &str) -> Progress {
    Ok(Flow::Reply(Box::new(Reply::error(500, error))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{Outcome, Trial};

    fn run(path: &str, target: &str) -> Outcome {
        Trial::get(target).run(ReplacePath::new(&config::ReplacePath { path: path.into() }).unwrap())
    }

    #[test]
    fn sets_the_path_and_tells_the_old_one() {
        for (path, target, sent, told) in [
            ("/new", "/old/x%2Fy?q=1", "/new?q=1", "/old/x%2Fy"),
            ("/a b", "/", "/a%20b", "/"),
            ("/a%20b", "/", "/a%20b", "/"),
            ("/a?b", "/", "/a%3Fb", "/"),
            ("new", "/", "/new", "/"),
        ] {
            let outcome = run(path, target);
            assert_eq!((outcome.target().as_str(), outcome.sent("X-Replaced-Path").as_str()), (sent, told));
        }
    }

    #[test]
    fn a_path_that_is_none_answers_500() {
        let outcome = run("/%zz", "/");
        assert_eq!((outcome.status(), outcome.text().as_str()), (500, "invalid URL escape \"%zz\"\n"));
    }
}
