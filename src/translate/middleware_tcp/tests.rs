//! MiddlewareTCPs in, TCP middlewares out.

use serde_json::json;

use crate::translate::fixture::outcome;

#[test]
fn translates_and_checks() {
    for (spec, expected, findings) in [
        ("{inFlightConn: {amount: 2}}", json!({"inFlightConn": {"amount": 2}}), vec![]),
        (
            "{ipAllowList: {sourceRange: [1.2.3.4, 10.0.0.0/8, '::1']}}",
            json!({"ipAllowList": {"sourceRange": ["1.2.3.4", "10.0.0.0/8", "::1"]}}),
            vec![],
        ),
        (
            "{ipAllowList: {sourceRange: [1.2.3.4, nope]}}",
            json!({"ipAllowList": {"sourceRange": ["1.2.3.4", "nope"]}}),
            vec!["E BadOption spec.ipAllowList.sourceRange[1]"],
        ),
        ("{ipWhiteList: {}}", json!({"ipWhiteList": {}}), vec!["E BadOption spec.ipWhiteList.sourceRange"]),
        ("{}", json!({}), vec!["E MiddlewareKeyCount spec"]),
        (
            "{inFlightConn: {amount: 1}, ipAllowList: {sourceRange: [1.2.3.4]}}",
            json!({"inFlightConn": {"amount": 1}, "ipAllowList": {"sourceRange": ["1.2.3.4"]}}),
            vec!["W MiddlewareKeyCount spec"],
        ),
    ] {
        let out =
            outcome(&format!("{{kind: MiddlewareTCP, metadata: {{namespace: default, name: m.x}}, spec: {spec}}}"));
        assert_eq!(out.json("/tcp/middlewares"), json!({"default-m-x": expected}), "{spec}");
        assert_eq!(out.findings("MiddlewareTCP"), findings, "{spec}");
    }
}
