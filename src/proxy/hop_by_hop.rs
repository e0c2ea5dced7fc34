//! What a response says of the connection to its server only, which its client is not to see (RFC 9110 §7.6.1, and Go's
//! reverse proxy). What requests say of theirs is in `forwarded`.

use http::{HeaderName, HeaderValue, header};
use pingora_http::ResponseHeader;

/// What a response says of its connection only, beside `Connection` itself.
const OF_THE_CONNECTION: [HeaderName; 6] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::UPGRADE,
];

/// Removes what a response says of the connection to the server only (RFC 9110 §7.6.1).
pub(super) fn remove_hop_by_hop(response: &mut ResponseHeader) {
    let ordinary = |value: &HeaderValue| matches!(value.as_bytes(), b"keep-alive" | b"close" | b"Upgrade" | b"upgrade");
    if !response.headers.get_all(header::CONNECTION).iter().all(ordinary) {
        let named = response.headers.get_all(header::CONNECTION).iter().filter_map(|v| v.to_str().ok());
        let named: Vec<String> = named.flat_map(|v| v.split(',')).map(|n| n.trim().to_ascii_lowercase()).collect();
        for name in &named {
            if !matches!(name.as_str(), "" | "upgrade" | "close" | "content-length" | "transfer-encoding") {
                response.remove_header(name.as_str());
            }
        }
    }
    // Cheap first: few responses have a name that begins like these.
    if response.headers.keys().any(|name| name.as_str().starts_with(['k', 'p', 't', 'u'])) {
        for name in OF_THE_CONNECTION {
            response.remove_header(&name);
        }
    }
}
