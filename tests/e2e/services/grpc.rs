//! Servers of gRPC, over HTTP/2 in clear text: one message, streams in each direction, and calls that fail.

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderValue, Request, Response};

use crate::support::http2::{self, connect, send};
use crate::support::{Backend, Gateway, Message, middleware, route, within};

/// A message: not compressed, its length, and its bytes.
fn message(text: &str) -> Bytes {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[0], &length[..], text.as_bytes()].concat().into()
}

/// Echoes each message as it comes; `/refused` has nothing but trailers, `/reset` breaks off when it is told to, and
/// `/full` is not begun with at first.
async fn server() -> Backend {
    Backend::accepting(|tcp, seen| async move {
        let mut connection = h2::server::handshake(tcp).await.map_err(std::io::Error::other)?;
        let mut refused = false;
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            seen.push(Message::default());
            if request.uri().path() == "/s/full" && !refused {
                refused = true;
                respond.send_reset(Reason::REFUSED_STREAM);
                continue;
            }
            tokio::spawn(serve(request, respond));
        }
        Ok(())
    })
    .await
}

async fn serve(request: Request<RecvStream>, mut respond: h2::server::SendResponse<Bytes>) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    assert_eq!([&head.headers["content-type"], &head.headers["te"]], ["application/grpc", "trailers"], "{head:?}");
    assert_eq!(head.headers["grpc-timeout"], "20S");
    let response = Response::builder().header("content-type", "application/grpc");
    if head.uri.path() == "/s/refused" {
        let response = response.header("grpc-status", "7").header("grpc-message", "not you");
        return respond.send_response(response.body(()).unwrap(), true).map(drop);
    }
    let mut send = respond.send_response(response.body(()).unwrap(), false)?;
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        if head.uri.path() == "/s/reset" && data == message("break") {
            send.send_reset(Reason::INTERNAL_ERROR);
            return Ok(());
        }
        if !data.is_empty() {
            send.send_data(data, false)?;
        }
    }
    if head.uri.path() == "/s/many" {
        for n in 0..100 {
            send.send_data(message(&n.to_string()), false)?;
        }
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers.insert("x-bin", HeaderValue::from_static("AAEC"));
    send.send_trailers(trailers)
}

fn call(host: &str, method: &str) -> http::request::Builder {
    Request::post(format!("http://{host}/s/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", "20S")
}

/// So many bytes of a body, however they are cut.
async fn bytes(body: &mut RecvStream, count: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < count {
        let data = within("data", body.data()).await.expect("the body ends too early").unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        all.extend_from_slice(&data);
    }
    all
}

#[tokio::test]
async fn calls_of_every_kind_pass() {
    let server = server().await;
    let gateway = Gateway::start(
        route("r").rule("Host(`a`)").to(&server).by("scheme: h2c")
            + route("around").rule("Host(`around`)").middlewares(&["around"]).to(&server).by("scheme: h2c")
            + middleware("around", "retry: {attempts: 2}"),
    )
    .await;
    for host in ["a", "around"] {
        let client = connect(&gateway).await;

        // One message each way.
        let (response, mut stream) = send(&client, call(host, "echo"), false).await;
        stream.send_data(message("hello"), true).unwrap();
        let reply = http2::reply(response).await.unwrap();
        assert_eq!((reply.head.status.as_u16(), &reply.body[..]), (200, &message("hello")[..]), "{host}");
        assert_eq!(reply.head.headers["content-type"], "application/grpc");
        let trailers = reply.trailers.unwrap();
        assert_eq!([&trailers["grpc-status"], &trailers["x-bin"]], ["0", "AAEC"], "{host}");

        // One there, many back.
        let (response, mut stream) = send(&client, call(host, "many"), false).await;
        stream.send_data(message("hello"), true).unwrap();
        let reply = http2::reply(response).await.unwrap();
        let expected: Vec<u8> =
            (0..100).fold(message("hello").to_vec(), |all, n| [&all, &message(&n.to_string())[..]].concat());
        assert!(reply.body == expected && reply.trailers.unwrap()["grpc-status"] == "0", "{host}");

        // Each is answered before the next is sent.
        let (response, mut stream) = send(&client, call(host, "echo"), false).await;
        stream.send_data(message("first"), false).unwrap();
        let mut body = within("a head", response).await.unwrap().into_body();
        assert_eq!(bytes(&mut body, 10).await, message("first"));
        for n in 0..20 {
            let next = message(&format!("number {n}"));
            stream.send_data(next.clone(), false).unwrap();
            assert_eq!(bytes(&mut body, next.len()).await, next, "{host}");
        }
        stream.send_data(Bytes::new(), true).unwrap();
        assert!(within("the end", body.data()).await.is_none_or(|data| data.unwrap().is_empty()));
        assert_eq!(within("trailers", body.trailers()).await.unwrap().unwrap()["grpc-status"], "0");
    }
}

#[tokio::test]
async fn calls_that_fail_are_known_to_have_failed() {
    let server = server().await;
    let gateway = Gateway::start(
        route("r").rule("Host(`a`)").to(&server).by("scheme: h2c")
            + route("around").rule("Host(`around`)").middlewares(&["around"]).to(&server).by("scheme: h2c")
            + middleware("around", "retry: {attempts: 2}")
            + route("down").rule("Host(`down`)").to(&Backend::down()).by("scheme: h2c"),
    )
    .await;
    for host in ["a", "around"] {
        let client = connect(&gateway).await;
        let (response, mut stream) = send(&client, call(host, "refused"), false).await;
        stream.send_data(message("hello"), true).unwrap();
        let response = within("a head", response).await.unwrap();
        // The head is the end of the stream, which is how clients know that these are trailers.
        assert!(response.body().is_end_stream(), "{host}");
        assert_eq!(
            [&response.headers()["grpc-status"], &response.headers()["grpc-message"]],
            ["7", "not you"],
            "{host}"
        );

        let (response, mut stream) = send(&client, call(host, "reset"), false).await;
        stream.send_data(message("hello"), false).unwrap();
        let mut body = within("a head", response).await.unwrap().into_body();
        assert_eq!(bytes(&mut body, 10).await, message("hello"));
        stream.send_data(message("break"), false).unwrap();
        let next = within("a reset", body.data()).await;
        assert!(matches!(&next, Some(Err(e)) if e.is_reset()), "{host}: {next:?}");

        // The connection, and the server, are there for others.
        let (response, mut stream) = send(&client, call(host, "echo"), false).await;
        stream.send_data(message("again"), true).unwrap();
        assert_eq!(http2::reply(response).await.unwrap().body, message("again"), "{host}");
    }
    let client = connect(&gateway).await;
    let (response, mut stream) = send(&client, call("down", "echo"), false).await;
    stream.send_data(message("hello"), true).unwrap();
    assert_eq!(http2::reply(response).await.unwrap().head.status, 502);
}

#[tokio::test]
async fn a_call_that_the_server_has_not_begun_with_is_made_again() {
    let server = server().await;
    let gateway = Gateway::start(route("r").to(&server).by("scheme: h2c")).await;
    let client = connect(&gateway).await;
    let (response, mut stream) = send(&client, call("a", "full"), false).await;
    stream.send_data(message("hello"), true).unwrap();
    let reply = http2::reply(response).await.unwrap();
    assert_eq!((reply.head.status.as_u16(), &reply.body[..]), (200, &message("hello")[..]));
    assert_eq!(server.requests(), 2);
}
