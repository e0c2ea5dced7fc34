//! Questions to a server in the test, and what its answers do. TLS and bodies are tried end to end.

#![allow(clippy::unwrap_used)]
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::testing::{Outcome, Trial};

/// Answers each connection's one question with these bytes, and tells the questions' heads.
fn server(answer: &str) -> (SocketAddr, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, questions) = channel();
    let answer = answer.replace('\n', "\r\n");
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let head = BufReader::new((&connection).take(1 << 16)).lines().map_while(Result::ok);
            let _ = sender.send(head.take_while(|line| !line.is_empty()).collect());
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    (address, questions)
}

/// What comes of a request where the server answers this, and the question.
fn ask(options: config::ForwardAuth, answer: &str, trial: Trial) -> (Outcome, Vec<String>) {
    let (address, questions) = server(answer);
    let options = config::ForwardAuth { address: format!("http://{address}/check?x=1"), ..options };
    let outcome = trial.run(ForwardAuth::new(&options).unwrap());
    (outcome, questions.recv().unwrap())
}

const YES: &str = "HTTP/1.1 204 No Content\nConnection: close\n\n";

fn line<'q>(question: &'q [String], name: &str) -> Option<&'q str> {
    let lines: Vec<_> = question
        .iter()
        .filter_map(|line| line.split_once(": "))
        .filter(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .collect();
    assert!(lines.len() <= 1, "{name}: {question:?}");
    lines.first().copied()
}

#[test]
fn the_question_tells_the_request() {
    let request = || {
        Trial::new("POST", "/a?b=1")
            .header("Host", "app.example:8080")
            .header("X-Own", "1")
            .header("Connection", "X-Hop")
            .header("X-Hop", "1")
            .header("TE", "trailers")
            .header("Content-Length", "5")
            .header("X-Forwarded-For", "10.0.0.9")
            .header("X-Forwarded-Proto", "https")
            .header("X-Forwarded-Host", "outer.example")
            .header("X-Forwarded-Method", "PUT")
            .header("X-Forwarded-Uri", "/outer")
            .header("X-Forwarded-Port", "444")
            .header("X-Forwarded-Prefix", "/p")
            .header("X_Real-Ip", "10.0.0.9")
    };
    let names = ["For", "Proto", "Host", "Method", "Uri", "Port", "Prefix"];
    for (trust, expected, real) in [
        (
            None,
            [
                Some("192.0.2.1"),
                Some("http"),
                Some("app.example:8080"),
                Some("POST"),
                Some("/a?b=1"),
                Some("444"),
                Some("/p"),
            ],
            Some("10.0.0.9"),
        ),
        (
            Some(false),
            [
                Some("192.0.2.1"),
                Some("http"),
                Some("app.example:8080"),
                Some("POST"),
                Some("/a?b=1"),
                Some("8080"),
                None,
            ],
            None,
        ),
        (
            Some(true),
            [
                Some("10.0.0.9, 192.0.2.1"),
                Some("https"),
                Some("outer.example"),
                Some("PUT"),
                Some("/outer"),
                Some("444"),
                Some("/p"),
            ],
            Some("10.0.0.9"),
        ),
    ] {
        let options = config::ForwardAuth { trust_forward_header: trust, ..Default::default() };
        let (outcome, question) = ask(options, YES, request());
        assert!(outcome.forwarded);
        assert_eq!(question[0], "GET /check?x=1 HTTP/1.1");
        assert!(line(&question, "Host").unwrap().starts_with("127.0.0.1:"));
        assert_eq!(names.map(|name| line(&question, &format!("X-Forwarded-{name}"))), expected, "{trust:?}");
        assert_eq!(line(&question, "X_Real-Ip"), real);
        assert_eq!(line(&question, "X-Own"), Some("1"));
        for gone in ["Connection", "X-Hop", "TE", "Content-Length", "User-Agent", "Accept-Encoding"] {
            assert_eq!(line(&question, gone), None, "{gone}");
        }
    }
}

#[test]
fn the_question_may_have_some_headers_only_and_the_requests_method() {
    for (trust, forwarded_server) in [(None, None), (Some(true), Some("edge"))] {
        let options = config::ForwardAuth {
            auth_request_headers: vec!["x-own".into()],
            preserve_request_method: true,
            trust_forward_header: trust,
            ..Default::default()
        };
        let trial =
            Trial::new("DELETE", "/").header("X-Own", "1").header("X-Other", "1").header("X-Forwarded-Server", "edge");
        let (_, question) = ask(options, YES, trial);
        assert_eq!(question[0], "DELETE /check?x=1 HTTP/1.1");
        assert_eq!(line(&question, "X-Own"), Some("1"));
        assert_eq!(line(&question, "X-Other"), None);
        assert_eq!(line(&question, "X-Forwarded-Server"), forwarded_server, "{trust:?}");
        assert_eq!(line(&question, "X-Forwarded-Method"), Some("DELETE"));
    }
}

#[test]
fn a_yes_may_change_the_request() {
    let options = config::ForwardAuth {
        auth_response_headers: vec!["X-User".into(), "x-absent".into()],
        auth_response_headers_regex: "^X-Auth-".into(),
        header_field: "X-User".into(),
        add_auth_cookies_to_response: vec!["session".into()],
        ..Default::default()
    };
    let answer = "HTTP/1.1 200 OK\nConnection: close\nX-User: ann\nX-Auth-A: 1\nX-Auth-A: 2\nX-Other: 1\n\
                  Set-Cookie: session=new; Path=/\nSet-Cookie: other=1\nContent-Length: 4\n\nbody";
    let trial = Trial::get("/")
        .header("X-User", "eve")
        .header("X-Absent", "eve")
        .header("X-Auth-B", "eve")
        .header("X-Other", "mine")
        .answered_with("Set-Cookie", "session=old")
        .answered_with("Set-Cookie", "mine=1");
    let (outcome, _) = ask(options, answer, trial);
    assert!(outcome.forwarded);
    let names = ["X-User", "X-Absent", "X-Auth-A", "X-Auth-B", "X-Other"];
    assert_eq!(names.map(|name| outcome.sent(name)), ["ann", "-", "1|2", "-", "mine"]);
    assert_eq!(outcome.got("Set-Cookie"), "mine=1|session=new; Path=/");
    assert_eq!(outcome.state.notes.user.as_deref(), Some("ann"));
}

#[test]
fn any_other_answer_goes_to_the_client() {
    for (options, answer, status, location, text) in [
        (
            config::ForwardAuth::default(),
            "403 Forbidden\nX-Why: no\nKeep-Alive: 5\nContent-Length: 3\n\nno!",
            403,
            "-",
            "no!",
        ),
        (
            config::ForwardAuth::default(),
            "302 Found\nLocation: /login\nContent-Length: 0\n\n",
            302,
            "http://ADDRESS/login",
            "",
        ),
        (
            config::ForwardAuth::default(),
            "302 Found\nLocation: https://sso.example\nContent-Length: 0\n\n",
            302,
            "https://sso.example",
            "",
        ),
        (
            config::ForwardAuth { preserve_location_header: true, ..Default::default() },
            "302 Found\nLocation: /login\nContent-Length: 0\n\n",
            302,
            "/login",
            "",
        ),
        (
            config::ForwardAuth { auth_signin_url: "https://sso.example/in".into(), ..Default::default() },
            "401 Unauthorized\nContent-Length: 2\n\nno",
            302,
            "https://sso.example/in",
            "Found",
        ),
        (
            config::ForwardAuth { auth_signin_url: "https://sso.example/in".into(), ..Default::default() },
            "403 Forbidden\nContent-Length: 2\n\nno",
            403,
            "-",
            "no",
        ),
        (
            config::ForwardAuth { max_response_body_size: Some(3), ..Default::default() },
            "200 OK\nContent-Length: 4\n\n1234",
            401,
            "-",
            "",
        ),
        (config::ForwardAuth { max_response_body_size: Some(3), ..Default::default() }, "200 OK\n\n1234", 401, "-", ""),
        (
            config::ForwardAuth { max_response_body_size: Some(4), ..Default::default() },
            "403 No\nContent-Length: 4\n\n1234",
            403,
            "-",
            "1234",
        ),
        (config::ForwardAuth::default(), "200 OK\nContent-Length: 9\n\nhalf", 500, "-", ""),
        (config::ForwardAuth::default(), "nonsense\n\n", 500, "-", ""),
    ] {
        let (address, _questions) = server(&format!("HTTP/1.1 {answer}").replacen('\n', "\nConnection: close\n", 1));
        let options = config::ForwardAuth { address: format!("http://{address}/check"), ..options };
        let outcome = Trial::get("/").run(ForwardAuth::new(&options).unwrap());
        assert_eq!((outcome.status(), outcome.text().as_str(), outcome.forwarded), (status, text, false), "{answer}");
        assert_eq!(outcome.got("Location"), location.replace("ADDRESS", &address.to_string()), "{answer}");
        assert_eq!(outcome.got("Keep-Alive"), "-");
        assert_eq!(outcome.got("X-Why"), if answer.contains("X-Why") { "no" } else { "-" });
    }
}

#[test]
fn a_server_that_is_not_there_is_500() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = config::ForwardAuth { address: format!("http://{free}"), ..Default::default() };
    let outcome = Trial::get("/").run(ForwardAuth::new(&options).unwrap());
    assert_eq!((outcome.status(), outcome.text().as_str(), outcome.forwarded), (500, "", false));
}

#[test]
fn names_the_field_that_is_wrong() {
    let good = || config::ForwardAuth { address: "https://auth.example".into(), ..Default::default() };
    let tls = |tls: config::ClientTls| config::ForwardAuth { tls: Some(tls), ..good() };
    for (config, path) in [
        (config::ForwardAuth { address: String::new(), ..good() }, "address"),
        (config::ForwardAuth { address: "auth.example".into(), ..good() }, "address"),
        (config::ForwardAuth { address: "ftp://auth.example".into(), ..good() }, "address"),
        (config::ForwardAuth { address: "http://".into(), ..good() }, "address"),
        (
            config::ForwardAuth { auth_response_headers: vec!["a".into(), "b c".into()], ..good() },
            "authResponseHeaders[1]",
        ),
        (config::ForwardAuth { auth_request_headers: vec!["b c".into()], ..good() }, "authRequestHeaders[0]"),
        (config::ForwardAuth { auth_response_headers_regex: "(".into(), ..good() }, "authResponseHeadersRegex"),
        (config::ForwardAuth { header_field: "b c".into(), ..good() }, "headerField"),
        (config::ForwardAuth { auth_signin_url: "a\nb".into(), ..good() }, "authSigninURL"),
        (config::ForwardAuth { max_body_size: Some(-2), ..good() }, "maxBodySize"),
        (config::ForwardAuth { max_response_body_size: Some(-2), ..good() }, "maxResponseBodySize"),
        (tls(config::ClientTls { ca: "x".into(), ..Default::default() }), "tls.caSecret"),
        (
            tls(config::ClientTls { cert: "x".into(), insecure_skip_verify: true, ..Default::default() }),
            "tls.certSecret",
        ),
    ] {
        assert_eq!(ForwardAuth::new(&config).err().map(|e| e.path).as_deref(), Some(path), "{config:?}");
    }
}
