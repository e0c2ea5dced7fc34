//! The UDP side of whoami: a datagram `WHO` asks for the identity, any other comes back.

use tokio::net::UdpSocket;

use super::identity::Identity;

/// Answers every datagram until dropped. Reads at most 1024 bytes of one, as `traefik/whoamiudp` does.
pub async fn serve_udp(socket: UdpSocket, name: Option<String>) {
    let identity = Identity::here(name).to_string();
    let mut buffer = [0; 1024];
    loop {
        let answered = match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => socket.send_to(&super::reply(&buffer[..length], &identity), from).await,
            Err(error) => Err(error),
        };
        if let Err(error) = answered {
            super::pause_after("UDP", &error).await;
        }
    }
}
