//! The header by which a server is told who its client is: the PROXY protocol, versions 1 and 2.
//! Goes before everything else, TLS too.

use std::net::{IpAddr, SocketAddr};

use crate::balance::tcp::ProxyVersion;

/// The beginning of version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The header for a connection of `client`, which connected to `destination`.
pub(super) fn header(version: ProxyVersion, client: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let (from, to) = same_family(client, destination);
    match version {
        ProxyVersion::V1 => {
            let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
            format!("PROXY {family} {from} {to} {} {}\r\n", client.port(), destination.port()).into_bytes()
        }
        ProxyVersion::V2 => {
            let (family, addresses) = match (from, to) {
                (IpAddr::V4(from), IpAddr::V4(to)) => (0x11, [from.octets(), to.octets()].concat()),
                (from, to) => (0x21, [v6(from), v6(to)].concat()),
            };
            let ports = [client.port().to_be_bytes(), destination.port().to_be_bytes()].concat();
            let length = u16::try_from(addresses.len() + ports.len()).unwrap_or_default();
            // Version 2, a connection that is proxied.
            [SIGNATURE.as_slice(), &[0x21, family], &length.to_be_bytes(), &addresses, &ports].concat()
        }
    }
}

/// Both as IPv4 addresses, or both as IPv6 ones.
fn same_family(a: SocketAddr, b: SocketAddr) -> (IpAddr, IpAddr) {
    match (a.ip().to_canonical(), b.ip().to_canonical()) {
        (a @ IpAddr::V4(_), b @ IpAddr::V4(_)) => (a, b),
        (a, b) => (v6(a).into(), v6(b).into()),
    }
}

fn v6(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn writes_both_versions() {
        let signature = "0d0a0d0a000d0a515549540a";
        for (client, destination, v1, v2) in [
            (
                "192.0.2.1:4660",
                "198.51.100.7:443",
                "PROXY TCP4 192.0.2.1 198.51.100.7 4660 443\r\n",
                "2111000cc0000201c6336407123401bb",
            ),
            (
                "[::ffff:192.0.2.1]:1",
                "198.51.100.7:2",
                "PROXY TCP4 192.0.2.1 198.51.100.7 1 2\r\n",
                "2111000cc0000201c633640700010002",
            ),
            (
                "[2001:db8::1]:1",
                "[2001:db8::2]:2",
                "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n",
                "2121002420010db800000000000000000000000120010db800000000000000000000000200010002",
            ),
            (
                "[2001:db8::1]:1",
                "192.0.2.1:2",
                "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 1 2\r\n",
                "2121002420010db800000000000000000000000100000000000000000000ffffc000020100010002",
            ),
        ] {
            let (client, destination) = (client.parse().unwrap(), destination.parse().unwrap());
            assert_eq!(String::from_utf8(header(ProxyVersion::V1, client, destination)).unwrap(), v1);
            let written = header(ProxyVersion::V2, client, destination);
            let hex: String = written.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, format!("{signature}{v2}"));
        }
    }
}
