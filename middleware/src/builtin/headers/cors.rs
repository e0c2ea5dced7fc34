//! Cross-origin resource sharing.
//! The part of `headers` that answers preflights and tells browsers what scripts may read.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Method};
use ingora_crds::middleware as config;
use regex::Regex;

use crate::filter::{Fault, RequestCx, ResponseCx};
use crate::go_regex::regex_option;
use crate::header::header_value;
use crate::registry::BadConfig;
use crate::reply::Reply;

const TRUE: HeaderValue = HeaderValue::from_static("true");

pub(super) struct Cors {
    credentials: bool,
    headers: Allowed,
    methods: Allowed,
    origins: Vec<HeaderValue>,
    origin_patterns: Vec<Regex>,
    expose: Option<HeaderValue>,
    max_age: HeaderValue,
    vary: bool,
}

/// What a preflight says is allowed.
enum Allowed {
    /// Nothing is said.
    Unsaid,
    /// This list.
    These(HeaderValue),
    /// Whatever is asked for: `*` doesn't count for browsers where credentials are allowed.
    Asked,
}

// === impl Cors ===

impl Cors {
    /// `None` if nothing of CORS is configured.
    pub(super) fn new(config: &config::Headers) -> Result<Option<Self>, BadConfig> {
        let defined = config.access_control_allow_credentials
            || !config.access_control_allow_headers.is_empty()
            || !config.access_control_allow_methods.is_empty()
            || !config.access_control_allow_origin_list.is_empty()
            || !config.access_control_allow_origin_list_regex.is_empty()
            || !config.access_control_expose_headers.is_empty()
            || config.access_control_max_age != 0
            || config.add_vary_header;
        if !defined {
            return Ok(None);
        }
        let credentials = config.access_control_allow_credentials;
        let origins = config.access_control_allow_origin_list.iter().enumerate();
        let patterns = config.access_control_allow_origin_list_regex.iter().enumerate();
        Ok(Some(Cors {
            credentials,
            headers: Allowed::new("accessControlAllowHeaders", &config.access_control_allow_headers, credentials)?,
            methods: Allowed::new("accessControlAllowMethods", &config.access_control_allow_methods, credentials)?,
            origins: origins
                .map(|(i, origin)| header_value(&format!("accessControlAllowOriginList[{i}]"), origin))
                .collect::<Result<_, _>>()?,
            origin_patterns: patterns
                .map(|(i, pattern)| regex_option(&format!("accessControlAllowOriginListRegex[{i}]"), pattern))
                .collect::<Result<_, _>>()?,
            expose: joined("accessControlExposeHeaders", &config.access_control_expose_headers)?,
            max_age: config.access_control_max_age.into(),
            vary: config.add_vary_header,
        }))
    }

    /// The answer to a preflight; `None` for other requests.
    pub(super) fn preflight(&self, cx: &RequestCx<'_>) -> Option<Reply> {
        let headers = &cx.request.headers;
        let says = |name| headers.get(name).is_some_and(|value| !value.is_empty());
        let asked = cx.request.method == Method::OPTIONS && says(ORIGIN) && says(ACCESS_CONTROL_REQUEST_METHOD);
        if !asked {
            return None;
        }
        let mut reply = Reply::empty(200);
        if self.credentials {
            reply = reply.with(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        for (allowed, name, request_name) in [
            (&self.headers, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS),
            (&self.methods, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_REQUEST_METHOD),
        ] {
            if let Some(value) = allowed.said(headers, request_name) {
                reply = reply.with(name, value.clone());
            }
        }
        if let Some(origin) = self.allowed_origin(headers) {
            reply = reply.with(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        Some(reply.with(ACCESS_CONTROL_MAX_AGE, self.max_age.clone()))
    }

    pub(super) fn on_response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
        let mut set =
            |name: &'static str, value: &HeaderValue| cx.response.insert_header(name, value).map_err(Fault::internal);
        if let Some(origin) = self.allowed_origin(&cx.request.headers) {
            set("Access-Control-Allow-Origin", origin)?;
        }
        if self.credentials {
            set("Access-Control-Allow-Credentials", &TRUE)?;
        }
        if let Some(expose) = &self.expose {
            set("Access-Control-Expose-Headers", expose)?;
        }
        if self.vary { vary_by_origin(cx) } else { Ok(()) }
    }

    /// The first rule that the request's origin fits, as the value to answer with.
    fn allowed_origin<'v>(&'v self, request: &'v HeaderMap) -> Option<&'v HeaderValue> {
        let origin = request.get(ORIGIN);
        for listed in &self.origins {
            if listed == "*" {
                return if self.credentials { origin } else { Some(listed) };
            }
            if Some(listed) == origin {
                return origin;
            }
        }
        let text = std::str::from_utf8(origin?.as_bytes()).ok()?;
        self.origin_patterns.iter().any(|pattern| pattern.is_match(text)).then_some(origin?)
    }
}

/// Adds `Origin` to `Vary`, in one line, unless it is all of it.
fn vary_by_origin(cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
    const ORIGIN_ONLY: HeaderValue = HeaderValue::from_static("Origin");
    let lines = cx.response.headers.get_all(VARY);
    let given =
        lines.iter().filter(|line| !line.is_empty()).map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b","[..]);
    let value = match given.as_slice() {
        b"" | b"Origin" => ORIGIN_ONLY,
        given => HeaderValue::from_bytes(&[given, b",Origin"].concat()).map_err(Fault::internal)?,
    };
    cx.response.insert_header("Vary", value).map_err(Fault::internal)
}

// === impl Allowed ===

impl Allowed {
    fn new(field: &str, list: &[String], credentials: bool) -> Result<Self, BadConfig> {
        if credentials && list.iter().any(|item| item == "*") {
            return Ok(Allowed::Asked);
        }
        Ok(joined(field, list)?.map_or(Allowed::Unsaid, Allowed::These))
    }

    fn said<'v>(&'v self, request: &'v HeaderMap, asked: HeaderName) -> Option<&'v HeaderValue> {
        match self {
            Allowed::Unsaid => None,
            Allowed::These(list) => Some(list),
            Allowed::Asked => request.get(&asked).filter(|value| !value.is_empty()),
        }
    }
}

fn joined(field: &str, list: &[String]) -> Result<Option<HeaderValue>, BadConfig> {
    match list.join(",") {
        list if list.is_empty() => Ok(None),
        list => header_value(field, &list).map(Some),
    }
}
