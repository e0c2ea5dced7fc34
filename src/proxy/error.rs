//! From an error of Pingora to what the client gets and the log says, in one place: the side at fault decides the status.
//! Traefik's proxy: timeouts 504, a lost or refused connection 502, a client that left 499, anything else 500.

use std::fmt::Display;

use http::header;
use log::{info, warn};
use pingora_error::{Error, ErrorSource, ErrorType};
use pingora_http::RequestHeader;

use super::http::Ctx;

/// The status for requests whose client left: only logs and metrics see it.
pub(super) const CLIENT_CLOSED: u16 = 499;

/// The status that an error is answered with.
pub(super) fn status(error: &Error) -> u16 {
    use ErrorType::{
        ConnectTimedout, ConnectionClosed, HTTPStatus, ReadError, ReadTimedout, TLSHandshakeTimedout, WriteError,
        WriteTimedout,
    };
    match (error.esource(), error.etype()) {
        (_, HTTPStatus(status)) => *status,
        (ErrorSource::Upstream, ConnectTimedout | ReadTimedout | WriteTimedout | TLSHandshakeTimedout) => 504,
        (ErrorSource::Upstream, _) => 502,
        (ErrorSource::Downstream, WriteError | ReadError | ConnectionClosed) => CLIENT_CLOSED,
        (ErrorSource::Downstream, ReadTimedout) => 408,
        (ErrorSource::Downstream, _) => 400,
        (ErrorSource::Internal | ErrorSource::Unset, _) => 500,
    }
}

/// Tells in one line that no server answers a request, and why.
pub(super) fn tell(status: u16, why: impl Display, request: &RequestHeader, ctx: &Ctx) {
    warn!("{status}: {why}, {}", summary(request, ctx));
}

/// Tells in one line of a request that an error ended; `begun` is the status of the response that is with the client in
/// part. That a client leaves or sends nonsense is no error of ours.
pub(super) fn tell_of(error: &Error, status: u16, begun: Option<u16>, request: &RequestHeader, ctx: &Ctx) {
    match (error.esource(), begun) {
        (ErrorSource::Downstream, _) => {
            info!("{status}: the client ended the request: {error}, {}", summary(request, ctx));
        }
        (_, Some(begun)) => {
            tell(
                status,
                format_args!("the response broke off after its head, with status {begun}: {error}"),
                request,
                ctx,
            );
        }
        (_, None) if status == 504 => tell(status, format_args!("the server took too long: {error}"), request, ctx),
        (_, None) => tell(status, error, request, ctx),
    }
}

/// A request, and where it went. Without its query, which may hold secrets.
pub(super) fn summary(request: &RequestHeader, ctx: &Ctx) -> String {
    let route = ctx.layers.last().map(|layer| &layer.route);
    let (router, service) = route.map_or(("-", "-"), |route| (&*route.name, &*route.service));
    let server = ctx.choice.server.as_ref().map_or("-", |server| &*server.url);
    let host = request.headers.get(header::HOST).map(|host| String::from_utf8_lossy(host.as_bytes()));
    format!(
        "{} {}, Host: {}, router: {router}, service: {service}, server: {server}",
        request.method,
        request.uri.path(),
        host.as_deref().unwrap_or("-"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_side_at_fault_decides() {
        for (error, expected) in [
            (Error::new_up(ErrorType::ConnectTimedout), 504),
            (Error::new_up(ErrorType::ReadTimedout), 504),
            (Error::new_up(ErrorType::ConnectRefused), 502),
            (Error::new_up(ErrorType::ConnectionClosed), 502),
            (Error::new_up(ErrorType::InvalidHTTPHeader), 502),
            (Error::new_down(ErrorType::ConnectionClosed), CLIENT_CLOSED),
            (Error::new_down(ErrorType::InvalidHTTPHeader), 400),
            (Error::new_in(ErrorType::InternalError), 500),
            (Error::new(ErrorType::HTTPStatus(413)), 413),
        ] {
            assert_eq!(status(&error), expected, "{error}");
        }
    }
}
