//! The HTTP client of filters that ask another server: HTTP/1.1 over kept connections, TLS, a limit of time.
//! It follows no redirects, keeps no cookies, and adds nothing to what it is told to send.

pub(crate) mod tls;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use url::Url;

use crate::config::ClientTls;
use crate::registry::BadConfig;

/// How long a question and its answer may take; Traefik's.
const LIMIT: Duration = Duration::from_secs(30);

/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(90);

/// Asks one kind of server.
pub(crate) struct Client {
    client: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// No connection, or it broke.
    #[error("{0}")]
    Failed(String),
    /// It took too long.
    #[error("no answer within {LIMIT:?}")]
    TimedOut,
    /// The answer's body is larger than wanted.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

// === impl Client ===

impl Client {
    /// A client for a server, which TLS settings may be for.
    pub(crate) fn new(server: &Url, tls: Option<&ClientTls>) -> Result<Self, BadConfig> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(LIMIT));
        let settings = tls::settings(server.scheme() == "https", tls).map_err(|bad| bad.under("tls"))?;
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_title_case_headers(true)
            .build(HttpsConnector::from((tcp, settings)));
        Ok(Client { client })
    }

    /// Asks, and reads the whole answer; none larger than `most` bytes.
    pub(crate) async fn ask(&self, request: Request<Bytes>, most: Option<usize>) -> Result<Response<Bytes>, CallError> {
        let call = async {
            let response =
                self.client.request(request.map(Full::new)).await.map_err(|e| CallError::Failed(chain(&e)))?;
            let (head, mut body) = response.into_parts();
            let most = most.unwrap_or(usize::MAX);
            if body.size_hint().lower() > most as u64 {
                return Err(CallError::TooLarge(most));
            }
            let mut whole = BytesMut::new();
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame.map_err(|e| CallError::Failed(chain(&e)))?.into_data() else { continue };
                if whole.len() + data.len() > most {
                    return Err(CallError::TooLarge(most));
                }
                whole.extend_from_slice(&data);
            }
            Ok(Response::from_parts(head, whole.freeze()))
        };
        tokio::time::timeout(LIMIT, call).await.unwrap_or(Err(CallError::TimedOut))
    }
}

/// An error and what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
