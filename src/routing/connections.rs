//! Where the connections of an entry point go, before anything is known of requests: Traefik's order of TLS and TCP
//! routes, and the TLS options of each server name.

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::table::{EntryRoutes, Route, Table, TcpRoute, TcpTls};
use crate::rule::{ConnectionView, without_dot};
use crate::tls::Profile;

/// The routes of an entry point, as a connection asks them.
#[derive(Clone, Copy)]
pub struct Connections<'t> {
    routes: &'t EntryRoutes,
}

/// What becomes of a TLS connection.
#[derive(Debug)]
pub enum TlsRoute<'t> {
    /// TLS is terminated with these options, and HTTP is served.
    Https(&'t Arc<Profile>),
    /// A TCP route serves it.
    Tcp(&'t Arc<TcpRoute>),
    /// Its options can't be used: nobody serves it.
    Closed,
}

/// The TLS options that the HTTPS routers of an entry point ask for, by server name.
#[derive(Default)]
pub(super) struct Https {
    /// Whether there are HTTPS routers.
    pub present: bool,
    pub exact: FxHashMap<Box<str>, Binding>,
    /// By what follows the `*`: `.example.com`.
    pub wildcard: FxHashMap<Box<str>, Binding>,
    /// Whether there are routers for every name: without a host, or with ``Host(`*`)``.
    pub any: bool,
    /// What names that no router has get.
    pub default: Binding,
    /// The routers whose options are not the default ones, by name.
    pub routers: FxHashMap<Box<str>, Asked>,
}

/// What a server name gets.
#[derive(Clone, Default)]
pub(super) enum Binding {
    /// Options.
    Profile(Arc<Profile>),
    /// Options that can't be used.
    #[default]
    Closed,
}

/// The options that a router asks for.
pub(super) struct Asked {
    /// Their name.
    pub options: Box<str>,
    /// Its hosts for which another router asks for others: those get the default ones.
    pub conflicts: Vec<Box<str>>,
}

// === impl Table ===

impl Table {
    /// The routes of an entry point, as a connection asks them.
    pub fn connections(&self, entry_point: usize) -> Connections<'_> {
        static NONE: std::sync::LazyLock<EntryRoutes> = std::sync::LazyLock::new(EntryRoutes::default);
        Connections { routes: self.entry_points.get(entry_point).unwrap_or(&NONE) }
    }
}

// === impl Connections ===

impl<'t> Connections<'t> {
    /// Whether a route can be chosen before the client has said anything: nothing here is decided by what it says.
    pub fn need_no_peek(&self) -> bool {
        !self.routes.tcp.is_empty() && !self.any_tcp_tls() && !self.routes.https.present
    }

    /// Whether a TCP route serves TLS.
    pub fn any_tcp_tls(&self) -> bool {
        self.routes.tcp.any(true)
    }

    /// The TCP route of a connection without TLS.
    pub fn tcp(&self, connection: &ConnectionView<'_>) -> Option<&'t Arc<TcpRoute>> {
        self.routes.tcp.find(false, connection)
    }

    /// The TCP route of a connection with TLS, where no other one may serve it.
    pub fn tcp_tls(&self, connection: &ConnectionView<'_>) -> TlsRoute<'t> {
        self.find_tcp_tls(connection).map_or(TlsRoute::Closed, tcp)
    }

    /// What becomes of a TLS connection: HTTPS for the name, then TCP for the name, then HTTPS for every name, then TCP
    /// for every name; then HTTPS, where the client is told that there is nothing.
    pub fn tls(&self, connection: &ConnectionView<'_>) -> TlsRoute<'t> {
        let https = &self.routes.https;
        if let Some(binding) = https.of(connection.server_name) {
            return binding.into();
        }
        match self.find_tcp_tls(connection) {
            Some(route) if !(https.any && route.rule.is_catch_all()) => tcp(route),
            _ => (&https.default).into(),
        }
    }

    fn find_tcp_tls(&self, connection: &ConnectionView<'_>) -> Option<&'t Arc<TcpRoute>> {
        self.routes.tcp.find(true, connection)
    }

    /// Whether a request came to a route by a connection with other TLS options than the route's (RFC 9110 §15.5.20).
    pub fn is_misdirected<'r>(&self, route: &Route, host: impl FnOnce() -> Cow<'r, str>, connected_with: &str) -> bool {
        let asked = match self.routes.https.routers.get(&*route.name) {
            Some(asked) if asked.conflicts.is_empty() => &*asked.options,
            Some(asked) => {
                let host = host();
                let conflicts = asked.conflicts.iter().any(|conflict| is_of(without_dot(&host), conflict));
                if conflicts { DEFAULT } else { &*asked.options }
            }
            None => DEFAULT,
        };
        asked != connected_with
    }
}

/// The name of the options that routers have which name none.
pub(super) const DEFAULT: &str = "default";

/// Whether a host is the one, or one label below the wildcard; `*` is every host.
fn is_of(host: &str, pattern: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(domain) => host.strip_suffix(domain).is_some_and(|label| !label.is_empty() && !label.contains('.')),
        None => host == pattern,
    }
}

fn tcp(route: &Arc<TcpRoute>) -> TlsRoute<'_> {
    match route.tls {
        TcpTls::Refused => TlsRoute::Closed,
        _ => TlsRoute::Tcp(route),
    }
}

// === impl Https ===

impl Https {
    /// What routers ask for this very name.
    fn of(&self, name: &str) -> Option<&Binding> {
        self.exact.get(name).or_else(|| self.wildcard.get(name.get(name.find('.')?..)?))
    }
}

// === impl Binding ===

impl<'t> From<&'t Binding> for TlsRoute<'t> {
    fn from(binding: &'t Binding) -> Self {
        match binding {
            Binding::Profile(profile) => TlsRoute::Https(profile),
            Binding::Closed => TlsRoute::Closed,
        }
    }
}
