//! An answer on its way out: a head, a body that is still at its source, and the filters that the body has to pass.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, header};
use ingora_middleware::{Failure, Hold, Reply};
use log::warn;
use pingora_error::{Error, ErrorSource, Result};
use pingora_http::ResponseHeader;
use smallvec::SmallVec;

use super::Call;
use super::exchange::{Event, Exchange};
use super::held::Held;
use crate::proxy::error;

/// An answer.
pub(super) struct Answer {
    /// Its head, as the filters left it that it has passed.
    pub head: ResponseHeader,
    /// Whether a server gave it.
    pub is_a_server_s: bool,
    /// Why no server gave it, where one was asked.
    pub failure: Option<Failure>,
    pub body: Body,
}

/// A body, as far as it isn't sent.
pub(super) struct Body {
    /// The filters that its head has passed by route and part, innermost first: the body passes them too.
    pub hooks: SmallVec<[(usize, Range<usize>); 2]>,
    source: Source,
}

/// Where a body is.
enum Source {
    /// Nowhere: there is no more.
    Over,
    /// Here.
    Whole(Bytes),
    /// At the server.
    Server(Box<Exchange>),
    /// Held.
    Held(Held),
    /// A beginning that was read ahead, and the rest.
    Begun(Bytes, Box<Body>),
    /// There is no more but this.
    Trailers(HeaderMap),
}

/// How long more than the first piece of a body is waited for, where somebody wants to see its beginning.
const MOMENT: Duration = Duration::from_millis(50);

/// A piece of a body.
pub(super) enum Piece {
    /// Some of it, and whether it is the last; empty where patience ended.
    Data(Bytes, bool),
    /// What follows the body.
    Trailers(HeaderMap),
    /// Nothing more.
    End,
}

// === impl Answer ===

impl Answer {
    /// An answer in a server's place.
    pub(super) fn reply(reply: Reply) -> Self {
        let head = reply.head();
        let source = if reply.body.is_empty() { Source::Over } else { Source::Whole(reply.body) };
        Answer { head, is_a_server_s: false, failure: None, body: Body::new(source) }
    }

    /// An answer of a server; it may be over with its head.
    pub(super) fn server(head: ResponseHeader, exchange: Option<Exchange>) -> Self {
        let source = exchange.map_or(Source::Over, |exchange| Source::Server(Box::new(exchange)));
        Answer { head, is_a_server_s: true, failure: None, body: Body::new(source) }
    }

    /// Whether there is no body to come.
    pub(super) fn is_over(&self) -> bool {
        self.body.is_over()
    }

    /// Throws it away.
    pub(super) fn discard(self) {
        self.body.discard();
    }

    /// Reads the body to its end. An answer whose body is too large, or breaks off, becomes another one.
    pub(super) async fn hold(&mut self, call: &mut Call<'_>, hold: &Hold) -> Result<()> {
        if self.is_over() || call.session.req_header().method == Method::HEAD {
            return Ok(());
        }
        let too_large = |length: u64| hold.limit.is_some_and(|limit| length > limit);
        let declared = self.head.headers.get(header::CONTENT_LENGTH);
        let mut is_too_large = declared.and_then(|length| length.to_str().ok()?.parse().ok()).is_some_and(too_large);
        let mut held = Held::new(hold.memory);
        let mut received = 0;
        while !is_too_large {
            match self.body.next(call).await {
                Ok(Piece::Data(data, _)) => {
                    received += data.len() as u64;
                    is_too_large = too_large(received);
                    if !is_too_large {
                        held.push(data).await?;
                    }
                }
                Ok(Piece::Trailers(_)) => {}
                Ok(Piece::End) => return self.take_held(held),
                Err(e) if *e.esource() == ErrorSource::Upstream => {
                    self.become_failure(&e);
                    return Ok(());
                }
                Err(e) => return Err(e),
            }
        }
        std::mem::replace(self, Answer::reply(hold.too_large.clone())).discard();
        Ok(())
    }

    /// Reads the beginning of the body: as many bytes, or what of them comes in a moment after the first. The body stays
    /// whole. One that breaks off in its beginning becomes another answer, as none of it is sent.
    pub(super) async fn beginning(&mut self, call: &mut Call<'_>, most: usize) -> Result<Bytes> {
        let mut beginning = BytesMut::new();
        while beginning.len() < most {
            call.patience = (!beginning.is_empty()).then(|| call.patience.unwrap_or_else(|| Instant::now() + MOMENT));
            match self.body.next(call).await {
                Ok(Piece::Data(data, _)) if data.is_empty() => break,
                Ok(Piece::Data(data, end)) => {
                    beginning.extend_from_slice(&data);
                    if end {
                        break;
                    }
                }
                Ok(Piece::Trailers(trailers)) => {
                    self.body.source = Source::Trailers(trailers);
                    break;
                }
                Ok(Piece::End) => break,
                Err(e) if *e.esource() == ErrorSource::Upstream => {
                    beginning.clear();
                    self.become_failure(&e);
                }
                Err(e) => return Err(e),
            }
        }
        call.patience = None;
        let beginning = beginning.freeze();
        if !beginning.is_empty() {
            let rest = std::mem::replace(&mut self.body, Body::new(Source::Over));
            self.body.source = Source::Begun(beginning.clone(), Box::new(rest));
        }
        Ok(beginning)
    }

    fn take_held(&mut self, held: Held) -> Result<()> {
        if !matches!(self.head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            self.head.remove_header(&header::TRANSFER_ENCODING);
            self.head.insert_header(header::CONTENT_LENGTH, held.len())?;
        }
        self.body = Body::new(if held.len() == 0 { Source::Over } else { Source::Held(held) });
        Ok(())
    }

    fn become_failure(&mut self, error: &Error) {
        warn!("the body of a response broke off: {error}");
        let failed = Answer::reply(Reply::status_text(error::status(error)));
        std::mem::replace(self, failed).discard();
        self.failure = Some(Failure::Sent);
    }
}

// === impl Body ===

impl Body {
    fn new(source: Source) -> Self {
        Body { hooks: SmallVec::new(), source }
    }

    fn is_over(&self) -> bool {
        matches!(self.source, Source::Over)
    }

    fn discard(self) {
        match self.source {
            Source::Server(exchange) => exchange.discard(),
            Source::Begun(_, rest) => rest.discard(),
            _ => {}
        }
    }

    /// The next piece of the body, as the filters leave it that the answer has passed.
    pub(super) async fn next(&mut self, call: &mut Call<'_>) -> Result<Piece> {
        loop {
            let (mut data, end, mut trailers) = match &mut self.source {
                Source::Over => return Ok(Piece::End),
                Source::Trailers(trailers) => {
                    let trailers = std::mem::take(trailers);
                    self.source = Source::Over;
                    return Ok(Piece::Trailers(trailers));
                }
                Source::Whole(body) => (Some(std::mem::take(body)), true, None),
                Source::Held(held) => {
                    let data = held.next().await?;
                    let end = data.is_none();
                    (data, end, None)
                }
                Source::Begun(beginning, rest) if !beginning.is_empty() => {
                    (Some(std::mem::take(beginning)), rest.is_over(), None)
                }
                Source::Begun(_, rest) => match Box::pin(rest.next(call)).await? {
                    Piece::Data(data, false) if data.is_empty() => return Ok(Piece::Data(data, false)),
                    Piece::Data(data, end) => (Some(data), end, None),
                    Piece::Trailers(trailers) => (None, true, Some(trailers)),
                    Piece::End => (None, true, None),
                },
                Source::Server(exchange) => match exchange.event(call).await? {
                    Event::Body(data, end) => (data, end, None),
                    Event::Trailers(trailers) => (None, true, Some(trailers)),
                    Event::End => (None, true, None),
                    Event::Head(..) => continue,
                    Event::Nothing => return Ok(Piece::Data(Bytes::new(), false)),
                },
            };
            match &mut trailers {
                Some(trailers) => call.response_trailers(&self.hooks, trailers, &mut data)?,
                None => call.response_body(&self.hooks, &mut data, end)?,
            }
            let data = data.filter(|data| !data.is_empty());
            if end {
                let next = trailers.take().filter(|t| !t.is_empty()).map_or(Source::Over, Source::Trailers);
                if let Source::Server(exchange) = std::mem::replace(&mut self.source, next) {
                    exchange.end().await;
                }
            }
            match data {
                Some(data) => return Ok(Piece::Data(data, self.is_over())),
                None if end => {}
                None => continue,
            }
        }
    }
}
