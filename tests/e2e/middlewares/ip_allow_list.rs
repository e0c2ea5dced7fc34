//! `ipAllowList` and its old name `ipWhiteList`: connections and what proxies before say of them, however garbled.

use super::alone_and_in_chains;
use crate::support::protocol::BOTH;
use crate::support::{Backend, Gateway};

const TRUSTED: &str = "entryPoints: {web: {forwardedHeaders: {insecure: true}}}";

/// Lines of `X-Forwarded-For` from a client, and the status that it gets.
type Case<'a> = (&'a str, &'a [&'a str], u16);

async fn check(config: &str, specs: &[(&str, &str)], cases: &[Case<'_>]) {
    let backend = Backend::echo().await;
    let gateway = Gateway::configured(config, alone_and_in_chains(&backend, specs)).await;
    for protocol in BOTH {
        for (name, lines, status) in cases {
            for host in [(*name).to_owned(), format!("{name}-chain")] {
                let headers: Vec<_> = lines.iter().map(|line| ("X-Forwarded-For", *line)).collect();
                let before = backend.requests();
                let reply = protocol.ask(&gateway, "GET", &host, "/", &headers, "").await;
                let what = format!("{protocol:?} {host} {lines:?}");
                assert_eq!(reply.status(), *status, "{what}");
                assert_eq!(backend.requests() - before, usize::from(*status == 200), "{what}");
                match status {
                    403 => drop(reply.assert_body("Forbidden")),
                    404 => drop(reply.assert_body("Not Found")),
                    _ => {}
                }
            }
        }
    }
}

#[tokio::test]
async fn the_connection_s_address_counts_whatever_the_client_says() {
    let specs = [
        ("here", "ipAllowList: {sourceRange: [127.0.0.1]}"),
        ("net", "ipAllowList: {sourceRange: ['2001:db8::/32', 127.0.0.0/8]}"),
        ("elsewhere", "ipAllowList: {sourceRange: [10.0.0.0/8]}"),
        ("hidden", "ipAllowList: {sourceRange: [10.0.0.0/8], rejectStatusCode: 404}"),
        ("old", "ipWhiteList: {sourceRange: [127.0.0.1/32]}"),
        ("old-elsewhere", "ipWhiteList: {sourceRange: [10.0.0.0/8]}"),
    ];
    let mut cases: Vec<Case<'_>> = Vec::new();
    for lines in [&[][..], &["10.0.0.1"], &["127.0.0.1"], &["garbage"]] {
        cases.extend([
            ("here", lines, 200),
            ("net", lines, 200),
            ("elsewhere", lines, 403),
            ("hidden", lines, 404),
            ("old", lines, 200),
            ("old-elsewhere", lines, 403),
        ]);
    }
    for config in ["{}", TRUSTED] {
        check(config, &specs, &cases).await;
    }
}

#[tokio::test]
async fn strangers_can_t_say_who_they_are() {
    // What a stranger says is gone before any middleware: nobody is left at any depth.
    let specs = [
        ("depth", "ipAllowList: {sourceRange: [0.0.0.0/0, '::/0'], ipStrategy: {depth: 1}}"),
        ("excluded", "ipAllowList: {sourceRange: [0.0.0.0/0, '::/0'], ipStrategy: {excludedIPs: [10.0.0.1]}}"),
    ];
    check("{}", &specs, &[("depth", &["10.0.0.1"], 403), ("excluded", &["10.0.0.2"], 403), ("depth", &[], 403)]).await;
}

#[tokio::test]
async fn the_nth_from_the_right_counts() {
    let specs = [
        ("depth", "ipAllowList: {sourceRange: [10.0.0.1, '2001:db8::1'], ipStrategy: {depth: 2}}"),
        ("old", "ipWhiteList: {sourceRange: [10.0.0.1], ipStrategy: {depth: 1}}"),
        ("both", "ipAllowList: {sourceRange: [10.0.0.1], ipStrategy: {depth: 1, excludedIPs: [10.0.0.1]}}"),
        ("status", "ipAllowList: {sourceRange: [10.0.0.1], ipStrategy: {depth: 1}, rejectStatusCode: 404}"),
    ];
    let cases: &[Case<'_>] = &[
        ("depth", &["10.0.0.1, 1.1.1.1"], 200),
        ("depth", &["9.9.9.9, 10.0.0.1,1.1.1.1"], 200),
        ("depth", &["9.9.9.9", "10.0.0.1", "1.1.1.1"], 200),
        ("depth", &["2001:db8::1, x"], 200),
        ("depth", &["10.0.0.1:4711, x"], 200),
        ("depth", &["[2001:db8::1]:4711, x"], 200),
        ("depth", &["10.0.0.1, 9.9.9.9, 1.1.1.1"], 403),
        ("depth", &["10.0.0.1"], 403),
        ("depth", &[], 403),
        ("depth", &[""], 403),
        ("depth", &[","], 403),
        ("depth", &["10.0.0.1,"], 200),
        ("depth", &["10.0.0.1 1.1.1.1"], 403),
        ("depth", &["10.0.0.1\t, x"], 200),
        ("depth", &["10.0.0.01, x"], 403),
        ("depth", &["10.0.0.1/32, x"], 403),
        ("depth", &["0x0a000001, x"], 403),
        ("depth", &["unknown, x"], 403),
        ("depth", &["é, 10.0.0.1"], 403),
        ("depth", &["for=10.0.0.1, x"], 403),
        ("old", &["10.0.0.1"], 200),
        ("old", &["10.0.0.1, 10.0.0.2"], 403),
        ("both", &["1.1.1.1, 10.0.0.1"], 200),
        ("status", &["nobody"], 404),
    ];
    check(TRUSTED, &specs, cases).await;
}

#[tokio::test]
async fn the_rightmost_that_is_not_excluded_counts() {
    let specs = [(
        "excluded",
        "ipAllowList: {sourceRange: [10.0.0.1], ipStrategy: {excludedIPs: [192.0.2.0/24, '2001:db8::/32']}}",
    )];
    let cases: &[Case<'_>] = &[
        ("excluded", &["10.0.0.1"], 200),
        ("excluded", &["10.0.0.1, 192.0.2.7, 2001:db8::7"], 200),
        ("excluded", &["9.9.9.9, 10.0.0.1, 192.0.2.7"], 200),
        ("excluded", &["10.0.0.1, 9.9.9.9, 192.0.2.7"], 403),
        // What is no address is nobody that is excluded, and nobody that is let in.
        ("excluded", &["10.0.0.1, garbage, 192.0.2.7"], 403),
        ("excluded", &["192.0.2.7"], 403),
        ("excluded", &[], 403),
    ];
    check(TRUSTED, &specs, cases).await;
}
