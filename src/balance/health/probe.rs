//! One probe of a server, as a `HealthCheck` of `pingora-load-balancing`: over HTTP, or gRPC's health protocol.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, header};
use pingora_error::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_load_balancing::Backend;
use pingora_load_balancing::health_check::HealthCheck;

use super::super::client::Question;
use super::super::server::{Location, Scheme, Server};
use crate::dynamic::http::ServerHealthCheck;

/// Redirects followed, as in Go.
const MOST_REDIRECTS: usize = 10;

/// gRPC's request for the health of the whole server: a message without compression and without content.
const GRPC_QUESTION: &[u8] = &[0, 0, 0, 0, 0];
/// Its answer, `status: SERVING`.
const GRPC_SERVING: &[u8] = &[0, 0, 0, 0, 2, 0x08, 1];

/// How a server is probed.
#[derive(Debug)]
pub struct Probe {
    scheme: Option<Scheme>,
    port: Option<u16>,
    grpc: bool,
    method: Method,
    path: String,
    /// The one good status; else 2xx and 3xx are.
    status: Option<u16>,
    host: Option<HeaderValue>,
    headers: Vec<(HeaderName, HeaderValue)>,
    follow_redirects: bool,
}

// === impl Probe ===

impl Probe {
    /// A probe as it is asked for; the error says what isn't possible.
    pub fn new(settings: &ServerHealthCheck) -> std::result::Result<Self, String> {
        let grpc = match settings.mode.as_str() {
            "" | "http" => false,
            "grpc" => true,
            other => return Err(format!("healthCheck.mode {other:?} is not known: accepted are http and grpc")),
        };
        let scheme = match settings.scheme.as_str() {
            "" => None,
            given => Some(Scheme::named(given).map_err(|e| format!("healthCheck.scheme: {e}"))?),
        };
        let port = match settings.port {
            0 => None,
            given => Some(u16::try_from(given).map_err(|_| format!("healthCheck.port: {given} is not a port"))?),
        };
        let method = match settings.method.as_str() {
            "" => Method::GET,
            given => Method::from_bytes(given.to_ascii_uppercase().as_bytes())
                .map_err(|_| format!("healthCheck.method: {given:?} is not a method"))?,
        };
        let path = match settings.path.as_str() {
            path if path.starts_with('/') => path.to_owned(),
            path if path.contains("://") => {
                return Err(format!("healthCheck.path: {path:?} is a URL: a path is accepted"));
            }
            path => format!("/{path}"),
        };
        // What the request can be made of is tried here, once.
        RequestHeader::build(method.clone(), path.as_bytes(), None)
            .map_err(|_| format!("healthCheck.path: {path:?} is not a path"))?;
        let mut host = match settings.hostname.as_str() {
            "" => None,
            given => Some(value("hostname", given)?),
        };
        let mut headers = Vec::new();
        for (name, text) in &settings.headers {
            let value = value("headers", text)?;
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("healthCheck.headers: {name:?} is not the name of a header"))?;
            if name == header::HOST {
                host = Some(value);
            } else {
                headers.push((name, value));
            }
        }
        let status = u16::try_from(settings.status).ok().filter(|status| *status > 0);
        let follow_redirects = settings.follow_redirects.unwrap_or(true);
        Ok(Probe { scheme, port, grpc, method, path, status, host, headers, follow_redirects })
    }

    async fn http(&self, server: &Server) -> Result<()> {
        let mut server = server.probed(self.scheme, self.port)?;
        let (mut method, mut target) = (self.method.clone(), self.path.clone());
        let mut host = self.host.clone();
        for _ in 0..=MOST_REDIRECTS {
            let mut head = RequestHeader::build(method.clone(), target.as_bytes(), None)?;
            head.insert_header(header::HOST, host.clone().unwrap_or_else(|| server.authority.clone()))?;
            for (name, value) in &self.headers {
                head.append_header(name.clone(), value.clone())?;
            }
            let answer = Question { head, body: Vec::new() }.ask(&server, 0).await?.head;
            let Some(location) = location(&answer).filter(|_| self.follow_redirects) else {
                return self.judge(answer.status.as_u16());
            };
            if !matches!(answer.status.as_u16(), 307 | 308) && method != Method::HEAD {
                method = Method::GET;
            }
            target = match location.split_once("://") {
                None if location.starts_with('/') => location.to_owned(),
                None => target.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned() + "/" + location,
                Some((_, rest)) => {
                    server = redirected(&server, location).await?;
                    host = None;
                    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/").to_owned()
                }
            };
        }
        Error::e_explain(ErrorType::Custom("TooManyRedirects"), format!("more than {MOST_REDIRECTS} redirects"))
    }

    fn judge(&self, status: u16) -> Result<()> {
        let good = self.status.map_or((200..400).contains(&status), |wanted| status == wanted);
        match good {
            true => Ok(()),
            false => {
                Error::e_explain(ErrorType::HTTPStatus(status), format!("its health check was answered with {status}"))
            }
        }
    }

    async fn grpc(&self, server: &Server) -> Result<()> {
        let scheme = match self.scheme.unwrap_or(server.scheme()) {
            Scheme::Https => Scheme::Https,
            Scheme::Http | Scheme::H2c => Scheme::H2c,
        };
        let server = server.probed(Some(scheme), self.port)?;
        let mut head = RequestHeader::build(Method::POST, b"/grpc.health.v1.Health/Check", None)?;
        head.insert_header(header::HOST, self.host.clone().unwrap_or_else(|| server.authority.clone()))?;
        head.insert_header(header::CONTENT_TYPE, "application/grpc")?;
        head.insert_header(header::TE, "trailers")?;
        for (name, value) in &self.headers {
            head.append_header(name.clone(), value.clone())?;
        }
        let body = vec![Bytes::from_static(GRPC_QUESTION)];
        let answer = Question { head, body }.ask(&server, GRPC_SERVING.len() + 1).await?;
        if answer.head.status == 200 && answer.body == GRPC_SERVING {
            return Ok(());
        }
        let status = answer.head.headers.get("grpc-status").and_then(|s| s.to_str().ok()).unwrap_or("-");
        let message = format!("not SERVING: status {}, grpc-status {status}", answer.head.status.as_u16());
        Error::e_explain(ErrorType::Custom("NotServing"), message)
    }
}

#[async_trait]
impl HealthCheck for Probe {
    async fn check(&self, backend: &Backend) -> Result<()> {
        let server = backend.ext.get::<Arc<Server>>();
        let server = server.ok_or_else(|| Error::explain(ErrorType::InternalError, "a backend that is no server"))?;
        if self.grpc { self.grpc(server).await } else { self.http(server).await }
    }

    /// As in Traefik, one probe decides.
    fn health_threshold(&self, _success: bool) -> usize {
        1
    }
}

fn value(field: &str, text: &str) -> std::result::Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|_| format!("healthCheck.{field}: {text:?} can't stand in a header"))
}

/// Where a response redirects to.
fn location(answer: &ResponseHeader) -> Option<&str> {
    let redirects = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    answer.headers.get(header::LOCATION).filter(|_| redirects)?.to_str().ok()
}

/// The server of another URL, spoken to like the first one.
async fn redirected(server: &Server, url: &str) -> Result<Server> {
    let location = Location::parse(url).map_err(|e| Error::explain(ErrorType::Custom("BadRedirect"), e))?;
    let address = match location.address() {
        Some(address) => Some(address),
        None => tokio::net::lookup_host((location.host.as_str(), location.port)).await.ok().and_then(|mut a| a.next()),
    };
    match address {
        Some(address) => Ok(server.moved(location, address)),
        None => Error::e_explain(ErrorType::Custom("BadRedirect"), format!("{url}: the name has no address")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_asked_for_is_told() {
        let settings = |change: fn(&mut ServerHealthCheck)| {
            let mut settings = ServerHealthCheck { path: "health".to_owned(), ..ServerHealthCheck::default() };
            change(&mut settings);
            settings
        };
        let probe = Probe::new(&settings(|s| s.status = 204)).unwrap();
        assert_eq!((probe.path.as_str(), &probe.method), ("/health", &Method::GET));
        assert!(probe.judge(204).is_ok() && probe.judge(200).is_err());
        let probe = Probe::new(&settings(|s| s.method = "head".to_owned())).unwrap();
        assert_eq!(probe.method, Method::HEAD);
        assert!(probe.judge(200).is_ok() && probe.judge(399).is_ok() && probe.judge(400).is_err());
        for (change, field) in [
            ((|s| s.mode = "tcp".to_owned()) as fn(&mut ServerHealthCheck), "mode"),
            (|s| s.scheme = "ftp".to_owned(), "scheme"),
            (|s| s.port = 70_000, "port"),
            (|s| s.method = "a b".to_owned(), "method"),
            (|s| s.path = "http://elsewhere/".to_owned(), "path"),
            (|s| s.hostname = "a\nb".to_owned(), "hostname"),
            (|s| drop(s.headers.insert("a b".to_owned(), "c".to_owned())), "headers"),
        ] {
            let error = Probe::new(&settings(change)).unwrap_err();
            assert!(error.starts_with(&format!("healthCheck.{field}")), "{error}");
        }
    }
}
