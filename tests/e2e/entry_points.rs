//! What an entry point gives its routers: redirections, TLS, middlewares; who is on it by default; and sharing its port.
//! Limits of its connections are in `limits` and `http2_limits`.

use std::collections::BTreeSet;

use crate::support::layer4::{Asker, Datagrams};
use crate::support::tls::Tls;
use crate::support::{Backend, Gateway, Wire, http2, middleware, object, ports, route, udp, within};

#[tokio::test]
async fn all_requests_are_redirected_to_where_it_says() {
    let backend = Backend::echo().await;
    for (settings, statuses, target) in [
        ("to: websecure", [301, 308], "https://a.example:PORT"),
        ("to: websecure, permanent: true", [301, 308], "https://a.example:PORT"),
        ("to: websecure, permanent: false", [302, 307], "https://a.example:PORT"),
        ("to: websecure, scheme: http, permanent: false", [302, 307], "http://a.example:PORT"),
        ("to: ':9443'", [301, 308], "https://a.example:9443"),
        ("to: ':443'", [301, 308], "https://a.example"),
        ("to: ':8080', scheme: http", [301, 308], "http://a.example:8080"),
    ] {
        let config = format!(
            "entryPoints: {{web: {{http: {{redirections: {{entryPoint: {{{settings}}}}}}}}}, websecure: {{http: {{tls: {{}}}}}}}}"
        );
        // Its priority is all but the highest that there is.
        let gateway = Gateway::configured(&config, route("r").priority(1_000_000).to(&backend)).await;
        let target = target.replace("PORT", &gateway.address("websecure").port().to_string());
        for host in ["a.example", "a.example:1234"] {
            for (method, status) in ["GET", "POST"].into_iter().zip(statuses) {
                let request = format!("{method} /x/%2F?y=%20z HTTP/1.1\nHost: {host}\nContent-Length: 0\n\n");
                let reply = gateway.ask(&request).await;
                reply.assert_status(status).assert_header("Location", &format!("{target}/x/%2F?y=%20z"));
            }
        }
        let answer = http2::get(&http2::connect(&gateway).await, "http://a.example/x").await;
        assert_eq!(answer.head.status.as_u16(), statuses[0], "{settings}");
        assert_eq!(answer.head.headers["location"], format!("{target}/x"));
        // Nobody is sent from where they are sent to.
        let client = Tls::to("a.example").connect(gateway.address("websecure")).await.unwrap();
        assert_eq!(client.get("a.example", "/x").await, Ok(200), "{settings}");
    }
}

#[tokio::test]
async fn a_redirection_may_leave_routes_alone() {
    let backend = Backend::echo().await;
    let config = "entryPoints: {web: {http: {redirections: {entryPoint: {to: ':443', priority: 30}}}}}";
    let challenge = route("challenge").rule("PathPrefix(`/.well-known/acme-challenge/`)").to(&backend);
    let short = route("short").rule("Host(`a.example`)").to_service("challenge-0");
    let high = route("high").rule("Host(`b.example`)").priority(31).to_service("challenge-0");
    let gateway = Gateway::configured(config, challenge + short + high).await;
    for (host, target, status) in [
        ("a.example", "/.well-known/acme-challenge/token", 200),
        ("a.example", "/", 301),
        ("b.example", "/", 200),
        ("c.example", "/", 301),
    ] {
        gateway.get(host, target).await.assert_status(status);
    }
}

#[tokio::test]
async fn routers_inherit_tls_and_middlewares() {
    let backend = Backend::echo().await;
    let config = "
entryPoints:
  other: {}
  websecure:
    asDefault: true
    http:
      tls: {options: default-new@kubernetescrd, domains: [{main: a.example, sans: [b.example]}]}
      middlewares: [default-first@kubernetescrd]
  broken: {http: {middlewares: [default-gone@kubernetescrd]}}
  closed: {http: {tls: {options: default-gone@kubernetescrd}}}";
    let objects = route("inherits").rule("Host(`a.example`)").middlewares(&["second"]).to(&backend)
        + route("own").rule("Host(`own.example`)").tls("{options: {name: old}}").to_service("inherits-0")
        + route("default").rule("Host(`default.example`)").tls("{}").to_service("inherits-0")
        + route("both")
            .entry_point("other")
            .entry_point("websecure")
            .rule("Host(`both.example`)")
            .to_service("inherits-0")
        + route("broken").entry_point("other").entry_point("broken").rule("Host(`c.example`)").to_service("inherits-0")
        + route("closed").entry_point("closed").rule("Host(`d.example`)").to_service("inherits-0")
        + object("TLSOption", "new", "{minVersion: VersionTLS13}")
        + object("TLSOption", "old", "{maxVersion: VersionTLS12}")
        + middleware("first", "addPrefix: {prefix: /first}")
        + middleware("second", "addPrefix: {prefix: /second}");
    let gateway = Gateway::configured(config, objects).await;
    let secure = gateway.address("websecure");
    for (name, version, path) in [
        ("a.example", "TLSv1.3", "/second/first/x"),
        ("both.example", "TLSv1.3", "/first/x"),
        ("own.example", "TLSv1.2", "/first/x"),
        ("default.example", "TLSv1.3", "/first/x"),
    ] {
        let client = Tls::to(name).connect(secure).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(client.version(), version, "{name}");
        assert_eq!(client.get(name, "/x").await, Ok(200), "{name}");
        assert_eq!(backend.last().target(), path, "{name}");
    }
    // The entry point's options are its routers' alone, and those of a router its own.
    const OLD: pingora::tls::ssl::SslVersion = pingora::tls::ssl::SslVersion::TLS1_2;
    for name in ["a.example", "both.example"] {
        let refused = Tls::to(name).version(OLD).connect(secure).await.err().unwrap();
        assert!(refused.contains("protocol version"), "{name}: {refused}");
    }
    assert!(Tls::to("default.example").version(OLD).connect(secure).await.is_ok());
    for (name, host) in [("a.example", "own.example"), ("own.example", "a.example"), ("default.example", "a.example")] {
        let client = Tls::to(name).connect(secure).await.unwrap();
        assert_eq!(client.get(host, "/").await, Ok(421), "{host} on a connection for {name}");
    }
    // In clear text there is nothing, but where another entry point has it.
    let clear = async |entry_point: &str, host: &str| {
        let mut wire = Wire::connect(gateway.address(entry_point)).await;
        wire.ask(&format!("GET / HTTP/1.1\nHost: {host}\n\n")).await.status()
    };
    for (entry_point, host, status) in [
        ("websecure", "a.example", 404),
        ("websecure", "both.example", 404),
        ("other", "both.example", 200),
        // Only on the entry points that are default ones.
        ("other", "a.example", 404),
        ("web", "a.example", 404),
        // What is not there closes what asks for it, and nothing else.
        ("other", "c.example", 200),
        ("broken", "c.example", 404),
    ] {
        assert_eq!(clear(entry_point, host).await, status, "{host} by {entry_point}");
    }
    let closed = Tls::to("d.example").connect(gateway.address("closed")).await.err().unwrap();
    assert!(!closed.contains("alert"), "{closed}");
}

#[tokio::test]
async fn two_processes_may_share_a_port() {
    let (web, dns) = (ports::free(), ports::free_for_datagrams());
    let config = format!(
        "entryPoints: {{web: {{address: '{web}', reusePort: true}}, dns: {{address: '{dns}/udp', reusePort: true}}}}"
    );
    let (a, b) = (Backend::named("a").await, Backend::named("b").await);
    let (c, d) = (Datagrams::named("a").await, Datagrams::named("b").await);
    let mut first = Gateway::configured(&config, route("r").to(&a) + udp("dns").at(&[c.address])).await;
    let second = Gateway::configured(&config, route("r").to(&b) + udp("dns").at(&[d.address])).await;
    let both = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
    let reached = async {
        let (mut requests, mut datagrams) = (BTreeSet::new(), BTreeSet::new());
        while requests != both || datagrams != both {
            requests.insert(second.get("a", "/").await.backend().to_owned());
            datagrams.insert(Asker::of(dns).await.ask("x").await.server);
        }
    };
    within("an answer of each process", reached).await;
    // One ends, and the other one has all.
    first.signal("TERM");
    assert!(first.exit().await.success());
    for _ in 0..20 {
        assert_eq!(second.get("a", "/").await.backend(), "b");
        assert_eq!(Asker::of(dns).await.ask("x").await.server, "b");
    }
    // Without leave of both it is an error.
    let alone = config.replace(", reusePort: true", "");
    let mut third = Gateway::spawn(&alone, &"".into());
    assert!(!third.exit().await.success());
    assert!(third.log().contains("in use"), "{}", third.log());
}
