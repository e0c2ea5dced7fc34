//! Where one request ends and the next begins, and what is said once of each: nothing of a client's may be two things to
//! two readers.

use http::Request;

use crate::support::tls::Tls;
use crate::support::{Backend, Gate, Gateway, Wire, http2, middleware, route};

/// The second request comes while the first is with its server, in each of the ways that clients have.
#[tokio::test]
async fn a_request_that_comes_early_waits_its_turn() {
    let gate = Gate::new();
    let (slow, echo) = (Backend::behind(&gate, "first").await, Backend::echo().await);
    let retry = middleware("retry", "retry: {attempts: 2}");
    let objects = route("slow").entry_point("web").rule("PathPrefix(`/slow`)").priority(99).to(&slow)
        + route("held")
            .entry_point("web")
            .rule("PathPrefix(`/slow/held`)")
            .priority(100)
            .middlewares(&["retry"])
            .to(&slow)
        + route("r").entry_point("web").to(&echo)
        + route("tls").entry_point("websecure").rule("PathPrefix(`/slow`)").priority(99).tls("{}").to(&slow)
        + route("tls-r").entry_point("websecure").tls("{}").to(&echo)
        + retry;
    let gateway = Gateway::configured("entryPoints: {websecure: {}}", objects).await;
    let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    for path in ["/slow", "/slow/held"] {
        for (first, rest) in [
            ("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", ""),
            ("POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n", "body"),
            ("POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", "\r\n"),
            ("POST {} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbo", "dy\r\n0\r\n\r\n"),
            ("POST {} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", ""),
        ] {
            let first = first.replace("{}", path);
            // Apart from one another, or with the end of the first.
            for pieces in [vec![first.clone(), format!("{rest}{next}")], vec![format!("{first}{rest}"), next.into()]] {
                let secure = Tls::to("a").alpn(&["http/1.1"]).connect(gateway.address("websecure")).await.unwrap();
                for mut client in [gateway.connect().await, secure.wire()] {
                    let mut pieces = pieces.iter();
                    client.send(pieces.next().unwrap()).await.unwrap();
                    if rest.is_empty() {
                        gate.arrived().await;
                    }
                    for piece in pieces {
                        client.send(piece).await.unwrap();
                    }
                    if !rest.is_empty() {
                        gate.arrived().await;
                    }
                    gate.open();
                    answers(&mut client, &format!("{first:?} {rest:?} to {path}")).await;
                }
            }
        }
    }
}

async fn answers(client: &mut Wire, case: &str) {
    let reply = client.reply().await.unwrap_or_else(|e| panic!("{case}: {e}"));
    reply.assert_status(200).assert_body("first");
    let reply = client.reply().await.unwrap_or_else(|e| panic!("{case}: {e}"));
    assert_eq!(reply.echoed().target(), "/next", "{case}");
    // And the connection goes on.
    client.ask("GET /last HTTP/1.1\nHost: a\n\n").await.assert_status(200);
}

#[tokio::test]
async fn codings_and_lengths_that_hide_requests_are_refused() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    for (fields, status) in [
        ("Transfer-Encoding: chunked\nTransfer-Encoding: chunked", 501),
        ("Transfer-Encoding: identity\nTransfer-Encoding: chunked", 501),
        ("Transfer-Encoding: gzip, chunked", 501),
        ("Transfer-Encoding: xchunked", 501),
        ("Content-Length: 3, 3", 400),
        ("Content-Length: 3\nContent-Length: 4", 400),
        ("Content-Length: +3", 400),
    ] {
        let mut client = gateway.connect().await;
        let reply = client.ask(&format!("POST / HTTP/1.1\nHost: a\n{fields}\n\n0\n\n")).await;
        assert_eq!(reply.status(), status, "{fields}");
        client.assert_closed().await;
    }
    assert_eq!(backend.requests(), 0);
    let mut client = gateway.connect().await;
    client.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 3\nContent-Length: 3\n\nabc").await.assert_status(200);
    assert_eq!(backend.last().headers_named("Content-Length"), ["3"]);
}

#[tokio::test]
async fn cookies_that_come_one_by_one_are_passed_on_as_one() {
    let backend = Backend::echo().await;
    let objects = route("r").rule("HeaderRegexp(`Cookie`, `^a=1; b=2; c=3$`)").to(&backend)
        + route("held").rule("PathPrefix(`/held`)").priority(99).middlewares(&["retry"]).to(&backend)
        + middleware("retry", "retry: {attempts: 2}");
    let gateway = Gateway::start(objects).await;
    let client = http2::connect(&gateway).await;
    for path in ["/", "/held"] {
        let request = Request::get(format!("http://a{path}")).header("cookie", "a=1");
        let request = request.header("cookie", "b=2; c=3");
        let (response, _) = http2::send(&client, request, true).await;
        assert_eq!(http2::reply(response).await.unwrap().head.status, 200, "{path}");
        assert_eq!(backend.last().headers_named("Cookie"), ["a=1; b=2; c=3"], "{path}");
    }
}

#[tokio::test]
async fn a_request_without_a_host_gets_its_servers() {
    let backend = Backend::echo().await;
    let objects = route("r").to(&backend)
        + route("held").rule("PathPrefix(`/held`)").priority(99).middlewares(&["retry"]).to(&backend)
        + middleware("retry", "retry: {attempts: 2}");
    let gateway = Gateway::start(objects).await;
    for path in ["/", "/held"] {
        for head in ["HTTP/1.0\n", "HTTP/1.1\nHost:\n"] {
            gateway.ask(&format!("GET {path} {head}\n")).await.assert_status(200);
            let seen = backend.last();
            assert_eq!(seen.headers_named("Host"), [backend.address.to_string()], "{path} {head}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn what_a_response_says_of_its_connection_stays_there() {
    let backend = Backend::replying(
        "HTTP/1.1 200 OK\nUpgrade: h2,h2c\nConnection: upgrade, X-Own\nX-Own: 1\nTE: trailers\nKeep-Alive: timeout=5\n\
         Proxy-Authenticate: Basic\nProxy-Authorization: x\nProxy-Connection: close\nContent-Length: 0\n\n",
    )
    .await;
    let objects = route("r").to(&backend)
        + route("held").rule("PathPrefix(`/held`)").priority(99).middlewares(&["retry"]).to(&backend)
        + middleware("retry", "retry: {attempts: 2}");
    let gateway = Gateway::start(objects).await;
    let names =
        ["Upgrade", "X-Own", "TE", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection"];
    for path in ["/", "/held"] {
        let reply = gateway.get("a", path).await;
        let client = http2::connect(&gateway).await;
        let over_http2 = http2::get(&client, &format!("http://a{path}")).await;
        for name in names {
            reply.assert_status(200).assert_no_header(name);
            assert!(!over_http2.head.headers.contains_key(name), "{name}");
        }
    }
}

#[tokio::test]
async fn targets_that_look_odd_are_served() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(route("r").to(&backend)).await;
    for (target, seen) in [("/x?a=\"b\"", "/x?a=%22b%22"), ("/?a={b}|c", "/?a={b}|c")] {
        gateway.get("a", target).await.assert_status(200);
        assert_eq!(backend.last().target(), seen);
    }
    let requests = backend.requests();
    let mut client = gateway.connect().await;
    for _ in 0..2 {
        let reply = client.ask("OPTIONS * HTTP/1.1\nHost: a\n\n").await;
        reply.assert_status(200).assert_header("Content-Length", "0").assert_body("");
    }
    assert_eq!(backend.requests(), requests);
}
