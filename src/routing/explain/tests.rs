//! What `explain` lists, in which order, and that its winner is the one that serves.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use http::HeaderMap;
use ingora_middleware::Registry;

use super::*;
use crate::config::Config;
use crate::dynamic::Configuration;
use crate::dynamic::http::{Middleware, Router, RouterTls, ServersTransport};
use crate::dynamic::tcp::{TcpRouter, TcpServersTransport};
use crate::routing::{Settings, compile};

fn table(configuration: Configuration) -> Table {
    let config = Config::from_yaml("entryPoints: {web: {address: ':80'}}\nping: {entryPoint: web}").unwrap();
    let settings = Settings {
        config,
        registry: Registry::built_in(),
        default_transport: ServersTransport::default(),
        default_tcp_transport: TcpServersTransport::default(),
    };
    compile(Arc::new(configuration), &settings, None).0
}

fn routers(routers: &[(&str, &str, i64, bool)]) -> Configuration {
    let mut configuration = Configuration::default();
    for (name, rule, priority, tls) in routers {
        let router = Router {
            rule: (*rule).to_owned(),
            priority: *priority,
            service: "noop@internal".to_owned(),
            tls: tls.then(RouterTls::default),
            ..Router::default()
        };
        configuration.http.routers.insert((*name).to_owned(), router);
    }
    configuration
}

fn view<'a>(host: &'a str, path: &'a str, headers: &'a HeaderMap) -> RequestView<'a> {
    RequestView { host, path, method: "GET", headers, query: "", client_ip: [127, 0, 0, 1].into() }
}

const ROUTERS: &[(&str, &str, i64, bool)] = &[
    ("a", "Host(`a`)", 0, false),
    ("b", "Host(`a`) && PathPrefix(`/b`)", 0, false),
    ("broken", "Host(`a`", 9, false),
    ("high", "PathPrefix(`/high`)", 100, false),
    ("secure", "Host(`a`)", 7, true),
];

#[test]
fn every_router_is_told_in_order() {
    let explanation = table(routers(ROUTERS)).explain(0, false, &view("a", "/b", &HeaderMap::new()));
    let told: Vec<_> =
        explanation.candidates.iter().map(|c| (c.router.as_str(), c.matched, c.reason.as_str())).collect();
    let [ping, ready, high, b, a, secure, broken] = told.as_slice() else { panic!("{told:#?}") };
    assert_eq!((ping.0, ping.1), ("ping@internal", false));
    assert_eq!((ready.0, ready.1), ("ready@internal", false));
    assert_eq!((high.0, high.1), ("high", false));
    assert!(high.2.contains("PathPrefix(`/high`)"), "{}", high.2);
    assert_eq!(*b, ("b", true, "wins: the first match in order of priority"));
    assert_eq!(*a, ("a", true, "matches too, but b comes before it"));
    assert_eq!(*secure, ("secure", false, "serves only requests over TLS, and this one comes in clear text"));
    assert_eq!((broken.0, broken.1), ("broken", false));
    assert!(broken.2.starts_with("disabled: at byte "), "{}", broken.2);

    let explanation = table(routers(ROUTERS)).explain(0, true, &view("a", "/b", &HeaderMap::new()));
    assert_eq!(explanation.router.as_deref(), Some("secure"));
    assert_eq!(explanation.candidates.len(), 7);
}

#[test]
fn the_winner_is_the_one_that_serves() {
    let headers = HeaderMap::new();
    let table = table(routers(ROUTERS));
    for (host, path) in [("a", "/"), ("a", "/b"), ("a", "/high"), ("b", "/"), ("b", "/high"), ("", "/ping"), ("a", "*")]
    {
        for tls in [false, true] {
            let request = view(host, path, &headers);
            let explanation = table.explain(0, tls, &request);
            let serves = table.routes(0, tls).unwrap().find(&request).map(|route| route.name.to_string());
            assert_eq!(explanation.router, serves, "{host}{path}");
            let first = explanation.candidates.into_iter().find(|c| c.matched).map(|c| c.router);
            assert_eq!(first, serves, "{host}{path}");
        }
    }
}

/// The parent's `headers` would give the child the header that it asks for.
#[test]
fn a_parents_middlewares_may_change_what_its_children_see() {
    let layered = |middlewares: &[&str]| {
        let mut configuration = Configuration::default();
        let custom_request_headers = [("X-Layer".to_owned(), "a".to_owned())].into();
        let headers = ingora_crds::middleware::Headers { custom_request_headers, ..Default::default() };
        let layer = Middleware { headers: Some(headers), ..Middleware::default() };
        configuration.http.middlewares.insert("layer".to_owned(), layer);
        let middlewares = middlewares.iter().map(|m| (*m).to_owned()).collect();
        let parent = Router { rule: "Host(`a`)".to_owned(), middlewares, ..Router::default() };
        let child = Router {
            rule: "Header(`X-Layer`, `a`)".to_owned(),
            parent_refs: vec!["parent".to_owned()],
            service: "noop@internal".to_owned(),
            ..Router::default()
        };
        configuration.http.routers.insert("parent".to_owned(), parent);
        configuration.http.routers.insert("child".to_owned(), child);
        table(configuration)
    };
    let (none, mut given) = (HeaderMap::new(), HeaderMap::new());
    given.insert("x-layer", "a".parse().unwrap());
    for (headers, winner) in [(&none, None), (&given, Some("child"))] {
        let explanation = layered(&["layer"]).explain(0, false, &view("a", "/", headers));
        assert_eq!(explanation.router.as_deref(), winner);
        let [note] = explanation.notes.as_slice() else { panic!("{explanation:#?}") };
        assert!(note.starts_with("the middlewares of the parent parent (layer) are not run here"), "{note}");

        let explanation = layered(&[]).explain(0, false, &view("a", "/", headers));
        assert_eq!((explanation.router.as_deref(), explanation.notes.len()), (winner, 0));
        let explanation = layered(&["layer"]).explain(0, false, &view("b", "/", headers));
        assert!(explanation.notes.is_empty(), "{:?}", explanation.notes);
    }
}

#[test]
fn disabled_tcp_routers_are_told() {
    let mut configuration = Configuration::default();
    let router = TcpRouter { rule: "HostSNI(`*`)".to_owned(), service: "gone".to_owned(), ..TcpRouter::default() };
    configuration.tcp.routers.insert("t".to_owned(), router);
    let connection = ConnectionView { server_name: "a", alpn: &[], client_ip: [127, 0, 0, 1].into() };
    let explanation = table(configuration).explain_tcp(0, &connection);
    let expected = Candidate {
        router: "t".into(),
        rule: "HostSNI(`*`)".into(),
        priority: -1,
        matched: false,
        reason: "disabled: the service \"gone\" does not exist".into(),
    };
    assert_eq!((explanation.router, explanation.candidates), (None, vec![expected]));
}
