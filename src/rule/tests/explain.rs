//! What is said of a request that does not fit.

use super::*;

#[test]
fn http() {
    let rows = [
        (v3("Host(`a`)"), "b/", "Host(`a`) does not match: the host is `b`"),
        (v3("Host(`a`)"), "/", "Host(`a`) does not match: the request has no host"),
        (v3("Host(`a`) && Path(`/x`)"), "a/y", "Path(`/x`) does not match: the path is `/y`"),
        (v3("Host(`a`) && !Path(`/x`)"), "a/x", "!Path(`/x`) does not match: the path is `/x`"),
        (v3("Host(`a`) || Host(`b`)"), "c/", "Host(`a`) does not match: the host is `c`; nor does its alternative"),
        (
            v3("Host(`a`) || Host(`b`) || Path(`/`)"),
            "c/x",
            "Host(`a`) does not match: the host is `c`; nor does one of its 2 alternatives",
        ),
        (v3("Method(`get`)"), "PUT h/", "Method(`GET`) does not match: the method is `PUT`"),
        (
            v3("ClientIP(`10.0.0.0/8`)"),
            "h/",
            "ClientIP(`10.0.0.0/8`) does not match: the client's address is 192.0.2.7",
        ),
        (v3("Query(`k`, `v`)"), "h/", "Query(`k`, `v`) does not match: there is no query parameter `k`"),
        (v3("Query(`k`)"), "h/?k=a&k=%62", "Query(`k`) does not match: the query parameter `k` is `a`, `b`"),
        (v3("Header(`X-K`, `v`)"), "h/", "Header(`x-k`, `v`) does not match: there is no header x-k"),
        (v3("HeaderRegexp(`Host`, `v`)"), "h/", "HeaderRegexp(`Host`, `v`) does not match: there is no header Host"),
        (v2("PathPrefix(`/a/{id}`)"), "h/b", "PathPrefix(`/a/{id}`) does not match: the path is `/b`"),
        (v2("Query(`k={v}`)"), "h/", "Query(`k={v}`) does not match: there is no query parameter `k`"),
        (v2("HostRegexp(`{a}.b`)"), "c/", "HostRegexp(`{a}.b`) does not match: the host is `c`"),
    ];
    for (rule, line, expected) in rows {
        assert_eq!(rule.explain(&Request::new(line).view()).unwrap(), expected, "{rule:?} on {line}");
    }
}

#[test]
fn tcp() {
    let rows = [
        ("HostSNI(`a`)", "HostSNI(`a`) does not match: there is no server name"),
        ("!HostSNI(`*`)", "!HostSNI(`*`) does not match: there is no server name"),
        ("ALPN(`h2`)", "ALPN(`h2`) does not match: the client offers [x, y]"),
        ("ClientIP(`::1`)", "ClientIP(`::1/128`) does not match: the client's address is 10.0.0.1"),
    ];
    for (text, expected) in rows {
        let rule = parse_tcp(text, Syntax::V3).unwrap();
        let view = ConnectionView { server_name: "", alpn: &["x", "y"], client_ip: "10.0.0.1".parse().unwrap() };
        assert_eq!(rule.explain(&view).unwrap(), expected);
    }
}
