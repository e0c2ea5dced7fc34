//! How a response's body is told from what follows it, settled once its filters have had their say.
//! Filters only take `Content-Length` away; what stands for it depends on who is asked.

use http::{Method, StatusCode, Version, header};
use pingora_error::Result;
use pingora_http::{RequestHeader, ResponseHeader};

/// What ends a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Its length, its last chunk, or the stream; or there is none.
    Itself,
    /// The end of the connection: a client of HTTP/1.0 knows no chunks.
    ToTheEnd,
}

/// Settles the framing of a response; `had_length` before the filters.
pub(super) fn settle(request: &RequestHeader, response: &mut ResponseHeader, had_length: bool) -> Result<Framing> {
    let has_length = response.headers.contains_key(header::CONTENT_LENGTH);
    let bodiless =
        request.method == Method::HEAD || matches!(response.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if request.version == Version::HTTP_10 {
        let chunked = response.remove_header(&header::TRANSFER_ENCODING).is_some();
        let lost_length = had_length && !has_length && !bodiless;
        return Ok(if chunked || lost_length { Framing::ToTheEnd } else { Framing::Itself });
    }
    // HTTP/2's writer takes it out again.
    if had_length && !has_length && !bodiless {
        response.insert_header(header::TRANSFER_ENCODING, "chunked")?;
    }
    Ok(Framing::Itself)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_length_becomes_chunks_or_the_end_of_the_connection() {
        for (version, method, before, after, chunked, framing) in [
            (Version::HTTP_11, "GET", true, true, false, Framing::Itself),
            (Version::HTTP_11, "GET", true, false, true, Framing::Itself),
            (Version::HTTP_11, "GET", false, false, false, Framing::Itself),
            (Version::HTTP_11, "HEAD", true, false, false, Framing::Itself),
            (Version::HTTP_10, "GET", true, true, false, Framing::Itself),
            (Version::HTTP_10, "GET", true, false, false, Framing::ToTheEnd),
            (Version::HTTP_10, "HEAD", true, false, false, Framing::Itself),
        ] {
            let mut request = RequestHeader::build(method, b"/", None).unwrap();
            request.set_version(version);
            let mut response = ResponseHeader::build(200, None).unwrap();
            if after {
                response.insert_header("Content-Length", "4").unwrap();
            }
            let what = format!("{version:?} {method} {before} {after}");
            assert_eq!(settle(&request, &mut response, before).unwrap(), framing, "{what}");
            assert_eq!(response.headers.contains_key("Transfer-Encoding"), chunked, "{what}");
        }
    }
}
