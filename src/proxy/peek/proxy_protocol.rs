//! The PROXY protocol, versions 1 and 2, by which a balancer in front tells who its client is.
//! Read from trusted peers only, and there optional: what doesn't begin like it belongs to the connection.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncRead;
use tokio::time::Instant;

use super::more;

const V1: &[u8] = b"PROXY ";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line that version 1 allows, with CR and LF.
const LONGEST_LINE: usize = 107;
/// Bytes before the addresses of version 2.
const V2_HEADER: usize = 16;
/// Far more than addresses and all known additions take; the length field would allow 64 KiB.
const LONGEST_V2: usize = 4096;

/// Who speaks to whom, as a balancer tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The client.
    pub source: SocketAddr,
    /// The address that it connected to.
    pub destination: SocketAddr,
}

/// What the first bytes of a trusted connection are.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The beginning of a header.
    Incomplete,
    /// No header.
    Absent,
    /// A header of so many bytes. Without addresses where the balancer speaks for itself (a health check), or of a
    /// protocol other than TCP.
    Header(usize, Option<Addresses>),
    /// It began as one, and is not: the connection can't be trusted.
    Malformed,
}

/// Takes a header off the connection, if there is one. Without anything to read in time there is none, so that
/// protocols in which the server speaks first go on.
pub(in crate::proxy) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    ahead: &mut BytesMut,
    deadline: Instant,
) -> Result<Option<Addresses>, ()> {
    loop {
        match parse(ahead) {
            Parsed::Absent => return Ok(None),
            Parsed::Malformed => return Err(()),
            Parsed::Header(length, addresses) => {
                ahead.advance(length);
                return Ok(addresses);
            }
            Parsed::Incomplete if more(stream, ahead, deadline).await => {}
            Parsed::Incomplete if ahead.is_empty() => return Ok(None),
            Parsed::Incomplete => return Err(()),
        }
    }
}

/// Looks at the first bytes of a connection.
pub fn parse(bytes: &[u8]) -> Parsed {
    if bytes.starts_with(V2) {
        version_2(bytes)
    } else if bytes.starts_with(V1) {
        version_1(bytes)
    } else if V1.starts_with(bytes) || V2.starts_with(bytes) {
        Parsed::Incomplete
    } else {
        Parsed::Absent
    }
}

fn version_1(bytes: &[u8]) -> Parsed {
    let within = bytes.get(..LONGEST_LINE).unwrap_or(bytes);
    let Some(end) = memchr::memmem::find(within, b"\r\n") else {
        return if bytes.len() < LONGEST_LINE { Parsed::Incomplete } else { Parsed::Malformed };
    };
    let line = bytes.get(V1.len()..end).and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let parts: Vec<&str> = line.split(' ').collect();
    let addresses = match parts.as_slice() {
        ["UNKNOWN", ..] => None,
        [family @ ("TCP4" | "TCP6"), source, destination, from, to] => {
            let ports = (from.parse::<u16>(), to.parse::<u16>());
            let ips = match *family {
                "TCP4" => source
                    .parse::<Ipv4Addr>()
                    .ok()
                    .zip(destination.parse::<Ipv4Addr>().ok())
                    .map(|(source, destination)| (source.into(), destination.into())),
                _ => source
                    .parse::<Ipv6Addr>()
                    .ok()
                    .zip(destination.parse::<Ipv6Addr>().ok())
                    .map(|(source, destination)| (source.into(), destination.into())),
            };
            let (Some((source, destination)), (Ok(from), Ok(to))) = (ips, ports) else { return Parsed::Malformed };
            Some(Addresses { source: SocketAddr::new(source, from), destination: SocketAddr::new(destination, to) })
        }
        _ => return Parsed::Malformed,
    };
    Parsed::Header(end + 2, addresses)
}

fn version_2(bytes: &[u8]) -> Parsed {
    let Some(&[version_and_command, family, high, low]) = bytes.get(V2.len()..V2_HEADER) else {
        return Parsed::Incomplete;
    };
    let length = usize::from(high) << 8 | usize::from(low);
    let local = match version_and_command {
        0x20 => true,
        0x21 => false,
        _ => return Parsed::Malformed,
    };
    if length > LONGEST_V2 {
        return Parsed::Malformed;
    }
    let Some(body) = bytes.get(V2_HEADER..V2_HEADER + length) else { return Parsed::Incomplete };
    let addresses = match (local, family) {
        (true, _) => Ok(None),
        (false, 0x11) => ipv4(body).map(Some).ok_or(()),
        (false, 0x21) => ipv6(body).map(Some).ok_or(()),
        (false, _) => Ok(None),
    };
    match addresses {
        Ok(addresses) => Parsed::Header(V2_HEADER + length, addresses),
        Err(()) => Parsed::Malformed,
    }
}

fn ipv4(body: &[u8]) -> Option<Addresses> {
    let ip = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(body.get(at..at + 4)?).ok()?));
    let (source, destination) = (ip(0)?, ip(4)?);
    Some(Addresses {
        source: SocketAddr::new(source.into(), port(body, 8)?),
        destination: SocketAddr::new(destination.into(), port(body, 10)?),
    })
}

fn ipv6(body: &[u8]) -> Option<Addresses> {
    let ip = |at: usize| Some(Ipv6Addr::from(<[u8; 16]>::try_from(body.get(at..at + 16)?).ok()?));
    let (source, destination) = (ip(0)?, ip(16)?);
    Some(Addresses {
        source: SocketAddr::new(source.into(), port(body, 32)?),
        destination: SocketAddr::new(destination.into(), port(body, 34)?),
    })
}

fn port(body: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(<[u8; 2]>::try_from(body.get(at..at + 2)?).ok()?))
}
