//! Ports that are free: below those that the kernel gives to clients, so that no connection takes one meanwhile.
//! Another process may still do; whoever starts a gateway tries again then.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

use super::namespace::is_isolated;

const FIRST: u32 = 12_000;
const COUNT: u32 = 20_000;

/// An address of this machine that no other backend of this process has: endpoints are told apart by it. In a namespace of
/// its own one that an API server takes for an endpoint's, which loopback ones are not.
pub fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let [.., a, b] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let net = if is_isolated() { [10, 77] } else { [127, 1] };
    Ipv4Addr::new(net[0], net[1], a, b.max(1))
}

/// An address that nobody listens on.
pub fn free() -> SocketAddr {
    free_where(|address| TcpListener::bind(address).is_ok())
}

/// An address that no UDP socket has.
pub fn free_for_datagrams() -> SocketAddr {
    free_where(|address| UdpSocket::bind(address).is_ok())
}

fn free_where(is_free: impl Fn(SocketAddr) -> bool) -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..COUNT {
        // Test runs at the same time begin at different places.
        let offset = std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, (FIRST + offset % COUNT) as u16));
        if is_free(address) {
            return address;
        }
    }
    panic!("no port is free");
}
