//! Middlewares of the group `traefik.containo.us` where Traefik 2.3 did something else than Traefik 3 does.

use http::Request;

use crate::support::certificates::Authority;
use crate::support::protocol::BOTH;
use crate::support::tls::Tls;
use crate::support::{Backend, Gateway, Manifests, http2, middleware, object, route};

/// A middleware in both groups, each with a route for its host; in v2's it is in a chain, too.
fn both(name: &str, spec: &str, backend: &Backend) -> Manifests {
    let chain = format!("chain: {{middlewares: [{{name: {name}-2}}]}}");
    let mut objects = middleware(&format!("{name}-3"), spec)
        + v2(&middleware(&format!("{name}-2"), spec))
        + v2(&middleware(&format!("{name}-2-chain"), &chain));
    for suffix in ["3", "2", "2-chain"] {
        let host = format!("{name}-{suffix}");
        objects = objects + route(&host).rule(&format!("Host(`{host}`)")).middlewares(&[&host, "inner"]).to(backend);
    }
    objects
}

fn v2(objects: &Manifests) -> Manifests {
    Manifests(objects.0.replace("traefik.io/v1alpha1", "traefik.containo.us/v1alpha1"))
}

#[tokio::test]
async fn defaults_are_those_of_the_group() {
    let html = "<html>".repeat(500);
    let backend = Backend::answering(move |request| {
        let body = if request.target().starts_with("/html") { &html } else { &request.head };
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    })
    .await;
    let gateway = Gateway::start(
        both("strip", "stripPrefix: {prefixes: [/api]}", &backend)
            + both("unforced", "stripPrefix: {prefixes: [/api], forceSlash: false}", &backend)
            + both("compress", "compress: {}", &backend)
            + both("detect", "contentType: {}", &backend)
            + both("detected", "contentType: {autoDetect: true}", &backend)
            + middleware("inner", "addPrefix: {prefix: /html}"),
    )
    .await;
    for protocol in BOTH {
        for suffix in ["3", "2", "2-chain"] {
            let traefik_2 = suffix != "3";
            // A prefix that is added to nothing, or to a slash.
            protocol.get(&gateway, &format!("strip-{suffix}"), "/api").await.assert_status(200);
            assert_eq!(backend.last().target(), if traefik_2 { "/html/" } else { "/html" }, "{suffix}");
            protocol.get(&gateway, &format!("unforced-{suffix}"), "/api").await.assert_status(200);
            assert_eq!(backend.last().target(), "/html", "{suffix}");

            for (accepted, encoding) in
                [("gzip", Some("gzip")), ("br", Some("br").filter(|_| !traefik_2)), ("br, gzip;q=0.5", Some("br"))]
            {
                let encoding = if traefik_2 && accepted.contains("gzip") { Some("gzip") } else { encoding };
                let headers = [("Accept-Encoding", accepted)];
                let reply = protocol.ask(&gateway, "GET", &format!("compress-{suffix}"), "/", &headers, "").await;
                assert_eq!(reply.header("Content-Encoding"), encoding, "{protocol:?} {suffix} {accepted}");
            }

            let html = Some("text/html; charset=utf-8");
            let reply = protocol.get(&gateway, &format!("detect-{suffix}"), "/").await;
            assert_eq!(reply.header("Content-Type"), html.filter(|_| !traefik_2), "{suffix}");
            let reply = protocol.get(&gateway, &format!("detected-{suffix}"), "/").await;
            assert_eq!(reply.header("Content-Type"), html, "{suffix}");
        }
    }
}

#[tokio::test]
async fn certificates_are_escaped_as_in_a_query() {
    let backend = Backend::echo().await;
    let authority = Authority::new("the authority");
    let client = authority.issue(&["client.example"]);
    let objects = object("TLSOption", "default", "clientAuth: {clientAuthType: RequestClientCert}")
        + both("pass", "passTLSClientCert: {pem: true}", &backend)
        + middleware("inner", "headers: {customRequestHeaders: {X-Inner: here}}");
    // By name they are for cleartext, by path for TLS.
    let secure = ["3", "2", "2-chain"].map(|suffix| {
        let name = format!("pass-{suffix}");
        let rule = format!("PathPrefix(`/{name}/`)");
        Manifests::from(route(&format!("secure-{suffix}")).rule(&rule).tls("{}").middlewares(&[&name]).to(&backend))
    });
    let objects = secure.into_iter().fold(objects, |objects, more| objects + more);
    let gateway = Gateway::start(objects).await;
    let mut told = Vec::new();
    for name in ["pass-3", "pass-2", "pass-2-chain"] {
        let secure = Tls::to("a.example").identity(&client).connect(gateway.web()).await.unwrap();
        assert_eq!(secure.get("a.example", &format!("/{name}/")).await, Ok(200));
        let over_http1 = backend.last().header("X-Forwarded-Tls-Client-Cert").unwrap().to_owned();
        let secure = Tls::to("a.example").alpn(&["h2"]).identity(&client).connect(gateway.web()).await.unwrap();
        let connection = http2::over(secure.wire()).await;
        let (reply, _) = http2::send(&connection, Request::get(format!("https://a.example/{name}/")), true).await;
        assert_eq!(http2::reply(reply).await.unwrap().head.status, 200);
        backend.last().assert_header("X-Forwarded-Tls-Client-Cert", &over_http1);
        told.push(over_http1);
    }
    let [plain, escaped, chained] = told.try_into().unwrap();
    assert!(plain.starts_with("MII") && plain.contains('/') | plain.contains('+'), "{plain}");
    assert_eq!(escaped, chained);
    assert_eq!(escaped, plain.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"));
}

#[tokio::test]
async fn redirections_of_headers_work() {
    let backend = Backend::echo().await;
    let spec = "headers: {sslRedirect: true, sslHost: secure.example}";
    let gateway = Gateway::start(both("ssl", spec, &backend) + middleware("inner", "addPrefix: {prefix: /x}")).await;
    for protocol in BOTH {
        protocol.get(&gateway, "ssl-3", "/a?b").await.assert_status(200);
        for host in ["ssl-2", "ssl-2-chain"] {
            let reply = protocol.get(&gateway, host, "/a?b").await;
            reply.assert_status(301).assert_header("Location", "https://secure.example/a?b");
        }
    }
}
