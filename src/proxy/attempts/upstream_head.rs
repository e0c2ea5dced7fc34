//! The head of a request as one server gets it: by the same hooks as every request, then in the words of the protocol
//! that the connection speaks.

use http::uri::PathAndQuery;
use http::{HeaderName, Uri, Version, header};
use pingora_error::{Error, ErrorType, OrErr, Result};
use pingora_http::RequestHeader;
use pingora_proxy::ProxyHttp;

use super::Call;

/// Fields that only HTTP/1 has (RFC 9113 §8.2.2).
const OF_HTTP1: [HeaderName; 5] = [
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The head for a connection; `other` in place of the request's own, without a body.
pub(super) async fn prepare(
    call: &mut Call<'_>,
    other: Option<&RequestHeader>,
    http2: bool,
    tls: bool,
) -> Result<Box<RequestHeader>> {
    let body_follows = other.is_none() && !call.session.as_mut().is_body_empty();
    let mut head = other.unwrap_or_else(|| call.session.req_header()).clone();
    if !head.headers.contains_key(header::HOST)
        && let Some(authority) = head.uri.authority().map(|authority| authority.as_str().to_owned())
    {
        head.insert_header(header::HOST, authority)?;
    }
    head.set_version(if http2 { Version::HTTP_2 } else { Version::HTTP_11 });
    call.gateway.upstream_request_filter(call.session, &mut head, call.ctx).await?;
    match &call.held {
        Some(held) if other.is_none() => {
            // It was waited for, and its length is known.
            head.remove_header(&header::EXPECT);
            head.remove_header(&header::TRANSFER_ENCODING);
            head.insert_header(header::CONTENT_LENGTH, held.len())?;
        }
        _ => {
            let framed = head.headers.contains_key(header::CONTENT_LENGTH)
                || head.headers.contains_key(header::TRANSFER_ENCODING);
            if body_follows && !framed {
                head.insert_header(header::TRANSFER_ENCODING, "chunked")?;
            }
        }
    }
    if http2 {
        for name in OF_HTTP1 {
            head.remove_header(&name);
        }
        let Some(host) = head.remove_header(&header::HOST) else {
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, "no host for HTTP/2"));
        };
        let target = head.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        let scheme = if tls { "https" } else { "http" };
        let uri = Uri::builder().scheme(scheme).authority(host.as_bytes()).path_and_query(target).build();
        head.set_uri(uri.or_err(ErrorType::InvalidHTTPHeader, "no URI for HTTP/2")?);
    }
    Ok(Box::new(head))
}
