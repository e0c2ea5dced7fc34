//! Requests with filters that act around what is further in (`errors`, `retry`, `buffering`): the filters and the server
//! are called layer in layer, so that an answer can be held, thrown away, asked for again or replaced before it goes on.
//! Entered by `http` where a route has such a filter, and left with the response sent. Other requests are Pingora's to
//! proxy, and pay nothing for this.

mod answer;
mod exchange;
mod held;
mod request_body;
mod upstream_head;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use answer::{Answer, Piece};
use bytes::Bytes;
use exchange::Exchange;
use futures_util::future::BoxFuture;
use held::Held;
use http::{HeaderMap, Method, StatusCode, Version, header};
use ingora_middleware::{Around, Attempt, ChainState, Failure, Flow, Hold, Instead, Reply, Verdict};
use log::warn;
use pingora::protocols::http::HttpTask;
use pingora_error::{Error, ErrorSource, ErrorType, Result};
use pingora_http::RequestHeader;
use pingora_proxy::Session;
use request_body::Sending;

use super::framing::{self, Framing};
use super::http::{Ctx, Gateway, Layer, NOT_FOUND, facts, find, withholds_body};
use super::{error, internal};
use crate::balance::{Asker, Choice, Service};
use crate::routing::{Route, Target};

/// Servers that a request is taken to in one attempt, where no connection could be made or an idle one was closed.
const MOST_SERVERS: usize = 16;

/// What stays in memory of a body that is held for a service that stands in for another.
const HELD_IN_MEMORY: u64 = 1024 * 1024;

/// How long a client that sends more than it may is listened to after its refusal: one that hears the connection break
/// would not read it.
const LINGER: Duration = Duration::from_millis(500);

/// A request on its way in.
struct Call<'a> {
    gateway: &'a Gateway,
    session: &'a mut Session,
    ctx: &'a mut Ctx,
    /// The request's body, where it is held.
    held: Option<Held>,
    /// How far in the filters have seen what is held.
    held_at: Place,
    /// Whether some of the body is gone and can't be sent again.
    streamed: bool,
    /// Whether the body was refused, and may be still on its way.
    refused: bool,
    /// How long more of an answer is waited for, where what is there would do.
    patience: Option<Instant>,
}

/// A place among the filters: before this one of that route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    layer: usize,
    link: usize,
}

/// Serves a request from the last layer on, whose filters haven't seen it yet.
pub(super) async fn serve(gateway: &Gateway, session: &mut Session, ctx: &mut Ctx) -> Result<()> {
    let layer = ctx.layers.len().saturating_sub(1);
    let held_at = Place { layer: 0, link: 0 };
    let mut call = Call { gateway, session, ctx, held: None, held_at, streamed: false, refused: false, patience: None };
    let mut answer = call.through(Place { layer, link: 0 }).await?;
    for outer in (0..layer).rev() {
        let passed = call.ctx.layers.get(outer).map_or(0, |layer| layer.state.passed());
        call.response(outer, 0..passed, &mut answer)?;
    }
    call.send(answer).await
}

// === impl Call ===

impl Call<'_> {
    /// The answer to the request as it is at a place.
    fn through(&mut self, at: Place) -> BoxFuture<'_, Result<Answer>> {
        Box::pin(async move {
            let route = self.layer(at.layer)?.route.clone();
            let mut part = route.chain.part(at.link);
            let mut answer = match self.request(&route, at.layer, part.clone()).await? {
                Some(reply) => {
                    part.end = self.layer(at.layer)?.state.passed();
                    Answer::reply(reply)
                }
                None => {
                    let last = part.end.checked_sub(1).filter(|last| part.contains(last));
                    let filter = last.and_then(|last| Some(&route.chain.links().get(last)?.filter));
                    match filter.and_then(|filter| filter.around()) {
                        Some(around) => self.around(&route, Place { layer: at.layer, link: part.end }, around).await?,
                        None => self.target(&route, at.layer).await?,
                    }
                }
            };
            self.response(at.layer, part, &mut answer)?;
            Ok(answer)
        })
    }

    /// The answer to the request at a place, as the filter before it wants it.
    async fn around(&mut self, route: &Arc<Route>, at: Place, around: &dyn Around) -> Result<Answer> {
        if let Some(hold) = around.hold_request(self.session.req_header())
            && let Some(reply) = self.hold(at, &hold).await?
        {
            return Ok(Answer::reply(reply));
        }
        if around.shows_body() {
            self.show_body(at.layer).await?;
        }
        let kept = match around.repeats() {
            true => Some((self.session.req_header().clone(), self.layer(at.layer)?.state.notes.clone())),
            false => None,
        };
        let began = Instant::now();
        let mut number = 0;
        loop {
            number += 1;
            let mut answer = self.through(at).await?;
            if let Some(hold) = around.hold_response() {
                answer.hold(self, &hold).await?;
            }
            let attempt = Attempt {
                request: kept.as_ref().map_or_else(|| self.session.req_header(), |(request, _)| request),
                tls: facts(self.ctx.digest.as_deref())?.client.tls.is_some(),
                status: answer.head.status.as_u16(),
                failure: answer.failure,
                number,
                elapsed: began.elapsed(),
                replayable: !self.streamed,
            };
            match around.judge(&attempt) {
                Verdict::Pass => return self.looked_into(around, answer).await,
                Verdict::Instead(instead) => {
                    answer.discard();
                    return self.instead(route, at, &instead).await;
                }
                Verdict::Again(pause) => {
                    answer.discard();
                    self.pause(pause).await?;
                    self.rewind(at);
                    if let Some((request, notes)) = &kept {
                        *self.session.req_header_mut() = request.clone();
                        self.layer(at.layer)?.state.notes = notes.clone();
                    }
                }
            }
        }
    }

    /// The answer once the filter has seen the beginning of its body, where it wants to.
    async fn looked_into(&mut self, around: &dyn Around, mut answer: Answer) -> Result<Answer> {
        let most = around.looks_into(self.session.req_header(), &answer.head);
        if most == 0 {
            return Ok(answer);
        }
        let beginning = answer.beginning(self, most).await?;
        if beginning.is_empty() {
            return Ok(answer);
        }
        if let Err(fault) = around.saw(&beginning, &mut answer.head) {
            warn!("{fault}");
            answer.discard();
            return Ok(Answer::reply(Reply::from(&fault)));
        }
        Ok(answer)
    }

    /// Back to a place: nothing further in has been seen yet.
    fn rewind(&mut self, at: Place) {
        self.ctx.layers.truncate(at.layer + 1);
        if let Some(layer) = self.ctx.layers.last_mut() {
            layer.state.rewind(at.link);
        }
    }

    /// The answer of the route's target.
    async fn target(&mut self, route: &Arc<Route>, layer: usize) -> Result<Answer> {
        match &route.target {
            Target::Internal(service) => {
                Ok(Answer::reply(internal::answer(*service, &self.gateway.life_cycle, &self.gateway.observed)))
            }
            Target::Service(service) => self.ask_service(route, layer, service).await,
            Target::Chosen => {
                let client = facts(self.ctx.digest.as_deref())?.client.peer.ip();
                let headers = &self.session.req_header().headers;
                self.ctx.choice.begin(&Asker { headers, client });
                self.ask_server(None).await
            }
            Target::Children(children) => {
                let facts = facts(self.ctx.digest.as_deref())?;
                let Some(child) = find(children, self.session.req_header(), facts).cloned() else {
                    return Ok(Answer::reply(NOT_FOUND.clone()));
                };
                self.ctx.layers.push(Layer { route: child, state: ChainState::default() });
                self.through(Place { layer: layer + 1, link: 0 }).await
            }
        }
    }

    /// The answer of a filter's own service.
    async fn instead(&mut self, route: &Arc<Route>, at: Place, instead: &Instead) -> Result<Answer> {
        let service = route.own_services.iter().find(|(link, _)| link + 1 == at.link).map(|(_, service)| service);
        let answer = match service {
            Some(service) => Some(self.ask(service, &instead.request).await?),
            None => None,
        };
        // Without a page there is the status at least.
        let Some(mut answer) = answer.filter(|answer| answer.is_a_server_s) else {
            return Ok(Answer::reply(Reply::status_text(instead.status)));
        };
        let status = StatusCode::from_u16(instead.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        answer.head.set_status(status)?;
        Ok(answer)
    }

    /// The answer of a route's service, or of those that stand in for what fails in it.
    async fn ask_service(&mut self, route: &Arc<Route>, layer: usize, service: &Arc<Service>) -> Result<Answer> {
        self.choose(service, None)?;
        if let Some(limit) = self.ctx.choice.most_held() {
            let hold = Hold { memory: HELD_IN_MEMORY, limit, too_large: Reply::status_text(413) };
            let end = Place { layer, link: route.chain.links().len() };
            if let Some(reply) = self.hold(end, &hold).await? {
                return Ok(Answer::reply(reply));
            }
        }
        loop {
            let answer = match route.inner(&self.ctx.choice).cloned() {
                Some(inner) => {
                    self.ctx.layers.push(Layer { route: inner, state: ChainState::default() });
                    self.through(Place { layer: layer + 1, link: 0 }).await?
                }
                None => self.ask_server(None).await?,
            };
            let client = facts(self.ctx.digest.as_deref())?.client.peer.ip();
            let asker = Asker { headers: &self.session.req_header().headers, client };
            if self.streamed || !self.ctx.choice.fail_over(answer.head.status.as_u16(), &asker) {
                return Ok(answer);
            }
            self.ctx.copy_for_mirrors(client);
            self.ctx.layers.truncate(layer + 1);
            answer.discard();
        }
    }

    /// The answer of a service to a request of a filter's own.
    async fn ask(&mut self, service: &Arc<Service>, other: &RequestHeader) -> Result<Answer> {
        // Mirrors get copies of the client's request.
        let original = self.ctx.original.take();
        self.choose(service, Some(other))?;
        let answer = match self.ctx.choice.filtered() {
            // Filters of its own would have to see the request: without them nobody is asked.
            Some(_) => Ok(Answer::reply(Reply::status_text(503))),
            None => self.ask_server(Some(other)).await,
        };
        self.ctx.original = original;
        answer
    }

    fn choose(&mut self, service: &Arc<Service>, other: Option<&RequestHeader>) -> Result<()> {
        self.ctx.choice = Choice::default();
        let client = facts(self.ctx.digest.as_deref())?.client.peer.ip();
        let headers = &other.unwrap_or_else(|| self.session.req_header()).headers;
        service.choose(&Asker { headers, client }, &mut self.ctx.choice);
        if other.is_none() {
            self.ctx.copy_for_mirrors(client);
        }
        Ok(())
    }

    /// The answer of the server that is chosen, to the request or to another one; that of servers that failed says why.
    async fn ask_server(&mut self, other: Option<&RequestHeader>) -> Result<Answer> {
        self.ctx.watchdog = None;
        if self.ctx.choice.server.is_none() {
            let request = other.unwrap_or_else(|| self.session.req_header());
            let mut answer = Answer::reply(self.ctx.no_server(request));
            answer.failure = self.ctx.choice.has_unknown_names().then_some(Failure::NotSent);
            return Ok(answer);
        }
        let mut servers = 0;
        loop {
            servers += 1;
            let lost = match Exchange::begin(self, other).await {
                Ok(answer) => return Ok(answer),
                Err(lost) => lost,
            };
            if *lost.error.esource() == ErrorSource::Downstream {
                return Err(lost.error);
            }
            // Another server or connection was found, and nothing is gone that it would have to get.
            let again = lost.error.retry() && !(self.streamed && other.is_none());
            if !again || servers >= MOST_SERVERS {
                return self.failed(lost);
            }
        }
    }

    fn failed(&mut self, lost: exchange::Lost) -> Result<Answer> {
        if *lost.error.esource() == ErrorSource::Upstream {
            self.ctx.choice.failed();
        }
        let timed_out = self.ctx.watchdog.take().is_some_and(|watchdog| watchdog.has_bitten());
        let status = if timed_out { 504 } else { error::status(&lost.error) };
        error::tell_of(&lost.error, status, None, self.session.req_header(), self.ctx);
        let mut answer = Answer::reply(Reply::status_text(status));
        self.ctx.add_cookies(&mut answer.head)?;
        answer.failure = (*lost.error.esource() == ErrorSource::Upstream).then_some(lost.failure);
        Ok(answer)
    }

    /// Runs request hooks; a reply of theirs ends the way in.
    async fn request(&mut self, route: &Arc<Route>, layer: usize, part: Range<usize>) -> Result<Option<Reply>> {
        let client = &facts(self.ctx.digest.as_deref())?.client;
        let Some(Layer { state, .. }) = self.ctx.layers.get_mut(layer) else { return Err(lost_layer()) };
        let progress = route.chain.request_part(part, state, self.session.req_header_mut(), client).await;
        Ok(match progress {
            Ok(Flow::Next) => None,
            Ok(Flow::Reply(reply)) => Some(*reply),
            Err(fault) => {
                warn!("{fault}");
                Some(Reply::from(&fault))
            }
        })
    }

    /// Runs response hooks, innermost first; after a fault those outside of it see its reply. What is left of the part
    /// will see the body.
    fn response(&mut self, layer: usize, mut part: Range<usize>, answer: &mut Answer) -> Result<()> {
        let client = &facts(self.ctx.digest.as_deref())?.client;
        let Some(Layer { route, state }) = self.ctx.layers.get_mut(layer) else { return Err(lost_layer()) };
        let request = self.session.req_header();
        while let Err(fault) = route.chain.response_part(part.clone(), state, request, &mut answer.head, client) {
            warn!("{fault}");
            std::mem::replace(answer, Answer::reply(Reply::from(&fault))).discard();
            part.end = state.passed();
        }
        answer.body.hooks.extend((!part.is_empty()).then_some((layer, part)));
        Ok(())
    }

    /// Passes a piece of the response's body through the filters that are to see it.
    fn response_body(&mut self, hooks: &[(usize, Range<usize>)], body: &mut Option<Bytes>, end: bool) -> Result<()> {
        for (layer, part) in hooks {
            let Some(Layer { route, state }) = self.ctx.layers.get_mut(*layer) else { continue };
            if let Err(fault) = route.chain.response_body_part(part.clone(), state, body, end) {
                return Err(Error::explain(ErrorType::HTTPStatus(fault.status), fault.message));
            }
        }
        Ok(())
    }

    /// The same at the end of a body that trailers follow.
    fn response_trailers(
        &mut self,
        hooks: &[(usize, Range<usize>)],
        trailers: &mut HeaderMap,
        rest: &mut Option<Bytes>,
    ) -> Result<()> {
        for (layer, part) in hooks {
            let Some(Layer { route, state }) = self.ctx.layers.get_mut(*layer) else { continue };
            if let Err(fault) = route.chain.response_trailers_part(part.clone(), state, trailers, rest) {
                return Err(Error::explain(ErrorType::HTTPStatus(fault.status), fault.message));
            }
        }
        Ok(())
    }

    /// Waits, unless the client leaves.
    async fn pause(&mut self, pause: Duration) -> Result<()> {
        if pause.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            left = self.piece(Sending::Done) => left.map(|_| ()),
        }
    }

    /// Sends the answer to the client.
    async fn send(&mut self, mut answer: Answer) -> Result<()> {
        self.ctx.status = answer.head.status.as_u16();
        if self.gateway.life_cycle.terminating() {
            self.session.set_keepalive(None);
        }
        let request = self.session.req_header();
        let head_only = request.method == Method::HEAD
            || matches!(answer.head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let mut head = std::mem::replace(&mut answer.head, Reply::empty(500).head());
        head.set_version(Version::HTTP_11);
        let follows = !head_only && !answer.is_over();
        if !follows && !head_only && request.version != Version::HTTP_2 {
            head.remove_header(&header::TRANSFER_ENCODING);
            head.insert_header(header::CONTENT_LENGTH, "0")?;
        }
        if framing::settle(request, &mut head, follows)? == Framing::ToTheEnd || withholds_body(self.session) {
            self.session.set_keepalive(None);
        }
        if follows {
            self.session.write_response_header(Box::new(head), false).await.map_err(|e| e.into_down())?;
            self.send_body(answer).await?;
        } else {
            // As a task: only so a head is the end of an HTTP/2 stream, which is what gRPC takes for trailers.
            let head = HttpTask::Header(Box::new(head), true);
            self.session.write_response_tasks(vec![head]).await.map_err(|e| e.into_down())?;
            answer.discard();
        }
        if self.refused {
            // Whatever comes of it: the refusal is sent.
            let _ = tokio::time::timeout(LINGER, self.session.as_mut().drain_request_body()).await;
        }
        Ok(())
    }

    async fn send_body(&mut self, mut answer: Answer) -> Result<()> {
        loop {
            let (data, end) = match answer.body.next(self).await? {
                Piece::Data(data, end) => (Some(data), end),
                Piece::Trailers(trailers) => {
                    self.session.as_mut().write_response_trailers(trailers).await.map_err(|e| e.into_down())?;
                    if self.session.as_ref().is_http2() {
                        return Ok(());
                    }
                    // HTTP/1 clients don't get them, but the end.
                    (None, true)
                }
                Piece::End => (None, true),
            };
            self.session.write_response_body(data, end).await.map_err(|e| e.into_down())?;
            if end {
                return Ok(());
            }
        }
    }

    fn layer(&mut self, layer: usize) -> Result<&mut Layer> {
        self.ctx.layers.get_mut(layer).ok_or_else(lost_layer)
    }

    /// Behind the last filter.
    fn innermost(&self) -> Place {
        Place { layer: self.ctx.layers.len().saturating_sub(1), link: usize::MAX }
    }
}

fn lost_layer() -> Box<Error> {
    Error::explain(ErrorType::InternalError, "a request without its route")
}
