//! The socket of a UDP entry point: receives in batches, and answers from the address that was asked.
//! Several datagrams of one client may come as one buffer (GRO).

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket as StdSocket};

use nix::sys::socket::{setsockopt, sockopt};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// The largest datagram, and the most that GRO puts into one buffer.
pub(super) const LARGEST: usize = 65_536;
/// Asked for, so that a burst finds room while the process does something else; the kernel has a limit of its own.
const RECEIVE_BUFFER: usize = 1 << 20;

/// A bound socket.
pub(super) struct Socket {
    udp: UdpSocket,
    /// What the kernel can do.
    state: UdpSocketState,
}

/// Whom a session is with: its client, and the address that the client knows us by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Peer {
    pub client: SocketAddr,
    pub local: Option<IpAddr>,
}

thread_local! {
    /// Where datagrams are received; a page of it takes memory when one first needs it.
    static BUFFERS: RefCell<Vec<u8>> = RefCell::new(vec![0; BATCH_SIZE * LARGEST]);
}

/// Binds a socket.
pub(super) fn listen(address: SocketAddr, reuse_port: bool) -> io::Result<StdSocket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_port(reuse_port)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Less than asked for is fine.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

// === impl Socket ===

impl Socket {
    pub(super) fn new(socket: StdSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let any: SocketAddr = match socket.local_addr()? {
            SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
            SocketAddr::V6(_) => {
                setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
                ([0u16; 8], 0).into()
            }
        };
        // On a dual-stack socket it is for IPv4 clients. Kernels that can't do the second one don't gather.
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        let _ = setsockopt(&socket, sockopt::UdpGroSegment, &true);
        // Made with a socket of its own: it forbids that one to fragment, and datagrams may be larger than a packet.
        let state = UdpSocketState::new((&StdSocket::bind(any)?).into())?;
        Ok(Socket { udp: UdpSocket::from_std(socket)?, state })
    }

    pub(super) async fn readable(&self) -> io::Result<()> {
        self.udp.readable().await
    }

    /// Receives what is there, a batch at the most: calls back with each buffer, and the size of the datagrams in it, of
    /// which the last may be shorter.
    pub(super) fn receive(&self, mut received: impl FnMut(Peer, &[u8], usize)) -> io::Result<usize> {
        BUFFERS.with_borrow_mut(|buffers| {
            let mut meta = [RecvMeta::default(); BATCH_SIZE];
            let mut chunks = buffers.chunks_exact_mut(LARGEST);
            let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
            let receive = || self.state.recv((&self.udp).into(), &mut slices, &mut meta);
            let count = self.udp.try_io(Interest::READABLE, receive)?;
            for (slice, meta) in slices.iter().zip(&meta).take(count) {
                let bytes = slice.get(..meta.len).unwrap_or_default();
                received(Peer { client: meta.addr, local: meta.dst_ip }, bytes, meta.stride);
            }
            Ok(count)
        })
    }

    /// Sends a datagram.
    pub(super) fn send(&self, peer: &Peer, contents: &[u8]) -> io::Result<()> {
        let (destination, src_ip) = (peer.client, peer.local);
        let transmit = Transmit { destination, ecn: None, contents, segment_size: None, src_ip };
        self.state.try_send((&self.udp).into(), &transmit)
    }

    /// Sends a datagram when there is room for it.
    pub(super) async fn send_when_there_is_room(&self, peer: &Peer, contents: &[u8]) -> io::Result<()> {
        self.udp.async_io(Interest::WRITABLE, || self.send(peer, contents)).await
    }
}

/// The datagrams of a buffer, of `size` bytes each but the last; an empty buffer is an empty datagram.
pub(super) fn datagrams(bytes: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    let empty = bytes.is_empty().then_some(bytes);
    empty.into_iter().chain(bytes.chunks(size.max(1)))
}
