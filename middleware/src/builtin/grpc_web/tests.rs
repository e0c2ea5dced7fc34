//! Heads and preflights; bodies and trailers are tried end to end, and here hook by hook.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::testing::Trial;

fn filter(origins: &[&str]) -> GrpcWeb {
    GrpcWeb::new(&config::GrpcWeb { allow_origins: origins.iter().map(|&o| o.into()).collect() }).unwrap()
}

#[test]
fn preflights_of_grpc_web_are_answered() {
    for (origins, origin, headers, method, forwarded, allowed) in [
        (&["*"][..], "https://a", "content-type,x-grpc-web", "POST", false, "https://a"),
        (&["https://a"], "https://a", "X-Grpc-Web", "POST", false, "https://a"),
        (&["https://b"], "https://a", "x-grpc-web", "POST", false, "-"),
        (&[], "https://a", "x-grpc-web", "POST", false, "-"),
        (&["*"], "https://a", "x-grpc-web", "DELETE", false, "-"),
        (&["*"], "https://a", "content-type", "POST", true, "-"),
    ] {
        let trial = Trial::new("OPTIONS", "/s/M")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", method)
            .header("Access-Control-Request-Headers", headers);
        let outcome = trial.run(filter(origins));
        assert_eq!((outcome.forwarded, outcome.got("Access-Control-Allow-Origin").as_str()), (forwarded, allowed));
        if allowed != "-" {
            assert_eq!((outcome.status(), outcome.got("Access-Control-Allow-Headers").as_str()), (204, headers));
            assert_eq!(outcome.got("Access-Control-Allow-Methods"), method);
            assert_eq!(outcome.got("Access-Control-Max-Age"), "600");
        }
    }
}

#[test]
fn types_are_translated_both_ways() {
    for (method, sent, inner, outer) in [
        ("POST", "application/grpc-web+proto", "application/grpc+proto", "application/grpc-web+proto"),
        ("POST", "application/grpc-web-text", "application/grpc", "application/grpc-web-text+proto"),
        ("POST", "application/grpc", "application/grpc", "application/grpc+proto"),
        ("POST", "text/plain", "text/plain", "application/grpc+proto"),
        ("GET", "application/grpc-web", "application/grpc-web", "application/grpc+proto"),
    ] {
        let trial = Trial::new(method, "/s/M")
            .header("Content-Type", sent)
            .header("Content-Length", "8")
            .header("Origin", "https://a")
            .answered_with("Content-Type", "application/grpc+proto")
            .answered_with("X-Own", "1");
        let outcome = trial.run(filter(&["https://a"]));
        assert_eq!((outcome.sent("Content-Type").as_str(), outcome.got("Content-Type").as_str()), (inner, outer));
        let translated = inner != sent;
        assert_eq!(outcome.got("Access-Control-Allow-Origin"), if translated { "https://a" } else { "-" }, "{sent}");
        assert_eq!(outcome.got("Access-Control-Expose-Headers").contains("X-Own"), translated);
        assert_eq!(outcome.got("Access-Control-Expose-Headers").ends_with("grpc-status, grpc-message"), translated);
    }
}

#[test]
fn trailers_become_the_last_frame() {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers.insert("grpc-message", HeaderValue::from_static("ok"));
    let frame = Bytes::from_static(b"\x80\0\0\0\x22grpc-status: 0\r\ngrpc-message: ok\r\n");
    for (text, expected) in [(false, frame.clone()), (true, text::encode(&frame))] {
        let call = Call { text: text.then(Decoder::default), origin: None, open: true };
        let mut slot: Slot = Some(Box::new(call));
        let filter = filter(&[]);
        let mut piece = Some(Bytes::from_static(b"data"));
        filter.response_body(&mut slot, &mut piece, false).unwrap();
        let data = Bytes::from_static(b"data");
        assert_eq!(piece.unwrap(), if text { text::encode(&data) } else { data });
        assert_eq!(filter.response_trailers(&mut slot, &mut trailers).unwrap(), Some(expected));
    }
}

#[test]
fn the_server_is_asked_as_grpc_asks() {
    for (text, version, length, encoding) in [
        (true, Version::HTTP_2, None, None),
        (true, Version::HTTP_11, None, Some("chunked")),
        (false, Version::HTTP_2, Some("8"), None),
    ] {
        let mut slot: Slot = Some(Box::new(Call { text: text.then(Decoder::default), origin: None, open: false }));
        let mut request = RequestHeader::build("POST", b"/", None).unwrap();
        request.insert_header("Content-Length", "8").unwrap();
        request.set_version(version);
        filter(&[]).upstream_request(&mut slot, &mut request).unwrap();
        let value = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(
            [value("te"), value("content-length"), value("transfer-encoding")],
            [Some("trailers"), length, encoding]
        );
    }
}

#[test]
fn a_body_without_trailers_ends_in_an_empty_frame() {
    let mut slot: Slot = Some(Box::new(Call { text: None, origin: None, open: true }));
    let mut piece = None;
    filter(&[]).response_body(&mut slot, &mut piece, true).unwrap();
    assert_eq!(piece.as_deref(), Some(&b"\x80\0\0\0\0"[..]));
}

#[test]
fn names_the_origin_that_is_none() {
    for origin in ["", "a\nb"] {
        let config = config::GrpcWeb { allow_origins: vec!["*".into(), origin.into()] };
        assert_eq!(GrpcWeb::new(&config).err().unwrap().path, "allowOrigins[1]");
    }
}
