//! Connections to servers whose TLS Pingora can't set up: the handshake is made here, and Pingora sees what is in it.
//! HTTP/1.1, and one connection for each request: Pingora pools only connections whose other end is the server.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use pingora::connectors::l4::Connect;
use pingora::protocols::l4::socket::SocketAddr as PeerAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::tls::SslStream;
use pingora::tls::ssl::{Ssl, SslContext};
use pingora_error::{Error, ErrorType, OrErr, Result};
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::peer_names::Expected;

/// How one server is connected to.
pub(super) struct Dial {
    pub context: SslContext,
    /// Sent as SNI; an address is not.
    pub server_name: String,
    /// Whether the certificate must be for the name.
    pub verify_name: bool,
    pub expected: Expected,
    pub limit: Option<Duration>,
}

// === impl Dial ===

impl Dial {
    async fn tls(&self, address: &PeerAddr) -> Result<SslStream<TcpStream>> {
        let PeerAddr::Inet(address) = address else {
            return Error::e_explain(ErrorType::ConnectError, "servers have Internet addresses");
        };
        let tcp = TcpStream::connect(address).await.or_err(ErrorType::ConnectError, "can't connect")?;
        tcp.set_nodelay(true).or_err(ErrorType::ConnectError, "can't connect")?;
        let mut ssl = Ssl::new(&self.context).or_err(ErrorType::TLSHandshakeFailure, "no TLS")?;
        if self.server_name.parse::<IpAddr>().is_err() {
            ssl.set_hostname(&self.server_name).or_err(ErrorType::TLSHandshakeFailure, "not a server name")?;
            if self.verify_name {
                ssl.param_mut()
                    .set_host(&self.server_name)
                    .or_err(ErrorType::TLSHandshakeFailure, "not a server name")?;
            }
        }
        let mut stream = SslStream::new(ssl, tcp)?;
        stream.connect().await.or_err(ErrorType::TLSHandshakeFailure, "the TLS handshake failed")?;
        match stream.ssl().peer_certificate() {
            Some(certificate) if self.expected.fits(&certificate) => Ok(stream),
            None if self.expected.is_empty() => Ok(stream),
            _ => Error::e_explain(ErrorType::InvalidCert, "the certificate is not the server's"),
        }
    }
}

#[async_trait]
impl Connect for Dial {
    async fn connect(&self, address: &PeerAddr) -> Result<Stream> {
        let connecting = self.tls(address);
        let mut tls = match self.limit {
            Some(limit) => timeout(limit, connecting)
                .await
                .map_err(|_| Error::explain(ErrorType::ConnectTimedout, "too slow"))??,
            None => connecting.await?,
        };
        // Pingora wants a descriptor of each connection.
        let (mut inner, outer) = UnixStream::pair().or_err(ErrorType::InternalError, "no socket")?;
        tokio::spawn(async move {
            // Whichever side fails, the other one is told by the end of the connection.
            let _ = copy_bidirectional(&mut tls, &mut inner).await;
        });
        Ok(outer.into())
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS of its own to {}", self.server_name)
    }
}
