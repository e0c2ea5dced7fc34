//! The HTTP side of whoami: HTTP/1.1 and HTTP/2 by prior knowledge, one handler per path of `traefik/whoami`.
//! Differs in three corners: no `env=true` (it would publish the user's environment), no redirect to a cleaned
//! path, and no made-up `User-Agent`, so that the text shows what arrived.

mod data;
mod echo;
mod wire;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use ingora_crds::duration::GoDuration;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use tokio::net::TcpListener;

use super::identity::Identity;

/// Every answer's type: a body that can't fail.
type Answer = Response<BoxBody<Bytes, Infallible>>;

/// The most of a request's body that is read, to be shown again.
const BODY_LIMIT: usize = 64 << 20;

/// One server: who it is, and the state of its health check.
struct Whoami {
    identity: Identity,
    health: AtomicU16,
}

/// What `/api` answers, in the original's key order; empty values are left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Api<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    hostname: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ip: &'a [std::net::IpAddr],
    #[serde(skip_serializing_if = "wire::Headers::is_empty")]
    headers: wire::Headers,
    url: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    host: &'a str,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    remote_addr: SocketAddr,
}

/// Answers every connection until dropped; dropping closes them.
///
/// Paths: `/` and whatever else shows the request (`?wait=500ms` first waits), `/api` the same as JSON, `/bench` `1`,
/// `/data?size=&unit=&attachment=` bytes, `/echo` a WebSocket, `/health` the status last sent there by `POST` (200).
pub async fn serve_http(listener: TcpListener, name: Option<String>) {
    let whoami = Arc::new(Whoami { identity: Identity::here(name), health: AtomicU16::new(200) });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().title_case_headers(true).timer(TokioTimer::new());
    let builder = Arc::new(builder);
    super::accept_each(listener, |stream, remote| {
        let (whoami, builder) = (whoami.clone(), builder.clone());
        async move {
            let service = service_fn(|request| {
                let whoami = whoami.clone();
                async move { Ok::<_, Infallible>(whoami.answer(request, remote).await) }
            });
            if let Err(error) = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await {
                log::debug!("whoami: HTTP {remote}: {error}");
            }
        }
    })
    .await;
}

// === impl Whoami ===

impl Whoami {
    async fn answer(&self, request: Request<Incoming>, remote: SocketAddr) -> Answer {
        match request.uri().path() {
            "/data" => data::answer(request.uri().query()),
            "/echo" => echo::answer(request),
            "/bench" => {
                let mut answer = text("1");
                let headers = answer.headers_mut();
                headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
                if request.version() < http::Version::HTTP_2 {
                    headers.insert(header::CONNECTION, header::HeaderValue::from_static("keep-alive"));
                }
                answer
            }
            "/api" => self.api(&request.into_parts().0, remote),
            "/health" => self.health(request).await,
            _ => self.show(request, remote).await,
        }
    }

    async fn show(&self, request: Request<Incoming>, remote: SocketAddr) -> Answer {
        let (head, body) = request.into_parts();
        let wait = parameter(head.uri.query(), "wait").and_then(|w| w.parse::<GoDuration>().ok());
        if let Some(wait) = wait.and_then(GoDuration::positive) {
            tokio::time::sleep(wait).await;
        }
        let body = match read(body).await {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let mut shown = format!("{}RemoteAddr: {remote}\n", self.identity).into_bytes();
        wire::write_request(&mut shown, &head, &body);
        text(shown)
    }

    fn api(&self, head: &Parts, remote: SocketAddr) -> Answer {
        let shown = Api {
            hostname: &self.identity.hostname,
            ip: &self.identity.addresses,
            headers: wire::headers(head),
            url: wire::target(head),
            host: &wire::host(head),
            method: head.method.as_str(),
            name: self.identity.name.as_deref(),
            remote_addr: remote,
        };
        match serde_json::to_string(&shown) {
            Ok(json) => {
                let mut answer = text(json + "\n");
                let headers = answer.headers_mut();
                headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, header::HeaderValue::from_static("*"));
                headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, header::HeaderValue::from_static("*"));
                answer
            }
            Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    async fn health(&self, request: Request<Incoming>) -> Answer {
        let mut answer = text("");
        answer.headers_mut().remove(header::CONTENT_TYPE);
        if request.method() != Method::POST {
            // Only what StatusCode accepts is ever stored.
            *answer.status_mut() = StatusCode::from_u16(self.health.load(Ordering::Relaxed)).unwrap_or_default();
            return answer;
        }
        let body = match read(request.into_body()).await {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        match serde_json::from_slice(&body) {
            // 1xx can't end a response, and Go takes three digits.
            Ok(status @ 200..=999) => {
                self.health.store(status, Ordering::Relaxed);
                answer
            }
            Ok(status) => refuse(StatusCode::BAD_REQUEST, &format!("{status} is no status, use 200 to 999")),
            Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
        }
    }
}

async fn read(body: Incoming) -> Result<Bytes, Answer> {
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, "more than 64 MiB can't be shown"))
        }
        Err(error) => Err(refuse(StatusCode::BAD_REQUEST, &error.to_string())),
    }
}

/// 200 with a text as Go's server labels it.
fn text(body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()).boxed());
    let value = header::HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, value);
    answer
}

/// An error as Go's `http.Error` writes it.
fn refuse(status: StatusCode, why: &str) -> Answer {
    let mut answer = text(format!("{why}\n"));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    answer
}

/// The first value of a query parameter, decoded.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = query?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
    Some(percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned())
}
