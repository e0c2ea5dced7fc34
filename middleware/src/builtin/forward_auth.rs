//! `forwardAuth`: asks another server whether a request may pass; its 2xx lets it, any other answer goes to the client.
//! A request filter that waits; cookies of the answer are added to the response.

mod question;

use std::collections::BTreeSet;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, LOCATION, SET_COOKIE, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use regex::Regex;
use url::Url;

use self::question::Question;
use crate::around::Hold;
use crate::client::{CallError, Client};
use crate::config;
use crate::filter::{Fault, Filter, Flow, Progress, RequestCx, ResponseCx, Step};
use crate::go_regex::regex_option;
use crate::header::{canonical, header_name, header_value};
use crate::registry::BadConfig;
use crate::reply::Reply;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const TRAILERS: HeaderName = HeaderName::from_static("trailers");

/// What is about one connection only, as Traefik has it for this middleware.
const HOP_BY_HOP: [HeaderName; 6] = [CONNECTION, KEEP_ALIVE, TE, TRAILERS, TRANSFER_ENCODING, UPGRADE];

/// Asks another server.
pub(super) struct ForwardAuth {
    address: Url,
    client: Client,
    question: Question,
    /// How the request's body is held, where the question has it, too.
    body: Option<Hold>,
    /// Whether the question has the request's method.
    preserve_method: bool,
    /// Headers of its answer that the request gets.
    copied: Vec<HeaderName>,
    /// The same by their names, as Go spells them.
    copied_regex: Option<Regex>,
    /// The header of its answer that tells who it is.
    user_header: Option<HeaderName>,
    /// Names of cookies of its answer that the response gets.
    cookies: BTreeSet<Box<str>>,
    /// The largest answer that is taken.
    most_answer: Option<usize>,
    preserve_location: bool,
    /// Where those are sent whom it doesn't know.
    sign_in: Option<HeaderValue>,
}

/// Cookies for the response, `Set-Cookie` values.
struct Cookies(Vec<HeaderValue>);

// === impl ForwardAuth ===

impl ForwardAuth {
    pub(super) fn new(config: &config::ForwardAuth) -> Result<Self, BadConfig> {
        let address = address(&config.address)?;
        let copied_regex = match config.auth_response_headers_regex.as_str() {
            "" => None,
            text => Some(regex_option("authResponseHeadersRegex", text)?),
        };
        let user_header = match config.header_field.as_str() {
            "" => None,
            name => Some(header_name("headerField", name)?),
        };
        let sign_in = match config.auth_signin_url.as_str() {
            "" => None,
            url => Some(header_value("authSigninURL", url)?),
        };
        let most_body = size("maxBodySize", config.max_body_size)?;
        for (i, name) in config.add_auth_cookies_to_response.iter().enumerate() {
            // Names of cookies are made of what names of headers are made of.
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                let message =
                    format!("{name:?} is no name of a cookie: letters, digits and !#$%&'*+-.^_`|~ are accepted");
                return Err(BadConfig::new(format!("addAuthCookiesToResponse[{i}]"), message));
            }
        }
        Ok(ForwardAuth {
            client: Client::new(&address, config.tls.as_ref())?,
            question: Question::new(config)?,
            body: config.forward_body.then(|| Hold::in_memory(most_body.map(|most| most as u64), Reply::empty(401))),
            preserve_method: config.preserve_request_method,
            copied: names("authResponseHeaders", &config.auth_response_headers)?,
            copied_regex,
            user_header,
            cookies: config.add_auth_cookies_to_response.iter().map(|name| name.as_str().into()).collect(),
            most_answer: size("maxResponseBodySize", config.max_response_body_size)?,
            preserve_location: config.preserve_location_header,
            sign_in,
            address,
        })
    }

    async fn ask(&self, cx: &mut RequestCx<'_>) -> Progress {
        let method = if self.preserve_method { cx.request.method.clone() } else { Method::GET };
        let body = cx.notes.body.clone().filter(|_| self.body.is_some());
        let mut question = http::Request::new(body.unwrap_or_default());
        *question.method_mut() = method;
        *question.uri_mut() = self.address.as_str().parse().map_err(Fault::internal)?;
        *question.headers_mut() = self.question.headers(cx)?;
        let answer = match self.client.ask(question, self.most_answer).await {
            Ok(answer) => answer,
            Err(e) => {
                log::warn!("forwardAuth: {} can't be asked: {e}", self.address);
                let status = if matches!(e, CallError::TooLarge(_)) { 401 } else { 500 };
                return Ok(Flow::Reply(Box::new(Reply::empty(status))));
            }
        };
        if let Some(user) = self.user_header.as_ref().and_then(|name| answer.headers().get(name)?.to_str().ok()) {
            cx.notes.user = Some(user.into());
        }
        if !answer.status().is_success() {
            return self.refuse(answer);
        }
        self.copy(answer.headers(), cx)?;
        let cookies: Vec<_> =
            answer.headers().get_all(SET_COOKIE).iter().filter(|c| self.passes_on(c)).cloned().collect();
        if !cookies.is_empty() {
            *cx.slot = Some(Box::new(Cookies(cookies)));
        }
        Ok(Flow::Next)
    }

    /// Gives the request what the answer says, and nothing under these names that it said itself.
    fn copy(&self, answer: &HeaderMap, cx: &mut RequestCx<'_>) -> Result<(), Fault> {
        let matches = |name: &HeaderName| {
            self.copied_regex
                .as_ref()
                .is_some_and(|regex| regex.is_match(&String::from_utf8_lossy(&canonical(name.as_str()))))
        };
        let named: Vec<HeaderName> = cx.request.headers.keys().filter(|name| matches(name)).cloned().collect();
        for name in named.iter().chain(&self.copied) {
            cx.request.remove_header(name);
        }
        for name in answer.keys().filter(|name| self.copied.contains(name) || matches(name)) {
            for value in answer.get_all(name) {
                cx.request.append_header(canonical(name.as_str()), value).map_err(Fault::internal)?;
            }
        }
        Ok(())
    }

    /// The answer, for the client.
    fn refuse(&self, answer: Response<Bytes>) -> Progress {
        let (head, body) = answer.into_parts();
        let reply = match &self.sign_in {
            Some(url) if head.status == StatusCode::UNAUTHORIZED => Reply::status_text(302).with(LOCATION, url.clone()),
            _ => {
                let mut headers = head.headers;
                for name in HOP_BY_HOP.iter().chain([&CONTENT_LENGTH]) {
                    headers.remove(name);
                }
                if let Some(location) = headers.get(LOCATION).filter(|_| !self.preserve_location) {
                    let absolute = location.to_str().ok().and_then(|location| self.absolute(location));
                    let Some(absolute) = absolute else {
                        log::warn!("forwardAuth: {} redirects to {location:?}, which is no URL", self.address);
                        return Ok(Flow::Reply(Box::new(Reply::empty(500))));
                    };
                    headers.insert(LOCATION, absolute);
                }
                let mut reply = Reply::plain(head.status.as_u16(), body);
                reply.set_headers(&headers);
                reply
            }
        };
        Ok(Flow::Reply(Box::new(reply)))
    }

    /// Where a `Location` of the server leads; one that is absolute stays as it is written.
    fn absolute(&self, location: &str) -> Option<HeaderValue> {
        match Url::parse(location) {
            Ok(_) => HeaderValue::try_from(location).ok(),
            Err(_) => HeaderValue::try_from(self.address.join(location).ok()?.as_str()).ok(),
        }
    }

    fn passes_on(&self, cookie: &HeaderValue) -> bool {
        let name = cookie.to_str().ok().and_then(|cookie| cookie.split_once('=')).map(|(name, _)| name.trim());
        name.is_some_and(|name| self.cookies.contains(name))
    }
}

impl Filter for ForwardAuth {
    fn wants_body(&self) -> Option<Hold> {
        self.body.clone()
    }

    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        Step::Later(Box::pin(self.ask(cx)))
    }

    /// The answer's cookies take the place of the server's of the same names.
    fn response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
        let Some(Cookies(cookies)) = cx.slot.as_ref().and_then(|slot| slot.downcast_ref()) else { return Ok(()) };
        let all: Vec<_> = cx.response.headers.get_all(SET_COOKIE).iter().cloned().collect();
        if all.iter().any(|cookie| self.passes_on(cookie)) {
            cx.response.remove_header(&SET_COOKIE);
            for cookie in all.iter().filter(|cookie| !self.passes_on(cookie)) {
                cx.response.append_header("Set-Cookie", cookie).map_err(Fault::internal)?;
            }
        }
        for cookie in cookies {
            cx.response.append_header("Set-Cookie", cookie).map_err(Fault::internal)?;
        }
        Ok(())
    }
}

fn address(text: &str) -> Result<Url, BadConfig> {
    let bad = |why: &str| {
        let message = format!("{text:?} {why}: such as http://auth.example.svc/check is accepted");
        BadConfig::new("address", message)
    };
    let url = Url::parse(text).map_err(|e| bad(&format!("is no URL ({e})")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("is of another scheme than http and https"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(bad("has no host"));
    }
    Ok(url)
}

fn names(field: &str, names: &[String]) -> Result<Vec<HeaderName>, BadConfig> {
    names.iter().enumerate().map(|(i, name)| header_name(&format!("{field}[{i}]"), name)).collect()
}

/// A size in bytes; -1 is any.
fn size(field: &str, size: Option<i64>) -> Result<Option<usize>, BadConfig> {
    match size {
        None | Some(-1) => Ok(None),
        Some(size) => usize::try_from(size).map(Some).map_err(|_| {
            BadConfig::new(field, format!("{size} is negative: 0 or more is accepted, or -1 for no limit"))
        }),
    }
}

#[cfg(test)]
mod tests;
