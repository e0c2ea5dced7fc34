//! A request in either version of HTTP, with the same words: what filters do must not depend on it.

use bytes::Bytes;
use http::{HeaderValue, Method, Request};

use super::http2::{over, reply, send};
use super::tls::Tls;
use super::{Gateway, Message, Wire};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

pub const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

// === impl Protocol ===

impl Protocol {
    /// A GET on a connection of its own.
    pub async fn get(self, gateway: &Gateway, host: &str, target: &str) -> Message {
        self.ask(gateway, "GET", host, target, &[], "").await
    }

    /// A request on a connection of its own.
    pub async fn ask(
        self,
        gateway: &Gateway,
        method: &str,
        host: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Message {
        self.over(gateway.connect().await, "http", method, host, target, headers, body).await
    }

    /// A request over TLS, on a connection of its own.
    pub async fn ask_securely(
        self,
        gateway: &Gateway,
        method: &str,
        host: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Message {
        let protocol = if self == Protocol::Http1 { "http/1.1" } else { "h2" };
        let secure = Tls::to(host).alpn(&[protocol]).connect(gateway.web()).await.unwrap();
        assert_eq!(secure.alpn().as_deref(), Some(protocol));
        self.over(secure.wire(), "https", method, host, target, headers, "").await
    }

    #[allow(clippy::too_many_arguments)]
    async fn over(
        self,
        mut wire: Wire,
        scheme: &str,
        method: &str,
        host: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Message {
        match self {
            Protocol::Http1 => {
                let mut head = format!("{method} {target} HTTP/1.1\nHost: {host}\n");
                headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\n"));
                if !body.is_empty() {
                    head += &format!("Content-Length: {}\n", body.len());
                }
                wire.ask(&format!("{head}\n{body}")).await
            }
            Protocol::Http2 => {
                let client = over(wire).await;
                let url = format!("{scheme}://{host}{target}");
                let mut request = Request::builder().method(method.parse::<Method>().unwrap()).uri(url);
                for (name, value) in headers {
                    request = request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
                }
                let (response, mut stream) = send(&client, request, body.is_empty()).await;
                if !body.is_empty() {
                    stream.send_data(Bytes::copy_from_slice(body.as_bytes()), true).unwrap();
                }
                let reply = reply(response).await.unwrap();
                let mut head = format!("HTTP/2 {}\r\n", reply.head.status.as_u16());
                for (name, value) in &reply.head.headers {
                    head += &format!("{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
                }
                Message { body: reply.body, ..Message::parse(head.as_bytes()) }
            }
        }
    }
}
