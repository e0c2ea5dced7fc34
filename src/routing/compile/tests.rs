//! What keeps a router from serving, and how it is told.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::dynamic::http::RouterTls;
use crate::dynamic::tcp::{InFlightConn, TcpMiddleware, TcpRouter, TcpRouterTls, TcpServersLoadBalancer, TcpService};
use crate::dynamic::tls::TlsOptions;
use crate::routing::table::TcpTls;

fn compiled(configuration: Configuration, config: &str) -> (Table, Vec<Diagnostic>) {
    let config = Config::from_yaml(config).unwrap();
    let settings = Settings {
        config,
        registry: Registry::built_in(),
        default_transport: ServersTransport::default(),
        default_tcp_transport: TcpServersTransport::default(),
    };
    compile(Arc::new(configuration), &settings, None)
}

fn with_router(router: Router) -> Configuration {
    let mut configuration = Configuration::default();
    configuration.tls.options.insert("default-modern".to_owned(), TlsOptions::default());
    let router = Router { service: "noop@internal".to_owned(), rule: "Host(`a`)".to_owned(), ..router };
    configuration.http.routers.insert("r".to_owned(), router);
    configuration
}

#[test]
fn tls_options_must_exist() {
    for (options, good) in [
        ("", true),
        ("default", true),
        ("default-modern", true),
        ("default-modern@kubernetescrd", true),
        ("default-gone", false),
        ("default-gone@kubernetescrd", false),
    ] {
        let tls = RouterTls { options: options.to_owned(), ..RouterTls::default() };
        let (table, diagnostics) = compiled(with_router(Router { tls: Some(tls), ..Router::default() }), "");
        assert_eq!(table.len(), usize::from(good), "{options}");
        let told: Vec<_> = diagnostics.iter().map(|d| (d.code, d.path.as_str())).collect();
        let expected = [("TLSOptionsUnusable", "spec.tls.options")];
        assert_eq!(told, expected[usize::from(good)..], "{options}");
        assert_eq!(table.disabled(0, false).count(), usize::from(!good), "{options}");
    }
}

#[test]
fn tls_options_of_an_entry_point_count_there_only() {
    let config = "entryPoints: {a: {address: ':1'}, \
                  b: {address: ':2', http: {tls: {options: default-gone@kubernetescrd}}}}";
    let (table, diagnostics) = compiled(with_router(Router::default()), config);
    assert_eq!(table.routes(0, false).unwrap().iter().count(), 1);
    assert_eq!(table.len(), 1);
    assert_eq!((table.disabled(0, false).count(), table.disabled(1, false).count()), (0, 1));
    assert_eq!(diagnostics.len(), 1);
    assert!(diagnostics[0].message.contains("which the entry point b gives it"), "{}", diagnostics[0]);
}

#[test]
fn a_mistake_is_told_once_for_all_entry_points() {
    let config = "entryPoints: {a: {address: ':1'}, b: {address: ':2'}}";
    let router = Router { middlewares: vec!["gone".to_owned()], ..Router::default() };
    let (table, diagnostics) = compiled(with_router(router), config);
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    assert!(table.is_empty());
    let disabled = table.disabled(1, false).next().unwrap();
    assert_eq!(disabled.entry_points, [0, 1]);
    assert_eq!((disabled.rule.as_str(), disabled.priority), ("Host(`a`)", 9));
    assert!(disabled.reason.starts_with("the middleware \"gone\" does not exist"), "{}", disabled.reason);
}

#[test]
fn a_middleware_of_an_entry_point_is_told_as_its() {
    let config = "entryPoints: {a: {address: ':1'}, \
                  b: {address: ':2', http: {middlewares: [default-gone@kubernetescrd]}}}";
    let (table, diagnostics) = compiled(with_router(Router::default()), config);
    assert_eq!((table.disabled(0, false).count(), table.disabled(1, false).count()), (0, 1));
    let [told] = diagnostics.as_slice() else { panic!("{diagnostics:?}") };
    assert!(told.message.contains("which the entry point b adds"), "{told}");
    assert!(told.message.contains("the middleware \"default-gone\" does not exist"), "{told}");

    // The router's own are its own mistake there, too.
    let good = ingora_crds::middleware::AddPrefix { prefix: "/x".to_owned() };
    let good = crate::dynamic::http::Middleware { add_prefix: Some(good), ..Default::default() };
    let mut configuration = with_router(Router { middlewares: vec!["nobody".to_owned()], ..Router::default() });
    configuration.http.middlewares.insert("default-gone".to_owned(), good);
    let (_, diagnostics) = compiled(configuration, config);
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    assert!(!diagnostics[0].message.contains("entry point"), "{}", diagnostics[0]);
}

#[test]
fn a_redirection_of_priority_0_has_that_of_its_rule() {
    for (given, expected) in [("0", 18), ("5", 5), ("-1", -1), ("9223372036854775806", i64::MAX - 1)] {
        let config = format!(
            "entryPoints: {{a: {{address: ':1', http: {{redirections: {{entryPoint: {{to: ':2', priority: {given}}}}}}}}}}}"
        );
        let (table, diagnostics) = compiled(Configuration::default(), &config);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        let routes = table.routes(0, false).unwrap();
        let found: Vec<_> = routes.iter().map(|route| (&*route.name, route.priority)).collect();
        assert_eq!(found, [("a-to-2@internal", expected)]);
    }
}

#[test]
fn tcp_routers_need_what_they_name() {
    let names = |service: &str, middleware: &str, tls: Option<TcpRouterTls>| TcpRouter {
        rule: "HostSNI(`*`)".to_owned(),
        service: service.to_owned(),
        middlewares: Some(middleware.to_owned()).filter(|m| !m.is_empty()).into_iter().collect(),
        tls,
        ..TcpRouter::default()
    };
    let options =
        |passthrough| Some(TcpRouterTls { passthrough, options: "gone".to_owned(), ..TcpRouterTls::default() });
    for (router, code) in [
        (names("s", "", None), None),
        (names("s@kubernetescrd", "m@kubernetescrd", None), None),
        (names("s", "", options(true)), None),
        (names("gone", "", None), Some("ServiceUnusable")),
        (names("", "", None), Some("ServiceUnusable")),
        (names("s", "gone", None), Some("MiddlewareUnusable")),
        (names("s", "empty", None), Some("MiddlewareUnusable")),
        (names("s", "", options(false)), Some("TLSOptionsUnusable")),
    ] {
        let mut configuration = Configuration::default();
        let service = TcpService::LoadBalancer(TcpServersLoadBalancer::default());
        configuration.tcp.services.insert("s".to_owned(), service);
        configuration.tcp.middlewares.insert(
            "m".to_owned(),
            TcpMiddleware { in_flight_conn: Some(InFlightConn { amount: 1 }), ..TcpMiddleware::default() },
        );
        configuration.tcp.middlewares.insert("empty".to_owned(), TcpMiddleware::default());
        configuration.tcp.routers.insert("r".to_owned(), router.clone());
        let (table, diagnostics) = compiled(configuration, "");
        assert_eq!(diagnostics.first().map(|d| d.code), code, "{router:?}");
        let routes = table.tcp_routes(0).unwrap().iter();
        let serving = routes.filter(|route| !matches!(route.tls, TcpTls::Refused)).count();
        assert_eq!(serving, usize::from(code.is_none()), "{router:?}");
        assert_eq!(table.disabled(0, true).count(), usize::from(code.is_some()), "{router:?}");
    }
}

#[test]
fn the_other_syntax_is_named_where_it_would_help() {
    for (rule, syntax, hinted) in [
        ("Host(`a`, `b`)", "v3", true),
        ("Headers(`a`, `b`)", "v3", true),
        ("PathRegexp(`^/a`)", "v2", true),
        ("HostRegexp(`[`)", "v3", false),
        ("Path(`a`)", "v3", false),
        ("Host(`a`", "v3", false),
        ("Nothing(`a`)", "v3", false),
    ] {
        let router = Router { rule_syntax: syntax.to_owned(), ..Router::default() };
        let mut configuration = with_router(router);
        configuration.http.routers.get_mut("r").unwrap().rule = rule.to_owned();
        let (_, diagnostics) = compiled(configuration, "");
        assert_eq!(diagnostics.len(), 1, "{rule}");
        let message = &diagnostics[0].message;
        assert_eq!(message.contains("it is a rule of syntax"), hinted, "{rule}\n{message}");
    }
}

#[test]
fn what_an_entry_point_gives_is_for_internal_routers_too() {
    for (http, code, path) in [
        ("middlewares: [default-gone@kubernetescrd]", "MiddlewareUnusable", "http.middlewares"),
        ("tls: {options: default-gone@kubernetescrd}", "TLSOptionsUnusable", "http.tls.options"),
    ] {
        let config = format!("entryPoints: {{a: {{address: ':1', http: {{{http}}}}}}}\nping: {{entryPoint: a}}");
        let (table, diagnostics) = compiled(Configuration::default(), &config);
        assert!(table.is_empty(), "{http}");
        let told: Vec<_> = diagnostics.iter().map(|d| (d.code, d.path.as_str())).collect();
        assert_eq!(told, [(code, path); 2], "{http}");
        assert_eq!(diagnostics[0].object, ObjectRef::new("EntryPoint", "", "a"));
        let disabled: Vec<_> = table.disabled(0, false).map(|d| d.name.as_str()).collect();
        assert_eq!(disabled, ["ping@internal", "ready@internal"], "{http}");
    }
}
