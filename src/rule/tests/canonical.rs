//! Hosts and paths as rules see them.

use std::borrow::Cow;

use super::*;

#[test]
fn hosts_lose_port_space_case_and_brackets() {
    let rows = [
        ("example.com", "example.com"),
        ("example.com:8080", "example.com"),
        ("example.com:", "example.com"),
        (":80", ""),
        ("", ""),
        ("Example.COM:80", "example.com"),
        ("example.com.", "example.com."),
        ("example.com.:443", "example.com."),
        (" example.com ", "example.com"),
        ("[2001:DB8::1]:80", "2001:db8::1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("[::1", "[::1"),
        ("[::1]x", "[::1]x"),
        ("ÉXAMPLE", "éxample"),
        (".", "."),
    ];
    for (host, expected) in rows {
        assert_eq!(canonical_host(host), expected, "{host}");
    }
    assert!(matches!(canonical_host("example.com:80"), Cow::Borrowed(_)));
    assert!(matches!(canonical_host("[::1]:80"), Cow::Borrowed(_)));
}

#[test]
fn paths_keep_reserved_characters_escaped() {
    let reserved = "/%21%23%24%25%26%27%28%29%2A%2B%2C%2F%3A%3B%3D%3F%40%5B%5D";
    let rows = [
        (reserved, reserved),
        ("/%22%2D%2E%3C%3E%5C%5E%5F%60%7B%7C%7D%7E%20%41", "/\"-.<>\\^_`{|}~ A"),
        ("/a%2fb", "/a%2Fb"),
        ("/caf%C3%A9", "/café"),
        ("/caf%c3%a9/%F0%9F%A6%80", "/café/🦀"),
        ("/%ff%41%C3", "/%FFA%C3"),
        ("/%C3x%A9", "/%C3x%A9"),
        ("/%C3%2F%A9", "/%C3%2F%A9"),
        ("/100%", "/100%"),
        ("/%4", "/%4"),
        ("/%zz%+1", "/%zz%+1"),
        ("/%é", "/%é"),
        ("/%%41", "/%A"),
        ("", ""),
    ];
    for (escaped, expected) in rows {
        assert_eq!(routing_path(escaped), expected, "{escaped}");
    }
    assert!(matches!(routing_path("/a/b"), Cow::Borrowed(_)));
}
