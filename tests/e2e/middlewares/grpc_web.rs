//! `grpcWeb`: a browser's request, over HTTP/1.1 and HTTP/2, to a server that speaks gRPC; and the preflight before it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::protocol::BOTH;
use crate::support::{Gateway, http2, middleware, route};

/// A message in a frame.
const MESSAGE: &str = "\0\0\0\0\x04ping";

#[tokio::test]
async fn trailers_come_in_the_body() {
    for protocol in BOTH {
        let backend = http2::grpc().await;
        let gateway = Gateway::start(
            route("r").middlewares(&["outer", "web"]).to(&backend).by("scheme: h2c")
                + middleware("outer", "headers: {customResponseHeaders: {X-Outer: here}}")
                + middleware("web", "grpcWeb: {allowOrigins: ['https://app.example']}"),
        )
        .await;
        let text = STANDARD.encode(MESSAGE);
        for (kind, body) in [("application/grpc-web+proto", MESSAGE), ("application/grpc-web-text+proto", &text)] {
            let headers = [("content-type", kind), ("x-grpc-web", "1"), ("origin", "https://app.example")];
            let reply = protocol.ask(&gateway, "POST", "a", "/greet.Greeter/Hello", &headers, body).await;
            reply.assert_status(200).assert_header("Content-Type", kind).assert_header("X-Outer", "here");
            reply.assert_header("Access-Control-Allow-Origin", "https://app.example");
            let exposed = reply.header("Access-Control-Expose-Headers").unwrap();
            assert!(exposed.contains("X-Backend") && exposed.ends_with("grpc-status, grpc-message"), "{exposed}");
            let seen = backend.last();
            seen.assert_header("content-type", "application/grpc+proto").assert_header("te", "trailers");
            // Each piece of base64 stands for itself; the last is that of the trailers.
            let body = match kind.contains("text") {
                true => reply.text().split_inclusive('=').flat_map(|p| STANDARD.decode(padded(p)).unwrap()).collect(),
                false => reply.body.clone(),
            };
            let trailers = b"\x80\0\0\0\x22grpc-status: 0\r\ngrpc-message: ok\r\n";
            assert_eq!(body, [MESSAGE.as_bytes(), trailers].concat(), "{reply:?}");
        }
    }
}

/// Pieces that need two signs of padding are cut in two by `split_inclusive`.
fn padded(piece: &str) -> String {
    if piece == "=" {
        String::new()
    } else {
        piece.trim_end_matches('=').to_owned() + &"===="[..(4 - piece.trim_end_matches('=').len() % 4) % 4]
    }
}

#[tokio::test]
async fn a_preflight_is_answered() {
    for protocol in BOTH {
        let backend = http2::grpc().await;
        let gateway = Gateway::start(
            route("r").middlewares(&["web"]).to(&backend).by("scheme: h2c")
                + middleware("web", "grpcWeb: {allowOrigins: ['*']}"),
        )
        .await;
        let headers = [
            ("origin", "https://app.example"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type,x-grpc-web"),
        ];
        let reply = protocol.ask(&gateway, "OPTIONS", "a", "/greet.Greeter/Hello", &headers, "").await;
        reply.assert_status(204).assert_header("Access-Control-Allow-Origin", "https://app.example");
        reply.assert_header("Access-Control-Allow-Methods", "POST").assert_header("Access-Control-Max-Age", "600");
        assert_eq!(backend.requests(), 0);
    }
}

#[tokio::test]
async fn what_is_no_base64_goes_no_further() {
    let backend = http2::grpc().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["web"]).to(&backend).by("scheme: h2c") + middleware("web", "grpcWeb: {}"),
    )
    .await;
    for protocol in BOTH {
        let headers = [("content-type", "application/grpc-web-text")];
        let reply = protocol.ask(&gateway, "POST", "a", "/", &headers, "!!!!").await;
        // The server saw no message, and sent none back: only trailers.
        let body = STANDARD.decode(reply.assert_status(200).text()).unwrap();
        assert_eq!(body, b"\x80\0\0\0\x22grpc-status: 0\r\ngrpc-message: ok\r\n");
    }
}
