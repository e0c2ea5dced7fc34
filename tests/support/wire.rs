//! One HTTP/1 connection seen from either end, down to its bytes. Every read has a deadline.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::message::{Message, header};
use super::{PATIENCE, within};

pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub struct Wire {
    stream: Box<dyn Duplex>,
    buffer: BytesMut,
}

/// How the body of a message ends.
enum Framing {
    Length(usize),
    Chunked,
    ToEnd,
}

// === impl Wire ===

impl Wire {
    pub fn new(stream: impl Duplex + 'static) -> Self {
        Wire { stream: Box::new(stream), buffer: BytesMut::new() }
    }

    pub async fn connect(address: SocketAddr) -> Self {
        let tcp = within("a connection", TcpStream::connect(address)).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        Wire::new(tcp)
    }

    /// The stream; nothing may have been read ahead.
    pub fn into_stream(self) -> Box<dyn Duplex> {
        assert!(self.buffer.is_empty(), "there is more: {:?}", self.buffer);
        self.stream
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        let write = async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        };
        timeout(PATIENCE, write).await.map_err(|_| late("write"))?
    }

    /// Sends text lines, `\n` written as `\r\n`, so that requests read well in tests.
    pub async fn say(&mut self, text: &str) -> Result<()> {
        self.send(text.replace('\n', "\r\n")).await
    }

    /// Sends a request and reads its reply.
    pub async fn ask(&mut self, request: &str) -> Message {
        self.say(request).await.unwrap();
        let head_only = request.starts_with("HEAD ");
        self.reply_to(head_only).await.unwrap_or_else(|e| panic!("no reply to {request:?}: {e}"))
    }

    /// A whole reply.
    pub async fn reply(&mut self) -> Result<Message> {
        self.reply_to(false).await
    }

    async fn reply_to(&mut self, head_only: bool) -> Result<Message> {
        let mut reply = self.head().await?.ok_or_else(|| Error::new(ErrorKind::UnexpectedEof, "closed"))?;
        let bodiless = head_only || reply.status() < 200 || reply.status() == 204 || reply.status() == 304;
        let framing = if bodiless { Framing::Length(0) } else { framing(&reply, Framing::ToEnd) };
        self.body(&mut reply, framing).await?;
        Ok(reply)
    }

    /// A whole request; none where the client closed.
    pub async fn request(&mut self) -> Result<Option<Message>> {
        let Some(mut request) = self.head().await? else { return Ok(None) };
        let framing = framing(&request, Framing::Length(0));
        self.body(&mut request, framing).await?;
        Ok(Some(request))
    }

    /// The head of a message; none where the peer closed before.
    pub async fn head(&mut self) -> Result<Option<Message>> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                return Ok(Some(Message::parse(&self.buffer.split_to(end + 4))));
            }
            if !self.fill().await? {
                return match self.buffer.is_empty() {
                    true => Ok(None),
                    false => Err(Error::new(ErrorKind::UnexpectedEof, format!("half a head: {:?}", self.buffer))),
                };
            }
        }
    }

    /// The next chunk of a chunked body; none at its end (the trailers are left).
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let line = self.line().await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16)
            .map_err(|_| Error::new(ErrorKind::InvalidData, format!("no size of a chunk: {line:?}")))?;
        if size == 0 {
            return Ok(None);
        }
        let data = self.bytes(size).await?;
        self.line().await?;
        Ok(Some(data))
    }

    pub async fn bytes(&mut self, count: usize) -> Result<Bytes> {
        while self.buffer.len() < count {
            if !self.fill().await? {
                let message = format!("closed after {} of {count} bytes", self.buffer.len());
                return Err(Error::new(ErrorKind::UnexpectedEof, message));
            }
        }
        Ok(self.buffer.split_to(count).freeze())
    }

    /// What there is until the peer closes; a reset is a close.
    pub async fn rest(&mut self) -> Result<Bytes> {
        loop {
            match self.fill().await {
                Ok(true) => {}
                Err(e) if e.kind() == ErrorKind::TimedOut => return Err(e),
                Ok(false) | Err(_) => return Ok(self.buffer.split().freeze()),
            }
        }
    }

    /// Waits until the peer closes, which it must without another word.
    pub async fn assert_closed(&mut self) {
        let rest = self.rest().await.unwrap_or_else(|e| panic!("not closed: {e}"));
        assert!(rest.is_empty(), "closed after more bytes: {:?}", String::from_utf8_lossy(&rest));
    }

    /// Whether nothing comes for a while, and the connection stays.
    pub async fn is_silent(&mut self, time: Duration) -> bool {
        self.buffer.is_empty() && timeout(time, self.stream.read_buf(&mut self.buffer)).await.is_err()
    }

    async fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            if !self.fill().await? {
                return Err(Error::new(ErrorKind::UnexpectedEof, "closed within a line"));
            }
        }
    }

    async fn body(&mut self, message: &mut Message, framing: Framing) -> Result<()> {
        match framing {
            Framing::Length(length) => message.body = self.bytes(length).await?.to_vec(),
            Framing::ToEnd => {
                while self.fill().await? {}
                message.body = self.buffer.split().to_vec();
            }
            Framing::Chunked => {
                while let Some(chunk) = self.chunk().await? {
                    message.body.extend_from_slice(&chunk);
                }
                loop {
                    match self.line().await? {
                        line if line.is_empty() => break,
                        line => message.trailers.push(header(&line)),
                    }
                }
            }
        }
        Ok(())
    }

    async fn fill(&mut self) -> Result<bool> {
        self.buffer.reserve(16 << 10);
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
        Ok(read.map_err(|_| late("read"))?? > 0)
    }
}

fn late(what: &str) -> Error {
    Error::new(ErrorKind::TimedOut, format!("nothing to {what} within {PATIENCE:?}"))
}

fn framing(message: &Message, otherwise: Framing) -> Framing {
    if message.has_token("Transfer-Encoding", "chunked") {
        return Framing::Chunked;
    }
    match message.header("Content-Length") {
        Some(length) => Framing::Length(length.parse().unwrap_or_else(|_| panic!("Content-Length: {length}"))),
        None => otherwise,
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}
