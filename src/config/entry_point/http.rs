//! `entryPoints.<name>.http`: what the HTTP routers of an entry point inherit, and what requests must look like.
//! Source of names and defaults: Traefik's "EntryPoints" reference.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::EntryPoint;
use crate::config::read;

/// What routers inherit, and what requests must look like.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Http {
    /// Where all requests are sent instead of being served.
    pub redirections: Redirections,
    /// Middlewares in front of those of every router, such as `default-auth@kubernetescrd`.
    pub middlewares: Vec<String>,
    /// TLS for routers without a TLS part of their own.
    #[serde(deserialize_with = "read::switch")]
    pub tls: Option<Tls>,
    /// Which percent-encoded characters a path may have.
    pub encoded_characters: EncodedCharacters,
    /// Resolve `.`, `..` and `//` in paths; default true.
    pub sanitize_path: bool,
    /// Read `;` in queries as `%3B`, not as `&`; default false.
    pub encode_query_semicolons: bool,
    /// Bytes of a request's header; over it 431. Default 1 MiB.
    pub max_header_bytes: usize,
    /// What happens to headers with `_` in their name; default `keep`.
    pub underscore_headers_strategy: UnderscoreHeaders,
}

/// `redirections`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Redirections {
    /// To another entry point.
    #[serde(deserialize_with = "read::switch")]
    pub entry_point: Option<RedirectEntryPoint>,
}

/// `redirections.entryPoint`: a router of its own, `<entry point>-to-<to>`, that answers all requests.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RedirectEntryPoint {
    /// The name of an entry point, or `:port`; required.
    pub to: String,
    /// The scheme; default `https`.
    #[serde(default = "https")]
    pub scheme: String,
    /// 301/308 instead of 302/307; default true.
    #[serde(default = "yes")]
    pub permanent: bool,
    /// The priority of the router; default one below the greatest, so that it wins. 0 is the length of its rule.
    #[serde(default = "highest_priority")]
    pub priority: i64,
}

/// `http.tls`: given to routers without a TLS part.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Tls {
    /// Name of the TLS options, such as `default-strict@kubernetescrd`; empty means `default`.
    pub options: String,
    /// Name of the certificates resolver: accepted, without effect.
    pub cert_resolver: String,
    /// The names that a certificate is asked for.
    pub domains: Vec<Domain>,
}

/// Names of one certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Domain {
    /// The main one.
    pub main: String,
    /// Others.
    pub sans: Vec<String>,
}

/// `encodedCharacters`: one that is not allowed answers 400. All are by default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct EncodedCharacters {
    /// `%2F`
    pub allow_encoded_slash: bool,
    /// `%5C`
    pub allow_encoded_back_slash: bool,
    /// `%00`
    pub allow_encoded_null_character: bool,
    /// `%3B`
    pub allow_encoded_semicolon: bool,
    /// `%25`
    pub allow_encoded_percent: bool,
    /// `%3F`
    pub allow_encoded_question_mark: bool,
    /// `%23`
    pub allow_encoded_hash: bool,
}

/// What happens to headers with `_` in their name, which many servers take for `-`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnderscoreHeaders {
    /// They are passed on.
    #[default]
    Keep,
    /// They are removed.
    Delete,
    /// The request is answered 400.
    Reject,
}

// === impl RedirectEntryPoint ===

impl RedirectEntryPoint {
    /// The port redirected to: that of the entry point named, or the one written. `None` cannot happen in a checked
    /// configuration.
    pub fn port(&self, entry_points: &BTreeMap<String, EntryPoint>) -> Option<u16> {
        match self.to.strip_prefix(':') {
            Some(port) => port.parse().ok(),
            None => Some(entry_points.get(&self.to)?.address.port),
        }
    }
}

fn https() -> String {
    "https".to_owned()
}

const fn yes() -> bool {
    true
}

const fn highest_priority() -> i64 {
    i64::MAX - 1
}

// === Defaults ===

impl Default for Http {
    fn default() -> Self {
        Http {
            redirections: Redirections::default(),
            middlewares: Vec::new(),
            tls: None,
            encoded_characters: EncodedCharacters::default(),
            sanitize_path: true,
            encode_query_semicolons: false,
            max_header_bytes: 1 << 20,
            underscore_headers_strategy: UnderscoreHeaders::default(),
        }
    }
}

impl Default for EncodedCharacters {
    fn default() -> Self {
        EncodedCharacters {
            allow_encoded_slash: true,
            allow_encoded_back_slash: true,
            allow_encoded_null_character: true,
            allow_encoded_semicolon: true,
            allow_encoded_percent: true,
            allow_encoded_question_mark: true,
            allow_encoded_hash: true,
        }
    }
}
