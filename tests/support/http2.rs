//! HTTP/2 with prior knowledge or over TLS, from both ends: a client connection, and a backend that echoes.

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};

use super::backend::Seen;
use super::{Backend, Gateway, Message, Wire, within};

/// A whole response.
#[derive(Debug)]
pub struct Reply {
    pub head: http::response::Parts,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
}

/// A connection to `web`.
pub async fn connect(gateway: &Gateway) -> SendRequest<Bytes> {
    over(gateway.connect().await).await
}

/// A connection over one that is there.
pub async fn over(wire: Wire) -> SendRequest<Bytes> {
    let (client, connection) = within("HTTP/2", h2::client::handshake(wire.into_stream())).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Sends a request; the body is the caller's to end, unless there is none.
pub async fn send(
    client: &SendRequest<Bytes>,
    request: http::request::Builder,
    end: bool,
) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
    let request = request.body(()).unwrap();
    let mut client = within("room for a stream", client.clone().ready()).await.unwrap();
    client.send_request(request, end).unwrap()
}

pub async fn get(client: &SendRequest<Bytes>, url: &str) -> Reply {
    let (response, _) = send(client, Request::get(url), true).await;
    reply(response).await.unwrap()
}

pub async fn reply(response: h2::client::ResponseFuture) -> Result<Reply, h2::Error> {
    let (head, mut stream) = within("a response", response).await?.into_parts();
    let (body, trailers) = read(&mut stream).await?;
    Ok(Reply { head, body, trailers })
}

async fn read(stream: &mut RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut body = Vec::new();
    while let Some(data) = within("data", stream.data()).await {
        let data = data?;
        body.extend_from_slice(&data);
        stream.flow_control().release_capacity(data.len())?;
    }
    Ok((body, within("trailers", stream.trailers()).await?))
}

/// Answers over HTTP/2 with the request as text, its body, and the number of its trailers as a trailer.
pub async fn backend() -> Backend {
    Backend::accepting(|tcp, seen| async move {
        let mut connection = h2::server::handshake(tcp).await.map_err(std::io::Error::other)?;
        while let Some(Ok((request, respond))) = connection.accept().await {
            tokio::spawn(echo(request, respond, seen.clone()));
        }
        Ok(())
    })
    .await
}

/// Answers over HTTP/2 as a server of gRPC does: with what it was sent, and its status in trailers.
pub async fn grpc() -> Backend {
    Backend::accepting(|tcp, seen| async move {
        let mut connection = h2::server::handshake(tcp).await.map_err(std::io::Error::other)?;
        while let Some(Ok((request, respond))) = connection.accept().await {
            tokio::spawn(answer_grpc(request, respond, seen.clone()));
        }
        Ok(())
    })
    .await
}

async fn answer_grpc(
    request: Request<RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    seen: Seen,
) -> Result<(), h2::Error> {
    let (head, mut stream) = request.into_parts();
    seen.push(message(&head));
    let (body, _) = read(&mut stream).await?;
    let kind = head.headers.get("content-type").cloned().unwrap_or(http::HeaderValue::from_static("text/plain"));
    let response = Response::builder().header("content-type", kind).header("x-backend", "grpc").body(()).unwrap();
    let mut send = respond.send_response(response, false)?;
    send.send_data(body.into(), false)?;
    let trailers = [("grpc-status", "0"), ("grpc-message", "ok")];
    send.send_trailers(trailers.map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).into_iter().collect())
}

/// The head of a request as a message.
fn message(head: &http::request::Parts) -> Message {
    let mut text = format!("{} {} {:?}\r\n", head.method, head.uri, head.version);
    for (name, value) in &head.headers {
        text += &format!("{name}: {}\r\n", value.to_str().unwrap_or("?"));
    }
    Message::parse(text.as_bytes())
}

pub async fn echo(
    request: Request<RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    seen: Seen,
) -> Result<(), h2::Error> {
    let (head, mut stream) = request.into_parts();
    let seen_head = message(&head);
    let mut text = seen_head.head.clone() + "\r\n";
    seen.push(seen_head);
    let (body, trailers) = read(&mut stream).await?;
    let response = Response::builder().header("x-backend", "h2").body(()).unwrap();
    let mut send = respond.send_response(response, false)?;
    text += &format!("\r\n{}", String::from_utf8_lossy(&body));
    send.send_data(text.into(), false)?;
    let received = format!("{} trailers", trailers.map_or(0, |t| t.len()));
    let trailers = [(http::HeaderName::from_static("x-received"), received.parse().unwrap())];
    send.send_trailers(trailers.into_iter().collect())
}
