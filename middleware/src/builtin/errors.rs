//! `errors`: puts a page of a service in place of answers with some statuses.

use http::header::{HOST, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pingora_http::RequestHeader;

use super::status_ranges::StatusRange;
use crate::around::{Around, Attempt, Instead, Verdict};
use crate::config::ErrorPage as Config;
use crate::filter::{Filter, first};
use crate::header::canonical;
use crate::registry::BadConfig;

/// What Go's `url.QueryEscape` leaves as it is; a space becomes `+`.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Fields that are about the request's own body and connection: the page is asked for without a body.
const OF_THE_BODY: [&str; 8] =
    ["content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"];

/// Puts pages in place of answers.
pub(super) struct Errors {
    status: Vec<StatusRange>,
    /// The narrowest first.
    rewrites: Vec<(StatusRange, u16)>,
    service: String,
    /// Path and query of the page; none is `/`.
    query: Vec<Part>,
    /// The fields that the service gets; none is all of them.
    headers: Option<Vec<HeaderName>>,
}

/// A part of the page's path and query.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The status that the client gets.
    Status,
    /// The status that was replaced.
    OriginalStatus,
    /// The URL that the client asked for, escaped.
    Url,
}

// === impl Errors ===

impl Errors {
    /// Checks statuses, the path and query, and the names of fields.
    pub(super) fn new(config: &Config) -> Result<Self, BadConfig> {
        if config.service.is_empty() {
            return Err(BadConfig::new("service", "is empty: the service that has the pages"));
        }
        let rewrites = config.status_rewrites.iter().map(|(range, status)| {
            let path = format!("statusRewrites.{range}");
            let rewritten = u16::try_from(*status).ok().filter(|status| (200..=599).contains(status));
            let message = || format!("{status} is not a status that an answer can have: 200 to 599");
            let rewritten = rewritten.ok_or_else(|| BadConfig::new(path.clone(), message()))?;
            Ok((StatusRange::parse(path, range)?, rewritten))
        });
        let mut rewrites: Vec<_> = rewrites.collect::<Result<_, _>>()?;
        rewrites.sort_by_key(|(range, _)| range.width());
        let names = config.error_request_headers.as_ref().map(|names| {
            let name = |(i, name): (usize, &String)| {
                let message = || format!("{name:?} is not a name of a header");
                HeaderName::try_from(name.as_str())
                    .map_err(|_| BadConfig::new(format!("errorRequestHeaders[{i}]"), message()))
            };
            names.iter().enumerate().map(name).collect()
        });
        let errors = Errors {
            status: StatusRange::parse_all("status", &config.status)?,
            rewrites,
            service: config.service.clone(),
            query: parts(&config.query),
            headers: names.transpose()?,
        };
        // What stands for the variables can't break it: the rest is tried with something in their place.
        match errors.target(500, 500, "") {
            Some(_) => Ok(errors),
            None => Err(BadConfig::new("query", format!("{:?} is not a path with a query", config.query))),
        }
    }

    fn target(&self, status: u16, original: u16, url: &str) -> Option<PathAndQuery> {
        let mut target = String::from("/");
        for part in &self.query {
            match part {
                Part::Text(text) => target.push_str(text),
                Part::Status => target.push_str(&status.to_string()),
                Part::OriginalStatus => target.push_str(&original.to_string()),
                Part::Url => target.push_str(&utf8_percent_encode(url, QUERY).to_string().replace("%20", "+")),
            }
        }
        PathAndQuery::try_from(target).ok()
    }

    /// The request for the page.
    fn page(&self, attempt: &Attempt<'_>, status: u16) -> Option<RequestHeader> {
        let request = attempt.request;
        let host = match first(&request.headers, HOST) {
            "" => request.uri.authority().map_or("", |authority| authority.as_str()),
            host => host,
        };
        let scheme = if attempt.tls { "https" } else { "http" };
        let asked = request.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let target = self.target(status, attempt.status, &format!("{scheme}://{host}{asked}"))?;
        let mut page = RequestHeader::build(Method::GET, target.as_str().as_bytes(), None).ok()?;
        for (name, value) in &request.headers {
            let wanted = self.headers.as_ref().is_none_or(|names| names.contains(name));
            if wanted && *name != HOST && !OF_THE_BODY.contains(&name.as_str()) {
                page.append_header(canonical(name.as_str()), value).ok()?;
            }
        }
        page.insert_header("Host", HeaderValue::from_str(host).ok()?).ok()?;
        Some(page)
    }
}

impl Filter for Errors {
    fn around(&self) -> Option<&dyn Around> {
        Some(self)
    }
}

impl Around for Errors {
    fn service(&self) -> Option<&str> {
        Some(&self.service)
    }

    fn judge(&self, attempt: &Attempt<'_>) -> Verdict {
        if !self.status.iter().any(|range| range.contains(attempt.status)) {
            return Verdict::Pass;
        }
        let rewrite = self.rewrites.iter().find(|(range, _)| range.contains(attempt.status));
        let status = rewrite.map_or(attempt.status, |(_, status)| *status);
        match self.page(attempt, status) {
            Some(request) => Verdict::Instead(Box::new(Instead { request, status })),
            None => Verdict::Pass,
        }
    }
}

/// Takes a query apart at its variables; the slash at its beginning is not part of it.
fn parts(query: &str) -> Vec<Part> {
    let variables = [("{status}", Part::Status), ("{originalStatus}", Part::OriginalStatus), ("{url}", Part::Url)];
    let mut parts = Vec::new();
    let mut rest = query.strip_prefix('/').unwrap_or(query);
    while let Some((at, name, part)) =
        variables.iter().filter_map(|(name, part)| Some((rest.find(name)?, name, part))).min_by_key(|(at, ..)| *at)
    {
        let (text, from) = rest.split_at(at);
        parts.extend((!text.is_empty()).then(|| Part::Text(text.to_owned())));
        parts.push(part.clone());
        rest = from.get(name.len()..).unwrap_or_default();
    }
    parts.extend((!rest.is_empty()).then(|| Part::Text(rest.to_owned())));
    parts
}

#[cfg(test)]
mod tests;
