//! Tests of `errors`: which answers are replaced, and what is asked for in their place.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;

fn config(query: &str) -> Config {
    Config {
        status: vec!["404".to_owned(), "500-599".to_owned()],
        status_rewrites: BTreeMap::from([("500-599".to_owned(), 500), ("503".to_owned(), 200)]),
        service: "pages".to_owned(),
        query: query.to_owned(),
        error_request_headers: None,
    }
}

fn request() -> RequestHeader {
    let mut request = RequestHeader::build("POST", b"/a%20b?x=1&y=%2F", None).unwrap();
    for (name, value) in [("Host", "a.example"), ("Cookie", "c=1"), ("Content-Length", "5"), ("X-Id", "1")] {
        request.append_header(name, value).unwrap();
    }
    request
}

fn judge(config: &Config, status: u16, tls: bool) -> Option<Box<Instead>> {
    let request = request();
    let (failure, number, elapsed) = (None, 1, Duration::ZERO);
    let attempt = Attempt { request: &request, tls, status, failure, number, elapsed, replayable: false };
    match Errors::new(config).unwrap().judge(&attempt) {
        Verdict::Instead(instead) => Some(instead),
        Verdict::Pass => None,
        Verdict::Again(_) => panic!("it never asks for another attempt"),
    }
}

#[test]
fn replaces_the_statuses_listed_with_what_the_query_asks_for() {
    for (query, status, expected) in [
        ("/{status}.html", 404, Some((404, "/404.html"))),
        ("/{status}.html", 502, Some((500, "/500.html"))),
        ("/{status}.html", 503, Some((200, "/200.html"))),
        ("{originalStatus}?s={status}", 502, Some((500, "/502?s=500"))),
        ("/?u={url}", 404, Some((404, "/?u=http%3A%2F%2Fa.example%2Fa%2520b%3Fx%3D1%26y%3D%252F"))),
        ("", 404, Some((404, "/"))),
        ("/{status}", 403, None),
        ("/{status}", 200, None),
    ] {
        let found = judge(&config(query), status, false);
        let found = found.map(|i| (i.status, String::from_utf8_lossy(i.request.raw_path()).into_owned()));
        assert_eq!(found.as_ref().map(|(s, p)| (*s, p.as_str())), expected, "{query} {status}");
    }
    let over_tls = judge(&config("/?u={url}"), 404, true).unwrap();
    assert!(String::from_utf8_lossy(over_tls.request.raw_path()).starts_with("/?u=https%3A%2F%2Fa.example"));
}

#[test]
fn the_service_gets_the_fields_that_it_should() {
    for (names, expected) in [
        (None, "Cookie: c=1, Host: a.example, X-Id: 1"),
        (Some(vec![]), "Host: a.example"),
        (Some(vec!["x-id", "Content-Length"]), "Host: a.example, X-Id: 1"),
    ] {
        let error_request_headers = names.map(|names| names.into_iter().map(str::to_owned).collect());
        let instead = judge(&Config { error_request_headers, ..config("/") }, 404, false).unwrap();
        assert_eq!(instead.request.method, Method::GET);
        let mut wire = Vec::new();
        instead.request.header_to_h1_wire(&mut wire);
        let wire = String::from_utf8(wire).unwrap();
        let mut lines: Vec<_> = wire.lines().filter(|line| !line.is_empty()).collect();
        lines.sort_unstable();
        assert_eq!(lines.join(", "), expected);
    }
}

#[test]
fn refuses_what_it_cannot_do() {
    let good = || config("/{status}.html");
    for (bad, path) in [
        (Config { service: String::new(), ..good() }, "service"),
        (Config { status: vec!["500".to_owned(), "404,405".to_owned()], ..good() }, "status[1]"),
        (Config { status_rewrites: BTreeMap::from([("4xx".to_owned(), 200)]), ..good() }, "statusRewrites.4xx"),
        (Config { status_rewrites: BTreeMap::from([("404".to_owned(), 1000)]), ..good() }, "statusRewrites.404"),
        (Config { status_rewrites: BTreeMap::from([("404".to_owned(), 101)]), ..good() }, "statusRewrites.404"),
        (Config { query: "/a b".to_owned(), ..good() }, "query"),
        (Config { error_request_headers: Some(vec!["a b".to_owned()]), ..good() }, "errorRequestHeaders[0]"),
    ] {
        assert_eq!(Errors::new(&bad).err().map(|bad| bad.path).as_deref(), Some(path), "{bad:?}");
    }
}
