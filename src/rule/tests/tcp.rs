//! Every TCP matcher of both syntaxes.

use super::*;

/// A rule, a server name, the client's protocols, whether they fit.
type Row = (&'static str, &'static str, &'static [&'static str], bool);

fn check(syntax: Syntax, rows: &[Row]) {
    for (text, server_name, alpn, expected) in rows {
        let rule = parse_tcp(text, syntax).unwrap_or_else(|e| panic!("{text}: {e}"));
        let view = ConnectionView { server_name, alpn, client_ip: "10.0.0.1".parse().unwrap() };
        assert_eq!(rule.matches(&view), *expected, "{text} on {server_name} {alpn:?}");
        assert_eq!(rule.explain(&view).is_none(), *expected, "{text} explained on {server_name} {alpn:?}");
        assert_eq!(rule.syntax(), syntax);
    }
}

#[test]
fn v3() {
    check(
        Syntax::V3,
        &[
            ("HostSNI(`*`)", "", &[], true),
            ("HostSNI(`*`)", "a", &[], true),
            ("HostSNI(`A.com`)", "a.COM", &[], true),
            ("HostSNI(`a.com`)", "a.com.", &[], true),
            ("HostSNI(`a.com.`)", "a.com", &[], true),
            ("HostSNI(`a.com`)", "b.a.com", &[], false),
            ("HostSNI(`a.com`)", "", &[], false),
            ("HostSNI(`.`)", "", &[], false),
            ("HostSNI(`*.a.com`)", "b.A.com", &[], true),
            ("HostSNI(`*.a.com`)", "c.b.a.com", &[], false),
            ("HostSNI(`*.a.com`)", "a.com", &[], false),
            ("HostSNI(`*.a.com`)", ".a.com", &[], false),
            ("HostSNI(`a_b-c:1`)", "A_b-c:1", &[], false),
            ("HostSNI(`a_b-c`)", "A_b-c", &[], true),
            ("!HostSNI(`a`)", "", &[], true),
            ("HostSNIRegexp(`^a.+z$`)", "A.z", &[], true),
            ("HostSNIRegexp(`b`)", "abc", &[], true),
            ("HostSNIRegexp(`^b`)", "abc", &[], false),
            ("HostSNIRegexp(`.*`)", "", &[], true),
            ("ALPN(`h2`)", "", &["http/1.1", "h2"], true),
            ("ALPN(`h2`)", "", &["H2"], false),
            ("ALPN(`h2`)", "", &[], false),
            ("ClientIP(`10.0.0.0/8`)", "", &[], true),
            ("ClientIP(`10.0.0.2`)", "", &[], false),
            ("HostSNI(`a`) && !ALPN(`h2`) || HostSNI(`b`)", "a", &["x"], true),
            ("HostSNI(`a`) && !ALPN(`h2`) || HostSNI(`b`)", "a", &["h2"], false),
            ("HostSNI(`a`) && !ALPN(`h2`) || HostSNI(`b`)", "b", &["h2"], true),
        ],
    );
}

#[test]
fn v2() {
    check(
        Syntax::V2,
        &[
            ("HostSNI(`a`, `B`)", "b", &[], true),
            ("HostSNI(`a`, `b`)", "c", &[], false),
            ("HostSNI(`a`, `*`)", "c", &[], true),
            ("!HostSNI(`a`, `b`)", "c", &[], true),
            ("HostSNIRegexp(`{x}.A`, `{y:[0-9]+}`)", "b.a", &[], true),
            ("HostSNIRegexp(`{x}.a`, `{y:[0-9]+}`)", "77", &[], true),
            ("HostSNIRegexp(`{x}.a`, `{y:[0-9]+}`)", "c.b.a", &[], false),
            ("HostSNIRegexp(`a.b`)", "A.b", &[], true),
            ("HostSNIRegexp(`a.b`)", "axb", &[], false),
            ("ALPN(`h2`, `x`)", "", &["x"], true),
            ("ClientIP(`::1`, `10.0.0.1`)", "", &[], true),
        ],
    );
}

#[test]
fn bad_arguments() {
    let rows = [
        ("HostSNI(`a`, `b`)", 0, "one argument"),
        ("HostSNI(`a b`)", 8, "host name"),
        ("HostSNI(`é`)", 8, "host name"),
        ("HostSNI(`*.`)", 8, "host name"),
        ("HostSNI(`a.*`)", 8, "host name"),
        ("HostSNI(`*.*.a`)", 8, "host name"),
        ("HostSNIRegexp(`é`)", 14, "ASCII"),
        ("HostSNIRegexp(`(`)", 14, "no regular expression"),
        ("ALPN(`acme-tls/1`)", 5, "acme-tls/1"),
        ("ALPN(`a`, `b`)", 0, "one argument"),
        ("ClientIP(`a`)", 9, "IP address"),
        ("Host(`a`)", 0, "this syntax knows ALPN, ClientIP, HostSNI, HostSNIRegexp"),
    ];
    check_errors(|text| parse_tcp(text, Syntax::V3).err(), &rows);
    let rows = [
        ("HostSNI(`*.a`)", 8, "host name"),
        ("HostSNI(`a`, `b c`)", 13, "host name"),
        ("HostSNIRegexp(`{`)", 14, "braces"),
        ("ALPN(`h2`, `acme-tls/1`)", 11, "acme-tls/1"),
    ];
    check_errors(|text| parse_tcp(text, Syntax::V2).err(), &rows);
}

#[test]
fn hosts_are_all_of_them() {
    let rule = parse_tcp("HostSNI(`A`) || !HostSNI(`*.b`) && HostSNIRegexp(`c`) || HostSNI(`*`)", Syntax::V3).unwrap();
    assert_eq!(rule.hosts(), ["a", "*.b", "*"]);
}
