//! Tests of the question that arguments put, and of how an answer is printed.

#![allow(clippy::unwrap_used, clippy::panic)]

use clap::{CommandFactory, FromArgMatches, Parser};

use super::*;

#[derive(Debug, Parser)]
struct Only {
    #[command(flatten)]
    args: Args,
}

fn args(line: &str) -> Result<Args, String> {
    let words = ["explain", "--manifests", "m", "--entry-point", "web"].into_iter().map(str::to_owned);
    let words = words.chain(line.split('|').filter(|w| !w.is_empty()).map(str::to_owned));
    let matches = Only::command().try_get_matches_from(words).map_err(|e| e.to_string())?;
    Ok(Only::from_arg_matches(&matches).map_err(|e| e.to_string())?.args)
}

#[test]
fn a_url_asks_about_a_request() {
    let line =
        "--method|POST|--header|Host: b.c:81|-H|X-A: 1|-H|x-a: 2|--client-ip|10.0.0.1|https://a.b:8443/x%2Fy?q=1&r";
    let question = args(line).unwrap().question().unwrap();
    let mut expected_headers = HeaderMap::new();
    for value in ["1", "2"] {
        expected_headers.append("x-a", value.parse().unwrap());
    }
    let expected = Question::Http {
        tls: true,
        method: Method::POST,
        host: "b.c:81".into(),
        path: "/x%2Fy".into(),
        query: "q=1&r".into(),
        headers: expected_headers,
        client_ip: "10.0.0.1".parse().unwrap(),
    };
    assert_eq!(question, expected);
    let Question::Http { tls, method, host, path, query, .. } = args("http://a.b:81").unwrap().question().unwrap()
    else {
        panic!("not about a request");
    };
    assert_eq!((tls, method, host.as_str(), path.as_str(), query.as_str()), (false, Method::GET, "a.b:81", "/", ""));
}

#[test]
fn a_server_name_asks_about_a_connection() {
    let question = args("--sni|a.b|--alpn|h2|--alpn|x").unwrap().question().unwrap();
    let alpn = vec!["h2".to_owned(), "x".to_owned()];
    assert_eq!(question, Question::Tcp { server_name: "a.b".into(), alpn, client_ip: Ipv4Addr::LOCALHOST.into() });
}

#[test]
fn other_arguments_are_refused() {
    for (line, expected) in [
        ("", "required"),
        ("/path", "write a whole URL"),
        ("ftp://a", "write a whole URL"),
        ("http://a|--header|x", "write `Name: value`"),
        ("http://a|--header|a b: x", "is not a header's name"),
        ("http://a|--method|G T", "invalid"),
        ("http://a|--client-ip|localhost", "invalid"),
        ("http://a|--sni|b", "cannot be used with"),
        ("http://a|--alpn|h2", "cannot be used with"),
        ("--alpn|h2", "required"),
        ("http://a|--format|xml", "text, json"),
    ] {
        let error = args(line).expect_err(line);
        assert!(error.contains(expected), "{line}\nexpected {expected}\nfound    {error}");
    }
}

#[test]
fn the_entry_point_must_be_there() {
    let config = Config::from_yaml("entryPoints: {a: {address: ':1'}, udp: {address: ':1/udp'}, web: {address: ':2'}}");
    let config = config.unwrap();
    let mut asked = args("http://a").unwrap();
    asked.inputs.config = Some("c.yaml".into());
    let mut answer = |name: &str| {
        asked.entry_point = name.into();
        asked.entry_point(&config).map_err(|e| e.to_string())
    };
    assert_eq!(answer("a"), Ok(0));
    assert_eq!(answer("web"), Ok(1));
    assert_eq!(answer("udp"), Err("`udp` is a UDP entry point: its one router gets everything".to_owned()));
    assert_eq!(answer("b"), Err("there is no entry point `b`; there are: a, udp, web".to_owned()));
}

const ROUTE: &str = "
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: r, namespace: default}
spec:
  routes:
    - {match: Host(`a`), kind: Rule, services: [{name: noop@internal, kind: TraefikService}]}
";

#[test]
fn without_a_file_routes_without_entry_points_are_on_the_one_asked_about() {
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    std::fs::write(file.path(), ROUTE).unwrap();
    let mut asked = args("http://a").unwrap();
    asked.inputs.manifests = file.path().to_owned();
    let cooked = asked.inputs.cook_with(Registry::built_in(), Some("web")).unwrap();
    assert!(cooked.diagnostics.is_empty(), "{:?}", cooked.diagnostics);
    let entry_point = asked.entry_point(cooked.recipe.config()).unwrap();
    let explanation = cooked.table.answer(entry_point, &asked.question().unwrap());
    assert!(explanation.router.is_some(), "{explanation:?}");
    assert_eq!(explanation.service.as_deref(), Some("noop@internal"));
}

#[test]
fn text_is_cut_after_twenty_that_fail() {
    let candidate = |n: usize, matched| Candidate { router: format!("r{n}"), matched, ..Candidate::default() };
    let candidates = (0..30).map(|n| candidate(n, n % 10 == 9)).collect();
    let explanation = Explanation { candidates, ..Explanation::default() };
    let mut out = anstream::StripStream::new(Vec::new());
    write(&mut out, &explanation, Format::Text).unwrap();
    let text = String::from_utf8(out.into_inner()).unwrap();
    let shown = |mark: &str| text.lines().filter(|line| line.trim_start().starts_with(mark)).count();
    assert_eq!((shown("yes"), shown("no  ")), (3, 20), "{text}");
    assert!(text.ends_with("\n  … and 7 more\n"), "{text}");
}

#[test]
fn answers_are_printed() {
    let explanation = Explanation {
        router: Some("r1".into()),
        service: Some("s".into()),
        middlewares: vec!["m1".into(), "m2".into()],
        notes: Vec::new(),
        candidates: vec![
            Candidate {
                router: "r0".into(),
                rule: "Host(`b`)".into(),
                priority: 9,
                matched: false,
                reason: "host".into(),
            },
            Candidate {
                router: "r1".into(),
                rule: "Host(`a`)".into(),
                priority: 8,
                matched: true,
                reason: String::new(),
            },
        ],
    };
    let written = |explanation: &Explanation, format| {
        let mut out = anstream::StripStream::new(Vec::new());
        write(&mut out, explanation, format).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    };
    let text = "\
router       r1
middlewares  m1 → m2
service      s

Tried in this order
  no   r0
       Host(`b`) (priority 9)
       host
  yes  r1
       Host(`a`) (priority 8)
";
    assert_eq!(written(&explanation, Format::Text), text);
    let none = written(&Explanation::default(), Format::Text);
    assert_eq!(none, "no router gets it\n\nThe entry point has no router.\n");
    let noted = Explanation { notes: vec!["it depends".into()], ..Explanation::default() };
    let text = written(&noted, Format::Text);
    assert_eq!(text, "no router gets it\nnote         it depends\n\nThe entry point has no router.\n");
    let json: serde_json::Value = serde_json::from_str(&written(&noted, Format::Json)).unwrap();
    assert_eq!(json["notes"], serde_json::json!(["it depends"]));
    let json: serde_json::Value = serde_json::from_str(&written(&Explanation::default(), Format::Json)).unwrap();
    assert_eq!(json, serde_json::json!({"router": null, "service": null, "middlewares": [], "candidates": []}));
    let json: serde_json::Value = serde_json::from_str(&written(&explanation, Format::Json)).unwrap();
    let first = serde_json::json!(
        {"router": "r0", "rule": "Host(`b`)", "priority": 9, "matched": false, "reason": "host"}
    );
    assert_eq!(json["candidates"][0], first);
}
