//! Security headers and the check of the host.
//! The part of `headers` that tells browsers what a page may do, as `unrolled/secure` does for Traefik.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::header::{HeaderName, HeaderValue, LOCATION};
use http::uri::PathAndQuery;
use ingora_crds::middleware as config;

use crate::filter::{Fault, RequestCx, ResponseCx};
use crate::header::{header_name, header_value};
use crate::registry::BadConfig;
use crate::reply::Reply;

pub(super) struct Security {
    /// Lower case; empty allows all.
    allowed_hosts: Vec<String>,
    hosts_proxy_headers: Vec<HeaderName>,
    ssl_proxy_headers: Vec<(HeaderName, HeaderValue)>,
    /// Sent on every response.
    always: Vec<(&'static str, HeaderValue)>,
    /// Sent where the client came by TLS.
    over_tls: Vec<(&'static str, HeaderValue)>,
    /// Where clients without TLS, or with another host, are sent.
    ssl: Option<SslRedirect>,
    /// Content security policies in pieces, each two of which a nonce joins.
    with_nonce: Vec<(&'static str, Vec<String>)>,
}

/// The redirections of Traefik 2.
struct SslRedirect {
    /// Whether clients without TLS are sent to it.
    redirect: bool,
    /// Whether others are sent to the host.
    force_host: bool,
    /// Empty is the request's.
    host: String,
    status: u16,
}

/// The mark of a request that came to a proxy before us by TLS, left before other filters change its headers.
struct OverTls;

// === impl Security ===

impl Security {
    /// `None` if nothing of it is configured.
    pub(super) fn new(config: &config::Headers) -> Result<Option<Self>, BadConfig> {
        if !is_defined(config) {
            return Ok(None);
        }
        let mut security = Security {
            allowed_hosts: Vec::new(),
            hosts_proxy_headers: names("hostsProxyHeaders", &config.hosts_proxy_headers)?,
            ssl_proxy_headers: pairs("sslProxyHeaders", &config.ssl_proxy_headers)?,
            always: Vec::new(),
            over_tls: Vec::new(),
            ssl: None,
            with_nonce: Vec::new(),
        };
        if !config.is_development {
            security.allowed_hosts = config.allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
            security.add_transport_headers(config)?;
        }
        if config.ssl_options_count && (config.ssl_redirect || config.ssl_force_host) {
            security.ssl = Some(SslRedirect {
                redirect: config.ssl_redirect && !config.is_development,
                force_host: config.ssl_force_host,
                host: config.ssl_host.clone(),
                status: if config.ssl_temporary_redirect { 307 } else { 301 },
            });
        }
        security.add_page_headers(config)?;
        Ok(Some(security))
    }

    fn add_transport_headers(&mut self, config: &config::Headers) -> Result<(), BadConfig> {
        if config.sts_seconds != 0 {
            let subdomains = if config.sts_include_subdomains { "; includeSubDomains" } else { "" };
            let preload = if config.sts_preload { "; preload" } else { "" };
            let value = format!("max-age={}{subdomains}{preload}", config.sts_seconds);
            let header = ("Strict-Transport-Security", header_value("stsSeconds", &value)?);
            if config.force_sts_header { self.always.push(header) } else { self.over_tls.push(header) }
        }
        if !config.public_key.is_empty() {
            self.over_tls.push(("Public-Key-Pins", header_value("publicKey", &config.public_key)?));
        }
        Ok(())
    }

    fn add_page_headers(&mut self, config: &config::Headers) -> Result<(), BadConfig> {
        let or = |custom: &str, flag: bool, default: &'static str| match custom {
            "" if flag => default.to_owned(),
            custom => custom.to_owned(),
        };
        for (name, field, value) in [
            (
                "X-Frame-Options",
                "customFrameOptionsValue",
                or(&config.custom_frame_options_value, config.frame_deny, "DENY"),
            ),
            ("X-Content-Type-Options", "contentTypeNosniff", or("", config.content_type_nosniff, "nosniff")),
            (
                "X-Xss-Protection",
                "customBrowserXSSValue",
                or(&config.custom_browser_xss_value, config.browser_xss_filter, "1; mode=block"),
            ),
            ("Referrer-Policy", "referrerPolicy", config.referrer_policy.clone()),
            ("Permissions-Policy", "permissionsPolicy", config.permissions_policy.clone()),
        ] {
            if !value.is_empty() {
                self.always.push((name, header_value(field, &value)?));
            }
        }
        for (name, field, policy) in [
            ("Content-Security-Policy", "contentSecurityPolicy", &config.content_security_policy),
            (
                "Content-Security-Policy-Report-Only",
                "contentSecurityPolicyReportOnly",
                &config.content_security_policy_report_only,
            ),
        ] {
            let value = header_value(field, policy)?;
            if policy.contains("$NONCE") {
                self.with_nonce.push((name, policy.split("$NONCE").map(str::to_owned).collect()));
            } else if !policy.is_empty() {
                self.always.push((name, value));
            }
        }
        Ok(())
    }

    /// Whether the host that the client asked for is one of those allowed.
    pub(super) fn allows_host(&self, cx: &RequestCx<'_>) -> bool {
        if self.allowed_hosts.is_empty() {
            return true;
        }
        let told = self.hosts_proxy_headers.iter().map(|name| cx.header(name)).find(|host| !host.is_empty());
        let host = told.unwrap_or_else(|| cx.host());
        self.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
    }

    fn is_told_of_tls(&self, cx: &RequestCx<'_>) -> bool {
        self.ssl_proxy_headers.iter().any(|(name, value)| cx.request.headers.get(name) == Some(value))
    }

    /// Where the client is to ask instead, and with which status.
    pub(super) fn elsewhere(&self, cx: &RequestCx<'_>) -> Option<Reply> {
        let ssl = self.ssl.as_ref()?;
        let asked = cx.host();
        let wanted = if ssl.host.is_empty() { asked } else { &ssl.host };
        let no_tls = ssl.redirect && cx.client.tls.is_none() && !self.is_told_of_tls(cx);
        let other_host = ssl.force_host && wanted != asked;
        if !no_tls && !other_host {
            return None;
        }
        let target = cx.request.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let location = HeaderValue::try_from(format!("https://{wanted}{target}")).ok()?;
        Some(Reply::status_text(ssl.status).with(LOCATION, location))
    }

    /// Remembers TLS that a proxy before us terminated.
    pub(super) fn note_tls(&self, cx: &mut RequestCx<'_>) {
        if !self.over_tls.is_empty() && cx.client.tls.is_none() && self.is_told_of_tls(cx) {
            // A type without content: the box doesn't allocate.
            *cx.slot = Some(Box::new(OverTls));
        }
    }

    pub(super) fn on_response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
        let tls = cx.client.tls.is_some() || cx.slot.as_ref().is_some_and(|slot| slot.is::<OverTls>());
        let over_tls = if tls { self.over_tls.as_slice() } else { &[] };
        for (name, value) in self.always.iter().chain(over_tls) {
            cx.response.insert_header(*name, value).map_err(Fault::internal)?;
        }
        if !self.with_nonce.is_empty() {
            let nonce = format!("'nonce-{}'", STANDARD_NO_PAD.encode(rand::random::<[u8; 16]>()));
            for (name, pieces) in &self.with_nonce {
                cx.response.insert_header(*name, pieces.join(&nonce)).map_err(Fault::internal)?;
            }
        }
        Ok(())
    }
}

/// Whether an option of this part is set; those without effect count too.
fn is_defined(config: &config::Headers) -> bool {
    let texts = [
        &config.custom_frame_options_value,
        &config.custom_browser_xss_value,
        &config.content_security_policy,
        &config.content_security_policy_report_only,
        &config.public_key,
        &config.referrer_policy,
        &config.permissions_policy,
        &config.feature_policy,
        &config.ssl_host,
    ];
    let flags = [
        config.sts_include_subdomains,
        config.sts_preload,
        config.force_sts_header,
        config.frame_deny,
        config.content_type_nosniff,
        config.browser_xss_filter,
        config.is_development,
        config.ssl_redirect,
        config.ssl_temporary_redirect,
        config.ssl_force_host,
    ];
    !config.allowed_hosts.is_empty()
        || !config.hosts_proxy_headers.is_empty()
        || !config.ssl_proxy_headers.is_empty()
        || config.sts_seconds != 0
        || texts.iter().any(|text| !text.is_empty())
        || flags.contains(&true)
}

fn names(field: &str, list: &[String]) -> Result<Vec<HeaderName>, BadConfig> {
    list.iter().enumerate().map(|(i, name)| header_name(&format!("{field}[{i}]"), name)).collect()
}

fn pairs(
    field: &str,
    map: &std::collections::BTreeMap<String, String>,
) -> Result<Vec<(HeaderName, HeaderValue)>, BadConfig> {
    map.iter()
        .map(|(name, value)| {
            let path = format!("{field}.{name}");
            Ok((header_name(&path, name)?, header_value(&path, value)?))
        })
        .collect()
}
