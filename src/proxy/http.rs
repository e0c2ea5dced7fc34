//! The HTTP proxy: Pingora's phases, each a few lines that ask the routing table, the chain and the balancer.
//! One instance serves all entry points; what a connection is, its facts say.

use std::any::Any;
use std::borrow::Cow;
use std::net::IpAddr;
use std::os::fd::RawFd;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version, header};
use ingora_middleware::{ChainState, Flow, Reply};
use log::{debug, warn};
use pingora::connectors::ConnectorOptions;
use pingora::connectors::http::Connector;
use pingora::modules::http::HttpModules;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{ALPN, Digest};
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorSource, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use smallvec::SmallVec;

use super::another_server;
use super::attempts;
use super::connection::Facts;
use super::error::{self, CLIENT_CLOSED, status};
use super::forwarded::{Written, is_upgrade};
use super::framing::{self, Framing};
use super::hop_by_hop::remove_hop_by_hop;
use super::http2;
use super::internal;
use super::life_cycle::LifeCycle;
use super::mirrors::Original;
use super::watchdog::Watchdog;
use crate::balance::{Asker, Choice};
use crate::observe::Observed;
use crate::routing::{Route, Routes, Table, Target};
use crate::rule::{self, RequestView};

pub(super) static NOT_FOUND: LazyLock<Reply> = LazyLock::new(|| Reply::error(404, "404 page not found"));
static MISDIRECTED: LazyLock<Reply> = LazyLock::new(|| Reply::error(421, "Misdirected Request"));
static NO_SERVER: LazyLock<Reply> = LazyLock::new(|| Reply::error(503, "no available server"));

/// The HTTP proxy behind all entry points.
pub struct Gateway {
    /// The routing table, swapped whole by `control`.
    pub table: Arc<ArcSwap<Table>>,
    /// Whether the process takes requests.
    pub life_cycle: Arc<LifeCycle>,
    /// What the process tells about itself.
    pub observed: Arc<Observed>,
    conf: Arc<ServerConf>,
    /// Connects the requests that Pingora doesn't proxy; made when the first one comes.
    connector: OnceLock<Arc<Connector>>,
}

/// The state of one request.
#[derive(Default)]
pub struct Ctx {
    /// Holds the facts of the connection.
    pub(super) digest: Option<Arc<ProxyDigest>>,
    /// The routes taken: one, or a parent and its children.
    pub(super) layers: SmallVec<[Layer; 1]>,
    /// The server, and what is owed for it.
    pub(super) choice: Choice,
    pub(super) upgrade: bool,
    /// Whether the forwarding fields are in the head already.
    forwarded: bool,
    /// When the request must have been read.
    pub(super) deadline: Option<Instant>,
    /// Ends the wait for the head of the response.
    pub(super) watchdog: Option<Watchdog>,
    /// The request, where mirrors get copies of it.
    pub(super) original: Option<Box<Original>>,
    pub(super) status: u16,
}

/// A route taken, and what its filters know of the request.
pub(super) struct Layer {
    pub route: Arc<Route>,
    pub state: ChainState,
}

/// Where a request goes.
enum Way {
    /// Back.
    Reply(Reply),
    /// To the server chosen.
    Server,
    /// Through filters that act around what is further in.
    Attempts,
}

// === impl Ctx ===

impl Ctx {
    fn suppresses_forwarded_for(&self) -> bool {
        self.layers.iter().any(|l| l.state.notes.suppress_forwarded_for)
    }

    /// Runs the response hooks of all layers, innermost first; a filter's fault becomes the response it asks for.
    fn response(&mut self, request: &RequestHeader, response: &mut ResponseHeader) -> Result<()> {
        self.add_cookies(response)?;
        let digest = self.digest.clone();
        let client = &facts(digest.as_deref())?.client;
        for layer in self.layers.iter_mut().rev() {
            if let Err(fault) = layer.route.chain.response(&mut layer.state, request, response, client) {
                warn!("{fault}");
                return Err(Error::explain(ErrorType::HTTPStatus(fault.status), fault.message));
            }
        }
        Ok(())
    }

    /// Tells the client its place among servers.
    pub(super) fn add_cookies(&self, response: &mut ResponseHeader) -> Result<()> {
        for cookie in &self.choice.cookies {
            response.append_header(header::SET_COOKIE, cookie.clone())?;
        }
        Ok(())
    }

    /// The request is sent to its end.
    pub(super) fn sent(&mut self) {
        if let Some(watchdog) = &mut self.watchdog {
            watchdog.start();
        }
    }

    /// The head of a server's response is there.
    pub(super) fn arrived(&mut self, response: &mut ResponseHeader) {
        self.watchdog = None;
        self.choice.answered(response.status.as_u16());
        if response.version == Version::HTTP_10 {
            // What the server speaks is between it and us.
            response.set_version(Version::HTTP_11);
        }
        remove_hop_by_hop(response);
    }

    /// To the server, if there is one.
    fn chosen(&self, request: &RequestHeader) -> Way {
        match self.choice.server {
            Some(_) => Way::Server,
            None => Way::Reply(self.no_server(request)),
        }
    }

    /// The answer where there is no server, which is told. One whose name has no address is one that can't be reached.
    pub(super) fn no_server(&self, request: &RequestHeader) -> Reply {
        if self.choice.has_unknown_names() {
            error::tell(502, "the name of the server has no address", request, self);
            return Reply::status_text(502);
        }
        error::tell(503, "no server takes requests", request, self);
        NO_SERVER.clone()
    }

    /// Begins to copy the request, where mirrors are to get it. An upgraded connection has no end to wait for.
    pub(super) fn copy_for_mirrors(&mut self, client: IpAddr) {
        let copies = std::mem::take(&mut self.choice.copies);
        if !copies.is_empty() && !self.upgrade {
            self.original = Some(Box::new(Original::new(copies, client)));
        }
    }

    /// Passes a piece of the response's body through all layers, innermost first.
    fn response_body(&mut self, body: &mut Option<Bytes>, end: bool) -> Result<()> {
        for layer in self.layers.iter_mut().rev() {
            if let Err(fault) = layer.route.chain.response_body(&mut layer.state, body, end) {
                return Err(Error::explain(ErrorType::HTTPStatus(fault.status), fault.message));
            }
        }
        Ok(())
    }
}

// === impl Gateway ===

impl Gateway {
    /// A proxy for what a table says; `conf` for connections of its own.
    pub fn new(
        table: Arc<ArcSwap<Table>>,
        life_cycle: Arc<LifeCycle>,
        observed: Arc<Observed>,
        conf: Arc<ServerConf>,
    ) -> Self {
        Gateway { table, life_cycle, observed, conf, connector: OnceLock::new() }
    }

    pub(super) fn connector(&self) -> Arc<Connector> {
        let make = || Arc::new(Connector::new(Some(ConnectorOptions::from_server_conf(&self.conf))));
        self.connector.get_or_init(make).clone()
    }

    /// Routes a request, and runs its filters.
    async fn dispatch(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Way> {
        ctx.digest = session.digest().and_then(|d| d.proxy_digest.clone());
        let digest = ctx.digest.clone();
        let facts = facts(digest.as_deref())?;
        let entry_point = &facts.entry_point;
        ctx.upgrade = is_upgrade(session.req_header());
        ctx.deadline = entry_point.limits.read_timeout.map(|t| Instant::now() + t);
        let request = session.req_header_mut();
        join_cookies(request)?;
        if request.method == Method::OPTIONS && request.uri.path() == "*" {
            // It asks about the server as a whole; Go's answers it before anybody else sees it.
            return Ok(Way::Reply(Reply::empty(200)));
        }
        if let Err(refusal) = entry_point.paths.clean(request)? {
            session.set_keepalive(None);
            return Ok(Way::Reply(Reply::error(400, &format!("400 Bad Request: {refusal}"))));
        }
        if request.method == Method::CONNECT {
            session.set_keepalive(None);
            return Ok(Way::Reply(Reply::status_text(501)));
        }
        if !ctx.forwarded {
            entry_point.forwarded.rewrite(request, facts, ctx.upgrade)?;
        }

        let table = self.table.load_full();
        let routes = table.routes(entry_point.position, facts.client.tls.is_some());
        let mut next = routes.and_then(|routes| find(routes, request, facts));
        while let Some(route) = next {
            if let Some(options) = facts.tls_options.as_deref().filter(|_| ctx.layers.is_empty())
                && table.connections(entry_point.position).is_misdirected(route, || host(request), options)
            {
                return Ok(Way::Reply(MISDIRECTED.clone()));
            }
            ctx.layers.push(Layer { route: route.clone(), state: ChainState::default() });
            if route.acts_around && !ctx.upgrade {
                return Ok(Way::Attempts);
            }
            let Some(layer) = ctx.layers.last_mut() else { return Ok(Way::Server) };
            if !route.chain.is_empty() {
                match route.chain.request(&mut layer.state, request, &facts.client).await {
                    Ok(Flow::Next) => {}
                    Ok(Flow::Reply(reply)) => return Ok(Way::Reply(*reply)),
                    Err(fault) => {
                        warn!("{fault}");
                        return Ok(Way::Reply(Reply::from(&fault)));
                    }
                }
            }
            next = match &route.target {
                Target::Service(service) => {
                    let asker = Asker { headers: &request.headers, client: facts.client.peer.ip() };
                    service.choose(&asker, &mut ctx.choice);
                    ctx.copy_for_mirrors(asker.client);
                    match route.inner(&ctx.choice) {
                        None => return Ok(ctx.chosen(request)),
                        inner => inner,
                    }
                }
                Target::Chosen => return Ok(ctx.chosen(request)),
                Target::Internal(service) => {
                    return Ok(Way::Reply(internal::answer(*service, &self.life_cycle, &self.observed)));
                }
                Target::Children(children) => find(children, request, facts),
            }
        }
        Ok(Way::Reply(NOT_FOUND.clone()))
    }

    /// Answers in the server's place, through the response hooks of the filters passed.
    async fn reply(&self, session: &mut Session, ctx: &mut Ctx, mut reply: Reply) -> Result<()> {
        let mut head = reply.head();
        while let Err(fault) = ctx.response(session.req_header(), &mut head) {
            reply = Reply::status_text(status(&fault));
            head = reply.head();
        }
        ctx.status = head.status.as_u16();
        if self.life_cycle.terminating() {
            session.set_keepalive(None);
        }
        let bodiless = session.req_header().method == Method::HEAD || reply.body.is_empty();
        if framing::settle(session.req_header(), &mut head, true)? == Framing::ToTheEnd {
            session.set_keepalive(None);
        }
        session.write_response_header(Box::new(head), bodiless).await?;
        if !bodiless {
            let mut body = Some(reply.body);
            ctx.response_body(&mut body, true)?;
            session.write_response_body(body, true).await?;
        }
        Ok(())
    }
}

/// The facts of a connection, in its digest since it was accepted.
pub(super) fn facts(digest: Option<&ProxyDigest>) -> Result<&Facts> {
    digest
        .and_then(|digest| digest.user_data.as_ref()?.downcast_ref())
        .ok_or_else(|| Error::explain(ErrorType::InternalError, "a connection without facts"))
}

/// The cookies of HTTP/2 as the one field that HTTP/1 has (RFC 9113 §8.2.3): clients may send each by itself.
fn join_cookies(request: &mut RequestHeader) -> Result<()> {
    if request.version != Version::HTTP_2 || request.headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return Ok(());
    }
    let cookies: Vec<&[u8]> = request.headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..])) {
        request.insert_header(header::COOKIE, joined)?;
    }
    Ok(())
}

/// Whether the client waits to be asked for the body, and is not: it can't say then where its next request begins, unless
/// it sends a body that nobody wants.
pub(super) fn withholds_body(session: &mut Session) -> bool {
    expects_continue(session.req_header()) && !session.as_mut().is_body_done()
}

/// Whether the client waits to be asked for the body.
pub(super) fn expects_continue(request: &RequestHeader) -> bool {
    request.headers.get(header::EXPECT).is_some_and(|e| e.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// The host that rules compare with.
fn host(request: &RequestHeader) -> Cow<'_, str> {
    rule::canonical_host(request.headers.get(header::HOST).map_or("", |h| h.to_str().unwrap_or_default()))
}

pub(super) fn find<'r>(routes: &'r Routes, request: &RequestHeader, facts: &Facts) -> Option<&'r Arc<Route>> {
    let host = host(request);
    let path = rule::routing_path(request.uri.path());
    routes.find(&RequestView {
        host: &host,
        path: &path,
        method: request.method.as_str(),
        headers: &request.headers,
        query: request.uri.query().unwrap_or_default(),
        client_ip: facts.client.peer.ip(),
    })
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Ctx;

    fn new_ctx(&self) -> Ctx {
        Ctx::default()
    }

    /// Pingora's way to hand something over from the connection to its request.
    fn on_connection_reuse(&self, _session: &mut Session, ctx: &mut Ctx, handed: Box<dyn Any + Send + Sync>) {
        ctx.forwarded = handed.is::<Written>();
    }

    /// None: Pingora's compression module isn't Traefik's, and costs each request an allocation.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn request_filter(&self, session: &mut Session, ctx: &mut Ctx) -> Result<bool> {
        match self.dispatch(session, ctx).await? {
            Way::Reply(reply) => self.reply(session, ctx, reply).await.map(|()| true),
            Way::Server => Ok(false),
            Way::Attempts => attempts::serve(self, session, ctx).await.map(|()| true),
        }
    }

    async fn upstream_peer(&self, _session: &mut Session, ctx: &mut Ctx) -> Result<Box<HttpPeer>> {
        let server =
            ctx.choice.server.as_ref().ok_or_else(|| Error::explain(ErrorType::HTTPStatus(503), "no server"))?;
        Ok(Box::new(server.peer(ctx.upgrade)))
    }

    fn fail_to_connect(&self, session: &mut Session, _peer: &HttpPeer, ctx: &mut Ctx, error: Box<Error>) -> Box<Error> {
        another_server::instead_of_connecting(session, ctx, error)
    }

    fn error_while_proxy(
        &self,
        peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        ctx: &mut Ctx,
        reused: bool,
    ) -> Box<Error> {
        another_server::after_reset(session, ctx, error.more_context(format!("peer: {peer}")), reused)
    }

    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        _reused: bool,
        peer: &HttpPeer,
        fd: RawFd,
        digest: Option<&Digest>,
        ctx: &mut Ctx,
    ) -> Result<()> {
        let Some(server) = &ctx.choice.server else { return Ok(()) };
        if !server.is_certified_by(digest) {
            let message = format!("the certificate of {server:?}, or its version of TLS, is not as expected");
            return Err(Error::explain(ErrorType::InvalidCert, message).into_up());
        }
        // Streams of HTTP/2 share their connection: only one that is this request's alone may be cut.
        let limit = server.response_header_timeout().filter(|_| peer.options.alpn == ALPN::H1);
        ctx.watchdog = limit.and_then(|limit| Watchdog::new(fd, limit));
        Ok(())
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Ctx,
    ) -> Result<()> {
        if !end && ctx.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Err(Error::explain(ErrorType::HTTPStatus(408), "the body took longer than readTimeout").into_down());
        }
        if end {
            ctx.sent();
            http2::received();
        }
        for layer in &mut ctx.layers {
            if let Err(fault) = layer.route.chain.request_body(&mut layer.state, body, end) {
                return Err(Error::explain(ErrorType::HTTPStatus(fault.status), fault.message));
            }
        }
        if let Some(original) = &mut ctx.original {
            original.piece(body.as_ref(), end);
        }
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        // Where the client named no host, the server's is one that it takes.
        let anonymous = request.headers.get(header::HOST).is_none_or(HeaderValue::is_empty);
        if let Some(server) = ctx.choice.server.as_ref().filter(|s| anonymous || !s.pass_host_header) {
            request.insert_header(header::HOST, server.authority.clone())?;
        }
        if request.uri.authority().is_some() {
            // The authority of HTTP/2 would take the Host's place.
            if let Some(Ok(uri)) = request.uri.path_and_query().map(|target| target.as_str().parse::<Uri>()) {
                request.set_uri(uri);
            }
        }
        for layer in &mut ctx.layers {
            if let Err(fault) = layer.route.chain.upstream_request(&mut layer.state, request) {
                return Err(Error::explain(ErrorType::HTTPStatus(fault.status), fault.message));
            }
        }
        let upgrade = ctx.upgrade && session.req_header().version == Version::HTTP_11;
        let facts = facts(ctx.digest.as_deref())?;
        facts.entry_point.forwarded.forward(request, facts, upgrade, !ctx.suppresses_forwarded_for())?;
        if ctx.choice.server.as_ref().is_some_and(|server| server.is_dialled_each_time()) && !upgrade {
            request.insert_header(header::CONNECTION, HeaderValue::from_static("close"))?;
        }
        match &mut ctx.original {
            Some(original) => original.begin(request, session.req_header().headers.get(header::HOST)),
            None => Ok(()),
        }
    }

    async fn response_filter(&self, session: &mut Session, response: &mut ResponseHeader, ctx: &mut Ctx) -> Result<()> {
        ctx.status = response.status.as_u16();
        if response.status == StatusCode::SWITCHING_PROTOCOLS {
            // What follows is no request: it may be silent for as long as it likes.
            session.set_read_timeout(None);
            (ctx.deadline, ctx.watchdog) = (None, None);
            ctx.choice.answered(response.status.as_u16());
            return ctx.response(session.req_header(), response);
        }
        if response.status.is_informational() {
            return Ok(());
        }
        ctx.arrived(response);
        if self.life_cycle.terminating() {
            session.set_keepalive(None);
        }
        let had_length = response.headers.contains_key(header::CONTENT_LENGTH);
        ctx.response(session.req_header(), response)?;
        ctx.status = response.status.as_u16();
        if framing::settle(session.req_header(), response, had_length)? == Framing::ToTheEnd || withholds_body(session)
        {
            session.set_keepalive(None);
        }
        Ok(())
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Ctx,
    ) -> Result<Option<Duration>> {
        ctx.response_body(body, end)?;
        Ok(None)
    }

    /// Trailers end a body too: what the filters still hold of it, or write for them, goes in their place.
    async fn response_trailer_filter(
        &self,
        _session: &mut Session,
        trailers: &mut HeaderMap,
        ctx: &mut Ctx,
    ) -> Result<Option<Bytes>> {
        let mut rest = None;
        for layer in ctx.layers.iter_mut().rev() {
            layer
                .route
                .chain
                .response_trailers(&mut layer.state, trailers, &mut rest)
                .map_err(|fault| Error::explain(ErrorType::HTTPStatus(fault.status), fault.message))?;
        }
        Ok(rest.filter(|rest| !rest.is_empty()))
    }

    /// Our own, so that error responses pass the response hooks too: CORS and security headers stay on them.
    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, ctx: &mut Ctx) -> FailToProxy {
        if *error.esource() == ErrorSource::Upstream && session.response_written().is_none() {
            ctx.choice.failed();
        }
        let timed_out = ctx.watchdog.take().is_some_and(|watchdog| watchdog.has_bitten());
        let status = if timed_out { 504 } else { status(error) };
        ctx.status = status;
        let begun = session.response_written().map(|response| response.status.as_u16());
        error::tell_of(error, status, begun, session.req_header(), ctx);
        if status != CLIENT_CLOSED && session.response_written().is_none() {
            session.set_keepalive(None);
            if let Err(e) = self.reply(session, ctx, Reply::status_text(status)).await {
                debug!("the error response could not be sent: {e}");
            }
        }
        FailToProxy { error_code: status, can_reuse_downstream: false }
    }

    async fn logging(&self, _session: &mut Session, error: Option<&Error>, ctx: &mut Ctx) {
        let left = error.is_some_and(|error| *error.esource() == ErrorSource::Downstream);
        if let Some(original) = ctx.original.take().filter(|_| !left) {
            original.send();
        }
        for layer in &mut ctx.layers {
            layer.route.chain.logging(&mut layer.state, ctx.status);
        }
    }

    fn request_summary(&self, session: &Session, ctx: &Ctx) -> String {
        error::summary(session.req_header(), ctx)
    }

    /// `fail_to_proxy` has told it.
    fn suppress_error_log(&self, _session: &Session, _ctx: &Ctx, _error: &Error) -> bool {
        true
    }

    /// That a request goes to another server is told where that one is found.
    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _ctx: &Ctx,
        _error: &Error,
        context: ProxyWarnLogContext,
    ) -> bool {
        matches!(context, ProxyWarnLogContext::UpstreamRetry)
    }
}
