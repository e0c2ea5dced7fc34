//! Every HTTP matcher of syntax v3.

use super::*;

#[test]
fn hosts() {
    check(
        v3,
        &[
            ("Host(`Example.com`)", &["example.com/", "EXAMPLE.COM./", "example.com:80/"], &["a.example.com/", "/"]),
            ("Host(`example.com.`)", &["example.com/", "example.com./"], &["example.co/"]),
            ("Host(`*`)", &["a/", "/", "a.b.c/"], &[]),
            ("!Host(`*`)", &[], &["a/", "/"]),
            (
                "Host(`*.Example.com`)",
                &["a.example.com/", "a-b.example.com./"],
                &["example.com/", "a.b.example.com/", ".example.com/", "aexample.com/", "/", "*/"],
            ),
            ("Host(`a.*.com`)", &["a.*.com/"], &["a.b.com/"]),
            ("Host(`2001:db8::1`)", &["[2001:DB8::1]:80/"], &["[2001:db8::2]/"]),
            ("Host(`.`)", &[], &["/", "./"]),
            ("Host(`*.`)", &["*/"], &["/", "a/"]),
            ("!Host(`a`)", &["b/", "/"], &["a/"]),
            (
                r"HostRegexp(`^[a-z]+\.example\.com$`)",
                &["A.example.com/"],
                &["a1.example.com/", "a.example.com.x/", "/"],
            ),
            ("HostRegexp(`example`)", &["my.example.com/"], &["exam.ple/", "/"]),
            ("HostRegexp(`EXAMPLE`)", &[], &["EXAMPLE/"]),
            ("HostRegexp(`.*`)", &["a/", "/"], &[]),
            (r"HostRegexp(`^a\.b$`)", &["A.b:80/"], &["a.b./", "a.b.:80/"]),
            (r"HostRegexp(`\.$`)", &["a.b./", "A.b.:80/"], &["a.b/"]),
        ],
    );
}

#[test]
fn paths() {
    check(
        v3,
        &[
            ("Path(`/a`)", &["h/a", "h/a?q=1"], &["h/a/", "h/A", "h/", "h"]),
            ("Path(`/a/b`)", &["h/a/b"], &["h/a%2Fb"]),
            ("Path(`/a%2Fb`)", &["h/a%2fb"], &["h/a/b"]),
            ("Path(`/é x`)", &["h/%C3%A9%20x"], &["h/e"]),
            ("Path(`/{a}`)", &["h/{a}"], &["h/b"]),
            ("PathPrefix(`/foo`)", &["h/foo", "h/foobar", "h/foo/bar"], &["h/fo", "h/bar/foo"]),
            ("PathPrefix(`/`)", &["h/", "h/x"], &["h"]),
            ("PathRegexp(`/v[0-9]+$`)", &["h/v1", "h/api/v12"], &["h/v", "h/v1/x"]),
            (r"PathRegexp(`^/\d$`)", &["h/1"], &["h/%D9%A1"]),
        ],
    );
}

#[test]
fn queries() {
    check(
        v3,
        &[
            (
                "Query(`k`, `v`)",
                &["h/?k=v", "h/?k=x&k=v", "h/?%6B=%76"],
                &["h/", "h/?k", "h/?k=V", "h/?K=v", "h/?kk=v"],
            ),
            ("Query(`k`)", &["h/?k", "h/?k=", "h/?k=x&k="], &["h/", "h/?k=v", "h/?x"]),
            ("Query(`k`, `a b`)", &["h/?k=a+b", "h/?k=a%20b"], &["h/?k=a%2Bb"]),
            ("Query(`k`, `a=b`)", &["h/?k=a=b"], &["h/?k=a"]),
            // What can't be decoded, or holds a semicolon, is no pair.
            ("Query(`k`, `v`) ", &["h/?k=%zz&k=v", "h/?&&k=v"], &["h/?k=v%", "h/?k=v;a=b", "h/?a=b;k=v", "h/?k=%7"]),
            ("QueryRegexp(`k`, `^v+$`)", &["h/?k=vv", "h/?k=a&k=v"], &["h/?k=av", "h/", "h/?k"]),
            ("QueryRegexp(`k`, `b`)", &["h/?k=abc"], &["h/?k=ac"]),
            ("QueryRegexp(`k`, `^$`)", &["h/?k", "h/?k="], &["h/", "h/?k=a"]),
            ("QueryRegexp(`k`)", &["h/?k"], &["h/?k=v", "h/"]),
            ("QueryRegexp(`k`, `^.$`)", &["h/?k=%FF"], &["h/?k=%FFa"]),
        ],
    );
}

#[test]
fn methods() {
    check(
        v3,
        &[
            ("Method(`get`)", &["GET h/"], &["get h/", "HEAD h/"]),
            ("!Method(`GET`)", &["POST h/"], &["GET h/"]),
            ("Method(`M-SEARCH`)", &["M-SEARCH h/"], &["M h/"]),
        ],
    );
}

#[test]
fn headers() {
    let rows: &[(&str, &str, &[u8], bool)] = &[
        ("Header(`X-Key`, `v`)", "x-key", b"v", true),
        ("Header(`x-kEY`, `v`)", "X-Key", b"v", true),
        ("Header(`X-Key`, `v`)", "x-key", b"V", false),
        ("Header(`X-Key`, `v`)", "x-other", b"v", false),
        ("Header(`X-Key`, `é`)", "x-key", "é".as_bytes(), true),
        ("Header(`Host`, `v`)", "host", b"v", false),
        ("HeaderRegexp(`host`, `.*`)", "host", b"v", false),
        ("!Header(`Host`, `v`)", "host", b"v", true),
        ("Header(`no name`, `v`)", "x-key", b"v", false),
        ("HeaderRegexp(`X-Key`, `b`)", "x-key", b"abc", true),
        ("HeaderRegexp(`X-Key`, `^b`)", "x-key", b"abc", false),
        ("HeaderRegexp(`X-Key`, `^$`)", "x-key", b"", true),
        ("HeaderRegexp(`X-Key`, `^$`)", "x-other", b"", false),
        ("HeaderRegexp(`X-Key`, `^a.b$`)", "x-key", b"a\xffb", true),
    ];
    for (text, name, value, expected) in rows {
        let request = Request::new("h/").header(name, value);
        assert_eq!(v3(text).matches(&request.view()), *expected, "{text} on {name}: {value:?}");
    }
    let twice = Request::new("h/").header("x-key", b"a").header("x-key", b"b");
    assert!(v3("Header(`X-Key`, `b`) && HeaderRegexp(`X-Key`, `^a$`)").matches(&twice.view()), "any value counts");
}

#[test]
fn client_addresses() {
    let rows = [
        ("ClientIP(`10.0.0.1`)", "10.0.0.1", true),
        ("ClientIP(`10.0.0.1`)", "10.0.0.2", false),
        ("ClientIP(`10.0.0.1`)", "::ffff:10.0.0.1", true),
        ("ClientIP(`::ffff:10.0.0.1`)", "10.0.0.1", true),
        ("ClientIP(`::ffff:10.0.0.0/104`)", "10.9.9.9", true),
        ("ClientIP(`::ffff:10.0.0.0/104`)", "11.9.9.9", false),
        ("ClientIP(`10.1.2.3/8`)", "10.200.0.1", true),
        ("ClientIP(`10.0.0.0/8`)", "11.0.0.1", false),
        ("ClientIP(`0.0.0.0/0`)", "::1", false),
        ("ClientIP(`::/0`)", "2001:db8::1", true),
        ("ClientIP(`2001:db8::/32`)", "2001:db8:1::1", true),
        ("ClientIP(`::1`)", "::1", true),
        ("!ClientIP(`::1`)", "::1", false),
    ];
    for (text, ip, expected) in rows {
        assert_eq!(v3(text).matches(&Request::new("h/").from(ip).view()), expected, "{text} on {ip}");
    }
    let forwarded = Request::new("h/").header("x-forwarded-for", b"10.0.0.1");
    assert!(!v3("ClientIP(`10.0.0.1`)").matches(&forwarded.view()), "forwarding headers don't count");
}

#[test]
fn bad_arguments() {
    let rows = [
        ("Host(`a`, `b`)", 0, "Host takes one argument, found 2"),
        ("Path(`/a`) && Method(`A`, `B`)", 14, "Method takes one argument, found 2"),
        ("ClientIP(`::1`, `::2`)", 0, "one argument"),
        ("Header(`a`)", 0, "two arguments, found 1"),
        ("HeaderRegexp(`a`, `b`, `c`)", 0, "two arguments, found 3"),
        ("Header(`a`, `b`, `c`, `d`)", 0, "two arguments, found 4"),
        ("Query(`a`, `b`, `c`)", 0, "one or two arguments"),
        ("QueryRegexp(`a`, `b`, `c`)", 0, "one or two arguments"),
        ("QueryRegexp(`a`, `(`)", 17, "no regular expression"),
        ("HeaderRegexp(`a`, `(`)", 18, "no regular expression"),
        ("HostRegexp(`(`)", 11, "no regular expression"),
        ("HostRegexp(`é`)", 11, "ASCII"),
        ("PathRegexp(`*`)", 11, "no regular expression"),
        ("Host(`bücher.de`)", 5, "punycode"),
        ("Path(`a`)", 5, "start with `/`"),
        ("PathPrefix(`a`)", 11, "start with `/`"),
        ("ClientIP(`10.0.0`)", 9, "IP address"),
        ("ClientIP(`10.0.0.0/33`)", 9, "IP address"),
        ("ClientIP(`example.com`)", 9, "IP address"),
        ("Headers(`a`, `b`)", 0, "unknown matcher"),
        ("HostHeader(`a`)", 0, "unknown matcher"),
        ("HostSNI(`a`)", 0, "unknown matcher"),
    ];
    check_errors(|text| parse_http(text, Syntax::V3).err(), &rows);
}

#[test]
fn hosts_for_tls_are_all_of_them() {
    let text = "Host(`A`) && !Host(`b`) || (Host(`*.c`) && HostRegexp(`d`)) || !(Path(`/`) && Host(`e.`)) || Host(`*`)";
    assert_eq!(v3(text).hosts(), ["a", "b", "*.c", "e", "*"]);
    assert!(v3("PathPrefix(`/`)").hosts().is_empty());
    assert_eq!(v2("Host(`a`, `B`) && HostHeader(`c`) && HostRegexp(`d`)").hosts(), ["a", "b"]);
}
