//! Runs filters around one request: request hooks outermost first, response hooks back in reverse.
//! Built per router by the routing table; the proxy calls one method per Pingora phase.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use pingora_http::{RequestHeader, ResponseHeader};
use smallvec::SmallVec;

use crate::around::HoldBody;
use crate::filter::{Client, Fault, Filter, Flow, Notes, Progress, RequestCx, ResponseCx, Slot, Step};

/// One filter of a chain under its middleware's name.
#[derive(Clone)]
pub struct Link {
    /// The middleware's name, for logs.
    pub name: Arc<str>,
    /// The filter.
    pub filter: Arc<dyn Filter>,
}

/// Filters in order, outermost first.
#[derive(Clone, Default)]
pub struct Chain {
    links: Box<[Link]>,
    /// Whether a link acts around those further in.
    around: bool,
}

/// What a chain knows of one request. Made by `default()`, kept as long as the request.
#[derive(Default)]
pub struct ChainState {
    /// What the filters said beside the head.
    pub notes: Notes,
    slots: SmallVec<[Slot; 8]>,
    /// Links whose request hook was called.
    entered: usize,
    /// Links whose request hook passed the request on, and whose response hooks are due.
    passed: usize,
}

// === impl Chain ===

impl Chain {
    /// A chain of these links, outermost first. Before one that wants the request's body stands another that holds it.
    pub fn new(links: Vec<Link>) -> Self {
        let with_holds = links.into_iter().flat_map(|link| {
            let hold = link.filter.wants_body().map(|hold| Link::new(link.name.clone(), Arc::new(HoldBody(hold))));
            hold.into_iter().chain([link])
        });
        let links: Box<[Link]> = with_holds.collect();
        let around = links.iter().any(|link| link.filter.around().is_some());
        Chain { links, around }
    }

    /// Whether a filter acts around those further in: then the chain is run in parts, each up to such a filter.
    pub fn acts_around(&self) -> bool {
        self.around
    }

    /// The part that begins at `from`: up to the next filter that acts around those further in, this one included.
    pub fn part(&self, from: usize) -> Range<usize> {
        let rest = self.links.get(from..).unwrap_or_default();
        let next = rest.iter().position(|link| link.filter.around().is_some());
        from..next.map_or(self.links.len(), |next| from + next + 1)
    }

    /// The links, outermost first.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Whether there is nothing to run.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Runs the request hooks. Nothing is awaited, boxed or allocated unless a filter does so itself.
    ///
    /// A reply or a fault (whose message then names the middleware) is to be sent through [`Chain::response`], which
    /// runs the hooks of the filters outside of the one that ended the request.
    pub async fn request(&self, state: &mut ChainState, request: &mut RequestHeader, client: &Client) -> Progress {
        self.request_part(0..self.links.len(), state, request, client).await
    }

    /// The same for a part; those before it have passed the request on.
    pub async fn request_part(
        &self,
        part: Range<usize>,
        state: &mut ChainState,
        request: &mut RequestHeader,
        client: &Client,
    ) -> Progress {
        state.slots.resize_with(self.links.len(), || None);
        let links = self.links.iter().zip(&mut state.slots).enumerate();
        for (position, (link, slot)) in links.take(part.end).skip(part.start) {
            state.passed = position;
            state.entered = state.entered.max(position + 1);
            let mut cx = RequestCx { request: &mut *request, client, notes: &mut state.notes, slot };
            let progress = match link.filter.request(&mut cx) {
                Step::Now(progress) => progress,
                Step::Later(future) => future.await,
            };
            match progress {
                Ok(Flow::Next) => {}
                Ok(reply) => return Ok(reply),
                Err(fault) => return Err(link.named(fault)),
            }
        }
        state.passed = part.end;
        Ok(Flow::Next)
    }

    /// Passes a piece of the request's body through, outermost first.
    pub fn request_body(&self, state: &mut ChainState, body: &mut Option<Bytes>, end: bool) -> Result<(), Fault> {
        self.request_body_part(0..state.passed, state, body, end)
    }

    /// The same for a part.
    pub fn request_body_part(
        &self,
        part: Range<usize>,
        state: &mut ChainState,
        body: &mut Option<Bytes>,
        end: bool,
    ) -> Result<(), Fault> {
        self.those(part, state)
            .try_for_each(|(link, slot)| link.filter.request_body(slot, body, end).map_err(|fault| link.named(fault)))
    }

    /// Runs the hooks on the head for the server, outermost first; once per attempt.
    pub fn upstream_request(&self, state: &mut ChainState, request: &mut RequestHeader) -> Result<(), Fault> {
        self.those(0..state.passed, state)
            .try_for_each(|(link, slot)| link.filter.upstream_request(slot, request).map_err(|fault| link.named(fault)))
    }

    /// Runs the response hooks, innermost first, on the server's response, a reply, or an error reply.
    ///
    /// After a fault the reply to *that* is sent through here again: the hooks outside of the one that failed run.
    pub fn response(
        &self,
        state: &mut ChainState,
        request: &RequestHeader,
        response: &mut ResponseHeader,
        client: &Client,
    ) -> Result<(), Fault> {
        self.response_part(0..state.passed, state, request, response, client)
    }

    /// The same for a part. After a fault, [`ChainState::passed`] is the end of what is left of it.
    pub fn response_part(
        &self,
        part: Range<usize>,
        state: &mut ChainState,
        request: &RequestHeader,
        response: &mut ResponseHeader,
        client: &Client,
    ) -> Result<(), Fault> {
        let due = self.links.iter().zip(&mut state.slots).enumerate().take(part.end).skip(part.start);
        for (position, (link, slot)) in due.rev() {
            let mut cx = ResponseCx { request, response: &mut *response, client, slot };
            if let Err(fault) = link.filter.response(&mut cx) {
                state.passed = position;
                return Err(link.named(fault));
            }
        }
        Ok(())
    }

    /// Passes a piece of the response's body through, innermost first.
    pub fn response_body(&self, state: &mut ChainState, body: &mut Option<Bytes>, end: bool) -> Result<(), Fault> {
        self.response_body_part(0..state.passed, state, body, end)
    }

    /// The same for a part.
    pub fn response_body_part(
        &self,
        part: Range<usize>,
        state: &mut ChainState,
        body: &mut Option<Bytes>,
        end: bool,
    ) -> Result<(), Fault> {
        self.those(part, state)
            .rev()
            .try_for_each(|(link, slot)| link.filter.response_body(slot, body, end).map_err(|fault| link.named(fault)))
    }

    /// Ends the response's body where trailers do, innermost first: filters add to `rest` what they still hold. One that
    /// writes the trailers down itself adds that, and leaves none.
    pub fn response_trailers(
        &self,
        state: &mut ChainState,
        trailers: &mut HeaderMap,
        rest: &mut Option<Bytes>,
    ) -> Result<(), Fault> {
        self.response_trailers_part(0..state.passed, state, trailers, rest)
    }

    /// The same for a part.
    pub fn response_trailers_part(
        &self,
        part: Range<usize>,
        state: &mut ChainState,
        trailers: &mut HeaderMap,
        rest: &mut Option<Bytes>,
    ) -> Result<(), Fault> {
        for (link, slot) in self.those(part, state).rev() {
            let written = link.filter.response_trailers(slot, trailers).map_err(|fault| link.named(fault))?;
            let end = written.is_none();
            if end || rest.is_some() {
                link.filter.response_body(slot, rest, end).map_err(|fault| link.named(fault))?;
            }
            if let Some(written) = written {
                *rest = Some([rest.take().unwrap_or_default(), written].concat().into());
                trailers.clear();
            }
        }
        Ok(())
    }

    /// Tells every filter that saw the request its outcome.
    pub fn logging(&self, state: &mut ChainState, status: u16) {
        for (link, slot) in self.links.iter().zip(&mut state.slots).take(state.entered) {
            link.filter.logging(slot, status);
        }
    }

    fn those<'s>(
        &'s self,
        part: Range<usize>,
        state: &'s mut ChainState,
    ) -> impl DoubleEndedIterator<Item = (&'s Link, &'s mut Slot)> {
        self.links.iter().zip(&mut state.slots).take(part.end).skip(part.start)
    }
}

// === impl ChainState ===

impl ChainState {
    /// How many filters have passed the request on: those whose response hooks are due.
    pub fn passed(&self) -> usize {
        self.passed
    }

    /// Forgets what filters from `position` on knew of the request: it comes to them again.
    pub fn rewind(&mut self, position: usize) {
        self.slots.iter_mut().skip(position).for_each(|slot| *slot = None);
        self.passed = self.passed.min(position);
    }
}

// === impl Link ===

impl Link {
    /// A filter under its middleware's name.
    pub fn new(name: impl Into<Arc<str>>, filter: Arc<dyn Filter>) -> Self {
        Link { name: name.into(), filter }
    }

    fn named(&self, fault: Fault) -> Fault {
        Fault { status: fault.status, message: format!("middleware {}: {}", self.name, fault.message) }
    }
}

#[cfg(test)]
mod tests;
