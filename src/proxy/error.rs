//! From an error of Pingora to what the client gets, in one place: the side at fault decides the status.
//! Traefik's proxy: timeouts 504, a lost or refused connection 502, a client that left 499, anything else 500.

use pingora_error::{Error, ErrorSource, ErrorType};

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
