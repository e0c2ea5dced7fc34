//! Servers behind the gateway, in the test itself: each does exactly what its test needs, and remembers what it got.

use std::future::Future;
use std::io::Result;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use pingora::tls::ssl::{NameType, Ssl, SslAcceptor, SslAcceptorBuilder, SslFiletype, SslMethod};
use pingora::tls::tokio_ssl::SslStream;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{Gate, Message, Wire, ports};

/// A certificate for `backend.example` and 127.0.0.1, which is its own authority.
pub const CERTIFICATE: &str = include_str!("certificates/backend.crt");
/// The certificate of somebody else.
pub const STRANGER: &str = include_str!("certificates/stranger.crt");

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/certificates");

pub struct Backend {
    pub address: SocketAddr,
    seen: Seen,
    accepting: Option<JoinHandle<()>>,
}

/// What came to a backend.
#[derive(Clone, Default)]
pub struct Seen {
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Message>>>,
}

// === impl Backend ===

impl Backend {
    /// Answers with the head of the request as text, and its name in `X-Backend`.
    pub async fn named(name: &str) -> Backend {
        Backend::named_at(name, (ports::own_address(), 0)).await
    }

    /// The same, at an address that the test gives.
    pub async fn named_at(name: &str, address: impl Into<SocketAddr>) -> Backend {
        let name = name.to_owned();
        let serve = answers(move |request| {
            let head = &request.head;
            let length = head.len();
            format!(
                "HTTP/1.1 200 OK\r\nX-Backend: {name}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{head}"
            )
        });
        Backend::bound(address, serve).await
    }

    pub async fn echo() -> Backend {
        Backend::named("echo").await
    }

    /// Answers every request with what the function says.
    pub async fn answering(answer: impl Fn(&Message) -> String + Send + Sync + 'static) -> Backend {
        Backend::accepting(answers(answer)).await
    }

    /// Answers every request with these bytes, `\n` written as `\r\n`.
    pub async fn replying(reply: &str) -> Backend {
        let reply = reply.replace('\n', "\r\n");
        Backend::answering(move |_| reply.clone()).await
    }

    /// Answers 200 `text` when the gate is opened.
    pub async fn behind(gate: &Gate, text: &str) -> Backend {
        let (gate, text) = (gate.clone(), text.to_owned());
        Backend::serving(move |mut wire, seen| {
            let (gate, text) = (gate.clone(), text.clone());
            async move {
                while let Some(request) = wire.request().await? {
                    seen.push(request);
                    gate.pass().await;
                    wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())).await?;
                }
                Ok(())
            }
        })
        .await
    }

    /// Does what the test says with each connection.
    pub async fn serving<F>(serve: impl Fn(Wire, Seen) -> F + Send + Sync + 'static) -> Backend
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Backend::accepting(move |tcp, seen| serve(Wire::new(tcp), seen)).await
    }

    /// Echoes with TLS, as `backend.example` and 127.0.0.1, HTTP/1.1 only.
    pub async fn tls() -> Backend {
        Backend::tls_with(|_| {}).await
    }

    /// The same, with more of its side of handshakes set up. Tells of a handshake after the request's head.
    pub async fn tls_with(set_up: impl FnOnce(&mut SslAcceptorBuilder)) -> Backend {
        Backend::handshaking(set_up, |tls, seen| async move {
            let ssl = tls.ssl();
            let sni = ssl.servername(NameType::HOST_NAME).unwrap_or("").to_owned();
            let client = ssl.peer_certificate().map(|certificate| {
                let name = certificate.subject_name();
                String::from_utf8_lossy(name.entries().next().unwrap().data().as_slice()).into_owned()
            });
            let client = client.unwrap_or_default();
            let version = ssl.version_str();
            let mut wire = Wire::new(tls);
            while let Some(request) = wire.request().await? {
                let text = format!("{}\r\nX-Version: {version}\r\nX-Client: {client}\r\nX-Sni: {sni}", request.head);
                seen.push(request);
                wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())).await?;
            }
            Ok(())
        })
        .await
    }

    /// Does what the test says with each connection after its handshake.
    pub async fn handshaking<F>(
        set_up: impl FnOnce(&mut SslAcceptorBuilder),
        serve: impl Fn(SslStream<TcpStream>, Seen) -> F + Send + Sync + 'static,
    ) -> Backend
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
        acceptor.set_certificate_chain_file(format!("{DIRECTORY}/backend.crt")).unwrap();
        acceptor.set_private_key_file(format!("{DIRECTORY}/backend.key"), SslFiletype::PEM).unwrap();
        set_up(&mut acceptor);
        let (acceptor, serve) = (Arc::new(acceptor.build()), Arc::new(serve));
        Backend::listening(Ipv4Addr::LOCALHOST, move |tcp, seen| {
            let (acceptor, serve) = (acceptor.clone(), serve.clone());
            async move {
                let mut tls = SslStream::new(Ssl::new(acceptor.context())?, tcp).map_err(std::io::Error::other)?;
                std::pin::Pin::new(&mut tls).accept().await.map_err(std::io::Error::other)?;
                serve(tls, seen).await
            }
        })
        .await
    }

    /// Does what the test says with each TCP connection. Each has an address of its own, as pods have.
    pub async fn accepting<F>(serve: impl Fn(TcpStream, Seen) -> F + Send + Sync + 'static) -> Backend
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Backend::listening(ports::own_address(), serve).await
    }

    pub async fn listening<F>(
        ip: impl Into<IpAddr>,
        serve: impl Fn(TcpStream, Seen) -> F + Send + Sync + 'static,
    ) -> Backend
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Backend::bound((ip.into(), 0), serve).await
    }

    /// The same at an address that the test gives.
    pub async fn bound<F>(
        address: impl Into<SocketAddr>,
        serve: impl Fn(TcpStream, Seen) -> F + Send + Sync + 'static,
    ) -> Backend
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind(address.into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Seen::default();
        let to_all = seen.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let _ = tcp.set_nodelay(true);
                to_all.connections.fetch_add(1, Ordering::SeqCst);
                // A connection that breaks is the test's business, which sees it at the other end.
                tokio::spawn(serve(tcp, to_all.clone()));
            }
        });
        Backend { address, seen, accepting: Some(accepting) }
    }

    /// An address where nobody listens.
    pub fn down() -> Backend {
        Backend::at(ports::free())
    }

    /// A server that somebody else runs.
    pub fn at(address: SocketAddr) -> Backend {
        Backend { address, seen: Seen::default(), accepting: None }
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How many requests were read.
    pub fn requests(&self) -> usize {
        self.seen.requests.lock().unwrap().len()
    }

    /// All requests that were read.
    pub fn all(&self) -> Vec<Message> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// The last request that was read.
    pub fn last(&self) -> Message {
        self.seen.last()
    }
}

/// Answers each request of a connection with what the function says.
fn answers(
    answer: impl Fn(&Message) -> String + Send + Sync + 'static,
) -> impl Fn(TcpStream, Seen) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static {
    let answer = Arc::new(answer);
    move |tcp, seen| {
        let (answer, mut wire) = (answer.clone(), Wire::new(tcp));
        Box::pin(async move {
            while let Some(request) = wire.request().await? {
                let reply = answer(&request);
                seen.push(request);
                let head_only = reply.split_inclusive("\r\n\r\n").next().unwrap_or_default();
                let is_head = seen.last().method() == "HEAD";
                wire.send(if is_head { head_only } else { &reply }).await?;
            }
            Ok(())
        })
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

// === impl Seen ===

impl Seen {
    pub fn push(&self, request: Message) {
        self.requests.lock().unwrap().push(request);
    }

    pub fn last(&self) -> Message {
        self.requests.lock().unwrap().last().cloned().unwrap_or_else(|| panic!("no request came to the backend"))
    }
}
