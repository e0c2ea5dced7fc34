//! Runs filters on a hand-made request, without a proxy, as the proxy runs them.
//! For tests of filters, the built-in ones and your own.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use pingora_http::{RequestHeader, ResponseHeader};

use crate::chain::{Chain, ChainState, Link};
use crate::filter::{Client, ClientTls, Fault, Filter, Flow};
use crate::reply::Reply;

/// A request to try filters on, and what the server would answer (200 without headers unless said).
pub struct Trial {
    request: RequestHeader,
    response: ResponseHeader,
    pieces: Vec<Bytes>,
    client: Client,
}

/// What came of a trial.
pub struct Outcome {
    /// The request as the filters left it.
    pub request: RequestHeader,
    /// The response's head as the client gets it.
    pub response: ResponseHeader,
    /// The body of a reply, or of the server's response, as the client gets it.
    pub body: Bytes,
    /// The same as it came: a piece for each of the server's, and one for the end.
    pub pieces: Vec<Bytes>,
    /// Whether the request reached the server.
    pub forwarded: bool,
    /// The fault that ended it.
    pub fault: Option<Fault>,
    /// The chain's state: notes and slots.
    pub state: ChainState,
}

// === impl Trial ===

#[allow(clippy::expect_used, reason = "a test with a malformed request has to stop")]
impl Trial {
    /// A GET of `target` with `Host: example.com` from 192.0.2.1, without TLS.
    pub fn get(target: &str) -> Self {
        Trial::new("GET", target)
    }

    /// The same with another method.
    pub fn new(method: &str, target: &str) -> Self {
        let request = RequestHeader::build(method, target.as_bytes(), None).expect("method and target");
        let client = Client { peer: SocketAddr::from(([192, 0, 2, 1], 4711)), tls: None };
        let response = ResponseHeader::build(200, None).expect("status");
        Trial { request, response, pieces: Vec::new(), client }.header("Host", "example.com")
    }

    /// Sets a header of the request.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request.insert_header(name.to_owned(), value).expect("header");
        self
    }

    /// The client comes from this address.
    #[must_use]
    pub fn peer(mut self, ip: &str) -> Self {
        self.client.peer.set_ip(ip.parse().expect("IP address"));
        self
    }

    /// The client came by TLS, without a certificate.
    #[must_use]
    pub fn tls(self) -> Self {
        self.handshake(ClientTls::default())
    }

    /// The client came by TLS, with this handshake.
    #[must_use]
    pub fn handshake(mut self, handshake: ClientTls) -> Self {
        self.client.tls = Some(Arc::new(handshake));
        self
    }

    /// Sets the status of the server's response.
    #[must_use]
    pub fn answered(mut self, status: u16) -> Self {
        self.response.set_status(status).expect("status");
        self
    }

    /// Adds a header to the server's response.
    #[must_use]
    pub fn answered_with(mut self, name: &str, value: &str) -> Self {
        self.response.append_header(name.to_owned(), value).expect("header");
        self
    }

    /// Adds a piece to the body of the server's response.
    #[must_use]
    pub fn answered_piece(mut self, piece: impl Into<Bytes>) -> Self {
        self.pieces.push(piece.into());
        self
    }

    /// Runs one filter.
    pub fn run(self, filter: impl Filter) -> Outcome {
        self.through(&Chain::new(vec![Link::new("tried", Arc::new(filter))]))
    }

    /// Runs one built filter.
    pub fn run_built(self, filter: Arc<dyn Filter>) -> Outcome {
        self.through(&Chain::new(vec![Link::new("tried", filter)]))
    }

    /// Runs a chain: request hooks, the server's response or a reply, response hooks.
    pub fn through(self, chain: &Chain) -> Outcome {
        let Trial { mut request, mut response, mut pieces, client } = self;
        let mut state = ChainState::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let progress = runtime.block_on(chain.request(&mut state, &mut request, &client));
        let mut fault = None;
        let forwarded = matches!(progress, Ok(Flow::Next));
        match progress {
            Ok(Flow::Next) => {}
            Ok(Flow::Reply(reply)) => {
                response = reply.head();
                pieces = vec![reply.body];
            }
            Err(error) => {
                response = Reply::from(&error).head();
                pieces = vec![Reply::from(&error).body];
                fault = Some(error);
            }
        }
        while let Err(error) = chain.response(&mut state, &request, &mut response, &client) {
            response = Reply::from(&error).head();
            pieces = vec![Reply::from(&error).body];
            fault = Some(error);
        }
        let mut passed = Vec::new();
        for piece in pieces.into_iter().map(Some).chain([None]) {
            let (end, mut piece) = (piece.is_none(), piece);
            chain.response_body(&mut state, &mut piece, end).expect("body");
            passed.push(piece.unwrap_or_default());
        }
        chain.logging(&mut state, response.status.as_u16());
        Outcome { request, response, body: passed.concat().into(), pieces: passed, forwarded, fault, state }
    }
}

// === impl Outcome ===

impl Outcome {
    /// Path and query that the server sees.
    pub fn target(&self) -> String {
        String::from_utf8_lossy(self.request.raw_path()).into_owned()
    }

    /// The status that the client gets.
    pub fn status(&self) -> u16 {
        self.response.status.as_u16()
    }

    /// The reply's body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// All values of a request header, joined by `|`; `-` if there is none.
    pub fn sent(&self, name: &str) -> String {
        joined(&self.request.headers, name)
    }

    /// All values of a response header, joined by `|`; `-` if there is none.
    pub fn got(&self, name: &str) -> String {
        joined(&self.response.headers, name)
    }
}

fn joined(headers: &http::HeaderMap, name: &str) -> String {
    let values: Vec<_> = headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
    if values.is_empty() { "-".to_owned() } else { values.join("|") }
}
