//! Runs filters around one request: request hooks outermost first, response hooks back in reverse.
//! Built per router by the routing table; the proxy calls one method per Pingora phase.

use std::sync::Arc;

use bytes::Bytes;
use pingora_http::{RequestHeader, ResponseHeader};
use smallvec::SmallVec;

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
}

/// What a chain knows of one request. Made by `default()`, kept as long as the request.
#[derive(Default)]
pub struct ChainState {
    /// What the filters said beside the head.
    pub notes: Notes,
    slots: SmallVec<[Slot; 4]>,
    /// Links whose request hook was called.
    entered: usize,
    /// Links whose request hook passed the request on, and whose response hooks are due.
    passed: usize,
}

// === impl Chain ===

impl Chain {
    /// A chain of these links, outermost first.
    pub fn new(links: Vec<Link>) -> Self {
        Chain { links: links.into() }
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
        state.slots.resize_with(self.links.len(), || None);
        for (position, (link, slot)) in self.links.iter().zip(&mut state.slots).enumerate() {
            state.passed = position;
            state.entered = position + 1;
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
        state.passed = self.links.len();
        Ok(Flow::Next)
    }

    /// Passes a piece of the request's body through, outermost first.
    pub fn request_body(&self, state: &mut ChainState, body: &mut Option<Bytes>, end: bool) -> Result<(), Fault> {
        self.passed(state)
            .try_for_each(|(link, slot)| link.filter.request_body(slot, body, end).map_err(|fault| link.named(fault)))
    }

    /// Runs the hooks on the head for the server, outermost first; once per attempt.
    pub fn upstream_request(&self, state: &mut ChainState, request: &mut RequestHeader) -> Result<(), Fault> {
        self.passed(state)
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
        let due = self.links.iter().zip(&mut state.slots).take(state.passed).enumerate();
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
        self.passed(state)
            .rev()
            .try_for_each(|(link, slot)| link.filter.response_body(slot, body, end).map_err(|fault| link.named(fault)))
    }

    /// Tells every filter that saw the request its outcome.
    pub fn logging(&self, state: &mut ChainState, status: u16) {
        for (link, slot) in self.links.iter().zip(&mut state.slots).take(state.entered) {
            link.filter.logging(slot, status);
        }
    }

    fn passed<'s>(&'s self, state: &'s mut ChainState) -> impl DoubleEndedIterator<Item = (&'s Link, &'s mut Slot)> {
        self.links.iter().zip(&mut state.slots).take(state.passed)
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
