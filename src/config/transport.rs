//! `serversTransport` and `tcpServersTransport`: how servers are spoken to where a service names no transport.
//! Source of names and defaults: Traefik's static configuration reference.

use std::path::PathBuf;

use ingora_crds::duration::GoDuration;
use serde::Deserialize;

use super::Inert;

/// `serversTransport`, for HTTP.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ServersTransport {
    /// Believe any certificate; default false.
    pub insecure_skip_verify: bool,
    /// Files with CAs that servers' certificates may come from; default the system's.
    #[serde(rename = "rootCAs")]
    pub root_cas: Vec<PathBuf>,
    /// Idle connections kept per server; default 200, negative keeps none.
    pub max_idle_conns_per_host: i64,
    /// Time limits.
    pub forwarding_timeouts: ForwardingTimeouts,
    spiffe: Inert,
}

/// `forwardingTimeouts`: zero or less is no limit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ForwardingTimeouts {
    /// To connect; default 30 s.
    pub dial_timeout: GoDuration,
    /// From the end of the request to the response's header; default none.
    pub response_header_timeout: GoDuration,
    /// How long an idle connection is kept; default 90 s.
    pub idle_conn_timeout: GoDuration,
}

/// `tcpServersTransport`, for TCP.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct TcpServersTransport {
    /// To connect; default 30 s.
    pub dial_timeout: GoDuration,
    /// Time between keep-alive probes; default 15 s, negative is none.
    pub dial_keep_alive: GoDuration,
    /// How long the other half of a connection lives after one was closed; default 100 ms, negative is for ever.
    pub termination_delay: GoDuration,
    /// For servers that are dialled with TLS.
    pub tls: TcpTls,
}

/// `tcpServersTransport.tls`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct TcpTls {
    /// Believe any certificate; default false.
    pub insecure_skip_verify: bool,
    /// Files with CAs that servers' certificates may come from; default the system's.
    #[serde(rename = "rootCAs")]
    pub root_cas: Vec<PathBuf>,
    spiffe: Inert,
}

// === Defaults ===

impl Default for ServersTransport {
    fn default() -> Self {
        ServersTransport {
            insecure_skip_verify: false,
            root_cas: Vec::new(),
            max_idle_conns_per_host: 200,
            forwarding_timeouts: ForwardingTimeouts::default(),
            spiffe: None,
        }
    }
}

impl Default for ForwardingTimeouts {
    fn default() -> Self {
        ForwardingTimeouts {
            dial_timeout: GoDuration::from_secs(30),
            response_header_timeout: GoDuration::default(),
            idle_conn_timeout: GoDuration::from_secs(90),
        }
    }
}

impl Default for TcpServersTransport {
    fn default() -> Self {
        TcpServersTransport {
            dial_timeout: GoDuration::from_secs(30),
            dial_keep_alive: GoDuration::from_secs(15),
            termination_delay: GoDuration::from_millis(100),
            tls: TcpTls::default(),
        }
    }
}
