//! Whether a request whose server failed goes to another one: only where no server can have acted on it twice.
//! Asked by `http` when Pingora's attempt has failed; who the other server is, the balancer says.

use h2::Reason;
use log::info;
use pingora_error::{Error, ErrorSource, ErrorType};
use pingora_proxy::Session;

use super::error::summary;
use super::http::Ctx;

/// No connection was made, so nothing was sent: another server may have the request, whatever its method.
pub(super) fn instead_of_connecting(session: &Session, ctx: &mut Ctx, mut error: Box<Error>) -> Box<Error> {
    // The client must not wait for one timeout after the other.
    let timed_out = matches!(error.etype(), ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout);
    let patient = !timed_out || ctx.choice.failures() == 0;
    error.set_retry(patient && go_on(session, ctx, &error));
    error
}

/// The connection broke before the first byte of the response: what the server did is not known, so only a request that
/// means the same twice goes on, if its body is still there; or one that the server says it has not begun with.
pub(super) fn after_reset(session: &Session, ctx: &mut Ctx, mut error: Box<Error>, reused: bool) -> Box<Error> {
    let safe = session.req_header().method.is_idempotent() || is_untouched(&error);
    if !safe || session.as_ref().retry_buffer_truncated() {
        error.set_retry(false);
        return error;
    }
    // One that was idle may have been closed while the request was on its way: that is not the server's failure.
    error.retry.decide_reuse(reused);
    if error.retry() || session.response_written().is_some() || ctx.upgrade {
        return error;
    }
    let broken = *error.esource() == ErrorSource::Upstream
        && (matches!(error.etype(), ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError)
            || http2(&error).is_some_and(h2::Error::is_io));
    let cut_by_us = ctx.watchdog.as_ref().is_some_and(|watchdog| watchdog.has_bitten());
    if broken && !cut_by_us && go_on(session, ctx, &error) {
        ctx.watchdog = None;
        error.set_retry(true);
    }
    error
}

/// Whether a server of HTTP/2 says that it has not begun with the request, whatever its method (RFC 9113 §8.7). Pingora
/// asks for another try by itself then.
fn is_untouched(error: &Error) -> bool {
    http2(error).filter(|error| error.is_remote()).is_some_and(|error| {
        error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM)
            || error.is_go_away() && error.reason() == Some(Reason::NO_ERROR)
    })
}

/// What HTTP/2 has to say of it.
fn http2(error: &Error) -> Option<&h2::Error> {
    error.root_cause().downcast_ref()
}

fn go_on(session: &Session, ctx: &mut Ctx, error: &Error) -> bool {
    let failed = ctx.choice.server.clone();
    let found = ctx.choice.choose_another();
    if let (true, Some(failed), Some(server)) = (found, failed, &ctx.choice.server) {
        info!("{error}: {} goes from {failed:?} to {server:?}", summary(session.req_header(), ctx));
    }
    found
}
