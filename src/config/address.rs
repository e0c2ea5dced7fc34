//! The address of an entry point, `[host]:port[/tcp|/udp]`.
//! Parsed when the file is read, so that a wrong one is told there.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use super::read;

/// Where an entry point listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The address of this machine; `None` means all of them, IPv4 and IPv6.
    pub ip: Option<IpAddr>,
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// TCP unless the text ends in `/udp`.
    pub protocol: Protocol,
}

/// What comes in at an entry point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Connections: HTTP, HTTPS and any other TCP.
    #[default]
    Tcp,
    /// Datagrams.
    Udp,
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not an address ({reason}): write `[host]:port`, such as `:80`, `127.0.0.1:8000`, `[::1]:53/udp`"
)]
pub struct BadAddress {
    text: String,
    reason: &'static str,
}

// === impl Address ===

impl Address {
    /// All addresses of this machine, TCP.
    pub const fn any(port: u16) -> Self {
        Address { ip: None, port, protocol: Protocol::Tcp }
    }

    /// What to bind: `[::]` for all addresses, as Go does. Such a socket must not be IPv6-only, and shows IPv4 clients
    /// as `::ffff:a.b.c.d`. A machine without IPv6 needs `0.0.0.0` in its place.
    pub fn bind(&self) -> SocketAddr {
        SocketAddr::new(self.ip.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)), self.port)
    }

    /// Whether two entry points cannot listen on both.
    pub(super) fn collides(&self, other: &Address) -> bool {
        let any = |a: &Address| a.ip.is_none_or(|ip| ip.is_unspecified());
        self.port != 0
            && self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || any(self) || any(other))
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = |reason| BadAddress { text: text.to_owned(), reason };
        let (rest, protocol) = match text.split_once('/') {
            None => (text, Protocol::Tcp),
            Some((rest, p)) if p.eq_ignore_ascii_case("tcp") => (rest, Protocol::Tcp),
            Some((rest, p)) if p.eq_ignore_ascii_case("udp") => (rest, Protocol::Udp),
            Some(_) => return Err(bad("what follows `/` must be tcp or udp")),
        };
        let (host, port) = rest.rsplit_once(':').ok_or_else(|| bad("no `:` before the port"))?;
        let port = port.parse().map_err(|_| bad("the port must be a number up to 65535"))?;
        let ip = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            Some(v6) => Some(IpAddr::V6(v6.parse().map_err(|_| bad("no IPv6 address between the brackets"))?)),
            None if host.is_empty() => None,
            None if host.eq_ignore_ascii_case("localhost") => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            None if host.contains(':') => return Err(bad("an IPv6 address needs brackets")),
            // A name would have to be looked up; the answer may change, and entry points don't move.
            None => Some(IpAddr::V4(host.parse().map_err(|_| bad("the host must be an IP address or localhost"))?)),
        };
        Ok(Address { ip, port, protocol })
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        read::text(d, "an address such as \":80\" or \"127.0.0.1:9000/udp\", in quotes")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            None => write!(f, ":{}", self.port)?,
            Some(ip) => write!(f, "{}", SocketAddr::new(ip, self.port))?,
        }
        f.write_str(if self.protocol == Protocol::Udp { "/udp" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_what_traefik_reads() {
        for (text, bind, protocol, written) in [
            (":80", "[::]:80", Protocol::Tcp, ":80"),
            (":80/tcp", "[::]:80", Protocol::Tcp, ":80"),
            (":9000/udp", "[::]:9000", Protocol::Udp, ":9000/udp"),
            (":9000/UDP", "[::]:9000", Protocol::Udp, ":9000/udp"),
            ("127.0.0.1:8000", "127.0.0.1:8000", Protocol::Tcp, "127.0.0.1:8000"),
            ("localhost:8000", "127.0.0.1:8000", Protocol::Tcp, "127.0.0.1:8000"),
            ("0.0.0.0:1", "0.0.0.0:1", Protocol::Tcp, "0.0.0.0:1"),
            ("[::1]:53/udp", "[::1]:53", Protocol::Udp, "[::1]:53/udp"),
            (":0", "[::]:0", Protocol::Tcp, ":0"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.bind().to_string(), bind, "{text}");
            assert_eq!(address.protocol, protocol, "{text}");
            assert_eq!(address.to_string(), written, "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_and_says_why() {
        for (text, reason) in [
            ("", "no `:`"),
            ("80", "no `:`"),
            (":", "a number"),
            (":http", "a number"),
            (":65536", "a number"),
            (":80/sctp", "tcp or udp"),
            ("example.com:80", "an IP address or localhost"),
            ("::1:80", "needs brackets"),
            ("[127.0.0.1]:80", "between the brackets"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn all_addresses_collide_with_each_one() {
        for (a, b, collide) in [
            (":80", ":80", true),
            (":80", "127.0.0.1:80", true),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("127.0.0.2:80", "127.0.0.1:80", false),
            (":80", ":80/udp", false),
            (":80", ":81", false),
            (":0", ":0", false),
        ] {
            assert_eq!(a.parse::<Address>().unwrap().collides(&b.parse().unwrap()), collide, "{a} {b}");
        }
    }
}
