//! Tests of `compress`: what is encoded, what is let alone, and that pieces come out as they come in.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Read;

use super::*;
use crate::testing::{Outcome, Trial};

fn filter(json: &str) -> Result<Compress, BadConfig> {
    Compress::new(&serde_json::from_str(json).unwrap())
}

fn text(length: usize) -> String {
    "All work and no play makes a proxy a dull boy. ".chars().cycle().take(length).collect()
}

/// A response of `length` bytes whose length is known.
fn whole(length: usize) -> Trial {
    Trial::get("/").answered_with("Content-Length", &length.to_string()).answered_piece(text(length))
}

fn decode(encoding: &str, body: &[u8]) -> String {
    let mut decoded = Vec::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut decoded).unwrap(),
        "br" => brotli::Decompressor::new(body, 4096).read_to_end(&mut decoded).unwrap(),
        "zstd" => zstd::stream::read::Decoder::new(body).unwrap().read_to_end(&mut decoded).unwrap(),
        "-" => Read::read_to_end(&mut &*body, &mut decoded).unwrap(),
        other => panic!("{other}"),
    };
    String::from_utf8(decoded).unwrap()
}

fn encoded(outcome: &Outcome) -> bool {
    outcome.got("Content-Encoding") == "gzip"
}

#[test]
fn encodes_in_each_encoding() {
    for encoding in ["gzip", "br", "zstd"] {
        let outcome = whole(100_000).header("Accept-Encoding", encoding).run(filter("{}").unwrap());
        assert_eq!(
            ["Content-Encoding", "Vary", "Content-Length"].map(|n| outcome.got(n)),
            [encoding, "Accept-Encoding", "-"]
        );
        assert_eq!(decode(encoding, &outcome.body), text(100_000), "{encoding}");
        assert!(outcome.body.len() < 10_000, "{encoding}: {}", outcome.body.len());
    }
}

#[test]
fn each_piece_can_be_decoded_when_it_comes() {
    for encoding in ["gzip", "br", "zstd"] {
        let pieces = ["one ", "two ", "three"];
        let trial = pieces.iter().fold(Trial::get("/"), |trial, piece| trial.answered_piece(*piece));
        let outcome = trial
            .header("Accept-Encoding", encoding)
            .answered_with("Content-Type", "text/event-stream")
            .run(filter("{}").unwrap());
        assert_eq!(outcome.got("Content-Encoding"), encoding, "of unknown length: never mind the least size");
        let mut so_far = Vec::new();
        for (i, piece) in outcome.pieces.iter().take(3).enumerate() {
            so_far.extend_from_slice(piece);
            let mut decoded = vec![0; pieces[..=i].concat().len()];
            match encoding {
                "gzip" => flate2::read::GzDecoder::new(&so_far[..]).read_exact(&mut decoded).unwrap(),
                "br" => brotli::Decompressor::new(&so_far[..], 4096).read_exact(&mut decoded).unwrap(),
                _ => zstd::stream::read::Decoder::new(&so_far[..]).unwrap().read_exact(&mut decoded).unwrap(),
            }
            assert_eq!(String::from_utf8(decoded).unwrap(), pieces[..=i].concat(), "{encoding}, piece {i}");
        }
        assert_eq!(decode(encoding, &outcome.body), "one two three");
    }
}

#[test]
fn lets_alone_what_is_better_let_alone() {
    let gzip = |trial: Trial| trial.header("Accept-Encoding", "gzip");
    for (what, config, trial, expected) in [
        ("large enough", "{}", gzip(whole(1024)), true),
        ("too small", "{}", gzip(whole(1023)), false),
        ("not too small", r#"{"minResponseBodyBytes": 10}"#, gzip(whole(10)), true),
        ("0 is the default", r#"{"minResponseBodyBytes": 0}"#, gzip(whole(10)), false),
        ("not asked for", "{}", whole(5000), false),
        ("not asked for, with a default", r#"{"encodings": ["gzip"], "defaultEncoding": "gzip"}"#, whole(5000), true),
        ("refused", r#"{"defaultEncoding": "gzip"}"#, whole(5000).header("Accept-Encoding", "identity"), false),
        ("asked for nothing", r#"{"defaultEncoding": "gzip"}"#, whole(5000).header("Accept-Encoding", ""), false),
        ("encoded already", "{}", gzip(whole(5000)).answered_with("Content-Encoding", "br"), false),
        ("a part", "{}", gzip(whole(5000)).answered(206).answered_with("Content-Range", "bytes 0-4999/9000"), false),
        ("no content", "{}", gzip(Trial::get("/")).answered(204), false),
        ("not modified", "{}", gzip(Trial::get("/")).answered(304), false),
        ("HEAD", "{}", gzip(Trial::new("HEAD", "/")).answered_with("Content-Length", "5000"), false),
        ("gRPC", "{}", gzip(whole(5000)).answered_with("Content-Type", "application/grpc"), false),
        ("a gRPC request", "{}", gzip(whole(5000)).header("Content-Type", "application/grpc"), false),
        ("no type", "{}", gzip(whole(5000)).answered_with("Content-Type", ""), true),
        ("nonsense for a type", "{}", gzip(whole(5000)).answered_with("Content-Type", "text/html; x"), false),
        ("an error", "{}", gzip(whole(5000)).answered(500), true),
        (
            "excluded",
            r#"{"excludedContentTypes": ["text/event-stream", "image/png"]}"#,
            gzip(whole(5000)).answered_with("Content-Type", "image/png"),
            false,
        ),
        (
            "a request of an excluded type",
            r#"{"excludedContentTypes": ["image/png"]}"#,
            gzip(whole(5000)).header("Content-Type", "image/png"),
            false,
        ),
        (
            "not excluded",
            r#"{"excludedContentTypes": ["image/png"]}"#,
            gzip(whole(5000)).answered_with("Content-Type", "text/html; charset=utf-8"),
            true,
        ),
        (
            "included",
            r#"{"includedContentTypes": ["Text/HTML"]}"#,
            gzip(whole(5000)).answered_with("Content-Type", "text/html; charset=utf-8"),
            true,
        ),
        (
            "not included",
            r#"{"includedContentTypes": ["text/html"]}"#,
            gzip(whole(5000)).answered_with("Content-Type", "text/plain"),
            false,
        ),
    ] {
        let outcome = trial.run(filter(config).unwrap());
        assert_eq!(encoded(&outcome), expected, "{what}");
        let body = decode(if expected { "gzip" } else { "-" }, &outcome.body);
        assert!(body.is_empty() || text(body.len()) == body, "{what}");
        assert_eq!(outcome.got("Content-Length") == "-", expected || body.is_empty() && what != "HEAD", "{what}");
    }
}

#[test]
fn says_once_what_the_response_depends_on() {
    for (before, expected) in [("Origin", "Origin|Accept-Encoding"), ("accept-encoding", "accept-encoding"), ("*", "*")]
    {
        let trial = whole(10).header("Accept-Encoding", "gzip").answered_with("Vary", before);
        assert_eq!(trial.run(filter("{}").unwrap()).got("Vary"), expected);
    }
    assert_eq!(whole(5000).run(filter("{}").unwrap()).got("Vary"), "-");
    let outcome = whole(5000)
        .header("Accept-Encoding", "gzip")
        .answered_with("Accept-Ranges", "bytes")
        .answered_with("ETag", "\"1\"")
        .run(filter("{}").unwrap());
    assert_eq!(["Accept-Ranges", "ETag"].map(|n| outcome.got(n)), ["-", "\"1\""]);
}

#[test]
fn refuses_what_it_does_not_know() {
    for (json, path) in [
        (r#"{"encodings": ["gzip", "deflate"]}"#, "encodings[1]"),
        (r#"{"defaultEncoding": "deflate"}"#, "defaultEncoding"),
        (r#"{"encodings": ["gzip"], "defaultEncoding": "br"}"#, "defaultEncoding"),
        (r#"{"excludedContentTypes": ["a/b"], "includedContentTypes": ["c/d"]}"#, "includedContentTypes"),
        (r#"{"excludedContentTypes": ["a/b", "text/"]}"#, "excludedContentTypes[1]"),
        (r#"{"includedContentTypes": [""]}"#, "includedContentTypes[0]"),
        (r#"{"minResponseBodyBytes": -1}"#, "minResponseBodyBytes"),
    ] {
        assert_eq!(filter(json).err().map(|bad| bad.path).as_deref(), Some(path), "{json}");
    }
}
