//! TLS handshakes with clients: the certificate for the name, the options' context, and what filters may know of it after.

use std::net::IpAddr;

use ingora_middleware::ClientTls;
use log::debug;
use pingora::protocols::tls::SslStream;
use pingora::tls::ssl::SslRef;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout_at};

use super::connection::Connection;
use super::peek::client_hello::ClientHello;
use crate::routing::Table;
use crate::tls::Profile;

/// The fatal alert `unrecognized_name`, in a record of its own: the answer to a name that no certificate is for.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// Completes the handshake that a client has begun with `hello`; none where it fails, or takes too long. `server` is the
/// address that the client connected to.
pub(super) async fn accept(
    mut connection: Connection,
    server: Option<IpAddr>,
    table: &Table,
    profile: &Profile,
    hello: &ClientHello,
    deadline: Instant,
) -> Option<SslStream<Connection>> {
    let found = match hello.server_name.as_str() {
        // Who connects to an address asks for a certificate of it.
        "" => server.and_then(|address| table.certificates().find(&address.to_canonical().to_string())),
        name => table.certificates().find(name),
    };
    let certificates = match found {
        Some(certificates) => certificates,
        None if profile.sni_strict => {
            if connection.write_all(&UNRECOGNIZED_NAME).await.is_ok() {
                connection.part().await;
            }
            return None;
        }
        None => table.certificates().for_others(),
    };
    let peer = connection.client();
    let ssl = profile.begin(certificates, hello.ecdsa).inspect_err(|e| debug!("{peer}: no handshake: {e}")).ok()?;
    let mut stream = SslStream::new(ssl, connection).ok()?;
    match timeout_at(deadline, stream.accept()).await {
        Ok(Ok(())) => Some(stream),
        Ok(Err(e)) => {
            debug!("{peer}: the TLS handshake with {profile:?} failed: {e}");
            // The library has written an alert that says why.
            stream.get_mut().part().await;
            None
        }
        Err(_) => {
            debug!("{peer}: the TLS handshake took too long");
            None
        }
    }
}

/// What a handshake has settled.
pub(super) fn describe(ssl: &SslRef, hello: ClientHello) -> ClientTls {
    let mut peer_certificates: Vec<Vec<u8>> = Vec::new();
    let leaf = ssl.peer_certificate();
    // With OpenSSL the chain of a server's peer lacks the leaf, with BoringSSL it doesn't.
    let above = ssl.peer_cert_chain().into_iter().flatten();
    let all = leaf.iter().map(|leaf| leaf.to_der()).chain(above.map(|certificate| certificate.to_der()));
    for der in all.flatten() {
        if !peer_certificates.contains(&der) {
            peer_certificates.push(der);
        }
    }
    ClientTls {
        server_name: hello.server_name,
        version: ssl.version_str(),
        cipher: ssl.current_cipher().and_then(|cipher| cipher.standard_name()).unwrap_or_default(),
        alpn: String::from_utf8_lossy(ssl.selected_alpn_protocol().unwrap_or_default()).into_owned(),
        peer_certificates,
    }
}
