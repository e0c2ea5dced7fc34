//! Every HTTP middleware, alone and within a chain, over HTTP/1.1 and over HTTP/2: the four answers to a request are
//! the same, and so is what servers saw of it. A middleware that has no line in `ROWS` fails.

use std::collections::BTreeSet;

use crate::support::manifests::service;
use crate::support::protocol::{BOTH, Protocol};
use crate::support::{Backend, Gateway, Manifests, Message, middleware, route, secret};

/// A middleware by its key, its options, what is asked of it, and how often that comes to a server, with which status
/// the last time.
type Row = (&'static str, &'static str, &'static [Asked]);
type Asked = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str, usize, u16);

const ORIGIN: (&str, &str) = ("Origin", "https://app.example");
/// `ann:secret`.
const ANN: (&str, &str) = ("Authorization", "Basic YW5uOnNlY3JldA==");

const ROWS: &[Row] = &[
    ("addPrefix", "{prefix: /v1}", &[("GET", "/a//b/../%41?q=//..", &[], "", 1, 200), ("HEAD", "/", &[], "", 1, 200)]),
    (
        "stripPrefix",
        "{prefixes: [/api]}",
        &[("GET", "/api/x?q", &[], "", 1, 200), ("GET", "/api../x", &[], "", 0, 400)],
    ),
    (
        "stripPrefixRegex",
        "{regex: ['/v[0-9]+']}",
        &[("GET", "/v1/%C3%A9?%zz", &[], "", 1, 200), ("GET", "/v1../", &[], "", 0, 400)],
    ),
    ("replacePath", "{path: /new}", &[("POST", "/a%2Fb?q=1", &[], "body", 1, 200)]),
    (
        "replacePathRegex",
        "{regex: '^/a(.*)$', replacement: '/b/$1'}",
        &[("GET", "/a?q", &[], "", 1, 200), ("GET", "/a/x", &[], "", 0, 400), ("GET", "/x", &[], "", 1, 200)],
    ),
    (
        "redirectScheme",
        "{scheme: https, port: '8443'}",
        &[("GET", "/x?y", &[], "", 0, 302), ("POST", "/x", &[], "body", 0, 307), ("HEAD", "/x", &[], "", 0, 307)],
    ),
    (
        "redirectRegex",
        "{regex: '^http://([^/]+)/a(.*)', replacement: 'https://$1/b$2', permanent: true}",
        &[("GET", "/a%20b?c|d", &[], "", 0, 301), ("PUT", "/a?x", &[], "body", 0, 308), ("GET", "/", &[], "", 1, 200)],
    ),
    (
        "headers",
        "{customRequestHeaders: {X-New: a, X-Gone: '', Host: inner}, customResponseHeaders: {X-New: b}, frameDeny: true, \
          accessControlAllowOriginList: ['https://app.example'], addVaryHeader: true}",
        &[
            ("GET", "/", &[ORIGIN, ("X-Gone", "1")], "", 1, 200),
            ("GET", "/status/404", &[("Origin", "null")], "", 1, 404),
            ("OPTIONS", "/", &[ORIGIN, ("Access-Control-Request-Method", "PUT")], "", 0, 200),
        ],
    ),
    (
        "basicAuth",
        "{secret: basic, headerField: X-User, removeHeader: true}",
        &[
            ("GET", "/", &[ANN, ("X-User", "root")], "", 1, 200),
            ("POST", "/", &[("Authorization", "Basic !")], "body", 0, 401),
            ("HEAD", "/", &[], "", 0, 401),
        ],
    ),
    (
        "digestAuth",
        "{secret: digest}",
        &[("GET", "/", &[ANN], "", 0, 401), ("GET", "/", &[("Authorization", "Digest x")], "", 0, 401)],
    ),
    (
        "forwardAuth",
        "{address: 'http://AUTH/', authResponseHeaders: [X-User]}",
        &[
            ("GET", "/", &[("X-Word", "please"), ("X-User", "root")], "", 1, 200),
            ("POST", "/", &[("X-Word", "please")], "body", 1, 200),
            ("GET", "/", &[], "", 0, 401),
        ],
    ),
    (
        "ipAllowList",
        "{sourceRange: [10.0.0.1], rejectStatusCode: 404}",
        &[("GET", "/", &[("X-Forwarded-For", "10.0.0.1")], "", 0, 404)],
    ),
    ("ipWhiteList", "{sourceRange: [127.0.0.1]}", &[("GET", "/", &[("X-Forwarded-For", "x, ")], "", 1, 200)]),
    ("rateLimit", "{average: 1, period: 1h}", &[("GET", "/", &[], "", 1, 200), ("GET", "/", &[], "", 0, 429)]),
    ("inFlightReq", "{amount: 0}", &[("GET", "/", &[], "", 0, 429), ("HEAD", "/", &[], "", 0, 429)]),
    (
        "circuitBreaker",
        "{expression: 'NetworkErrorRatio() > 0.5'}",
        &[("GET", "/", &[], "", 1, 200), ("GET", "/status/500", &[], "", 1, 500)],
    ),
    (
        "compress",
        "{minResponseBodyBytes: 10, encodings: [gzip]}",
        &[
            ("GET", "/fixed", &[("Accept-Encoding", "gzip")], "", 1, 200),
            ("GET", "/fixed", &[("Accept-Encoding", "br;q=x, ,gzip;q=0")], "", 1, 200),
            ("HEAD", "/fixed", &[("Accept-Encoding", "gzip")], "", 1, 200),
        ],
    ),
    (
        "errors",
        "{status: ['404', 500-599], query: '/{status}?{url}', service: {name: pages, port: 80}}",
        &[
            ("GET", "/status/404", &[], "", 2, 404),
            ("POST", "/status/503", &[], "body", 2, 503),
            ("GET", "/status/403", &[], "", 1, 403),
        ],
    ),
    (
        "retry",
        "{attempts: 3, status: ['503']}",
        &[
            ("GET", "/status/503", &[], "", 3, 503),
            ("POST", "/status/503", &[], "body", 1, 503),
            ("PUT", "/", &[], "body", 1, 200),
        ],
    ),
    (
        "buffering",
        "{maxRequestBodyBytes: 4, maxResponseBodyBytes: 500}",
        &[("POST", "/", &[], "body", 1, 200), ("POST", "/", &[], "large", 0, 413), ("GET", "/large", &[], "", 1, 500)],
    ),
    (
        "contentType",
        "{}",
        &[("GET", "/html", &[], "", 1, 200), ("HEAD", "/html", &[], "", 1, 200), ("GET", "/", &[], "", 1, 200)],
    ),
    (
        "encodedCharacters",
        "{allowEncodedSlash: true}",
        &[("GET", "/a%2fb", &[], "", 1, 200), ("GET", "/a%00", &[], "", 0, 400)],
    ),
    (
        "grpcWeb",
        "{allowOrigins: ['https://app.example']}",
        &[
            ("GET", "/", &[ORIGIN], "", 1, 200),
            (
                "OPTIONS",
                "/",
                &[ORIGIN, ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "x-grpc-web")],
                "",
                0,
                204,
            ),
        ],
    ),
    (
        "passTLSClientCert",
        "{pem: true, info: {serialNumber: true}}",
        &[(
            "GET",
            "/",
            &[("X-Forwarded-Tls-Client-Cert", "lie"), ("X-Forwarded-Tls-Client-Cert-Info", "lie")],
            "",
            1,
            200,
        )],
    ),
    ("chain", "{middlewares: [{name: outer}, {name: neighbour}]}", &[("GET", "/x", &[], "", 1, 200)]),
    // None is compiled in: its routes are closed.
    ("plugin", "{unknown: {a: 1}}", &[("GET", "/", &[], "", 0, 404)]),
];

/// What fields are the connection's, or differ each time.
const OWN: [&str; 8] =
    ["connection", "date", "keep-alive", "transfer-encoding", "content-length", "retry-after", "x-retry-in", "x-outer"];

/// A message as both protocols have it: fields in lower case, sorted, without those of the connection.
fn alike(message: &Message) -> Vec<(String, String)> {
    let mut fields: Vec<_> = message.headers.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.clone())).collect();
    fields.retain(|(name, _)| !OWN.contains(&name.as_str()));
    for (_, value) in fields.iter_mut().filter(|(name, value)| name == "www-authenticate" && value.contains("nonce")) {
        *value = value
            .split(", ")
            .filter(|part| !part.contains("nonce=") && !part.contains("opaque="))
            .collect::<Vec<_>>()
            .join(", ");
    }
    fields.sort();
    fields
}

/// What came of a request.
#[derive(Debug, PartialEq)]
struct Outcome {
    status: u16,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
    /// What servers saw.
    seen: Vec<(String, Vec<(String, String)>, Vec<u8>)>,
}

fn lines(backend: &Backend, from: usize) -> Vec<(String, Vec<(String, String)>, Vec<u8>)> {
    backend.all().iter().skip(from).map(|seen| (seen.start.clone(), alike(seen), seen.body.clone())).collect()
}

/// Echoes nothing of the request: what a server saw is compared by itself.
fn answer(request: &Message) -> String {
    let path = request.target().split('?').next().unwrap_or_default();
    let (status, body) = match path.rsplit_once("/status/") {
        Some((_, status)) => (status, "as asked".to_owned()),
        None if path.ends_with("/large") => ("200", "x".repeat(501)),
        None if path.ends_with("/fixed") => ("200", "fixed ".repeat(50)),
        None if path.ends_with("/html") => ("200", "<html>".to_owned()),
        None => ("200", "ok".to_owned()),
    };
    format!("HTTP/1.1 {status} x\r\nX-Backend: here\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// All middlewares, each for its host, alone or with neighbours in a chain.
fn objects(backend: &Backend, auth: &Backend, chained: bool) -> Manifests {
    let mut objects = service("pages", &[backend])
        + secret("basic", "users", "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=")
        + secret("digest", "users", "ann:traefik:e008efc4676c740d22dfb8460b00c71f")
        + middleware("outer", "headers: {customResponseHeaders: {X-Outer: here}}")
        + middleware("neighbour", "headers: {customResponseHeaders: {X-Outer: here}}");
    for (key, options, _) in ROWS {
        let name = key.to_lowercase();
        let chain = format!("chain: {{middlewares: [{{name: outer}}, {{name: {name}}}, {{name: neighbour}}]}}");
        let used = if chained { format!("{name}-within") } else { name.clone() };
        objects = objects
            + middleware(&name, &format!("{key}: {}", options.replace("AUTH", &auth.address.to_string())))
            + middleware(&format!("{name}-within"), &chain)
            + route(&name).rule(&format!("Host(`{name}`)")).middlewares(&[&used]).to(backend);
    }
    objects
}

async fn outcomes(protocol: Protocol, chained: bool, auth: &Backend) -> Vec<Outcome> {
    let backend = Backend::answering(answer).await;
    let gateway = Gateway::start(objects(&backend, auth, chained)).await;
    let mut outcomes = Vec::new();
    for (key, _, asked) in ROWS {
        for (method, target, headers, body, requests, status) in *asked {
            let before = backend.requests();
            let reply = protocol.ask(&gateway, method, &key.to_lowercase(), target, headers, body).await;
            let what = format!("{protocol:?} {key} {method} {target}");
            assert_eq!(reply.status(), *status, "{what}: {reply:?}");
            let seen = lines(&backend, before);
            assert_eq!(seen.len(), *requests, "{what}: {seen:?}");
            let within = chained && *key != "plugin";
            assert_eq!(reply.header("X-Outer").is_some(), within || *key == "chain", "{what}");
            outcomes.push(Outcome { status: reply.status(), fields: alike(&reply), body: reply.body, seen });
        }
    }
    outcomes
}

#[tokio::test]
async fn every_middleware_does_the_same_in_a_chain_and_over_http2() {
    let auth = Backend::answering(|request: &Message| {
        let yes = request.header("X-Word") == Some("please");
        let status = if yes { "200 OK\r\nX-User: ann" } else { "401 Unauthorized\r\nX-Why: asked badly" };
        format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno")
    })
    .await;
    let mut all = Vec::new();
    for protocol in BOTH {
        for chained in [false, true] {
            all.push((format!("{protocol:?}, chained: {chained}"), outcomes(protocol, chained, &auth).await));
        }
    }
    let (_, first) = &all[0];
    let rows = ROWS.iter().flat_map(|(key, _, asked)| asked.iter().map(move |asked| format!("{key} {asked:?}")));
    let mut wrong = String::new();
    for (i, row) in rows.enumerate() {
        for (way, outcomes) in all[1..].iter().filter(|(_, outcomes)| outcomes[i] != first[i]) {
            wrong += &format!("{row}: {way}\n  {:?}\ninstead of\n  {:?}\n", outcomes[i], first[i]);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_middleware_is_left_out() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/middlewares.md")).unwrap();
    let sections = page.split("\n## ").skip(1).map(|section| section.lines().next().unwrap());
    let documented: BTreeSet<&str> = sections.chain(["ipWhiteList"]).collect();
    let compared: BTreeSet<&str> = ROWS.iter().map(|(key, ..)| *key).collect();
    assert_eq!(compared, documented);
}
