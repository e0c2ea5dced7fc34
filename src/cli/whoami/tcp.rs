//! The TCP side of whoami: `WHO` asks for the identity, `STOP` closes, anything else comes back.
//! One read is one message, as in `traefik/whoamitcp`.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use super::identity::Identity;

/// Answers every connection until dropped; dropping closes them.
pub async fn serve_tcp(listener: TcpListener, name: Option<String>) {
    let identity: Arc<str> = Identity::here(name).to_string().into();
    super::accept_each(listener, |stream, remote| {
        let identity = identity.clone();
        async move {
            if let Err(error) = converse(stream, &identity).await {
                log::debug!("whoami: TCP {remote}: {error}");
            }
        }
    })
    .await;
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, identity: &str) -> io::Result<()> {
    let mut buffer = [0; 256];
    loop {
        let length = stream.read(&mut buffer).await?;
        let message = &buffer[..length];
        if message.is_empty() || message.trim_ascii() == b"STOP" {
            return Ok(());
        }
        stream.write_all(&super::reply(message, identity)).await?;
    }
}
