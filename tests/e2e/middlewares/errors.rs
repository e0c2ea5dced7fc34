//! `errors`: whose answers become pages, whose pages, and what the client gets of them.

use bytes::Bytes;
use http::{Request, Response};

use crate::support::http2::{self, connect, reply, send};
use crate::support::manifests::service;
use crate::support::{Backend, Gate, Gateway, Manifests, middleware, object, route, secret, within};

/// Answers `/<status>` with that status.
async fn bad() -> Backend {
    Backend::answering(|request| {
        let status = request.target().trim_start_matches('/').split('?').next().unwrap_or_default();
        let status = if status.len() == 3 { status } else { "200" };
        format!("HTTP/1.1 {status} Oh\r\nX-Bad: 1\r\nContent-Type: text/bad\r\nContent-Length: 3\r\n\r\nbad")
    })
    .await
}

/// Answers with what was asked for.
async fn pages() -> Backend {
    Backend::answering(|request| {
        let text = format!("page {}", request.target());
        format!(
            "HTTP/1.1 200 OK\r\nX-Page: 1\r\nContent-Type: text/page\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        )
    })
    .await
}

fn errors(options: &str) -> Manifests {
    middleware("page", &format!("errors: {{service: {{name: pages, port: 80}}, {options}}}"))
}

#[tokio::test]
async fn answers_with_a_listed_status_become_pages() {
    let (bad, pages) = (bad().await, pages().await);
    let options = "status: ['404', '500-599'], query: '/{status}?was={originalStatus}&url={url}', \
                   statusRewrites: {'500-502': 418, '404': 200}";
    let gateway =
        Gateway::start(route("r").middlewares(&["page"]).to(&bad) + errors(options) + service("pages", &[&pages]))
            .await;
    let mut wire = gateway.connect().await;
    let client = connect(&gateway).await;
    for (target, status, body) in [
        ("/200", 200, "bad"),
        ("/403", 403, "bad"),
        ("/503", 503, "page /503?was=503&url=http%3A%2F%2Fa.example%2F503"),
        ("/500?x=1", 418, "page /418?was=500&url=http%3A%2F%2Fa.example%2F500%3Fx%3D1"),
        ("/404", 200, "page /200?was=404&url=http%3A%2F%2Fa.example%2F404"),
        ("/200", 200, "bad"),
    ] {
        let answer = wire.ask(&format!("GET {target} HTTP/1.1\nHost: a.example\n\n")).await;
        answer.assert_status(status).assert_body(body);
        match body {
            "bad" => answer.assert_header("X-Bad", "1").assert_no_header("X-Page"),
            _ => {
                answer.assert_header("X-Page", "1").assert_header("Content-Type", "text/page").assert_no_header("X-Bad")
            }
        };
        let over_http2 = http2::get(&client, &format!("http://a.example{target}")).await;
        assert_eq!((over_http2.head.status.as_u16(), &*over_http2.body), (status, body.as_bytes()), "{target}");
    }
    let head = wire.ask("HEAD /503 HTTP/1.1\nHost: a.example\n\n").await;
    head.assert_status(503).assert_header("X-Page", "1");
    // A request with a body gets a page, too, and the page's service sees a plain GET.
    let post = "POST /503 HTTP/1.1\nHost: a.example\nContent-Length: 4\nX-Id: 7\n\nbody";
    wire.ask(post).await.assert_status(503).assert_header("X-Page", "1");
    assert_eq!(bad.last().text(), "body");
    let seen = pages.last();
    assert_eq!((seen.method(), &*seen.text()), ("GET", ""));
    seen.assert_header("Host", "a.example").assert_header("X-Id", "7").assert_no_header("Content-Length");
    seen.assert_header("X-Forwarded-For", "127.0.0.1").assert_header("X-Forwarded-Proto", "http");
}

#[tokio::test]
async fn the_page_s_service_gets_the_headers_that_it_should() {
    let (bad, pages) = (bad().await, pages().await);
    for (list, cookie, id) in
        [("", true, true), (", errorRequestHeaders: []", false, false), (", errorRequestHeaders: [x-id]", false, true)]
    {
        let gateway = Gateway::start(
            route("r").middlewares(&["page"]).to(&bad)
                + errors(&format!("status: ['500']{list}"))
                + service("pages", &[&pages]),
        )
        .await;
        gateway.ask("GET /500 HTTP/1.1\nHost: a\nCookie: c\nX-Id: 7\n\n").await.assert_body("page /");
        let seen = pages.last();
        assert_eq!((seen.header("Cookie").is_some(), seen.header("X-Id").is_some()), (cookie, id), "{list}");
        seen.assert_header("Host", "a");
    }
}

#[tokio::test]
async fn inner_filters_get_pages_and_outer_ones_do_not() {
    let (bad, pages) = (bad().await, pages().await);
    let gateway = Gateway::start(
        route("inner").rule("Host(`inner`)").middlewares(&["head", "page", "auth"]).to(&bad)
            + route("outer").rule("Host(`outer`)").middlewares(&["auth", "head", "page"]).to(&bad)
            + errors("status: ['401'], query: /login")
            + middleware("auth", "basicAuth: {secret: users}")
            + middleware("head", "headers: {customResponseHeaders: {X-Out: '1'}}")
            + secret("users", "users", "u:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=")
            + service("pages", &[&pages]),
    )
    .await;
    let answer = gateway.get("inner", "/200").await;
    answer
        .assert_status(401)
        .assert_body("page /login")
        .assert_header("X-Out", "1")
        .assert_no_header("WWW-Authenticate");
    let answer = gateway.get("outer", "/200").await;
    answer.assert_status(401).assert_header("WWW-Authenticate", "Basic realm=\"traefik\"").assert_no_header("X-Out");
    let answer = gateway.ask("GET /200 HTTP/1.1\nHost: inner\nAuthorization: Basic dTpwYXNzd29yZA==\n\n").await;
    answer.assert_status(200).assert_body("bad").assert_header("X-Out", "1");
    assert_eq!(bad.requests(), 1);
}

#[tokio::test]
async fn servers_that_fail_get_pages_and_failing_pages_leave_the_status() {
    let pages = pages().await;
    let down = Backend::down();
    let gateway = Gateway::start(
        route("down").rule("Host(`down`)").middlewares(&["page"]).to(&down)
            + route("nobody").rule("Host(`nobody`)").middlewares(&["page"]).to_service("empty")
            + route("both").rule("Host(`both`)").middlewares(&["lost"]).to(&down)
            + errors("status: ['500-599'], query: '/{status}'")
            + middleware(
                "lost",
                "errors: {service: {name: lost, port: 80}, status: ['502'], statusRewrites: {'502': 503}}",
            )
            + service("pages", &[&pages])
            + service("lost", &[&down])
            + service("empty", &[]),
    )
    .await;
    gateway.get("down", "/").await.assert_status(502).assert_body("page /502");
    gateway.get("both", "/").await.assert_status(503).assert_body("Service Unavailable");
    // Without servers there is no route, as in Traefik.
    gateway.get("nobody", "/").await.assert_status(404);
}

#[tokio::test]
async fn pages_may_come_from_a_traefik_service_and_must_come_from_somewhere() {
    let (bad, pages) = (bad().await, pages().await);
    let gateway = Gateway::start(
        route("r").rule("Host(`a`)").middlewares(&["page"]).to(&bad)
            + route("broken").rule("Host(`b`)").middlewares(&["broken"]).to(&bad)
            + middleware("page", "errors: {service: {name: both, kind: TraefikService}, status: ['500']}")
            + middleware("broken", "errors: {service: {name: nobody, port: 80}, status: ['500']}")
            + object("TraefikService", "both", "weighted: {services: [{name: pages, port: 80}]}")
            + service("pages", &[&pages]),
    )
    .await;
    gateway.get("a", "/500").await.assert_status(500).assert_body("page /");
    gateway.get("b", "/500").await.assert_status(404);
    assert_eq!(bad.requests(), 1);
}

#[tokio::test]
async fn the_last_of_several_attempts_becomes_the_page() {
    let (bad, pages) = (bad().await, pages().await);
    let gateway = Gateway::start(
        route("r").middlewares(&["c", "page", "again"]).to(&bad)
            + errors("status: ['503'], query: '/{status}'")
            + middleware("again", "retry: {attempts: 3, status: ['503']}")
            + middleware("c", "compress: {minResponseBodyBytes: 1}")
            + service("pages", &[&pages]),
    )
    .await;
    let answer = gateway.ask("GET /503 HTTP/1.1\nHost: a\nAccept-Encoding: gzip\n\n").await;
    answer.assert_status(503).assert_header("Content-Encoding", "gzip").assert_header("X-Page", "1");
    assert_eq!((bad.requests(), pages.requests()), (3, 1));
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let gate = Gate::new();
    let to_backend = gate.clone();
    let backend = Backend::serving(move |mut wire, seen| {
        let gate = to_backend.clone();
        async move {
            while let Some(head) = wire.head().await? {
                seen.push(head);
                // A piece of the request, and a piece of the answer before there is more of it.
                assert_eq!(wire.chunk().await?.as_deref(), Some(&b"one"[..]));
                wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nuno\r\n").await?;
                gate.ring();
                assert_eq!(wire.chunk().await?.as_deref(), Some(&b"two"[..]));
                assert_eq!(wire.chunk().await?, None);
                assert_eq!(wire.bytes(2).await?, "\r\n");
                wire.send("3\r\ndue\r\n0\r\n\r\n").await?;
            }
            Ok(())
        }
    })
    .await;
    let pages = pages().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["page"]).to(&backend) + errors("status: ['500']") + service("pages", &[&pages]),
    )
    .await;
    let mut wire = gateway.connect().await;
    wire.say("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\none\n").await.unwrap();
    gate.arrived().await;
    assert_eq!(wire.head().await.unwrap().unwrap().status(), 200);
    assert_eq!(wire.chunk().await.unwrap().as_deref(), Some(&b"uno"[..]));
    wire.say("3\ntwo\n0\n\n").await.unwrap();
    assert_eq!(wire.chunk().await.unwrap().as_deref(), Some(&b"due"[..]));
    assert_eq!(wire.chunk().await.unwrap(), None);

    let client = connect(&gateway).await;
    let (response, mut body) = send(&client, Request::post("http://a/"), false).await;
    body.send_data(Bytes::from_static(b"one"), false).unwrap();
    let mut stream = within("a head", response).await.unwrap().into_body();
    assert_eq!(within("a piece", stream.data()).await.unwrap().unwrap(), "uno");
    body.send_data(Bytes::from_static(b"two"), true).unwrap();
    assert_eq!(within("a piece", stream.data()).await.unwrap().unwrap(), "due");
}

#[tokio::test]
async fn a_server_that_answers_half_a_request_gets_a_page_too() {
    let gate = Gate::new();
    let to_backend = gate.clone();
    let backend = Backend::serving(move |mut wire, _| {
        let gate = to_backend.clone();
        async move {
            wire.head().await?;
            wire.send("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n").await?;
            gate.pass().await;
            Ok(())
        }
    })
    .await;
    let pages = pages().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["page"]).to(&backend) + errors("status: ['500']") + service("pages", &[&pages]),
    )
    .await;
    let mut wire = gateway.connect().await;
    wire.say("POST / HTTP/1.1\nHost: a\nContent-Length: 10\n\nhalf").await.unwrap();
    wire.reply().await.unwrap().assert_status(500).assert_body("page /");
    // The rest of it is nobody's, and no request.
    wire.say("a body").await.unwrap();
    assert_eq!(pages.requests(), 1);
}

#[tokio::test]
async fn pages_stream() {
    let gate = Gate::new();
    let to_pages = gate.clone();
    let pages = Backend::serving(move |mut wire, _| {
        let gate = to_pages.clone();
        async move {
            wire.request().await?;
            wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n").await?;
            gate.pass().await;
            wire.send("3\r\ntwo\r\n0\r\n\r\n").await
        }
    })
    .await;
    let bad = bad().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["page"]).to(&bad) + errors("status: ['500']") + service("pages", &[&pages]),
    )
    .await;
    let mut wire = gateway.connect().await;
    wire.say("GET /500 HTTP/1.1\nHost: a\n\n").await.unwrap();
    assert_eq!(wire.head().await.unwrap().unwrap().status(), 500);
    assert_eq!(wire.chunk().await.unwrap().as_deref(), Some(&b"one"[..]));
    gate.arrived().await;
    gate.open();
    assert_eq!(wire.chunk().await.unwrap().as_deref(), Some(&b"two"[..]));
}

#[tokio::test]
async fn http2_servers_and_trailers_pass() {
    let (backend, pages) = (http2::backend().await, pages().await);
    let gateway = Gateway::start(
        route("r").middlewares(&["page"]).to(&backend).by("scheme: h2c")
            + errors("status: ['500']")
            + service("pages", &[&pages]),
    )
    .await;
    let client = connect(&gateway).await;
    let (response, mut body) = send(&client, Request::post("http://a.example/x"), false).await;
    body.send_data(Bytes::from_static(b"ping"), true).unwrap();
    let answer = reply(response).await.unwrap();
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.starts_with("POST http://a.example/x HTTP/2.0") && text.ends_with("ping"), "{text}");
    assert_eq!(answer.trailers.unwrap()["x-received"], "0 trailers");
    // An HTTP/1 client gets the same, without them.
    let mut wire = gateway.connect().await;
    for _ in 0..2 {
        let answer = wire.ask("POST /y HTTP/1.1\nHost: a.example\nContent-Length: 4\n\nping").await;
        let text = answer.text();
        assert!(text.starts_with("POST http://a.example/y HTTP/2.0") && text.ends_with("ping"), "{text}");
    }
}

#[tokio::test]
async fn a_head_that_is_all_of_an_answer_ends_it() {
    let backend = Backend::accepting(|tcp, _| async move {
        let mut connection = h2::server::handshake(tcp).await.map_err(std::io::Error::other)?;
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let response = Response::builder().header("content-type", "application/grpc").header("grpc-status", "5");
            respond.send_response(response.body(()).unwrap(), true).map_err(std::io::Error::other)?;
        }
        Ok(())
    })
    .await;
    let pages = pages().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["page"]).to(&backend).by("scheme: h2c")
            + errors("status: ['500']")
            + service("pages", &[&pages]),
    )
    .await;
    let client = connect(&gateway).await;
    let (response, _) =
        send(&client, Request::post("http://a/").header("content-type", "application/grpc"), true).await;
    let response = within("a head", response).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "5");
    assert!(!response.headers().contains_key("content-length") && response.body().is_end_stream(), "{response:?}");
    gateway.get("a", "/").await.assert_header("grpc-status", "5").assert_body("");
}

#[tokio::test]
async fn servers_may_ask_for_the_body_themselves() {
    let backend = Backend::serving(|mut wire, _| async move {
        wire.head().await?;
        wire.send("HTTP/1.1 100 Continue\r\n\r\n").await?;
        let body = wire.bytes(4).await?;
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n").await?;
        wire.send(body).await
    })
    .await;
    let pages = pages().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["page"]).to(&backend) + errors("status: ['500']") + service("pages", &[&pages]),
    )
    .await;
    let mut wire = gateway.connect().await;
    wire.say("PUT / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 4\n\n").await.unwrap();
    assert_eq!(wire.head().await.unwrap().unwrap().status(), 100);
    wire.send("body").await.unwrap();
    wire.reply().await.unwrap().assert_status(200).assert_body("body");
}

#[tokio::test]
async fn websockets_are_let_through() {
    let backend = Backend::serving(|mut wire, seen| async move {
        if let Some(request) = wire.request().await? {
            seen.push(request);
            // Pingora closes an upgrade whose 101 overtakes its own bookkeeping (docs/differences.md).
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            wire.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n").await?;
            let said = wire.bytes(4).await?;
            wire.send(said).await?;
        }
        Ok(())
    })
    .await;
    let pages = pages().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["page", "again", "hold"]).to(&backend)
            + errors("status: ['500']")
            + middleware("again", "retry: {attempts: 3, status: ['503']}")
            + middleware("hold", "buffering: {}")
            + service("pages", &[&pages]),
    )
    .await;
    let mut wire = gateway.connect().await;
    wire.say("GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\n\n").await.unwrap();
    assert_eq!(wire.head().await.unwrap().unwrap().status(), 101);
    wire.send("ping").await.unwrap();
    assert_eq!(wire.bytes(4).await.unwrap(), "ping");
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_request_along() {
    let gate = Gate::new();
    let to_backend = gate.clone();
    let backend = Backend::serving(move |mut wire, _| {
        let gate = to_backend.clone();
        async move {
            wire.request().await?;
            gate.ring();
            // Until the gateway hangs up.
            wire.rest().await?;
            gate.ring();
            Ok(())
        }
    })
    .await;
    let pages = pages().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["page"]).to(&backend) + errors("status: ['499-599']") + service("pages", &[&pages]),
    )
    .await;
    let mut wire = gateway.connect().await;
    wire.say("GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    gate.arrived().await;
    drop(wire);
    gate.arrived().await;
    assert_eq!(pages.requests(), 0);
}

#[tokio::test]
async fn a_page_is_not_asked_for_past_the_filters_of_its_service() {
    let (bad, pages) = (bad().await, pages().await);
    let own = "errors: {service: {name: pages, port: 80, middlewares: [{name: closed}]}, status: ['500']}";
    let gateway = Gateway::start(
        route("r").middlewares(&["page"]).to(&bad)
            + middleware("page", own)
            + middleware("closed", "ipAllowList: {sourceRange: [10.0.0.0/8]}")
            + service("pages", &[&pages]),
    )
    .await;
    let answer = gateway.get("a", "/500").await;
    answer.assert_status(500).assert_body("Internal Server Error").assert_no_header("X-Page");
    assert_eq!(pages.requests(), 0);
    gateway.logs("are not run for a page").await;
}
