//! A session: a client and its server, which knows the client by a socket of its own.
//! Begun by the client's first datagram, over when neither has sent one for the entry point's timeout.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use log::debug;
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::entry_point::EntryPoint;
use super::socket::{LARGEST, Peer, Socket};
use crate::balance::layer4::Server;

/// Answers that a session sends on before others have their turn.
const TURN: usize = 64;

/// A client and its server.
pub(super) struct Session {
    /// The client.
    pub peer: Peer,
    /// The server.
    pub server: Arc<Server<()>>,
    /// Connected to the server.
    socket: UdpSocket,
    began: Instant,
    /// Milliseconds after that of the last datagram, either way.
    active: AtomicU64,
    /// Told when another session takes its place.
    replaced: Notify,
}

/// Whether a session goes on.
enum Next {
    /// When there is another answer.
    Wait,
    /// At once; others have their turn before.
    More,
    /// When there is room for an answer that was received.
    Room(Vec<u8>),
    /// Not at all: its server is gone.
    Over,
}

thread_local! {
    /// Where answers are received.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; LARGEST]);
}

// === impl Session ===

impl Session {
    pub(super) fn new(peer: Peer, server: Arc<Server<()>>) -> io::Result<Self> {
        let any: SocketAddr = match server.address {
            SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
            SocketAddr::V6(_) => ([0u16; 8], 0).into(),
        };
        let socket = std::net::UdpSocket::bind(any)?;
        socket.connect(server.address)?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        Ok(Session { peer, server, socket, began: Instant::now(), active: AtomicU64::new(0), replaced: Notify::new() })
    }

    /// Ends it, as another one takes its place.
    pub(super) fn end(&self) {
        self.replaced.notify_one();
    }

    /// Sends a client's datagram to the server; false where that one is gone.
    pub(super) fn forward(&self, datagram: &[u8]) -> bool {
        self.touch();
        // Not by way of tokio, which has to hear of a new socket first that there is room.
        match SockRef::from(&self.socket).send(datagram) {
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
                self.server.failed();
                false
            }
            Err(e) => {
                // No room, or too large for the way: lost.
                debug!("a datagram from {} to {} is lost: {e}", self.peer.client, self.server.address);
                true
            }
            Ok(_) => true,
        }
    }

    /// Sends the server's answers to the client, until the session is over.
    pub(super) async fn answer(self: Arc<Self>, entry_point: Arc<EntryPoint>, listening: Arc<Socket>) {
        let timeout = entry_point.timeout;
        let idle = tokio::time::sleep_until(self.idle_at(timeout));
        tokio::pin!(idle);
        loop {
            tokio::select! {
                readable = self.socket.readable() => {
                    if readable.is_err() || !self.send_answers(&listening).await {
                        break entry_point.sessions.remove(&self);
                    }
                }
                () = self.replaced.notified() => break,
                () = &mut idle => {
                    if entry_point.sessions.remove_if(&self, |session| session.idle_at(timeout) <= Instant::now()) {
                        break;
                    }
                    idle.as_mut().reset(self.idle_at(timeout));
                }
            }
        }
    }

    /// Sends on the answers that are there; false where the server is gone.
    async fn send_answers(&self, listening: &Socket) -> bool {
        loop {
            match self.take_turn(listening) {
                Next::Wait => return true,
                Next::More => tokio::task::yield_now().await,
                Next::Room(answer) => {
                    if let Err(e) = listening.send_when_there_is_room(&self.peer, &answer).await {
                        debug!("an answer to {} is lost: {e}", self.peer.client);
                    }
                }
                Next::Over => return false,
            }
        }
    }

    fn take_turn(&self, listening: &Socket) -> Next {
        BUFFER.with_borrow_mut(|buffer| {
            for _ in 0..TURN {
                let length = match self.socket.try_recv(buffer) {
                    Ok(length) => length,
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Next::Wait,
                    Err(e) => {
                        debug!("the session of {} with {} ends: {e}", self.peer.client, self.server.address);
                        self.server.failed();
                        return Next::Over;
                    }
                };
                self.touch();
                self.server.answered();
                let answer = buffer.get(..length).unwrap_or_default();
                match listening.send(&self.peer, answer) {
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                        return Next::Room(answer.to_vec());
                    }
                    Err(e) => debug!("an answer to {} is lost: {e}", self.peer.client),
                    Ok(()) => {}
                }
            }
            Next::More
        })
    }

    fn touch(&self) {
        let milliseconds = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.active.store(milliseconds, Ordering::Relaxed);
    }

    fn idle_at(&self, timeout: Duration) -> Instant {
        self.began + Duration::from_millis(self.active.load(Ordering::Relaxed)) + timeout
    }
}
