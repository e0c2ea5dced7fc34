//! Filters that act around what is further in: they hold bodies, have a request made again, or put another answer in
//! place of a bad one. A filter of this kind says what is to be done; the proxy does it.

use std::time::Duration;

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use pingora_http::{RequestHeader, ResponseHeader};

use crate::filter::{Fault, Filter};
use crate::reply::Reply;

/// What a filter does around the filters further in and the server. Asked by the proxy; see [`crate::Filter::around`].
///
/// Requests that change the protocol (WebSocket) are not acted around: they have no body and no end.
pub trait Around: Send + Sync {
    /// How the request's body is held before anything further in sees it; `None` lets it stream.
    fn hold_request(&self, request: &RequestHeader) -> Option<Hold> {
        let _ = request;
        None
    }

    /// Whether the filters further in see the held body, in [`crate::Notes::body`].
    fn shows_body(&self) -> bool {
        false
    }

    /// How the response's body is held before it is judged; `None` lets it stream.
    fn hold_response(&self) -> Option<Hold> {
        None
    }

    /// How many bytes of the response's body it wants to see before the head goes on; 0 is none. The head waits for the
    /// first of them, and a moment for more.
    fn looks_into(&self, request: &RequestHeader, response: &ResponseHeader) -> usize {
        let _ = (request, response);
        0
    }

    /// Sees the beginning of the body that it asked for, which is not empty, and may change the head.
    fn saw(&self, beginning: &[u8], response: &mut ResponseHeader) -> Result<(), Fault> {
        let _ = (beginning, response);
        Ok(())
    }

    /// Whether [`Around::judge`] may ask for another attempt: then the request's head is kept as it is here.
    fn repeats(&self) -> bool {
        false
    }

    /// The name of the service that has the answers of [`Verdict::Instead`].
    fn service(&self) -> Option<&str> {
        None
    }

    /// What becomes of an answer.
    fn judge(&self, attempt: &Attempt<'_>) -> Verdict;
}

/// How a body is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Bytes that stay in memory; the rest goes to a file that has no name.
    pub memory: u64,
    /// The largest body; `None` is no limit.
    pub limit: Option<u64>,
    /// What a larger one is answered with.
    pub too_large: Reply,
}

/// What a filter knows of an attempt when it judges.
#[derive(Debug)]
pub struct Attempt<'r> {
    /// The request's head, as it came to this filter; as filters further in left it unless the filter repeats.
    pub request: &'r RequestHeader,
    /// Whether the client came by TLS.
    pub tls: bool,
    /// The answer's status.
    pub status: u16,
    /// Why no server answered, if so.
    pub failure: Option<Failure>,
    /// Its number, from 1.
    pub number: u32,
    /// Time since the first attempt began.
    pub elapsed: Duration,
    /// Whether the request can be sent again: its body is held, or none of it is gone.
    pub replayable: bool,
}

/// Why no server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// There was no connection: no server has seen the request.
    NotSent,
    /// The connection broke, or took too long: a server may have acted on the request.
    Sent,
}

/// What becomes of an answer.
#[derive(Debug)]
pub enum Verdict {
    /// It goes on to the client.
    Pass,
    /// It is thrown away, and the request made again after this time.
    Again(Duration),
    /// It is thrown away, and the service asked for another one.
    Instead(Box<Instead>),
}

/// A request to the filter's own service.
#[derive(Debug)]
pub struct Instead {
    /// Its head; it has no body.
    pub request: RequestHeader,
    /// The status that the answer gets, whatever it was.
    pub status: u16,
}

/// Holds a request's body for the filter after it; see [`Filter::wants_body`].
pub(crate) struct HoldBody(pub(crate) Hold);

// === impl HoldBody ===

impl Filter for HoldBody {
    fn around(&self) -> Option<&dyn Around> {
        Some(self)
    }
}

impl Around for HoldBody {
    fn hold_request(&self, _: &RequestHeader) -> Option<Hold> {
        Some(self.0.clone())
    }

    fn shows_body(&self) -> bool {
        true
    }

    fn judge(&self, _: &Attempt<'_>) -> Verdict {
        Verdict::Pass
    }
}

// === impl Hold ===

impl Hold {
    /// Holds a body in memory.
    pub fn in_memory(limit: Option<u64>, too_large: Reply) -> Self {
        Hold { memory: u64::MAX, limit, too_large }
    }

    /// The reply to a body that is too large, as Traefik's buffer writes it: the text of the status as plain text.
    pub(crate) fn refusal(status: u16) -> Reply {
        Reply::status_text(status).with(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))
    }
}
