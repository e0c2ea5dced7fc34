//! `forwardAuth`: a server that is asked, over HTTP and TLS; its yes, its no, and its silence.

use crate::support::backend::{CERTIFICATE, STRANGER};
use crate::support::protocol::BOTH;
use crate::support::{Backend, Gateway, Manifests, Message, middleware, route, secret};

/// Says yes to those who know the word, no to others.
async fn auth() -> Backend {
    Backend::answering(|request: &Message| {
        let answer = match request.header("X-Word") {
            Some("please") => {
                "200 OK\nX-User: ann\nX-Auth-Role: admin\nSet-Cookie: session=1; Path=/\nSet-Cookie: other=2"
            }
            Some("login") => "302 Found\nLocation: /login",
            _ => "401 Unauthorized\nX-Why: no word\nWWW-Authenticate: Word",
        };
        format!("HTTP/1.1 {answer}\nContent-Length: 3\n\nok?").replace('\n', "\r\n")
    })
    .await
}

#[tokio::test]
async fn the_other_server_decides() {
    for protocol in BOTH {
        let (backend, auth) = (Backend::echo().await, auth().await);
        let gateway = Gateway::start(
            route("r").middlewares(&["outer", "auth"]).to(&backend)
                + middleware("outer", "headers: {customResponseHeaders: {X-Outer: here}}")
                + middleware(
                    "auth",
                    &format!(
                        "forwardAuth:\n  address: http://{}/check?x=1\n  trustForwardHeader: false\n  \
                         authResponseHeaders: [X-User]\n  authResponseHeadersRegex: ^X-Auth-\n  \
                         addAuthCookiesToResponse: [session]",
                        auth.address
                    ),
                ),
        )
        .await;
        let spoofed = [("X-Word", "please"), ("X-User", "eve"), ("X-Auth-Group", "eve")];
        let yes = protocol.ask(&gateway, "POST", "app.example", "/a?b=1", &spoofed, "body").await;
        yes.assert_header("Set-Cookie", "session=1; Path=/").assert_header("X-Outer", "here");
        let seen = backend.last();
        seen.assert_header("X-User", "ann").assert_header("X-Auth-Role", "admin").assert_no_header("X-Auth-Group");
        assert_eq!(seen.body, b"body", "the body goes to the server, not to the one that was asked");

        let asked = auth.last();
        assert_eq!(asked.start, "GET /check?x=1 HTTP/1.1");
        asked.assert_header("Host", &auth.address.to_string()).assert_header("X-Forwarded-Method", "POST");
        asked.assert_header("X-Forwarded-Uri", "/a?b=1").assert_header("X-Forwarded-Host", "app.example");
        asked.assert_header("X-Forwarded-For", "127.0.0.1").assert_header("X-Forwarded-Proto", "http");
        asked.assert_header("X-Forwarded-Port", "80").assert_no_header("Content-Length").assert_no_header("Connection");

        let no = protocol.get(&gateway, "a", "/").await;
        no.assert_status(401).assert_header("X-Why", "no word").assert_header("WWW-Authenticate", "Word");
        no.assert_header("X-Outer", "here").assert_body("ok?");
        let login = protocol.ask(&gateway, "GET", "a", "/", &[("X-Word", "login")], "").await;
        login.assert_status(302).assert_header("Location", &format!("http://{}/login", auth.address));
        assert_eq!(backend.requests(), 1);
        assert_eq!(auth.connections(), 1, "connections are kept");
    }
}

#[tokio::test]
async fn the_body_may_be_asked_about() {
    let (backend, auth) = (Backend::echo().await, Backend::replying("HTTP/1.1 200 OK\nContent-Length: 0\n\n").await);
    let options = |limit| {
        format!(
            "forwardAuth: {{address: 'http://{}/', forwardBody: true, maxBodySize: {limit}, preserveRequestMethod: true}}",
            auth.address
        )
    };
    let gateway = Gateway::start(
        route("r").rule("Host(`a`)").middlewares(&["auth"]).to(&backend)
            + route("any").rule("Host(`any`)").middlewares(&["auth-any", "retry", "auth"]).to(&backend)
            + middleware("auth", &options(10))
            + middleware("auth-any", &options(-1))
            + middleware("retry", "retry: {attempts: 2}"),
    )
    .await;
    for protocol in BOTH {
        for host in ["a", "any"] {
            let reply = protocol.ask(&gateway, "POST", host, "/x", &[("Content-Type", "text/x")], "0123456789").await;
            reply.assert_status(200);
            let asked = auth.last();
            assert_eq!((asked.start.as_str(), asked.text().as_str()), ("POST / HTTP/1.1", "0123456789"));
            asked.assert_header("Content-Length", "10").assert_header("Content-Type", "text/x");
            assert_eq!(backend.last().text(), "0123456789");
            let seen = backend.requests();
            let refused = protocol.ask(&gateway, "POST", host, "/x", &[], "0123456789a").await;
            refused.assert_status(401).assert_body("");
            assert_eq!(backend.requests(), seen);
            protocol.get(&gateway, host, "/").await.assert_status(200);
            assert_eq!(auth.last().text(), "");
        }
    }
}

#[tokio::test]
async fn tls_is_verified() {
    let backend = Backend::echo().await;
    let auth = Backend::tls().await;
    let ask = |name: &str, tls: &str| {
        let options = format!("forwardAuth: {{address: 'https://{}/', tls: {tls}}}", auth.address);
        route(name).rule(&format!("Host(`{name}`)")).middlewares(&[name]).to(&backend) + middleware(name, &options)
    };
    let gateway = Gateway::start(
        ask("own", "{caSecret: own}")
            + ask("stranger", "{caSecret: stranger}")
            + ask("blind", "{insecureSkipVerify: true}")
            + ask("system", "{}")
            + secret("own", "tls.ca", CERTIFICATE)
            + secret("stranger", "tls.ca", STRANGER),
    )
    .await;
    for (host, status) in [("own", 200), ("stranger", 500), ("blind", 200), ("system", 500)] {
        gateway.get(host, "/").await.assert_status(status);
    }
}

#[tokio::test]
async fn an_answer_that_is_none_lets_nobody_in() {
    let backend = Backend::echo().await;
    let mut objects = Manifests::default();
    let mut kept = Vec::new();
    for (name, answer, status) in [
        ("nonsense", "hello\r\n\r\n", 500),
        ("half", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 500),
        ("early", "HTTP/1.1 200 OK\r\nX-Us", 500),
        ("contradicting", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 500),
        ("chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 500),
        ("large", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0123456789a", 401),
        ("elsewhere", "HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 307),
        ("strange", "HTTP/1.1 418 x\r\nContent-Length: 3\r\n\r\ntea", 418),
    ] {
        let auth = Backend::serving(move |mut wire, _| async move {
            wire.request().await?;
            wire.send(answer).await
        })
        .await;
        let options = format!("forwardAuth: {{address: 'http://{}/', maxResponseBodySize: 10}}", auth.address);
        let chain = format!("{name}-chain");
        objects = objects
            + middleware(name, &options)
            + middleware(&chain, &format!("chain: {{middlewares: [{{name: {name}}}]}}"))
            + route(name).rule(&format!("Host(`{name}`)")).middlewares(&[name]).to(&backend)
            + route(&chain).rule(&format!("Host(`{chain}`)")).middlewares(&[&chain]).to(&backend);
        kept.push((name, status, auth));
    }
    let gateway = Gateway::start(objects).await;
    for protocol in BOTH {
        for (name, status, _) in &kept {
            for host in [(*name).to_owned(), format!("{name}-chain")] {
                let reply = protocol.get(&gateway, &host, "/").await;
                assert_eq!(reply.status(), *status, "{protocol:?} {host}: {reply:?}");
            }
        }
    }
    assert_eq!(backend.requests(), 0);
}

#[tokio::test]
async fn nobody_to_ask_lets_nobody_in() {
    let backend = Backend::echo().await;
    let silent = Backend::serving(|mut wire, _| async move { wire.request().await.map(drop) }).await;
    let ask = |name: &str, auth: &Backend| {
        let options = format!("forwardAuth: {{address: 'http://{}/'}}", auth.address);
        route(name).rule(&format!("Host(`{name}`)")).middlewares(&[name]).to(&backend) + middleware(name, &options)
    };
    let gateway = Gateway::start(ask("down", &Backend::down()) + ask("silent", &silent)).await;
    for protocol in BOTH {
        for host in ["down", "silent"] {
            protocol.get(&gateway, host, "/").await.assert_status(500).assert_body("");
        }
    }
    assert_eq!(backend.requests(), 0);
}
