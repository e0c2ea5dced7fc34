//! `docs/middlewares.md`: every example is checked and served, every section has one, every test it names is there.
//! A section that has no line in `asked` fails: an example that nobody runs is none.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use crate::checking::{lines, report};
use crate::support::protocol::BOTH;
use crate::support::{Backend, Gateway, Manifests, Message, route};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Sections without an example: what they are about can't be one.
const WITHOUT: [&str; 1] = ["plugin"];

/// The sections of the page, each with its text.
fn sections() -> BTreeMap<String, String> {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/middlewares.md")).unwrap();
    let section = |text: &str| {
        let (name, rest) = text.split_once('\n').unwrap();
        (name.trim().to_owned(), rest.to_owned())
    };
    page.split("\n## ").skip(1).map(section).collect()
}

/// The YAML blocks of a section.
fn examples(section: &str) -> Vec<String> {
    section.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_example_is_good() {
    let mut blocks = 0;
    for (name, text) in sections() {
        for example in examples(&text) {
            let dir = TempDir::new().unwrap();
            fs::write(dir.path().join("example.yaml"), &example).unwrap();
            let report: Value = serde_json::from_str(&report(dir.path(), None)).unwrap();
            assert_eq!(lines(&report), Vec::<String>::new(), "{name}");
            let middlewares = report["configuration"]["http"]["middlewares"].as_object().unwrap();
            assert!(middlewares.contains_key(&format!("default-{}", name.to_lowercase())), "{name}");
            blocks += 1;
        }
        assert_eq!(examples(&text).is_empty(), WITHOUT.contains(&name.as_str()), "{name}: an example");
    }
    assert!(blocks >= 20, "{blocks}");
}

#[test]
fn every_test_that_it_names_is_there() {
    let mut files = Vec::new();
    for root in ["middleware/src", "tests/e2e"] {
        collect(&Path::new(ROOT).join(root), &mut files);
    }
    let mut named = 0;
    for (section, text) in sections() {
        for row in text.lines().filter(|line| line.starts_with("| `")) {
            let tests = row.rsplit('|').nth(1).unwrap();
            let names: Vec<_> = tests.split('`').filter_map(|part| part.split_once("::")).collect();
            assert!(!names.is_empty(), "{section}: no test for {row}");
            for (file, test) in names {
                let there =
                    files.iter().any(|(path, text)| path.contains(file) && text.contains(&format!("fn {test}(")));
                assert!(there, "{section}: there is no test {test} in {file}");
                named += 1;
            }
        }
    }
    assert!(named > 50, "{named}");
}

fn collect(directory: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push((path.to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// What is asked of an example: headers, and what comes of it.
struct Asked {
    section: &'static str,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    /// With one it is a POST, else a GET.
    body: &'static str,
    /// The status, or a request that the server saw.
    expected: Expected,
}

enum Expected {
    Status(u16),
    /// The status and a header.
    Header(u16, &'static str, &'static str),
    /// The status and the body.
    Body(u16, &'static str),
    /// The target that the server sees.
    Target(&'static str),
    /// A header that the server sees.
    Seen(&'static str, &'static str),
}

const fn ask(
    section: &'static str,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    expected: Expected,
) -> Asked {
    Asked { section, target, headers, body: "", expected }
}

const fn post(section: &'static str, body: &'static str, expected: Expected) -> Asked {
    Asked { section, target: "/", headers: &[], body, expected }
}

use Expected::{Body, Header, Seen, Status, Target};

const ASKED: &[Asked] = &[
    ask("addPrefix", "/x", &[], Target("/v1/x")),
    ask("stripPrefix", "/api/x", &[], Target("/x")),
    ask("stripPrefix", "/old/x", &[], Seen("X-Forwarded-Prefix", "/old")),
    ask("stripPrefixRegex", "/v12/x", &[], Target("/x")),
    ask("replacePath", "/x", &[], Target("/everything")),
    ask("replacePathRegex", "/users/7", &[], Target("/u/7")),
    ask("redirectScheme", "/x", &[], Header(302, "Location", "https://redirectscheme:8443/x")),
    ask("redirectRegex", "/old/x?y=1", &[], Header(301, "Location", "http://redirectregex/new/x?y=1")),
    ask("headers", "/", &[("X-Secret", "1")], Seen("X-Script-Name", "test")),
    ask(
        "headers",
        "/",
        &[("Origin", "https://app.example")],
        Header(200, "Access-Control-Allow-Origin", "https://app.example"),
    ),
    ask("headers", "/", &[], Header(200, "X-Frame-Options", "DENY")),
    ask("basicAuth", "/", &[], Header(401, "WWW-Authenticate", "Basic realm=\"traefik\"")),
    ask("basicAuth", "/", &[("Authorization", "Basic YW5uOnBhc3N3b3Jk")], Seen("X-User", "ann")),
    ask("digestAuth", "/", &[], Status(401)),
    ask("forwardAuth", "/", &[], Status(401)),
    ask("forwardAuth", "/", &[("X-Word", "please")], Seen("X-User", "ann")),
    ask("ipAllowList", "/", &[], Status(404)),
    ask("rateLimit", "/", &[("X-Tenant", "a")], Status(200)),
    ask("rateLimit", "/", &[("X-Tenant", "a")], Status(200)),
    ask("rateLimit", "/", &[("X-Tenant", "a")], Header(429, "Retry-After", "3600")),
    ask("rateLimit", "/", &[("X-Tenant", "b")], Status(200)),
    ask("inFlightReq", "/", &[], Status(429)),
    ask("circuitBreaker", "/missing", &[], Status(404)),
    ask("circuitBreaker", "/", &[], Status(503)),
    ask("compress", "/", &[("Accept-Encoding", "gzip")], Header(200, "Content-Encoding", "gzip")),
    ask("errors", "/missing", &[], Body(404, "page of /404.html")),
    ask("errors", "/", &[], Status(200)),
    ask("retry", "/flaky", &[], Status(200)),
    post("buffering", "1234", Status(200)),
    post("buffering", "12345", Status(413)),
    ask("contentType", "/page", &[], Header(200, "Content-Type", "text/html; charset=utf-8")),
    ask("encodedCharacters", "/a%5Cb", &[], Status(400)),
    ask("encodedCharacters", "/a%2Fb", &[], Target("/a%2Fb")),
    ask("grpcWeb", "/", &[("Origin", "https://app.example")], Status(200)),
    ask("passTLSClientCert", "/", &[], Status(200)),
    ask("chain", "/api/x", &[], Target("/v2/x")),
];

#[tokio::test]
async fn every_example_does_what_it_says() {
    let auth = Backend::answering(|request: &Message| {
        let yes = request.header("X-Word") == Some("please");
        let status = if yes { "200 OK\r\nX-User: ann" } else { "401 Unauthorized" };
        format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")
    })
    .await;
    let pages = Backend::answering(|request: &Message| {
        let page = format!("page of {}", request.target());
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}", page.len())
    })
    .await;
    for protocol in BOTH {
        let failures = AtomicUsize::new(0);
        let backend = Backend::answering(move |request: &Message| {
            if request.target() == "/page" {
                return "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>".to_owned();
            }
            let status = match request.target() {
                "/missing" => "404 Not Found",
                "/flaky" if failures.fetch_add(1, Ordering::SeqCst) < 2 => "503 Service Unavailable",
                _ => "200 OK",
            };
            let head = &request.head;
            format!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{head}", head.len())
        })
        .await;
        let mut objects = Manifests::default();
        let sections = sections();
        for (name, text) in &sections {
            for example in examples(text) {
                let example = example
                    .replace("auth.default.svc", &auth.address.to_string())
                    .replace("10.0.0.9", &pages.address.ip().to_string())
                    .replace("port: 8080", &format!("port: {}", pages.address.port()));
                objects = objects + format!("---\n{example}").as_str();
            }
            if !WITHOUT.contains(&name.as_str()) {
                let name = name.to_lowercase();
                objects = objects + route(&name).rule(&format!("Host(`{name}`)")).middlewares(&[&name]).to(&backend);
                assert!(ASKED.iter().any(|asked| asked.section.to_lowercase() == name), "nobody asks for {name}");
            }
        }
        let gateway = Gateway::start(objects).await;
        for asked in ASKED {
            let host = asked.section.to_lowercase();
            let method = if asked.body.is_empty() { "GET" } else { "POST" };
            let ask = async || protocol.ask(&gateway, method, &host, asked.target, asked.headers, asked.body).await;
            let mut reply = ask().await;
            // A breaker learns of an answer when it is over, which the client may know first.
            let late = asked.section == "circuitBreaker" && matches!(asked.expected, Status(503));
            for _ in 0..100 {
                if !late || reply.status() == 503 {
                    break;
                }
                reply = ask().await;
            }
            match asked.expected {
                Status(status) => {
                    reply.assert_status(status);
                }
                Header(status, name, value) => {
                    reply.assert_status(status).assert_header(name, value);
                }
                Body(status, body) => {
                    reply.assert_status(status).assert_body(body);
                }
                Target(target) => assert_eq!(reply.echoed().target(), target, "{}", asked.section),
                Seen(name, value) => {
                    reply.echoed().assert_header(name, value);
                }
            }
        }
    }
}
