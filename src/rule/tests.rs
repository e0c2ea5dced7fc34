//! Tests of whole rules, by what they are about.
#![allow(clippy::unwrap_used, clippy::panic)]

mod canonical;
mod explain;
mod grammar;
mod http_v2;
mod http_v3;
mod huge;
mod literals;
mod random;
mod tcp;

use ::http::{HeaderMap, HeaderName, HeaderValue};

use super::*;

/// A request, from a line such as `POST example.com/path?query`; without a method it is a GET.
#[derive(Debug)]
struct Request {
    host: String,
    path: String,
    method: String,
    query: String,
    headers: HeaderMap,
    client_ip: IpAddr,
}

impl Request {
    fn new(line: &str) -> Self {
        let (method, url) = line.split_once(' ').unwrap_or(("GET", line));
        let (url, query) = url.split_once('?').unwrap_or((url, ""));
        let (host, path) = url.split_at(url.find('/').unwrap_or(url.len()));
        Request {
            host: canonical_host(host).into_owned(),
            path: routing_path(path).into_owned(),
            method: method.to_owned(),
            query: query.to_owned(),
            headers: HeaderMap::new(),
            client_ip: "192.0.2.7".parse().unwrap(),
        }
    }

    fn header(mut self, name: &str, value: &[u8]) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers.append(name, HeaderValue::from_bytes(value).unwrap());
        self
    }

    fn from(mut self, ip: &str) -> Self {
        self.client_ip = ip.parse().unwrap();
        self
    }

    fn view(&self) -> RequestView<'_> {
        RequestView {
            host: &self.host,
            path: &self.path,
            method: &self.method,
            headers: &self.headers,
            query: &self.query,
            client_ip: self.client_ip,
        }
    }
}

fn v2(text: &str) -> HttpRule {
    parse_http(text, Syntax::V2).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn v3(text: &str) -> HttpRule {
    parse_http(text, Syntax::V3).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Each row: a rule, the requests it matches, the requests it doesn't.
fn check(parse: fn(&str) -> HttpRule, rows: &[(&str, &[&str], &[&str])]) {
    for (text, yes, no) in rows {
        let rule = parse(text);
        for (lines, expected) in [(yes, true), (no, false)] {
            for line in *lines {
                let request = Request::new(line);
                assert_eq!(rule.matches(&request.view()), expected, "{text} on {line}");
                assert_eq!(rule.explain(&request.view()).is_none(), expected, "{text} explained on {line}");
            }
        }
    }
}

/// Each row: a text that is no rule, the position of the error, a part of the message.
fn check_errors(parse: impl Fn(&str) -> Option<RuleError>, rows: &[(&str, usize, &str)]) {
    for (text, position, part) in rows {
        let error = parse(text).unwrap_or_else(|| panic!("{text} is accepted"));
        assert!(error.message.contains(part), "{text}: {error}");
        assert_eq!(error.position, *position, "{text}: {error}");
    }
}
