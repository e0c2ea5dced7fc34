//! `redirectScheme`: redirects requests of another scheme or port.
//! A request filter; `X-Forwarded-Proto` tells the scheme, as the entry point lets it through only from those trusted.

use ingora_crds::middleware as config;

use super::redirect::redirect;
use crate::filter::{Filter, RequestCx, Step};
use crate::header::header_value;
use crate::registry::BadConfig;

/// Redirects to a scheme and port.
pub(super) struct RedirectScheme {
    scheme: String,
    /// With its colon; empty for the scheme's own.
    port: String,
    permanent: bool,
}

// === impl RedirectScheme ===

impl RedirectScheme {
    pub(super) fn new(config: &config::RedirectScheme) -> Result<Self, BadConfig> {
        if config.scheme.is_empty() {
            return Err(BadConfig::new("scheme", "is empty: https or http is needed"));
        }
        header_value("scheme", &config.scheme)?;
        header_value("port", &config.port)?;
        let port = match config.port.as_str() {
            "" => String::new(),
            port if is_default(&config.scheme, port) => String::new(),
            port => format!(":{port}"),
        };
        Ok(RedirectScheme { scheme: config.scheme.clone(), port, permanent: config.permanent })
    }
}

impl Filter for RedirectScheme {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        let scheme = scheme(cx);
        let (host, port) = split_port(cx.host());
        let port = port.filter(|port| !is_default(scheme, port)).unwrap_or_default();
        if scheme == self.scheme && port == self.port.trim_start_matches(':') {
            return Step::NEXT;
        }
        let url = [&self.scheme, "://", host, &self.port, cx.target()].concat();
        Step::reply(redirect(&url, self.permanent, &cx.request.method))
    }
}

/// The scheme that the client used, as far as a proxy before us tells.
fn scheme(cx: &RequestCx<'_>) -> &'static str {
    let told = cx.header("x-forwarded-proto");
    let is = |a: &str, b: &str| told.eq_ignore_ascii_case(a) || told.eq_ignore_ascii_case(b);
    if is("https", "wss") {
        "https"
    } else if is("http", "ws") {
        "http"
    } else if cx.client.tls.is_some() {
        "https"
    } else {
        "http"
    }
}

fn is_default(scheme: &str, port: &str) -> bool {
    matches!((scheme, port), ("http", "80") | ("https", "443"))
}

/// Host and port; an IPv6 address keeps its brackets.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') && (!name.contains(':') || name.ends_with(']')) => (name, Some(port)),
        _ => (host, None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::Trial;

    fn filter(scheme: &str, port: &str, permanent: bool) -> Result<RedirectScheme, BadConfig> {
        RedirectScheme::new(&config::RedirectScheme { scheme: scheme.into(), port: port.into(), permanent })
    }

    #[test]
    fn redirects_to_the_scheme() {
        let on = |host| Trial::get("/a?b").header("Host", host);
        for (config, trial, status, location) in [
            (("https", "", false), on("x"), 302, "https://x/a?b"),
            (("https", "", true), on("x:80"), 301, "https://x/a?b"),
            (("https", "", true), on("x:8080"), 301, "https://x/a?b"),
            (("https", "443", true), on("x"), 301, "https://x/a?b"),
            (("https", "8443", true), on("x"), 301, "https://x:8443/a?b"),
            (("https", "", true), on("x").tls(), 200, "-"),
            (("https", "", true), on("x:443").tls(), 200, "-"),
            (("https", "", true), on("x:8443").tls(), 301, "https://x/a?b"),
            (("https", "8443", true), on("x:8443").tls(), 200, "-"),
            (("https", "", true), on("x").header("X-Forwarded-Proto", "HTTPS"), 200, "-"),
            (("https", "", true), on("x").header("X-Forwarded-Proto", "wss"), 200, "-"),
            (("https", "", true), on("x").tls().header("X-Forwarded-Proto", "ws"), 301, "https://x/a?b"),
            (("https", "", true), on("x").header("X-Forwarded-Proto", "gopher"), 301, "https://x/a?b"),
            (("http", "", true), on("x").tls(), 301, "http://x/a?b"),
            (("https", "", true), on("[::1]:80"), 301, "https://[::1]/a?b"),
            (("https", "", true), on("[::1]"), 301, "https://[::1]/a?b"),
        ] {
            let (scheme, port, permanent) = config;
            let outcome = trial.run(filter(scheme, port, permanent).unwrap());
            assert_eq!((outcome.status(), outcome.got("Location").as_str()), (status, location), "{config:?}");
        }
    }

    #[test]
    fn keeps_the_method_of_what_is_no_get() {
        assert_eq!(Trial::new("POST", "/").run(filter("https", "", false).unwrap()).status(), 307);
    }

    #[test]
    fn needs_a_scheme() {
        assert_eq!(filter("", "", false).err().unwrap().path, "scheme");
    }
}
