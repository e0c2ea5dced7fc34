//! The body of a request: from the client or from where it is held, past the filters between two places.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::{Version, header};
use ingora_middleware::{Hold, Reply};
use pingora_error::{Error, ErrorType, Result};

use super::held::Held;
use super::{Call, Place};
use crate::proxy::http::{Layer, expects_continue};
use crate::proxy::{error, http2};

/// Where the pieces of the request's body come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    /// The client.
    Client,
    /// What is held.
    Held,
    /// There is no more to send; the client is only watched, once it has sent all.
    Done,
}

// === impl Call ===

impl Call<'_> {
    /// Passes a piece of the request's body through the filters between two places.
    pub(super) fn request_body(&mut self, from: Place, to: Place, body: &mut Option<Bytes>, end: bool) -> Result<()> {
        let layers = self.ctx.layers.iter_mut().enumerate().take(to.layer.saturating_add(1)).skip(from.layer);
        for (number, Layer { route, state }) in layers {
            let first = if number == from.layer { from.link } else { 0 };
            let end_of_part = if number == to.layer { to.link } else { usize::MAX };
            let part = first..end_of_part.min(route.chain.links().len());
            if let Err(fault) = route.chain.request_body_part(part, state, body, end) {
                return Err(Error::explain(ErrorType::HTTPStatus(fault.status), fault.message));
            }
        }
        Ok(())
    }

    /// The next piece of the body, and whether it is the last.
    pub(super) async fn piece(&mut self, sending: Sending) -> Result<(Option<Bytes>, bool)> {
        match sending {
            Sending::Client => {
                let client = &mut self.session.downstream_session;
                let data = client.read_body_or_idle(false).await.map_err(|e| e.into_down())?;
                let end = data.is_none() || client.is_body_done();
                if end {
                    http2::received();
                }
                if !end && self.ctx.deadline.is_some_and(|deadline| Instant::now() > deadline) {
                    let message = "the body took longer than readTimeout";
                    return Err(Error::explain(ErrorType::HTTPStatus(408), message).into_down());
                }
                Ok((data, end))
            }
            Sending::Held => {
                let data = match &mut self.held {
                    Some(held) => held.next().await?,
                    None => None,
                };
                let end = data.is_none();
                Ok((data, end))
            }
            Sending::Done => {
                let client = &mut self.session.downstream_session;
                if !client.is_body_done() {
                    // To look for its end would be to read its body.
                    return std::future::pending().await;
                }
                client.read_body_or_idle(true).await.map_err(|e| e.into_down())?;
                Err(Error::explain(ErrorType::ConnectionClosed, "the client left").into_down())
            }
        }
    }

    /// Shows the held body to the filters that follow.
    pub(super) async fn show_body(&mut self, layer: usize) -> Result<()> {
        let Some(held) = &mut self.held else { return Ok(()) };
        let mut body = BytesMut::new();
        held.rewind();
        while let Some(piece) = held.next().await? {
            body.extend_from_slice(&piece);
        }
        held.rewind();
        self.layer(layer)?.state.notes.body = Some(body.freeze());
        Ok(())
    }

    /// Reads the request's body to its end. A body that may not be is answered.
    pub(super) async fn hold(&mut self, at: Place, hold: &Hold) -> Result<Option<Reply>> {
        let too_large = |length: u64| hold.limit.is_some_and(|limit| length > limit).then(|| hold.too_large.clone());
        if let Some(held) = &self.held {
            return Ok(too_large(held.len()));
        }
        if self.session.as_mut().is_body_empty() {
            return Ok(None);
        }
        let request = self.session.req_header();
        let declared =
            request.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if let Some(reply) = declared.and_then(too_large) {
            return Ok(Some(self.refuse(reply)));
        }
        if expects_continue(request) && request.version == Version::HTTP_11 {
            self.session.as_mut().write_continue_response().await.map_err(|e| e.into_down())?;
        }
        let mut held = Held::new(hold.memory);
        let mut length = 0;
        loop {
            let (mut data, end) = self.piece(Sending::Client).await?;
            self.streamed = true;
            length += data.as_ref().map_or(0, |data| data.len() as u64);
            if let Some(reply) = too_large(length) {
                return Ok(Some(self.refuse(reply)));
            }
            if let Err(fault) = self.request_body(self.held_at, at, &mut data, end) {
                return Ok(Some(self.refuse(Reply::status_text(error::status(&fault)))));
            }
            if let Some(data) = data {
                held.push(data).await?;
            }
            if end {
                break;
            }
        }
        self.held = Some(held);
        (self.held_at, self.streamed) = (at, false);
        Ok(None)
    }

    pub(super) fn refuse(&mut self, reply: Reply) -> Reply {
        self.session.set_keepalive(None);
        self.refused = true;
        reply
    }
}
