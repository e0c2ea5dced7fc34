//! One server of a pool: everything that a request to it needs, prepared.
//! Made from a URL of the dynamic configuration; read by `proxy`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use pingora::protocols::l4::socket::SocketAddr as PeerAddr;
use pingora::protocols::tls::HandshakeCompleteHook;
use pingora::protocols::{ALPN, Digest};
use pingora::upstreams::peer::{HttpPeer, Scheme as PeerScheme};
use pingora_error::{Error, ErrorType, Result};
use pingora_http::RequestHeader;

use super::dial::Dial;
use super::load::Load;
use super::peer_names::Expected;
use super::resolved::Name;
use super::transport::Transport;

/// Streams on one HTTP/2 connection to a server; Go's client opens another connection above the server's limit, 250.
const HTTP2_STREAMS: usize = 250;

/// A server, ready to be sent requests.
pub struct Server {
    /// Its URL as configured.
    pub url: String,
    /// `host:port`: the Host that it sees where the client's isn't passed on.
    pub authority: HeaderValue,
    /// Whether it sees the client's Host.
    pub pass_host_header: bool,
    /// Terminating: serves only clients that stick to it.
    pub fenced: bool,
    /// Its share among the servers of its pool; 0 or less is none.
    pub weight: i64,
    /// What it has to do; one for all servers where the strategy doesn't ask.
    pub load: Arc<Load>,
    address: SocketAddr,
    scheme: Scheme,
    sni: String,
    /// Shared by all its servers: options are large.
    transport: Arc<Transport>,
    certify: Option<HandshakeCompleteHook>,
    /// Whether its certificate must be for its address, which Pingora doesn't compare.
    by_address: bool,
    dial: Option<Arc<Dial>>,
}

/// Whether the certificate of a connection, and its version of TLS, are as expected; in the connection's TLS digest.
#[derive(Debug)]
pub struct Certified(pub bool);

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Clear text, HTTP/1.1.
    Http,
    /// TLS, HTTP/2 or HTTP/1.1 by ALPN.
    Https,
    /// Clear text, HTTP/2 with prior knowledge.
    H2c,
}

/// A configured server.
#[derive(Debug, Clone)]
pub struct Member {
    /// Where it is.
    pub location: Location,
    /// Its share.
    pub weight: i64,
    /// Terminating.
    pub fenced: bool,
}

/// The parts of a server's URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The URL as written.
    pub url: String,
    /// How to speak.
    pub scheme: Scheme,
    /// A name, or an address without brackets.
    pub host: String,
    /// The port; that of the scheme where the URL has none.
    pub port: u16,
}

// === impl Scheme ===

impl Scheme {
    /// By name.
    pub fn named(name: &str) -> std::result::Result<Self, String> {
        match name {
            "http" => Ok(Scheme::Http),
            "https" => Ok(Scheme::Https),
            "h2c" => Ok(Scheme::H2c),
            other => Err(format!("{other:?} is not a scheme that servers are spoken to in: http, https, h2c")),
        }
    }
}

// === impl Location ===

impl Location {
    /// Takes `scheme://host[:port]` apart; the error says what is wrong with it.
    pub fn parse(url: &str) -> std::result::Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| format!("{url:?} has no scheme"))?;
        let scheme = Scheme::named(scheme)?;
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| format!("{port:?} is not a port"))?)
            }
            _ => (authority, if scheme == Scheme::Https { 443 } else { 80 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(format!("{url:?} has no host"));
        }
        Ok(Location { url: url.to_owned(), scheme, host: host.to_owned(), port })
    }

    /// Its address, where the host is one.
    pub fn address(&self) -> Option<SocketAddr> {
        self.host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, self.port))
    }

    /// Its name, where the host is not an address.
    pub fn name(&self) -> Option<Name> {
        self.address().is_none().then(|| (self.host.clone(), self.port))
    }

    fn authority(&self) -> HeaderValue {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        HeaderValue::try_from(format!("{host}:{}", self.port)).unwrap_or(HeaderValue::from_static(""))
    }
}

// === impl Server ===

impl Server {
    /// A server at an address of its location.
    pub fn new(
        member: &Member,
        address: SocketAddr,
        transport: &Arc<Transport>,
        pass_host_header: bool,
        load: Arc<Load>,
    ) -> Self {
        let location = &member.location;
        let tls = location.scheme == Scheme::Https;
        let sni = match (tls, transport.server_name.as_str()) {
            (false, _) => String::new(),
            (true, "") => location.host.clone(),
            (true, name) => name.to_owned(),
        };
        let named = !transport.server_name.is_empty() || !transport.options.verify_hostname;
        let by_address = tls && !named && location.address().is_some();
        let expected = Expected {
            address: location.address().map(|a| a.ip()).filter(|_| by_address),
            names: transport.names.clone(),
        };
        let dial = transport.context.as_ref().filter(|_| tls).map(|context| {
            Arc::new(Dial {
                context: context.clone(),
                server_name: sni.clone(),
                verify_name: transport.options.verify_hostname,
                expected: expected.clone(),
                limit: transport.options.total_connection_timeout,
            })
        });
        let newest_only = transport.min_version == "VersionTLS13";
        let certify =
            (tls && dial.is_none() && (newest_only || !expected.is_empty())).then(|| -> HandshakeCompleteHook {
                Arc::new(move |tls| {
                    let version = !newest_only || tls.version_str() == "TLSv1.3";
                    let fits = || tls.peer_certificate().is_some_and(|c| expected.fits(&c));
                    Some(Arc::new(Certified(version && (expected.is_empty() || fits()))))
                })
            });
        Server {
            url: location.url.clone(),
            authority: location.authority(),
            pass_host_header,
            fenced: member.fenced,
            weight: member.weight,
            load,
            address,
            scheme: location.scheme,
            sni,
            transport: transport.clone(),
            certify,
            by_address,
            dial,
        }
    }

    /// Whether requests to the other one go to the same place.
    pub fn is_at_the_place_of(&self, other: &Server) -> bool {
        self.address == other.address && self.url == other.url
    }

    /// What it is known by from one table to the next.
    pub fn place(&self) -> (String, SocketAddr) {
        (self.url.clone(), self.address)
    }

    /// How it is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether it is spoken to over TLS.
    pub fn is_tls(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// The server that its health is asked of: itself, with another scheme or port.
    pub fn probed(&self, scheme: Option<Scheme>, port: Option<u16>) -> Result<Server> {
        let location = Location::parse(&self.url).map_err(|e| Error::explain(ErrorType::InternalError, e))?;
        let mut address = self.address;
        address.set_port(port.unwrap_or(address.port()));
        let port = port.unwrap_or(location.port);
        Ok(self.moved(Location { scheme: scheme.unwrap_or(location.scheme), port, ..location }, address))
    }

    /// A server somewhere else that is spoken to alike.
    pub fn moved(&self, location: Location, address: SocketAddr) -> Server {
        let member = Member { location, weight: self.weight, fenced: self.fenced };
        Server::new(&member, address, &self.transport, self.pass_host_header, self.load.clone())
    }

    /// The Host that it sees of a request.
    pub fn authority_for(&self, request: &RequestHeader) -> HeaderValue {
        let passed = request.headers.get(http::header::HOST).filter(|_| self.pass_host_header);
        passed.unwrap_or(&self.authority).clone()
    }

    /// Whether a new connection is to the right server; names are Pingora's to compare, addresses ours.
    pub fn is_certified_by(&self, connection: Option<&Digest>) -> bool {
        let noted = || connection?.ssl_digest.as_ref()?.extension.get::<Certified>();
        self.certify.is_none() || noted().is_some_and(|certified| certified.0)
    }

    /// Whether a connection is for one request only.
    pub fn is_dialled_each_time(&self) -> bool {
        self.dial.is_some()
    }

    /// How long it may take from the end of a request to the head of its response.
    pub fn response_header_timeout(&self) -> Option<Duration> {
        self.transport.response_header_timeout
    }

    /// Where and how to connect; `upgrade` for a request that changes the protocol, which only HTTP/1.1 can.
    pub fn peer(&self, upgrade: bool) -> HttpPeer {
        let tls = self.scheme == Scheme::Https;
        let mut options = self.transport.options.clone();
        options.alpn = match self.scheme {
            _ if upgrade => ALPN::H1,
            Scheme::Https if self.transport.http2 => ALPN::H2H1,
            Scheme::Http | Scheme::Https => ALPN::H1,
            Scheme::H2c => ALPN::H2,
        };
        if options.alpn != ALPN::H1 {
            options.max_h2_streams = HTTP2_STREAMS;
            // The nearest that Pingora has: for HTTP/2 it holds for each wait in the body too.
            options.read_timeout = self.transport.response_header_timeout;
        }
        if self.certify.is_some() {
            // Pingora compares names only; `connected_to_upstream` asks for what the hook notes.
            options.verify_hostname &= !self.by_address;
            options.upstream_tls_handshake_complete_hook = self.certify.clone();
        }
        if let Some(dial) = &self.dial {
            options.alpn = ALPN::H1;
            options.custom_l4 = Some(dial.clone());
        }
        let tls = tls && self.dial.is_none();
        HttpPeer {
            _address: PeerAddr::Inet(self.address),
            scheme: if tls { PeerScheme::HTTPS } else { PeerScheme::HTTP },
            sni: self.sni.clone(),
            proxy: None,
            client_cert_key: self.transport.client_certificate.clone(),
            group_key: self.transport.group_key,
            options,
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_apart() {
        for (url, host, port, scheme) in [
            ("http://10.0.0.1:80", "10.0.0.1", 80, Scheme::Http),
            ("https://[fd00::1]:8443", "fd00::1", 8443, Scheme::Https),
            ("h2c://a.example", "a.example", 80, Scheme::H2c),
            ("https://a.example/", "a.example", 443, Scheme::Https),
            ("http://[fd00::1]", "fd00::1", 80, Scheme::Http),
        ] {
            let location = Location::parse(url).unwrap();
            assert_eq!((location.host.as_str(), location.port, location.scheme), (host, port, scheme), "{url}");
        }
        for url in ["10.0.0.1:80", "ftp://a", "http://", "http://a:x", "http://a:70000"] {
            assert!(Location::parse(url).is_err(), "{url}");
        }
    }
}
