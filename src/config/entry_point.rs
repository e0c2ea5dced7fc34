//! An entry point: where connections or datagrams come in, and what is asked of all of them.
//! Source of names and defaults: Traefik's "EntryPoints" reference. The HTTP part is in [`http`].

pub mod http;

use std::net::IpAddr;

use ingora_crds::duration::GoDuration;
use serde::Deserialize;

use super::address::Address;
use super::ip_range::{IpRange, trusts};
use super::read;

pub use http::Http;

/// `entryPoints.<name>`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EntryPoint {
    /// Where it listens; required.
    pub address: Address,
    /// Among the entry points of routers that name none; default false.
    #[serde(default)]
    pub as_default: bool,
    /// Sockets with SO_REUSEPORT, so that another process may listen too; default false.
    #[serde(default)]
    pub reuse_port: bool,
    #[serde(default, rename = "allowACMEByPass")]
    allow_acme_by_pass: bool,
    /// Who may tell a connection's client by the PROXY protocol; absent means it isn't read.
    #[serde(default, deserialize_with = "read::switch")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Who may tell a request's client by `X-Forwarded-*`.
    #[serde(default)]
    pub forwarded_headers: ForwardedHeaders,
    /// Limits of connections.
    #[serde(default)]
    pub transport: Transport,
    /// What HTTP routers inherit, and limits of requests.
    #[serde(default)]
    pub http: Http,
    /// HTTP/2.
    #[serde(default)]
    pub http2: Http2,
    /// HTTP/3: accepted, without effect.
    #[serde(default, deserialize_with = "read::switch")]
    pub http3: Option<Http3>,
    /// UDP.
    #[serde(default)]
    pub udp: Udp,
    /// What is observed of requests whose router doesn't say.
    #[serde(default)]
    pub observability: Observability,
}

/// `proxyProtocol`: versions 1 and 2, read from trusted peers only; a connection without the header is served too.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ProxyProtocol {
    /// Trust every peer; default false.
    pub insecure: bool,
    /// Trusted peers; default none.
    #[serde(rename = "trustedIPs")]
    pub trusted_ips: Vec<IpRange>,
}

/// `forwardedHeaders`: from peers that are not trusted, `X-Forwarded-*` and their like are removed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ForwardedHeaders {
    /// Trust every peer; default false.
    pub insecure: bool,
    /// Trusted peers; default none.
    #[serde(rename = "trustedIPs")]
    pub trusted_ips: Vec<IpRange>,
    /// Headers named by `Connection` that are passed on all the same; default none.
    pub connection: Vec<String>,
    /// Leave `X-Forwarded-For` as it is instead of adding the peer; default false.
    #[serde(rename = "notAppendXForwardedFor")]
    pub not_append_x_forwarded_for: bool,
    /// Send `X-Forwarded-Scheme` and `X-Scheme` too; default false.
    #[serde(rename = "addXForwardedSchemeHeaders")]
    pub add_x_forwarded_scheme_headers: bool,
}

/// `transport`: limits of connections.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Transport {
    /// Time limits.
    pub responding_timeouts: RespondingTimeouts,
    /// What happens at the end of the process.
    pub life_cycle: LifeCycle,
    /// Requests of one connection; over it, `Connection: close` or GOAWAY. 0, the default, is no limit.
    pub keep_alive_max_requests: u64,
    /// Age of a connection; over it, the same. 0, the default, is no limit.
    pub keep_alive_max_time: GoDuration,
}

/// `respondingTimeouts`: zero or less is no limit ([`GoDuration::positive`]).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct RespondingTimeouts {
    /// To read a request, its body included; default 60 s.
    pub read_timeout: GoDuration,
    /// For a client to take each piece of a response; default none.
    pub write_timeout: GoDuration,
    /// Between requests of a connection; default 180 s.
    pub idle_timeout: GoDuration,
}

/// `lifeCycle`: the end of the process.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct LifeCycle {
    /// How long requests are still accepted after SIGTERM, while `/ping` already says no; default 0.
    pub request_accept_grace_timeout: GoDuration,
    /// How long running requests may then take; default 10 s.
    pub grace_time_out: GoDuration,
}

/// `http2`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Http2 {
    /// Streams a client may have open on a connection; default 250.
    pub max_concurrent_streams: u32,
    /// Bytes of the table that requests' headers are decoded with; default 4096.
    pub max_decoder_header_table_size: u32,
    /// Bytes of the table that responses' headers are encoded with; default 4096.
    pub max_encoder_header_table_size: u32,
}

/// `http3`: accepted, without effect.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Http3 {
    /// The port that `Alt-Svc` would name.
    pub advertised_port: u16,
}

/// `udp`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Udp {
    /// How long a session without datagrams lives; default 3 s, must be more than 0.
    pub timeout: GoDuration,
    /// Sessions at a time; new clients beyond it get none. Each holds a descriptor. Default 65,536. Not Traefik's.
    pub max_sessions: usize,
}

/// `observability`: what is observed where a router doesn't say.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Observability {
    /// Write access-log lines; default true.
    pub access_logs: bool,
    /// Count in the metrics; default true.
    pub metrics: bool,
    /// Make spans; default true.
    pub tracing: bool,
    /// How many spans; default `minimal`.
    pub trace_verbosity: TraceVerbosity,
}

/// How many spans a request makes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TraceVerbosity {
    /// One for the request, one for the server's part.
    #[default]
    Minimal,
    /// Also one for the router, the service and each middleware.
    Detailed,
}

// === impl EntryPoint ===

impl EntryPoint {
    /// An entry point with the defaults.
    pub fn new(address: Address) -> Self {
        EntryPoint {
            address,
            as_default: false,
            reuse_port: false,
            allow_acme_by_pass: false,
            proxy_protocol: None,
            forwarded_headers: ForwardedHeaders::default(),
            transport: Transport::default(),
            http: Http::default(),
            http2: Http2::default(),
            http3: None,
            udp: Udp::default(),
            observability: Observability::default(),
        }
    }

    /// What to bind; see [`Address::bind`].
    pub fn bind(&self) -> std::net::SocketAddr {
        self.address.bind()
    }
}

// === impl ProxyProtocol ===

impl ProxyProtocol {
    /// Whether this peer's PROXY header is believed; from others it is not even read.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        trusts(self.insecure, &self.trusted_ips, peer)
    }
}

// === impl ForwardedHeaders ===

impl ForwardedHeaders {
    /// Whether this peer's forwarding headers are kept.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        trusts(self.insecure, &self.trusted_ips, peer)
    }
}

// === Defaults ===

impl Default for RespondingTimeouts {
    fn default() -> Self {
        RespondingTimeouts {
            read_timeout: GoDuration::from_secs(60),
            write_timeout: GoDuration::default(),
            idle_timeout: GoDuration::from_secs(180),
        }
    }
}

impl Default for LifeCycle {
    fn default() -> Self {
        LifeCycle { request_accept_grace_timeout: GoDuration::default(), grace_time_out: GoDuration::from_secs(10) }
    }
}

impl Default for Http2 {
    fn default() -> Self {
        Http2 { max_concurrent_streams: 250, max_decoder_header_table_size: 4096, max_encoder_header_table_size: 4096 }
    }
}

impl Default for Udp {
    fn default() -> Self {
        Udp { timeout: GoDuration::from_secs(3), max_sessions: 65_536 }
    }
}

impl Default for Observability {
    fn default() -> Self {
        Observability { access_logs: true, metrics: true, tracing: true, trace_verbosity: TraceVerbosity::default() }
    }
}
