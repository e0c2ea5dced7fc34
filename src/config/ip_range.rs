//! Ranges of addresses, and who is trusted to tell the truth about a client's address.
//! Used for the PROXY protocol and the forwarding headers of an entry point.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use super::read;

/// A CIDR such as `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange(pub IpNet);

/// A text that is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an IP address nor a CIDR: write `10.0.0.0/8`, `192.168.1.7` or `fd00::/8`")]
pub struct BadIpRange(String);

// === impl IpRange ===

impl IpRange {
    /// Whether the address is in the range; an IPv4 address may come as `::ffff:a.b.c.d`.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(&ip.to_canonical())
    }
}

impl FromStr for IpRange {
    type Err = BadIpRange;

    fn from_str(text: &str) -> Result<Self, BadIpRange> {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(IpRange).map_err(|_| BadIpRange(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for IpRange {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        read::text(d, "an IP address or a CIDR, such as \"10.0.0.0/8\"")
    }
}

/// Whether `ip` is believed: everyone is where `insecure`, else those in the ranges.
pub(super) fn trusts(insecure: bool, ranges: &[IpRange], ip: IpAddr) -> bool {
    insecure || ranges.iter().any(|range| range.contains(ip))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn holds_the_addresses_of_the_range() {
        for (range, ip, inside) in [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.7/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("192.168.1.7", "192.168.1.7", true),
            ("192.168.1.7", "192.168.1.8", false),
            ("fd00::/8", "fd12::1", true),
            ("0.0.0.0/0", "fd12::1", false),
        ] {
            let ip = ip.parse().unwrap();
            assert_eq!(range.parse::<IpRange>().unwrap().contains(ip), inside, "{range} {ip}");
            assert!(trusts(true, &[], ip));
        }
        assert!("10.0.0.0/33".parse::<IpRange>().is_err());
        assert!("example.com".parse::<IpRange>().is_err());
    }
}
