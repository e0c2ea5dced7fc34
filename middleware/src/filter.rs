//! What a filter is: the trait with one hook per phase, and what each hook sees and may answer.
//! The extension contract of ingora: built-in filters and a user's own ones are the same thing.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Uri};
use http::{HeaderMap, HeaderValue};
use pingora_http::{RequestHeader, ResponseHeader};

use crate::around::{Around, Hold};
use crate::reply::Reply;

/// A future on the heap: what a hook that must wait returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A filter's own state of one request, one per position in the chain; dropped when the request is over, however it ends.
pub type Slot = Option<Box<dyn Any + Send + Sync>>;

/// How a request hook went.
pub type Progress = Result<Flow, Fault>;

/// A phase filter. One built instance serves all requests of a router; every hook has a default that does nothing.
///
/// Request hooks run outermost first, response hooks innermost first. A filter that replies or fails ends the request;
/// the filters *outside* of it still see the answer in their response hooks.
pub trait Filter: Send + Sync + 'static {
    /// Sees the request's head before it is forwarded: may change it, answer, or fail.
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        let _ = cx;
        Step::NEXT
    }

    /// Sees each piece of the request's body on its way to the server; `end` marks the last.
    fn request_body(&self, slot: &mut Slot, body: &mut Option<Bytes>, end: bool) -> Result<(), Fault> {
        let _ = (slot, body, end);
        Ok(())
    }

    /// Sees the head as it is sent to the server, once per attempt.
    fn upstream_request(&self, slot: &mut Slot, request: &mut RequestHeader) -> Result<(), Fault> {
        let _ = (slot, request);
        Ok(())
    }

    /// Sees the response's head: the server's, an inner filter's reply, or an error reply.
    fn response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
        let _ = cx;
        Ok(())
    }

    /// Sees each piece of the response's body on its way to the client; `end` marks the last.
    fn response_body(&self, slot: &mut Slot, body: &mut Option<Bytes>, end: bool) -> Result<(), Fault> {
        let _ = (slot, body, end);
        Ok(())
    }

    /// Sees the trailers of the response, where it has some, before its body ends. One that returns something writes them
    /// into the body: that is its end, `response_body` is not told of another, and no trailers are sent.
    fn response_trailers(&self, slot: &mut Slot, trailers: &mut HeaderMap) -> Result<Option<Bytes>, Fault> {
        let _ = (slot, trailers);
        Ok(None)
    }

    /// Whether its request hook wants the request's whole body, and how that is held: it is then in [`Notes::body`].
    /// The same answer each time.
    fn wants_body(&self) -> Option<Hold> {
        None
    }

    /// How it acts around the filters further in and the server, if it does. The same answer each time.
    fn around(&self) -> Option<&dyn Around> {
        None
    }

    /// Is told the status that the client got, when the request is over.
    fn logging(&self, slot: &mut Slot, status: u16) {
        let _ = (slot, status);
    }
}

/// What a request hook returns: an answer now, or a future of one. Hooks that needn't wait pay nothing for those that do.
pub enum Step<'a> {
    /// Decided.
    Now(Progress),
    /// Decided after waiting.
    Later(BoxFuture<'a, Progress>),
}

/// Where a request goes after a hook.
#[derive(Debug)]
pub enum Flow {
    /// On to the next filter, then to the server.
    Next,
    /// Back to the client with this.
    Reply(Box<Reply>),
}

/// A failure of a filter: answered with `status` and its standard text, and logged with `message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What the client gets.
    pub status: u16,
    /// What the log gets.
    pub message: String,
}

/// Facts of the client's connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The client's address; what the PROXY protocol said where it is trusted.
    pub peer: SocketAddr,
    /// The handshake, where TLS was terminated here.
    pub tls: Option<Arc<ClientTls>>,
}

/// What a TLS handshake settled. One for all requests of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// The server name that the client asked for, lower-case; empty where it named none.
    pub server_name: String,
    /// The protocol version as OpenSSL names it: `TLSv1.2`, `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite as the standard names it: `TLS_AES_128_GCM_SHA256`.
    pub cipher: &'static str,
    /// The protocol agreed on (`h2`, `http/1.1`); empty where there is none.
    pub alpn: String,
    /// The client's certificates as DER, its own first; empty where it showed none. Whether they were verified is the
    /// TLS options' decision (`clientAuth`).
    pub peer_certificates: Vec<Vec<u8>>,
}

/// What filters leave beside the request's head for those after them, the proxy step and the access log.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// The proxy step doesn't append the peer to `X-Forwarded-For` (`customRequestHeaders: {X-Forwarded-For: ""}`).
    pub suppress_forwarded_for: bool,
    /// The user that an authentication filter saw, for the access log.
    pub user: Option<Box<str>>,
    /// The request's whole body, for filters that want it; none where the request has no body, or changes the protocol.
    pub body: Option<Bytes>,
    /// The path was stripped to nothing. The head holds `/`, which is what the server gets, but a prefix added later
    /// is added to nothing.
    empty_path: bool,
}

/// What a request hook sees.
pub struct RequestCx<'r> {
    /// The head, as the client sent it and outer filters left it.
    pub request: &'r mut RequestHeader,
    /// The connection.
    pub client: &'r Client,
    /// What is said about the request beside its head.
    pub notes: &'r mut Notes,
    /// The filter's own state.
    pub slot: &'r mut Slot,
}

/// What a response hook sees.
pub struct ResponseCx<'r> {
    /// The request's head, as the filters left it.
    pub request: &'r RequestHeader,
    /// The response's head.
    pub response: &'r mut ResponseHeader,
    /// The connection.
    pub client: &'r Client,
    /// The filter's own state.
    pub slot: &'r mut Slot,
}

// === impl Step ===

impl Step<'_> {
    /// On to the next filter.
    pub const NEXT: Self = Step::Now(Ok(Flow::Next));

    /// Answers with `reply`.
    pub fn reply(reply: Reply) -> Self {
        Step::Now(Ok(Flow::Reply(Box::new(reply))))
    }

    /// Fails.
    pub fn fault(fault: Fault) -> Self {
        Step::Now(Err(fault))
    }
}

impl From<Result<(), Fault>> for Step<'_> {
    fn from(done: Result<(), Fault>) -> Self {
        Step::Now(done.map(|()| Flow::Next))
    }
}

// === impl Fault ===

impl Fault {
    /// A fault answered with `status`.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Fault { status, message: message.into() }
    }

    /// A fault answered with 500.
    pub fn internal(error: impl fmt::Display) -> Self {
        Fault::new(500, error.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (answered with {})", self.message, self.status)
    }
}

impl std::error::Error for Fault {}

// === impl RequestCx ===

impl RequestCx<'_> {
    /// The escaped path. Empty only after an outer filter stripped all of it.
    pub fn path(&self) -> &str {
        match self.request.uri.path() {
            "/" if self.notes.empty_path => "",
            path => path,
        }
    }

    /// The escaped path and the query, as it goes on the request line.
    pub fn target(&self) -> &str {
        self.request.uri.path_and_query().map_or("/", PathAndQuery::as_str)
    }

    /// Sets the escaped path, keeping the query.
    pub fn set_path(&mut self, path: &str) -> Result<(), Fault> {
        self.splice_path(path, usize::MAX)
    }

    /// Puts `front` in place of the escaped path's first `cut` bytes, keeping the rest and the query.
    pub fn splice_path(&mut self, front: &str, cut: usize) -> Result<(), Fault> {
        let rest = self.path().get(cut..).unwrap_or_default();
        let query = self.request.uri.query();
        let empty = front.is_empty() && rest.is_empty();
        let front = if empty { "/" } else { front };
        // Just as large as it gets: `Bytes` would need another allocation to remember what is left.
        let mut target = String::with_capacity(front.len() + rest.len() + query.map_or(0, |q| q.len() + 1));
        target.push_str(front);
        target.push_str(rest);
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
        let target = PathAndQuery::from_maybe_shared(Bytes::from(target))
            .map_err(|e| Fault::internal(format_args!("the rewritten path is no path: {e}")))?;
        self.set_target(target)?;
        self.notes.empty_path = empty;
        Ok(())
    }

    fn set_target(&mut self, target: PathAndQuery) -> Result<(), Fault> {
        let old = &self.request.uri;
        let uri = match (old.scheme(), old.authority()) {
            (None, None) => Uri::from(target),
            (scheme, authority) => {
                let mut parts = http::uri::Parts::default();
                parts.scheme = scheme.cloned();
                parts.authority = authority.cloned();
                parts.path_and_query = Some(target);
                Uri::from_parts(parts).map_err(Fault::internal)?
            }
        };
        self.request.set_uri(uri);
        Ok(())
    }

    /// The host as the client sent it, with its port; empty if there is none.
    pub fn host(&self) -> &str {
        match self.header("host") {
            "" => self.request.uri.authority().map_or("", Authority::as_str),
            host => host,
        }
    }

    /// Sets the host that the server sees and that later filters take for the request's.
    pub fn set_host(&mut self, host: &HeaderValue) -> Result<(), Fault> {
        // The authority of HTTP/2 would take its place on the way to the server.
        if self.request.uri.authority().is_some() {
            let target = self.request.uri.path_and_query().cloned();
            self.request.set_uri(target.map_or_else(Uri::default, Uri::from));
        }
        self.request.insert_header(http::header::HOST, host).map_err(Fault::internal)
    }

    /// The first value of a header; empty if there is none or it isn't text, as Go's `Header.Get`.
    pub fn header(&self, name: impl http::header::AsHeaderName) -> &str {
        first(&self.request.headers, name)
    }
}

/// The first value of a header; empty if there is none or it isn't text.
pub(crate) fn first(headers: &HeaderMap, name: impl http::header::AsHeaderName) -> &str {
    headers.get(name).and_then(|v| std::str::from_utf8(v.as_bytes()).ok()).unwrap_or_default()
}

impl fmt::Debug for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Now(progress) => f.debug_tuple("Now").field(progress).finish(),
            Step::Later(_) => f.write_str("Later"),
        }
    }
}
