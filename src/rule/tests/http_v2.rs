//! Every HTTP matcher of syntax v2.

use super::*;

#[test]
fn hosts() {
    check(
        v2,
        &[
            ("Host(`A.com`, `b.com.`)", &["a.com/", "b.com/", "B.COM.:80/"], &["c.com/", "/"]),
            ("HostHeader(`a.com`, `b.com`)", &["a.com/", "b.com/"], &["c.com/"]),
            ("!Host(`a`, `b`)", &["c/", "/"], &["a/", "b/"]),
            ("Host(`*`)", &[], &["a/", "/"]),
            ("Host(`*.a`)", &[], &["b.a/"]),
            ("HostRegexp(`A.com`)", &["a.com/"], &["axcom/", "xa.com/"]),
            (
                "HostRegexp(`{sub}.Example.com`)",
                &["a.example.com/"],
                &["a.b.example.com/", "example.com/", "a.exampleXcom/", "a.example.com./"],
            ),
            ("HostRegexp(`{sub:[A-Z]+}.x`, `y`)", &["a.x/", "y/"], &["a1.x/", "a.x.z/", "y.y/"]),
            ("HostRegexp(`{any:.+}`)", &["a.b/"], &["/"]),
            ("HostRegexp(`{a:x|y}{b:[0-9]{1,2}}.z`)", &["x1.z/", "y22.z/"], &["x.z/", "x333.z/", "z1.z/"]),
            ("HostRegexp(`{a:(x|y)}.z`)", &["x.z/"], &["z.z/"]),
        ],
    );
}

#[test]
fn paths() {
    check(
        v2,
        &[
            ("Path(`/a`, `/b.c`)", &["h/a", "h/b.c"], &["h/a/", "h/bxc", "h/"]),
            ("Path(`/a/{id}`)", &["h/a/1", "h/a/x%2Fy"], &["h/a/", "h/a/1/2", "h/b/1"]),
            ("Path(`/{a:[0-9]+}/x.{b}`)", &["h/12/x.y"], &["h/a/x.y", "h/12/xzy", "h/12/x."]),
            ("Path(`/{any:.*}`)", &["h/", "h/a/b"], &["h"]),
            ("Path(`/{id}`)", &["h/a"], &["h/A/"]),
            ("Path(`/A{id}`)", &["h/Ab"], &["h/ab"]),
            ("PathPrefix(`/a`, `/b`)", &["h/a", "h/ab", "h/b/c"], &["h/c/a"]),
            ("PathPrefix(`/a/{id:[0-9]+}/x`)", &["h/a/1/x", "h/a/1/xyz"], &["h/a/1", "h/a/b/x", "h/z/a/1/x"]),
            ("!PathPrefix(`/a`, `/b`)", &["h/c"], &["h/a", "h/bc"]),
        ],
    );
}

#[test]
fn plain_texts_are_no_expressions() {
    let rule = v2("Path(`/a.b`) && PathPrefix(`/a`) && HostRegexp(`a.b`) && Query(`a=b.c`)");
    assert!(!format!("{rule:?}").contains("Regex"), "{rule:?}");
    assert!(format!("{:?}", v2("Path(`/{a}`)")).contains("Regex"));
}

#[test]
fn methods_and_queries() {
    check(
        v2,
        &[
            ("Method(`get`, `POST`)", &["GET h/", "POST h/"], &["PUT h/", "get h/"]),
            ("Query(`a=b`)", &["h/?a=b", "h/?x=y&a=b", "h/?a=b&a=c"], &["h/?a=c&a=b", "h/", "h/?a=bb"]),
            ("Query(`a=b`, `c=d`)", &["h/?c=d&a=b"], &["h/?a=b", "h/?c=d"]),
            ("!Query(`a=b`, `c=d`)", &["h/?a=b", "h/?c=d", "h/"], &["h/?a=b&c=d"]),
            ("Query(`a=`)", &["h/?a", "h/?a=anything"], &["h/", "h/?b"]),
            ("Query(`a=b=c`)", &["h/?a=b=c"], &["h/?a=b"]),
            ("Query(`a={v:[0-9]+}`)", &["h/?a=12"], &["h/?a=", "h/?a=1x", "h/?a=x&a=1"]),
            ("Query(`a=x{v}`)", &["h/?a=x", "h/?a=xyz"], &["h/?a=y"]),
            ("Query(`a`, `b`)", &["h/?a=b"], &["h/?a"]),
        ],
    );
}

#[test]
fn headers_and_addresses() {
    let request = Request::new("h/").header("x-a", b"1").header("x-a", b"2").header("x-b", b"abc").from("10.0.0.1");
    let rows = [
        ("Headers(`X-A`, `2`)", true),
        ("Headers(`X-A`, `3`)", false),
        ("Headers(`X-A`, `2`, `X-B`, `abc`)", true),
        ("Headers(`X-A`, `2`, `X-B`, `b`)", false),
        ("HeadersRegexp(`x-b`, `b`)", true),
        ("HeadersRegexp(`x-b`, `^b`)", false),
        ("Headers(`Host`, `h`)", false),
        ("ClientIP(`192.0.2.1`, `10.0.0.0/8`)", true),
        ("ClientIP(`192.0.2.1`, `::1`)", false),
        ("!ClientIP(`192.0.2.1`, `10.0.0.0/8`)", false),
    ];
    for (text, expected) in rows {
        assert_eq!(v2(text).matches(&request.view()), expected, "{text}");
    }
}

#[test]
fn bad_arguments() {
    let rows = [
        ("Host(`a`, `é`)", 10, "ASCII"),
        ("Host(`a`, ``)", 10, "empty"),
        ("HostRegexp(`{a`)", 11, "braces"),
        ("HostRegexp(`a}{`)", 11, "braces"),
        ("HostRegexp(`{}`)", 11, "missing"),
        ("HostRegexp(`{:a}`)", 11, "missing"),
        ("HostRegexp(`{a:}`)", 11, "missing"),
        ("HostRegexp(`{a:(}`)", 11, "braces of `a`"),
        ("HostRegexp(`{a:)(}`)", 11, "braces of `a`"),
        ("HostRegexp(`é`)", 11, "ASCII"),
        ("Path(`/a`, `b`)", 11, "start with `/`"),
        ("PathPrefix(`{a}`)", 11, "start with `/`"),
        ("Path(`/{a:[}`)", 5, "braces of `a`"),
        ("Query(`a`)", 0, "key=value"),
        ("Query(`a=b`, `c`)", 0, "key=value"),
        ("Query(`a={`)", 6, "braces"),
        ("Headers(`a`)", 0, "pairs"),
        ("HeadersRegexp(`a`, `b`, `c`)", 0, "pairs"),
        ("HeadersRegexp(`a`, `(`)", 19, "no regular expression"),
        ("ClientIP(`::1`, `x`)", 16, "IP address"),
        ("Header(`a`, `b`)", 0, "unknown matcher"),
        ("PathRegexp(`a`)", 0, "unknown matcher"),
    ];
    check_errors(|text| parse_http(text, Syntax::V2).err(), &rows);
}
