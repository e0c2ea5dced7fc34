//! A TLS client that shows what a handshake settled, down to the alert that ended it.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use pingora::tls::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslSession, SslSessionCacheMode, SslVerifyMode, SslVersion,
};
use pingora::tls::tokio_ssl::SslStream;
use tokio::net::TcpStream;

use super::certificates::Issued;
use super::wire::Duplex;
use super::{Wire, within};

/// What a client offers.
pub struct Tls {
    context: SslContextBuilder,
    name: Option<String>,
    session: Option<SslSession>,
    sessions: Sessions,
}

/// The sessions that a server gave to resume.
pub type Sessions = Arc<Mutex<Vec<SslSession>>>;

/// A connection with its handshake done.
pub struct Secure {
    stream: SslStream<Box<dyn Duplex>>,
    pub sessions: Sessions,
}

// === impl Tls ===

impl Tls {
    /// Asks for a name; empty for none.
    pub fn to(name: &str) -> Tls {
        let mut context = SslContext::builder(SslMethod::tls()).unwrap();
        context.set_verify(SslVerifyMode::NONE);
        context.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
        context.set_session_cache_mode(SslSessionCacheMode::CLIENT);
        let sessions = Sessions::default();
        let kept = sessions.clone();
        // A copy: the library takes back the session of a connection that ends without a farewell.
        context.set_new_session_callback(move |_, session| {
            let copy = SslSession::from_der(&session.to_der().unwrap()).unwrap();
            kept.lock().unwrap().push(copy);
        });
        Tls { context, name: Some(name.to_owned()).filter(|n| !n.is_empty()), session: None, sessions }
    }

    pub fn versions(mut self, min: SslVersion, max: SslVersion) -> Tls {
        self.context.set_min_proto_version(Some(min)).unwrap();
        self.context.set_max_proto_version(Some(max)).unwrap();
        self
    }

    pub fn version(self, version: SslVersion) -> Tls {
        self.versions(version, version)
    }

    /// Suites up to TLS 1.2, by the library's names.
    pub fn suites(mut self, list: &str) -> Tls {
        self.context.set_cipher_list(list).unwrap();
        self
    }

    /// Every suite, those of TLS 1.0 and 1.1 among them.
    pub fn weak(self) -> Tls {
        self.suites(if cfg!(feature = "boringssl") { "ALL" } else { "ALL:@SECLEVEL=0" })
    }

    pub fn groups(mut self, list: &str) -> Tls {
        #[cfg(feature = "boringssl")]
        self.context.set_curves_list(list).unwrap();
        #[cfg(not(feature = "boringssl"))]
        self.context.set_groups_list(list).unwrap();
        self
    }

    pub fn signatures(mut self, list: &str) -> Tls {
        self.context.set_sigalgs_list(list).unwrap();
        self
    }

    pub fn alpn(mut self, protocols: &[&str]) -> Tls {
        let list: Vec<u8> =
            protocols.iter().flat_map(|p| [&[u8::try_from(p.len()).unwrap()], p.as_bytes()].concat()).collect();
        self.context.set_alpn_protos(&list).unwrap();
        self
    }

    /// Shows a certificate where it is asked for one.
    pub fn identity(mut self, issued: &Issued) -> Tls {
        self.context.set_certificate(&issued.certificate).unwrap();
        self.context.set_private_key(&issued.key).unwrap();
        self
    }

    /// Tries to resume a session.
    pub fn resume(mut self, session: SslSession) -> Tls {
        self.session = Some(session);
        self
    }

    /// Connects; the error is the library's text, with the name of the alert that came: in small letters, whichever library.
    pub async fn connect(self, address: SocketAddr) -> Result<Secure, String> {
        let tcp = within("a connection", TcpStream::connect(address)).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        self.over(tcp).await
    }

    /// The same over a connection that is there.
    pub async fn over(self, stream: impl Duplex + 'static) -> Result<Secure, String> {
        let context = self.context.build();
        let mut ssl = Ssl::new(&context).unwrap();
        if let Some(name) = &self.name {
            ssl.set_hostname(name).unwrap();
        }
        if let Some(session) = &self.session {
            #[allow(unsafe_code)]
            // SAFETY: the session is of a client's context, as it must be.
            unsafe { ssl.set_session(session) }.unwrap();
        }
        let mut stream = SslStream::new(ssl, Box::new(stream) as Box<dyn Duplex>).unwrap();
        within("a handshake", Pin::new(&mut stream).connect()).await.map_err(|e| told(&e))?;
        Ok(Secure { stream, sessions: self.sessions })
    }
}

// === impl Secure ===

impl Secure {
    /// The common name of the server's certificate.
    pub fn subject(&self) -> String {
        let certificate = self.stream.ssl().peer_certificate().unwrap();
        let name = certificate.subject_name();
        let entry = name.entries().next().unwrap();
        String::from_utf8(entry.data().as_slice().to_vec()).unwrap()
    }

    /// The server's certificate.
    pub fn certificate(&self) -> Vec<u8> {
        self.stream.ssl().peer_certificate().unwrap().to_der().unwrap()
    }

    pub fn version(&self) -> &'static str {
        self.stream.ssl().version_str()
    }

    /// By the library's name.
    pub fn suite(&self) -> &'static str {
        self.stream.ssl().current_cipher().unwrap().name()
    }

    pub fn alpn(&self) -> Option<String> {
        self.stream.ssl().selected_alpn_protocol().map(|p| String::from_utf8(p.to_vec()).unwrap())
    }

    pub fn resumed(&self) -> bool {
        self.stream.ssl().session_reused()
    }

    pub fn wire(self) -> Wire {
        Wire::new(self.stream)
    }

    /// One request over HTTP/1.1: its status, or what ended the connection. With TLS 1.3 a server says only now that it
    /// does not like the client's certificate.
    pub async fn get(self, host: &str, target: &str) -> Result<u16, String> {
        let mut wire = self.wire();
        wire.say(&format!("GET {target} HTTP/1.1\nHost: {host}\n\n")).await.map_err(|e| told(&e))?;
        wire.reply().await.map(|reply| reply.status()).map_err(|e| told(&e))
    }
}

/// OpenSSL's words for an alert; BoringSSL has the same in capitals.
fn told(error: &impl std::fmt::Debug) -> String {
    format!("{error:?}").to_lowercase().replace('_', " ")
}
