//! What is chosen for one request, and what is owed for it: cookies for the client, and the end of what was begun.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue};

use super::mirroring::Copy;
use super::pool::Membership;
use super::server::Server;
use super::sticky::{Sticky, Value};
use super::{Pool, Service};

/// What choosing looks at of a request.
pub struct Asker<'r> {
    /// Its header, with the cookies.
    pub headers: &'r HeaderMap,
    /// The client's address.
    pub client: IpAddr,
}

/// What was chosen for a request.
#[derive(Debug, Default)]
pub struct Choice {
    /// The server; none where no server takes the request.
    pub server: Option<Arc<Server>>,
    /// `Set-Cookie` for the response.
    pub cookies: Vec<HeaderValue>,
    /// The copies that mirrors are to get.
    pub copies: Vec<Copy>,
    /// The service whose pool the server is of.
    pub(super) leaf: Option<Arc<Service>>,
    /// The services that have another one for answers that are failures, outermost first, each with the number of
    /// cookies that are those of services around it.
    pub(super) failing_over: Vec<(Arc<Service>, usize)>,
    /// Whether the server was asked.
    begun: bool,
    /// Whether the last cookie is that of the pool.
    placed: bool,
    ticket: Option<Ticket>,
    /// The servers that failed this request.
    tried: Vec<Arc<Server>>,
}

/// A request counted at its server until this is dropped.
#[derive(Debug)]
struct Ticket {
    members: Arc<Membership>,
    server: Arc<Server>,
    began: Instant,
}

// === impl Choice ===

impl Choice {
    /// Chooses another server of the same pool, after the one chosen has failed. Says whether there is one; if not, all
    /// stays as it is.
    pub fn choose_another(&mut self) -> bool {
        let leaf = self.leaf.clone();
        let (Some(failed), Some(Service::Pool(pool))) = (self.server.clone(), leaf.as_deref()) else { return false };
        self.tried.push(failed.clone());
        let Some(server) = pool.another(&self.tried) else {
            self.tried.pop();
            return false;
        };
        // Where there is no other one, the request fails, which counts then.
        self.failed();
        if pool.membership().counts() {
            failed.load.failed();
        }
        if let Some(sticky) = pool.sticky() {
            // Whatever place it was to be told of before.
            self.place_server(sticky, &server);
        }
        self.assign(pool, server);
        true
    }

    /// Begins to ask the server; where one was asked already, chooses another time within the same service.
    pub fn begin(&mut self, asker: &Asker<'_>) {
        if !std::mem::replace(&mut self.begun, true) {
            return;
        }
        if std::mem::take(&mut self.placed) {
            self.cookies.pop();
        }
        (self.server, self.ticket) = (None, None);
        self.tried.clear();
        if let Some(leaf) = self.leaf.clone() {
            leaf.choose(asker, self);
        }
    }

    /// Chooses within the service that stands in for the one that gave this answer, if one does.
    pub fn fail_over(&mut self, status: u16, asker: &Asker<'_>) -> bool {
        while let Some((service, around)) = self.failing_over.pop() {
            if let Service::Failover(failover) = &*service
                && failover.errors().is_some_and(|errors| errors.has(status))
            {
                let failing_over = std::mem::take(&mut self.failing_over);
                let mut cookies = std::mem::take(&mut self.cookies);
                cookies.truncate(around);
                *self = Choice { failing_over, cookies, ..Choice::default() };
                failover.fallback().choose(asker, self);
                return true;
            }
        }
        false
    }

    /// The longest body that services hold in case another one stands in for them, if any does: none is no limit.
    pub fn most_held(&self) -> Option<Option<u64>> {
        let limits = self.failing_over.iter().filter_map(|(service, _)| match &**service {
            Service::Failover(failover) => failover.errors().map(|errors| errors.most_held),
            _ => None,
        });
        limits.reduce(|a, b| a.into_iter().chain(b).min())
    }

    /// Whether there is no server only because no address of its name is known.
    pub fn has_unknown_names(&self) -> bool {
        self.server.is_none() && self.members().is_some_and(|members| members.has_unknown_names())
    }

    /// The name of the service chosen, where it has filters of its own.
    pub fn filtered(&self) -> Option<&str> {
        self.leaf.as_ref()?.pool()?.filtered()
    }

    /// The head of the answer came.
    pub fn answered(&self, status: u16) {
        if let Some(ticket) = &self.ticket {
            ticket.server.load.answered(ticket.began.elapsed());
        }
        if status >= 500 {
            self.failed();
        }
    }

    /// The server failed the request, as far as its health is concerned.
    pub fn failed(&self) {
        if let (Some(server), Some(health)) = (&self.server, self.members().and_then(|members| members.health())) {
            health.failed(server);
        }
    }

    fn members(&self) -> Option<&Arc<Membership>> {
        Some(self.leaf.as_ref()?.pool()?.membership())
    }

    /// How many servers failed this request.
    pub fn failures(&self) -> usize {
        self.tried.len()
    }

    /// Tells the client its place among services.
    pub(super) fn place_service(&mut self, sticky: &Sticky, value: Value) {
        self.cookies.extend(sticky.write(value));
    }

    /// Tells the client its place in the pool.
    pub(super) fn place_server(&mut self, sticky: &Sticky, server: &Server) {
        if std::mem::replace(&mut self.placed, true) {
            self.cookies.pop();
        }
        self.cookies.extend(sticky.write(Value::of(&server.url)));
    }

    /// Gives the request to a server.
    pub(super) fn assign(&mut self, pool: &Pool, server: Arc<Server>) {
        // The one before ends first.
        self.ticket = None;
        if pool.membership().counts() {
            self.ticket = Some(Ticket::new(pool.membership().clone(), server.clone()));
        }
        self.server = Some(server);
    }
}

// === impl Ticket ===

impl Ticket {
    fn new(members: Arc<Membership>, server: Arc<Server>) -> Self {
        server.load.begin();
        members.changed(&server);
        Ticket { members, server, began: Instant::now() }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.server.load.end();
        self.members.changed(&self.server);
    }
}
