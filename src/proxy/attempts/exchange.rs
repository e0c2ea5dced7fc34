//! One request to one server: the head and the body out, the answer back, both at the same time.
//! Connections come from a pool as Pingora's own do, by the same hooks.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use h2::SendStream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, Method, StatusCode, Version};
use ingora_middleware::Failure;
use pingora::connectors::http::Connector;
use pingora::protocols::UniqueID;
use pingora::protocols::http::HttpTask;
use pingora::protocols::http::client::HttpSession;
use pingora::protocols::http::v1::client::HttpSession as Http1Session;
use pingora::upstreams::peer::{HttpPeer, Peer};
use pingora_error::{Error, ErrorType, OrErr, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::ProxyHttp;

use super::answer::Answer;
use super::request_body::Sending;
use super::{Call, upstream_head};

/// What is read of an answer that nobody wants, so that its connection can be used again.
const LEFT_OVER: usize = 64 * 1024;
/// How long that may take.
const LEFT_OVER_TIME: Duration = Duration::from_secs(1);

/// A request at a server.
pub(super) struct Exchange {
    /// Taken when it is over.
    upstream: Option<HttpSession>,
    peer: Box<HttpPeer>,
    connector: Arc<Connector>,
    sending: Sending,
    /// Where the body goes on an HTTP/2 stream.
    stream: Option<SendStream<Bytes>>,
    /// What waits for room on it, and whether it is the last.
    waiting: Option<(Bytes, bool)>,
    /// Whether the body that is sent is the request's.
    own_body: bool,
    /// Whether the answer has no body whatever its head says.
    asks_for_head: bool,
    headed: bool,
    /// Why the server didn't take all of the request.
    unsent: Option<Box<Error>>,
}

/// Something of an answer.
pub(super) enum Event {
    /// A head, and whether it is all.
    Head(Box<ResponseHeader>, bool),
    /// A piece of the body, and whether it is the last.
    Body(Option<Bytes>, bool),
    Trailers(HeaderMap),
    End,
    /// There was nothing, and there is no patience left.
    Nothing,
}

/// An attempt that failed before the head of the answer.
pub(super) struct Lost {
    pub error: Box<Error>,
    pub failure: Failure,
}

// === impl Exchange ===

impl Exchange {
    /// Sends the request, or another one without body, to the server that is chosen, and waits for the answer's head.
    pub(super) async fn begin(call: &mut Call<'_>, other: Option<&RequestHeader>) -> Result<Answer, Lost> {
        let unsent = |error: Box<Error>| Lost { error, failure: Failure::NotSent };
        let gateway = call.gateway;
        let peer = gateway.upstream_peer(call.session, call.ctx).await.map_err(unsent)?;
        let connector = gateway.connector();
        let (mut upstream, reused) = connector.get_http_session(&*peer).await.map_err(|mut error| {
            error.as_up();
            unsent(gateway.fail_to_connect(call.session, &peer, call.ctx, error).into_up())
        })?;
        let connected = match &upstream {
            HttpSession::H1(h1) => {
                let (fd, digest) = (h1.id(), h1.digest());
                gateway.connected_to_upstream(call.session, reused, &peer, fd, Some(digest), call.ctx).await
            }
            HttpSession::H2(h2) => {
                let (fd, digest) = (h2.fd(), h2.digest());
                gateway.connected_to_upstream(call.session, reused, &peer, fd, digest, call.ctx).await
            }
            HttpSession::Custom(()) => Ok(()),
        };
        connected.map_err(unsent)?;
        upstream.set_read_timeout(peer.options.read_timeout);
        upstream.set_write_timeout(peer.options.write_timeout);

        let http2 = matches!(upstream, HttpSession::H2(_));
        let head = upstream_head::prepare(call, other, http2, peer.is_tls()).await.map_err(unsent)?;
        let sending = match (&mut call.held, other) {
            (_, Some(_)) => Sending::Done,
            (Some(held), None) => {
                held.rewind();
                if held.len() == 0 { Sending::Done } else { Sending::Held }
            }
            (None, None) if call.session.as_mut().is_body_empty() => Sending::Done,
            (None, None) => Sending::Client,
        };
        let mut exchange = Exchange {
            upstream: Some(upstream),
            peer,
            connector,
            sending,
            stream: None,
            waiting: None,
            own_body: other.is_none(),
            asks_for_head: other.is_none() && call.session.req_header().method == Method::HEAD,
            headed: false,
            unsent: None,
        };
        let outcome = match exchange.send_head(call, head).await {
            Ok(()) => exchange.head(call).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok((mut head, over)) => {
                call.ctx.arrived(&mut head);
                call.ctx.add_cookies(&mut head).map_err(unsent)?;
                let over = over || exchange.is_over();
                if over {
                    exchange.close(&mut head).map_err(unsent)?;
                    Box::new(exchange).end().await;
                    return Ok(Answer::server(*head, None));
                }
                Ok(Answer::server(*head, Some(exchange)))
            }
            Err(error) => {
                let peer = exchange.peer.clone();
                drop(exchange);
                Err(Lost { error: given_up(call, other, &peer, error, reused), failure: Failure::Sent })
            }
        }
    }

    async fn send_head(&mut self, call: &mut Call<'_>, head: Box<RequestHeader>) -> Result<()> {
        let last = self.sending == Sending::Done;
        match &mut self.upstream {
            Some(HttpSession::H1(h1)) => {
                h1.write_request_header(head).await.map_err(|e| e.into_up())?;
            }
            Some(HttpSession::H2(h2)) => {
                h2.write_request_header(head, last).map_err(|e| e.into_up())?;
                self.stream = h2.take_request_body_writer();
            }
            _ => return Err(Error::explain(ErrorType::InternalError, "no connection")),
        }
        if last {
            let mut nothing = None;
            if self.own_body {
                call.request_body(call.held_at, call.innermost(), &mut nothing, true)?;
                if let Some(original) = &mut call.ctx.original {
                    original.piece(None, true);
                }
            }
            if let Some(HttpSession::H1(h1)) = &mut self.upstream {
                h1.finish_body().await.map_err(|e| e.into_up())?;
            }
            call.ctx.sent();
        }
        Ok(())
    }

    /// The final head; those before it go to the client.
    async fn head(&mut self, call: &mut Call<'_>) -> Result<(Box<ResponseHeader>, bool)> {
        loop {
            match self.event(call).await? {
                Event::Head(head, _) if head.status == StatusCode::SWITCHING_PROTOCOLS => {
                    let message = "another protocol that nobody asked for";
                    return Err(Error::explain(ErrorType::InvalidHTTPHeader, message).into_up());
                }
                Event::Head(head, _) if head.status.is_informational() => {
                    if self.own_body && call.session.req_header().version == Version::HTTP_11 {
                        call.session.write_response_header(head, false).await.map_err(|e| e.into_down())?;
                    }
                }
                Event::Head(head, over) => {
                    self.headed = true;
                    return Ok((head, over));
                }
                _ => {
                    return Err(Error::explain(ErrorType::ConnectionClosed, "no head of a response").into_up());
                }
            }
        }
    }

    /// What comes next of the answer; meanwhile the request is sent, and the client watched.
    pub(super) async fn event(&mut self, call: &mut Call<'_>) -> Result<Event> {
        loop {
            let Some(upstream) = &mut self.upstream else { return Ok(Event::End) };
            let impatience = impatience(call.patience);
            let (data, end) = match (&mut self.stream, &mut self.waiting) {
                (Some(stream), Some((data, end))) => tokio::select! {
                    event = read(upstream, self.headed) => {
                        return event.map_err(|error| self.unsent.take().unwrap_or(error).into_up());
                    }
                    () = impatience => return Ok(Event::Nothing),
                    left = call.piece(Sending::Done) => left?,
                    sent = send_some(stream, data, *end) => {
                        if sent.is_err() || data.is_empty() {
                            let end = *end;
                            self.waiting = None;
                            self.sent(call, sent, end);
                        }
                        continue;
                    }
                },
                _ => tokio::select! {
                    event = read(upstream, self.headed) => {
                        return event.map_err(|error| self.unsent.take().unwrap_or(error).into_up());
                    }
                    () = impatience => return Ok(Event::Nothing),
                    piece = call.piece(self.sending) => piece?,
                },
            };
            self.send_piece(call, data, end).await?;
        }
    }

    async fn send_piece(&mut self, call: &mut Call<'_>, mut data: Option<Bytes>, end: bool) -> Result<()> {
        let from = if self.sending == Sending::Held { call.held_at } else { super::Place { layer: 0, link: 0 } };
        call.streamed |= self.sending == Sending::Client;
        call.request_body(from, call.innermost(), &mut data, end)?;
        if let Some(original) = &mut call.ctx.original {
            original.piece(data.as_ref(), end);
        }
        let data = data.unwrap_or_default();
        match &mut self.upstream {
            Some(HttpSession::H1(h1)) => {
                let sent = send_to_http1(h1, &data, end).await;
                self.sent(call, sent, end);
            }
            // It waits for room, while the answer is read.
            _ if end || !data.is_empty() => self.waiting = Some((data, end)),
            _ => {}
        }
        Ok(())
    }

    /// A piece is sent, or can't be.
    fn sent(&mut self, call: &mut Call<'_>, sent: Result<()>, end: bool) {
        if let Err(error) = sent {
            // The server may have answered already, and then closed its ear.
            self.sending = Sending::Done;
            self.unsent = Some(error.into_up());
        } else if end {
            self.sending = Sending::Done;
            call.ctx.sent();
        }
    }

    /// A head that is all says so: filters take one without a length for the beginning of something.
    fn close(&self, head: &mut ResponseHeader) -> Result<()> {
        let may_have_body = !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        // gRPC's heads are its trailers then.
        let grpc = head.headers.get(CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"application/grpc"));
        if may_have_body && !self.asks_for_head && !grpc && !head.headers.contains_key(CONTENT_LENGTH) {
            head.remove_header(&TRANSFER_ENCODING);
            head.insert_header(CONTENT_LENGTH, "0")?;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        matches!(&self.upstream, Some(HttpSession::H2(h2)) if h2.response_finished())
    }

    /// The answer has been read to its end.
    pub(super) async fn end(mut self: Box<Self>) {
        self.stream = None;
        let Some(upstream) = self.upstream.take() else { return };
        let whole = self.sending == Sending::Done && self.unsent.is_none();
        if whole || matches!(upstream, HttpSession::H2(_)) {
            self.connector.release_http_session(upstream, &*self.peer, self.peer.idle_timeout()).await;
        }
    }

    /// Nobody wants the answer. What is left of a small one is read, for the sake of the connection.
    pub(super) fn discard(mut self: Box<Self>) {
        if self.sending != Sending::Done || !matches!(self.upstream, Some(HttpSession::H1(_))) {
            return;
        }
        tokio::spawn(async move {
            let rest = async {
                let mut left = LEFT_OVER;
                while let Some(upstream) = &mut self.upstream {
                    match read(upstream, true).await {
                        Ok(Event::Body(data, end)) => {
                            left = left.checked_sub(data.map_or(0, |data| data.len()))?;
                            if end {
                                return Some(());
                            }
                        }
                        Ok(Event::End) => return Some(()),
                        _ => return None,
                    }
                }
                None
            };
            if let Ok(Some(())) = tokio::time::timeout(LEFT_OVER_TIME, rest).await {
                self.end().await;
            }
        });
    }
}

impl Drop for Exchange {
    /// A stream is reset by being dropped, but its connection has to be told that there is room again.
    fn drop(&mut self) {
        self.stream = None;
        if let Some(upstream @ HttpSession::H2(_)) = self.upstream.take() {
            let release = self.connector.release_http_session(upstream, &*self.peer, self.peer.idle_timeout());
            // For HTTP/2 there is nothing to wait for.
            let _ = release.now_or_never();
        }
    }
}

async fn send_to_http1(h1: &mut Http1Session, data: &Bytes, end: bool) -> Result<()> {
    if !data.is_empty() {
        h1.write_body(data).await?;
    }
    if end {
        h1.finish_body().await?;
    }
    Ok(())
}

/// Sends what there is room for. May be dropped and called again.
async fn send_some(stream: &mut SendStream<Bytes>, data: &mut Bytes, end: bool) -> Result<()> {
    if data.is_empty() {
        return stream.send_data(Bytes::new(), end).or_err(ErrorType::WriteError, "the end of a body");
    }
    stream.reserve_capacity(data.len());
    let room = poll_fn(|cx| stream.poll_capacity(cx)).await;
    let room = room.transpose().or_err(ErrorType::WriteError, "room for a body")?;
    let Some(room) = room else {
        return Err(Error::explain(ErrorType::ConnectionClosed, "the stream is closed"));
    };
    let some = data.split_to(room.min(data.len()));
    let last = end && data.is_empty();
    if some.is_empty() {
        return Ok(());
    }
    stream.send_data(some, last).or_err(ErrorType::WriteError, "a piece of a body")
}

/// The error of an attempt, with the decision whether there is another server or connection for it.
fn given_up(
    call: &mut Call<'_>,
    other: Option<&RequestHeader>,
    peer: &HttpPeer,
    mut error: Box<Error>,
    reused: bool,
) -> Box<Error> {
    if other.is_none() {
        return call.gateway.error_while_proxy(peer, call.session, error, call.ctx, reused);
    }
    // The request for a page is a GET without body, whatever the client's was.
    error.retry.decide_reuse(reused);
    error
}

/// Waits until patience ends; for ever where nothing limits it.
async fn impatience(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}

/// What comes next of an answer. May be dropped and called again.
async fn read(upstream: &mut HttpSession, headed: bool) -> Result<Event> {
    match upstream {
        HttpSession::H1(h1) => Ok(match h1.read_response_task().await? {
            HttpTask::Header(head, over) => Event::Head(head, over),
            HttpTask::Body(data, end) => Event::Body(data, end),
            HttpTask::Failed(error) => return Err(error),
            _ => Event::End,
        }),
        HttpSession::H2(h2) if !headed => {
            h2.read_response_header().await?;
            let over = h2.check_response_end_or_error()?;
            let head = h2.response_header().cloned();
            head.map(|head| Event::Head(Box::new(head), over))
                .ok_or_else(|| Error::explain(ErrorType::InvalidHTTPHeader, "no head of a response"))
        }
        HttpSession::H2(h2) => match h2.read_response_body().await? {
            Some(data) => Ok(Event::Body(Some(data), h2.check_response_end_or_error()?)),
            None => Ok(h2.read_trailers().await?.map_or(Event::End, Event::Trailers)),
        },
        HttpSession::Custom(()) => Ok(Event::End),
    }
}
