//! Generated names of routers, services and middlewares: Traefik's, to the letter, since users' dashboards, alerts and
//! cookies hold them. Pure text in, text out.

use std::fmt::Write;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use sha2::{Digest, Sha256};

/// Bytes of the rule's hash that a router's name carries.
const HASH_BYTES: usize = 10;

/// Letters and digits, each run of anything else between them as one `-`: Traefik's `provider.Normalize`.
pub(super) fn normalize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for part in text.split(|c: char| !c.is_alphabetic() && !c.is_numeric()).filter(|part| !part.is_empty()) {
        if !out.is_empty() {
            out.push('-');
        }
        out.push_str(part);
    }
    out
}

/// `namespace-name`, as it is; the name alone where there is no namespace.
pub(super) fn id(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}-{name}") }
}

/// `namespace-name`, normalised: the key of a middleware, a TraefikService, a ServersTransport.
pub(super) fn key(namespace: &str, name: &str) -> String {
    normalize(&id(namespace, name))
}

/// The first ten bytes of the rule's SHA-256, in hexadecimal digits.
pub(super) fn rule_hash(rule: &str) -> String {
    let mut out = String::with_capacity(2 * HASH_BYTES);
    for byte in Sha256::digest(rule.as_bytes()).iter().take(HASH_BYTES) {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// The name of an HTTP router, and of the service made for it.
pub(super) fn http_router(namespace: &str, name: &str, rule: &str) -> String {
    key(namespace, &format!("{name}-{}", rule_hash(rule)))
}

/// The name of a TCP router, and of the service made for it: not normalised.
pub(super) fn tcp_router(namespace: &str, name: &str, rule: &str) -> String {
    id(namespace, &format!("{name}-{}", rule_hash(rule)))
}

/// The name of a Kubernetes Service as a child of an HTTP service; the port as written, number or name.
pub(super) fn child_service(namespace: &str, name: &str, port: &IntOrString) -> String {
    match port {
        IntOrString::Int(port) => normalize(&format!("{namespace}-{name}-{port}")),
        IntOrString::String(port) => normalize(&format!("{namespace}-{name}-{port}")),
    }
}

/// A port as it was written.
pub(super) fn port_text(port: &IntOrString) -> String {
    match port {
        IntOrString::Int(port) => port.to_string(),
        IntOrString::String(port) => port.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises() {
        for (text, expected) in [
            ("a--b.c/d_", "a-b-c-d"),
            ("default-test.route", "default-test-route"),
            ("..a", "a"),
            ("", ""),
            ("--", ""),
            ("é1-ü", "é1-ü"),
        ] {
            assert_eq!(normalize(text), expected, "{text}");
        }
    }

    #[test]
    fn hashes_rules() {
        for (rule, expected) in [
            ("PathPrefix(`/api`)", "29f28a463fb5d5ba16d2"),
            ("Host(`foo.com`) && PathPrefix(`/bar`)", "6b204d94623b3df4370c"),
            ("Host(`example.com`)", "c6f977443c7bb29d98b0"),
            ("HostSNI(`foo.com`)", "fdd3e9338e47a45efefc"),
            ("HostSNI(`*`)", "673acf455cb2dab0b43a"),
        ] {
            assert_eq!(rule_hash(rule), expected, "{rule}");
        }
    }

    #[test]
    fn names_routers_and_services() {
        let rule = "Host(`foo.com`) && PathPrefix(`/bar`)";
        assert_eq!(http_router("default", "test.route", rule), "default-test-route-6b204d94623b3df4370c");
        let name = tcp_router("default", "test.route", "HostSNI(`foo.com`)");
        assert_eq!(name, "default-test.route-fdd3e9338e47a45efefc");
        assert_eq!(child_service("default", "who.ami", &IntOrString::Int(80)), "default-who-ami-80");
        assert_eq!(child_service("default", "whoami", &IntOrString::String("web_1".into())), "default-whoami-web-1");
        assert_eq!(id("", "x"), "x");
        assert_eq!(key("", "x.y"), "x-y");
    }
}
