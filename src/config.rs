//! The static configuration: one YAML file with Pingora's server keys and, beside them, ours under Traefik's names.
//! Read once at start by `cli`, checked whole, then only read. Nothing here opens a socket.

pub mod access_log;
pub mod address;
pub mod admin;
pub mod entry_point;
mod error;
mod inert;
pub mod ip_range;
pub mod providers;
mod read;
mod server;
pub mod transport;
mod validate;

use std::collections::BTreeMap;

use pingora::server::configuration::ServerConf;
use serde::Deserialize;
use serde_yaml::Value;

use crate::rule::Syntax;
use crate::translate::Options;

pub use access_log::AccessLog;
pub use address::{Address, Protocol};
pub use admin::{Api, Log, Metrics, Ping, Prometheus};
pub use entry_point::EntryPoint;
pub use error::{ConfigError, Problem};
pub use ip_range::IpRange;
pub use providers::Providers;
pub use transport::{ServersTransport, TcpServersTransport};

/// The entry point that the API, ping and metrics are served on; never among the default ones.
pub const INTERNAL_ENTRY_POINT: &str = "traefik";

/// A part of Traefik's configuration that is accepted and has no effect; [`Config::warnings`] says so.
pub type Inert = Option<Value>;

/// The whole file, checked. Names, types and defaults are Traefik's "static configuration", and Pingora's `ServerConf`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// Pingora's keys. `threads` defaults to the number of cores, `upstream_keepalive_pool_size` to 16,384.
    #[serde(skip)]
    pub server: ServerConf,
    /// Where connections come in, by name. Never empty; `http` on `:80` if the file has none.
    #[serde(default)]
    pub entry_points: BTreeMap<String, EntryPoint>,
    /// Where objects come from.
    #[serde(default)]
    pub providers: Providers,
    /// Settings of the rules.
    #[serde(default)]
    pub core: Core,
    /// How servers are spoken to where a service names no transport.
    #[serde(default)]
    pub servers_transport: ServersTransport,
    /// The same for TCP.
    #[serde(default)]
    pub tcp_servers_transport: TcpServersTransport,
    /// The API and the dashboard; absent means none.
    #[serde(default, deserialize_with = "read::switch")]
    pub api: Option<Api>,
    /// `/ping`; absent means none.
    #[serde(default, deserialize_with = "read::switch")]
    pub ping: Option<Ping>,
    /// Counters; absent means none.
    #[serde(default, deserialize_with = "read::switch")]
    pub metrics: Option<Metrics>,
    /// A line per request; absent means none.
    #[serde(default, deserialize_with = "read::switch")]
    pub access_log: Option<AccessLog>,
    /// ingora's own log.
    #[serde(default)]
    pub log: Log,
    /// Accepted, without effect.
    #[serde(default)]
    pub tracing: Inert,
    /// Accepted, without effect.
    #[serde(default)]
    pub certificates_resolvers: Inert,
    #[serde(default)]
    experimental: Inert,
    #[serde(default)]
    global: Inert,
    #[serde(default)]
    host_resolver: Inert,
    #[serde(default)]
    ocsp: Inert,
    #[serde(default)]
    pilot: Inert,
    #[serde(default)]
    spiffe: Inert,
    #[serde(skip)]
    warnings: Vec<String>,
}

/// `core`: settings of the rules.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Core {
    /// The syntax of rules of `traefik.io` objects that don't say; default `v3`.
    /// Objects of `traefik.containo.us` are always read as `v2`.
    pub default_rule_syntax: Syntax,
}

// === impl Config ===

impl Config {
    /// Reads and checks a file's text; an empty one gives the defaults.
    ///
    /// # Errors
    /// Names every unknown key, or the first value that does not fit its type, or everything that does not fit together.
    pub fn from_yaml(text: &str) -> Result<Config, ConfigError> {
        let document = read::document::<Config>(text)?;
        let text = if document.is_null() { "{}" } else { text };
        let mut config: Config = read::strict(text)?;
        config.server = server::read(text, &document)?;
        config.warnings = inert::warnings(&document);
        config.add_entry_points();
        validate::validate(&config)?;
        Ok(config)
    }

    /// What is written in the file and has no effect; a sentence each, for the log.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The entry points of an HTTP or TCP router that names none: the TCP ones with `asDefault`, or, if no entry point
    /// at all has it, every TCP one but `traefik`. Sorted.
    pub fn default_entry_points(&self) -> Vec<String> {
        let flagged = self.entry_points.values().any(|e| e.as_default);
        let chosen = self.entry_points.iter().filter(|(name, entry_point)| {
            entry_point.address.protocol == Protocol::Tcp
                && *name != INTERNAL_ENTRY_POINT
                && (entry_point.as_default || !flagged)
        });
        chosen.map(|(name, _)| name.clone()).collect()
    }

    /// The TCP entry points, in the order of their names: their positions in the routing table.
    pub fn tcp_entry_points(&self) -> impl Iterator<Item = (&str, &EntryPoint)> {
        let tcp = self.entry_points.iter().filter(|(_, e)| e.address.protocol == Protocol::Tcp);
        tcp.map(|(name, e)| (name.as_str(), e))
    }

    /// The entry points of a UDP router that names none: every UDP one. Sorted.
    pub fn udp_entry_points(&self) -> Vec<String> {
        let udp = self.entry_points.iter().filter(|(_, e)| e.address.protocol == Protocol::Udp);
        udp.map(|(name, _)| name.clone()).collect()
    }

    /// Tells the provider which Node ingora runs on, where it was not told.
    pub fn runs_on(&mut self, node: &str) {
        let Providers { kubernetes_crd, manifests, .. } = &mut self.providers;
        let cluster = kubernetes_crd.iter_mut().map(|cluster| &mut cluster.node_name);
        let names = cluster.chain(manifests.iter_mut().map(|manifests| &mut manifests.node_name));
        names.filter(|name| name.is_empty()).for_each(|name| *name = node.to_owned());
    }

    /// What decides the meaning of objects: the options of the provider in use, or the defaults.
    pub fn translate_options(&self) -> Options {
        match (&self.providers.kubernetes_crd, &self.providers.manifests) {
            (Some(cluster), _) => cluster.translate_options(),
            (None, Some(manifests)) => manifests.translate_options(),
            (None, None) => Options::default(),
        }
    }

    /// Adds the entry points that Traefik makes by itself: `http` where there is none, `traefik` where it is needed.
    fn add_entry_points(&mut self) {
        if self.entry_points.keys().all(|name| name == INTERNAL_ENTRY_POINT) {
            self.entry_points.insert("http".to_owned(), EntryPoint::new(Address::any(80)));
        }
        let prometheus = self.metrics.as_ref().and_then(|m| m.prometheus.as_ref());
        let needed = self.api.as_ref().is_some_and(|api| api.insecure)
            || self.ping.as_ref().is_some_and(|p| !p.manual_routing && p.entry_point == INTERNAL_ENTRY_POINT)
            || prometheus.is_some_and(|p| !p.manual_routing && p.entry_point == INTERNAL_ENTRY_POINT);
        if needed && !self.entry_points.contains_key(INTERNAL_ENTRY_POINT) {
            self.entry_points.insert(INTERNAL_ENTRY_POINT.to_owned(), EntryPoint::new(Address::any(8080)));
        }
    }
}

#[cfg(test)]
mod tests;
