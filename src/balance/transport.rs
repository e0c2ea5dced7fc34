//! How servers are spoken to: a `ServersTransport` turned into Pingora's peer options, once per table.
//! The certificates and names here decide which connections of the pool may be shared.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use ingora_crds::duration::GoDuration;
use pingora::tls::ssl::SslContext;
use pingora::upstreams::peer::{HttpUpstreamRequestPolicy, PeerOptions};
use pingora::utils::tls::CertKey;

use super::peer_names::{Name, names};
use crate::dynamic::http::ServersTransport;
use crate::tls::{KeyPair, authorities, client};

/// Go's defaults, as Traefik sets them.
const DIAL_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// How servers are spoken to.
pub struct Transport {
    /// Name sent as SNI and expected in the certificate; empty means the server's host.
    pub server_name: String,
    /// Limits, verification, policy.
    pub options: PeerOptions,
    /// The certificate shown to servers.
    pub client_certificate: Option<Arc<CertKey>>,
    /// How long a server may take from the end of the request to the head of its response.
    pub response_header_timeout: Option<Duration>,
    /// Whether HTTP/2 is offered over TLS.
    pub http2: bool,
    /// Names one of which a server's certificate must have; none for any certificate.
    pub names: Arc<[Name]>,
    /// Go's name of the least version of TLS; empty means 1.2.
    pub min_version: String,
    /// For TLS that Pingora can't set up.
    pub context: Option<SslContext>,
    /// Connections are shared only within one key: one key for each different transport.
    pub group_key: u64,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

// === impl Transport ===

impl Transport {
    /// A transport from its configuration; errors say which part can't be used.
    pub fn new(settings: &ServersTransport) -> Result<Self, String> {
        if settings.spiffe.is_some() {
            let message = "spiffe: SPIFFE is not spoken by this version: remove it, and name authorities in rootCAs and \
                           identities in peerCertSANs";
            return Err(message.to_owned());
        }
        let mut options = PeerOptions::new();
        let timeouts = settings.forwarding_timeouts.clone().unwrap_or_default();
        let or = |set: Option<GoDuration>, default| set.map_or(Some(default), GoDuration::positive);
        options.connection_timeout = or(timeouts.dial_timeout, DIAL_TIMEOUT);
        options.total_connection_timeout = options.connection_timeout;
        options.idle_timeout = or(timeouts.idle_conn_timeout, IDLE_TIMEOUT);
        options.h2_ping_interval = timeouts.read_idle_timeout.and_then(GoDuration::positive);
        // Names in a certificate that nobody vouches for say nothing.
        options.verify_cert = !settings.insecure_skip_verify || settings.names_peers();
        options.verify_hostname = !settings.insecure_skip_verify;
        // What is about one connection only is removed by the proxy, by Traefik's rules.
        options.http_upstream_request_policy = HttpUpstreamRequestPolicy::preserve();
        let believed = authorities::parse(&settings.root_cas).map_err(|e| format!("rootCAs: {e}"))?;
        // Pingora believes an authority only with all those above it.
        let needs_tls_of_its_own = settings.needs_tls_of_its_own() || !authorities::are_complete(&believed);
        // Where what is named holds none, no server is believed.
        if !settings.root_cas.is_empty() {
            options.ca = Some(Arc::new(believed.into_boxed_slice()));
        }
        let client_certificate = settings.certificates.first().map(|pair| {
            let (chain, key) = KeyPair::new(pair).map_err(|e| format!("certificates: {e}"))?.into_parts();
            Ok::<_, String>(Arc::new(CertKey::new(chain, key)))
        });
        let mut hasher = DefaultHasher::new();
        // The debug text of the settings has every part that sets connections apart, but keys: those by their PEM.
        format!("{settings:?}").hash(&mut hasher);
        settings.certificates.iter().for_each(|c| c.key_file.hash(&mut hasher));
        Ok(Transport {
            server_name: settings.server_name.clone(),
            options,
            client_certificate: client_certificate.transpose()?,
            response_header_timeout: timeouts.response_header_timeout.and_then(GoDuration::positive),
            http2: !settings.disable_http2,
            names: names(settings)?,
            min_version: settings.min_version.clone(),
            context: needs_tls_of_its_own.then(|| client::context(settings)).transpose()?,
            group_key: hasher.finish(),
        })
    }
}
