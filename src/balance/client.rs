//! Requests of our own to servers: probes of their health, copies for mirrors. With a pool of connections of its own, so
//! that they never take one that a client's request could have.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{Uri, Version, header};
use pingora::connectors::http::Connector;
use pingora::protocols::http::client::HttpSession;
use pingora_error::{Error, ErrorType, OrErr, Result};
use pingora_http::{RequestHeader, ResponseHeader};

use super::server::Server;

/// One for the process: connections outlive the tables.
static CONNECTOR: LazyLock<Connector> = LazyLock::new(|| Connector::new(None));

/// A request: its head in the form of HTTP/1.1, with a `Host`.
#[derive(Debug, Clone)]
pub struct Question {
    /// The head.
    pub head: RequestHeader,
    /// The body, in pieces; the head says how long it is.
    pub body: Vec<Bytes>,
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    /// The head.
    pub head: ResponseHeader,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

// === impl Question ===

impl Question {
    /// Asks a server; of the answer's body the first `keep` bytes are kept, the rest is read and thrown away.
    /// How long it may take is the caller's affair.
    pub async fn ask(self, server: &Server, keep: usize) -> Result<Answer> {
        let peer = server.peer(false);
        let (mut session, _) = CONNECTOR.get_http_session(&peer).await?;
        if !server.is_certified_by(session.digest()) {
            return Error::e_explain(ErrorType::InvalidCert, "the certificate is not for the server's address");
        }
        let mut head = self.head;
        if matches!(session, HttpSession::H2(_)) {
            to_http2(&mut head, server.is_tls())?;
        }
        session.write_request_header(Box::new(head)).await?;
        for piece in self.body {
            session.write_request_body(piece, false).await?;
        }
        session.finish_request_body().await?;
        let head = loop {
            session.read_response_header().await?;
            match session.response_header() {
                Some(head) if head.status.is_informational() => {}
                Some(head) => break head.clone(),
                None => return Error::e_explain(ErrorType::ReadError, "no response"),
            }
        };
        let mut body = Vec::new();
        while let Some(piece) = session.read_response_body().await? {
            let room = keep - body.len().min(keep);
            body.extend_from_slice(piece.get(..room).unwrap_or(&piece));
        }
        CONNECTOR.release_http_session(session, &peer, peer.options.idle_timeout).await;
        Ok(Answer { head, body })
    }
}

/// Host becomes the authority; what is about an HTTP/1 connection goes.
fn to_http2(head: &mut RequestHeader, tls: bool) -> Result<()> {
    let host = head.remove_header(&header::HOST);
    let authority = host.as_ref().map_or(&b""[..], |host| host.as_bytes());
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let uri = Uri::builder().scheme(if tls { "https" } else { "http" }).authority(authority).path_and_query(target);
    let uri = uri.build().or_err(ErrorType::InvalidHTTPHeader, "not a Host for HTTP/2")?;
    head.set_uri(uri);
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE] {
        head.remove_header(&name);
    }
    head.set_version(Version::HTTP_2);
    Ok(())
}
