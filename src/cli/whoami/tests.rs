//! Whoami over real sockets: what the originals answer, byte for byte where it matters.
#![allow(clippy::unwrap_used, clippy::panic)]

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_tungstenite::tungstenite::Message;

use super::{address, serve_http, serve_tcp, serve_udp};

async fn http() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(serve_http(listener, Some("one".into())));
    address
}

/// Sends the bytes (`\n` stands for CR LF in the head) and reads to the end; returns head and body.
async fn exchange(address: &str, head: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\nConnection: close\n\n").replace('\n', "\r\n") + body;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.into(), body.into())
}

#[tokio::test]
async fn shows_the_request_as_go_writes_it() {
    let address = http().await;
    let cases = [
        (
            "GET /a%2Fb?c=d HTTP/1.1\nHost: foo\nx-b: 2\naccept: */*\nX-B: 1\nuser-agent: t",
            "",
            "GET /a%2Fb?c=d HTTP/1.1\r\nHost: foo\r\nUser-Agent: t\r\nAccept: */*\r\nConnection: close\r\nX-B: 2\r\nX-B: 1\r\n\r\n",
        ),
        (
            "POST / HTTP/1.1\nHost: foo:80\nContent-Length: 3",
            "abc",
            "POST / HTTP/1.1\r\nHost: foo:80\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
        ),
        (
            "PUT /x HTTP/1.1\nHost: foo\nTransfer-Encoding: chunked",
            "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            "PUT /x HTTP/1.1\r\nHost: foo\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ),
        (
            "GET http://other/x HTTP/1.1\nHost: foo\nte-2x-: 1",
            "",
            "GET /x HTTP/1.1\r\nHost: other\r\nConnection: close\r\nTe-2x-: 1\r\n\r\n",
        ),
    ];
    for (head, body, expected) in cases {
        let (answer, shown) = exchange(&address, head, body).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{head}: {answer}");
        assert!(answer.contains("\r\nContent-Type: text/plain; charset=utf-8"), "{head}: {answer}");
        let (identity, request) = shown.split_once("RemoteAddr: 127.0.0.1:").unwrap();
        assert!(identity.starts_with("Name: one\nHostname: "), "{identity}");
        assert!(identity.contains("\nIP: 127.0.0.1\n"), "{identity}");
        assert_eq!(request.split_once('\n').unwrap().1, expected, "{head}");
    }
}

#[tokio::test]
async fn answers_each_path() {
    let address = http().await;
    let cases = [
        ("GET /bench", "", "200", "Content-Type: text/plain\r", "1"),
        ("GET /data?size=5", "", "200", "Transfer-Encoding: chunked", "5\r\n|ABC|\r\n0\r\n\r\n"),
        ("GET /data", "", "200", "Transfer-Encoding: chunked", "0\r\n\r\n"),
        ("GET /data?size=4&attachment=true", "", "200", "Content-Disposition: Attachment", "|AB|"),
        ("GET /echo", "", "400", "Sec-Websocket-Version: 13", "Bad Request\n"),
        ("GET /health", "", "200", "Content-Length: 0", ""),
        ("POST /health", "x", "400", "X-Content-Type-Options: nosniff", "expected value at line 1 column 1\n"),
        ("POST /health", "99", "400", "", "99 is no status, use 200 to 999\n"),
        ("POST /health", "503", "200", "", ""),
        ("GET /health", "", "503", "", ""),
    ];
    for (line, body, status, header, expected) in cases {
        let head = format!("{line} HTTP/1.1\nHost: foo\nContent-Length: {}", body.len());
        let (answer, shown) = exchange(&address, &head, body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
        assert!(format!("{answer}\r").contains(header), "{line}: {answer}");
        assert_eq!(shown, expected, "{line}");
    }
    let (answer, body) = exchange(&address, "GET /data?size=1&unit=MB&attachment=1 HTTP/1.1\nHost: foo", "").await;
    assert!(answer.contains("Content-Length: 1048576"), "{answer}");
    assert!(body.len() == 1 << 20 && body.ends_with('|'), "{} bytes", body.len());
}

#[tokio::test]
async fn shows_the_request_as_json() {
    let (answer, body) = exchange(&http().await, "GET /api?q=1 HTTP/1.1\nHost: foo\nx-a: 1\nX-a: 2", "").await;
    assert!(answer.contains("Content-Type: application/json"), "{answer}");
    assert!(answer.contains("Access-Control-Allow-Origin: *"), "{answer}");
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(json["headers"], serde_json::json!({"Connection": ["close"], "X-A": ["1", "2"]}));
    assert_eq!((json["url"].as_str(), json["host"].as_str()), (Some("/api?q=1"), Some("foo")));
    assert_eq!((json["method"].as_str(), json["name"].as_str()), (Some("GET"), Some("one")));
    assert!(json["remoteAddr"].as_str().unwrap().starts_with("127.0.0.1:"));
}

#[tokio::test]
async fn waits_as_long_as_asked() {
    let address = http().await;
    let started = std::time::Instant::now();
    exchange(&address, "GET /?wait=250ms HTTP/1.1\nHost: foo", "").await;
    assert!(started.elapsed().as_millis() >= 250);
}

#[tokio::test]
async fn echoes_over_a_websocket() {
    let stream = TcpStream::connect(http().await).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("ws://foo/echo", stream).await.unwrap();
    for message in [Message::text("hello"), Message::binary(vec![0, 255])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
}

#[tokio::test]
async fn speaks_http2_by_prior_knowledge() {
    let stream = TcpStream::connect(http().await).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post("http://foo/x").body(()).unwrap();
    let (answer, mut sender) = client.send_request(request, false).unwrap();
    sender.send_data("abc".into(), true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    let mut body = answer.into_body();
    let mut shown = Vec::new();
    while let Some(data) = body.data().await {
        shown.extend_from_slice(&data.unwrap());
    }
    let shown = String::from_utf8(shown).unwrap();
    let end = "POST /x HTTP/1.1\r\nHost: foo\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    assert!(shown.ends_with(end), "{shown}");
}

#[tokio::test]
async fn tcp_answers_identity_echo_and_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    tokio::spawn(serve_tcp(listener, None));
    for (message, expected) in
        [("hi \n", "Received: hi \n"), ("WHO\r\n", "Hostname: "), (" WHOAMI", "Received:  WHOAMI")]
    {
        stream.write_all(message.as_bytes()).await.unwrap();
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        let whole = !message.starts_with("WHO");
        assert!(if whole { answer == expected } else { answer.starts_with(expected) }, "{message:?}: {answer}");
    }
    stream.write_all(b"STOP").await.unwrap();
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn udp_answers_identity_and_echo() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(server.local_addr().unwrap()).await.unwrap();
    tokio::spawn(serve_udp(server, Some("two".into())));
    for (message, expected) in [("hi", "Received: hi"), ("WHO\n", "Name: two\nHostname: ")] {
        client.send(message.as_bytes()).await.unwrap();
        let mut answer = [0; 4096];
        let length = client.recv(&mut answer).await.unwrap();
        assert!(String::from_utf8_lossy(&answer[..length]).starts_with(expected), "{message}");
    }
}

#[tokio::test]
async fn a_dropped_server_closes_its_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let server = tokio::spawn(serve_tcp(listener, None));
    stream.write_all(b"hi").await.unwrap();
    assert_eq!(stream.read(&mut [0; 64]).await.unwrap(), "Received: hi".len());
    server.abort();
    let closed = stream.read(&mut [0; 8]).await;
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
}

#[test]
fn a_bare_port_means_every_address() {
    assert_eq!((address(":80").as_str(), address("[::1]:80").as_str()), ("0.0.0.0:80", "[::1]:80"));
}
