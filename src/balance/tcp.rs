//! How TCP servers are dialled: a `ServersTransportTCP`, prepared once per table.
//! Read by `proxy`, which dials.

use std::fmt;
use std::time::Duration;

use ingora_crds::duration::GoDuration;
use pingora::tls::error::ErrorStack;
use pingora::tls::ssl::{Ssl, SslConnector, SslMethod, SslRef, SslVerifyMode, SslVersion};

use crate::dynamic::tcp::{TcpClientTls, TcpServersTransport};
use crate::tls::{KeyPair, authorities};

/// Traefik's defaults.
const DIAL_TIMEOUT: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const TERMINATION_DELAY: Duration = Duration::from_millis(100);

/// How servers are dialled.
pub struct Transport {
    /// To find a server that takes the connection; none waits as long as the kernel does.
    pub dial_timeout: Option<Duration>,
    /// Between keep-alive probes; none sends none.
    pub keep_alive: Option<Duration>,
    /// Which header tells the server who its client is.
    pub proxy_protocol: Option<ProxyVersion>,
    /// How long one half of a connection lives after the other was closed; none is for ever.
    pub termination_delay: Option<Duration>,
    tls: Option<Tls>,
}

/// A version of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

/// TLS to servers.
struct Tls {
    connector: SslConnector,
    /// Instead of the server's host.
    server_name: String,
    verify_host: bool,
    /// A certificate must have one of each list that isn't empty.
    uris: Vec<String>,
    sans: Vec<San>,
}

/// An alternative name of a certificate.
enum San {
    Uri(String),
    Dns(String),
}

// === impl Transport ===

impl Transport {
    /// A transport from its configuration; `tls` where a server is dialled with TLS. Errors say which part can't be used.
    pub fn new(settings: &TcpServersTransport, tls: bool) -> Result<Self, String> {
        let keep_alive = match settings.dial_keep_alive {
            None => Some(KEEP_ALIVE),
            Some(zero) if zero == GoDuration::default() => Some(KEEP_ALIVE),
            Some(given) => given.positive(),
        };
        let termination_delay = match settings.termination_delay {
            None => Some(TERMINATION_DELAY),
            Some(negative) if negative < GoDuration::default() => None,
            Some(given) => Some(given.positive().unwrap_or_default()),
        };
        let proxy_protocol = settings.proxy_protocol.as_ref().map(|p| match p.version {
            1 => Ok(ProxyVersion::V1),
            2 => Ok(ProxyVersion::V2),
            other => Err(format!("proxyProtocol.version: {other} is no version: 1 and 2 are")),
        });
        let client = settings.tls.clone().unwrap_or_default();
        Ok(Transport {
            dial_timeout: settings.dial_timeout.map_or(Some(DIAL_TIMEOUT), GoDuration::positive),
            keep_alive,
            proxy_protocol: proxy_protocol.transpose()?,
            termination_delay,
            tls: tls.then(|| Tls::new(&client)).transpose()?,
        })
    }

    /// The client's side of a TLS handshake with a server of that host; none where no server is dialled with TLS.
    ///
    /// # Errors
    /// OpenSSL's.
    pub fn handshake(&self, host: &str) -> Option<Result<Ssl, ErrorStack>> {
        Some(self.tls.as_ref()?.handshake(host))
    }

    /// Whether the certificate of a finished handshake has the alternative names that are asked for.
    pub fn accepts(&self, connection: &SslRef) -> bool {
        self.tls.as_ref().is_none_or(|tls| tls.accepts(connection))
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("proxy_protocol", &self.proxy_protocol).finish_non_exhaustive()
    }
}

// === impl Tls ===

impl Tls {
    fn new(settings: &TcpClientTls) -> Result<Self, String> {
        if settings.spiffe.is_some() {
            return Err("tls.spiffe: SPIFFE is not spoken: use rootCAs and certificatesSecrets".to_owned());
        }
        let mut sans = Vec::new();
        for san in &settings.peer_cert_sans {
            sans.push(match san.kind.as_str() {
                "URI" => San::Uri(san.value.clone()),
                "DNSName" => San::Dns(san.value.clone()),
                other => return Err(format!("tls.peerCertSANs: {other:?} is no type: URI and DNSName are")),
            });
        }
        let named = !settings.peer_cert_uri.is_empty() || !sans.is_empty();
        Ok(Tls {
            connector: connector(settings, named)?,
            server_name: settings.server_name.clone(),
            verify_host: !settings.insecure_skip_verify,
            uris: Some(settings.peer_cert_uri.clone()).filter(|uri| !uri.is_empty()).into_iter().collect(),
            sans,
        })
    }

    fn handshake(&self, host: &str) -> Result<Ssl, ErrorStack> {
        let name = if self.server_name.is_empty() { host } else { &self.server_name };
        self.connector.configure()?.verify_hostname(self.verify_host).into_ssl(name)
    }

    fn accepts(&self, connection: &SslRef) -> bool {
        if self.uris.is_empty() && self.sans.is_empty() {
            return true;
        }
        let Some(certificate) = connection.peer_certificate() else { return false };
        let Some(names) = certificate.subject_alt_names() else { return false };
        let has_uri = |wanted: &str| names.iter().any(|name| name.uri() == Some(wanted));
        let has = |san: &San| match san {
            San::Uri(uri) => has_uri(uri),
            San::Dns(dns) => names.iter().any(|name| name.dnsname().is_some_and(|n| n.eq_ignore_ascii_case(dns))),
        };
        self.uris.iter().all(|uri| has_uri(uri)) && (self.sans.is_empty() || self.sans.iter().any(has))
    }
}

/// What handshakes begin with; `named` where the certificate is asked for names, which only mean something in one that is
/// verified.
fn connector(settings: &TcpClientTls, named: bool) -> Result<SslConnector, String> {
    let failed = |what: &str, error: ErrorStack| format!("tls.{what}: {error}");
    let mut builder = SslConnector::builder(SslMethod::tls()).map_err(|e| failed("", e))?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(|e| failed("", e))?;
    if settings.insecure_skip_verify && !named {
        builder.set_verify(SslVerifyMode::NONE);
    }
    if !settings.root_cas.is_empty() {
        let believed = authorities::parse(&settings.root_cas).map_err(|e| format!("tls.rootCAs: {e}"))?;
        builder.set_cert_store(authorities::store(believed).map_err(|e| failed("rootCAs", e))?);
    }
    if let Some(pair) = settings.certificates.first() {
        let pair = KeyPair::new(pair).map_err(|e| format!("tls.certificates: {e}"))?;
        pair.offer(&mut builder).map_err(|e| failed("certificates", e))?;
    }
    Ok(builder.build())
}
