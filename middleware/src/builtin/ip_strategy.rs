//! Which address is the client's, and whether it is in a list of addresses and CIDRs.
//! Used by `ipAllowList`, and by the filters that count requests of a client together.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::HeaderValue;
use ingora_crds::middleware as config;
use ipnet::IpNet;

use crate::filter::RequestCx;
use crate::registry::BadConfig;

/// Tells the client's address.
pub(super) struct IpStrategy {
    from: From,
    /// What is left of an IPv6 address.
    ipv6_mask: Option<u128>,
}

/// Addresses and CIDRs.
pub(super) struct Ranges(Vec<IpNet>);

enum From {
    /// The connection.
    Peer,
    /// The n-th entry of `X-Forwarded-For` from the right, from 1.
    Depth(usize),
    /// The rightmost entry that is none of these.
    Except(Ranges),
}

// === impl IpStrategy ===

impl IpStrategy {
    /// From configuration; none means the peer.
    pub(super) fn new(config: Option<&config::IpStrategy>) -> Result<Self, BadConfig> {
        let Some(config) = config else { return Ok(IpStrategy { from: From::Peer, ipv6_mask: None }) };
        let depth = usize::try_from(config.depth).map_err(|_| {
            BadConfig::new("ipStrategy.depth", format!("{} is negative: 0 or more is accepted", config.depth))
        })?;
        let from = match depth {
            0 if config.excluded_ips.is_empty() => From::Peer,
            0 => From::Except(Ranges::new("ipStrategy.excludedIPs", &config.excluded_ips)?),
            depth => From::Depth(depth),
        };
        let ipv6_mask = match config.ipv6_subnet {
            None => None,
            Some(bits @ 1..=128) => Some(u128::MAX << (128 - bits)),
            Some(bits) => {
                return Err(BadConfig::new(
                    "ipStrategy.ipv6Subnet",
                    format!("{bits} is not a number of bits: 1 to 128 is accepted"),
                ));
            }
        };
        Ok(IpStrategy { from, ipv6_mask })
    }

    /// The client as a text to count by; empty where `X-Forwarded-For` doesn't tell it.
    pub(super) fn text<'c>(&self, cx: &'c RequestCx<'_>) -> Cow<'c, str> {
        let text = match self.forwarded(cx) {
            None => return self.masked(cx.client.peer.ip()).to_string().into(),
            Some(text) => text,
        };
        match text.parse().map(IpAddr::V6) {
            Ok(ip) if self.ipv6_mask.is_some() => self.masked(ip).to_string().into(),
            _ => text,
        }
    }

    /// The client's address; `None` where `X-Forwarded-For` doesn't tell one.
    pub(super) fn address(&self, cx: &RequestCx<'_>) -> Option<IpAddr> {
        let ip = self.forwarded(cx).map_or(Some(cx.client.peer.ip()), |entry| parse(&entry))?;
        Some(self.masked(ip))
    }

    /// What `X-Forwarded-For` says; `None` if it isn't asked.
    fn forwarded<'c>(&self, cx: &'c RequestCx<'_>) -> Option<Cow<'c, str>> {
        // What one entry holds, text or not, is no reason to lose the others.
        let line = cx.request.headers.get("x-forwarded-for").map_or(&b""[..], HeaderValue::as_bytes);
        let mut entries = line.rsplit(|b| *b == b',').map(|entry| String::from_utf8_lossy(entry.trim_ascii()));
        let entry = match &self.from {
            From::Peer => return None,
            From::Depth(depth) => entries.nth(depth - 1),
            From::Except(ranges) => {
                entries.find(|entry| !entry.is_empty() && !parse(entry).is_some_and(|ip| ranges.contain(ip)))
            }
        };
        Some(entry.unwrap_or_default())
    }

    fn masked(&self, ip: IpAddr) -> IpAddr {
        match (ip.to_canonical(), self.ipv6_mask) {
            (IpAddr::V6(ip), Some(mask)) => Ipv6Addr::from_bits(ip.to_bits() & mask).into(),
            (ip, _) => ip,
        }
    }
}

// === impl Ranges ===

impl Ranges {
    pub(super) fn new(field: &str, texts: &[String]) -> Result<Self, BadConfig> {
        let parse = |(i, text): (usize, &String)| {
            text.parse().or_else(|_| text.parse().map(|ip: IpAddr| ip.to_canonical().into())).map_err(|_| {
                let message = format!("{text:?} is no address or CIDR: 192.0.2.7 or 2001:db8::/32 are");
                BadConfig::new(format!("{field}[{i}]"), message)
            })
        };
        Ok(Ranges(texts.iter().enumerate().map(parse).collect::<Result<_, _>>()?))
    }

    pub(super) fn contain(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|range| range.contains(&ip))
    }
}

/// The address of an entry, which may have a port.
fn parse(entry: &str) -> Option<IpAddr> {
    entry.parse().ok().or_else(|| entry.parse().ok().map(|address: SocketAddr| address.ip()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::filter::{Filter, Step};
    use crate::reply::Reply;
    use crate::testing::Trial;

    struct Tell(IpStrategy);

    impl Filter for Tell {
        fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
            let address = self.0.address(cx).map_or("-".to_owned(), |ip| ip.to_string());
            Step::reply(Reply::plain(200, format!("{} {address}", self.0.text(cx))))
        }
    }

    fn tell(json: &str, trial: Trial) -> String {
        let config: Option<config::IpStrategy> = serde_json::from_str(json).unwrap();
        trial.run(Tell(IpStrategy::new(config.as_ref()).unwrap())).text()
    }

    #[test]
    fn finds_the_client() {
        let forwarded = |list| Trial::get("/").header("X-Forwarded-For", list);
        for (json, trial, expected) in [
            ("null", forwarded("10.0.0.1"), "192.0.2.1 192.0.2.1"),
            ("{}", forwarded("10.0.0.1"), "192.0.2.1 192.0.2.1"),
            (r#"{"depth": 1}"#, forwarded("10.0.0.1, 10.0.0.2"), "10.0.0.2 10.0.0.2"),
            (r#"{"depth": 2}"#, forwarded("10.0.0.1,10.0.0.2"), "10.0.0.1 10.0.0.1"),
            (r#"{"depth": 3}"#, forwarded("10.0.0.1, 10.0.0.2"), " -"),
            (r#"{"depth": 1}"#, Trial::get("/"), " -"),
            (r#"{"depth": 1}"#, forwarded("10.0.0.1:99"), "10.0.0.1:99 10.0.0.1"),
            (r#"{"depth": 1}"#, forwarded("unknown"), "unknown -"),
            (r#"{"depth": 1, "excludedIPs": ["10.0.0.2"]}"#, forwarded("10.0.0.1, 10.0.0.2"), "10.0.0.2 10.0.0.2"),
            (
                r#"{"excludedIPs": ["10.0.0.2", "10.1.0.0/16"]}"#,
                forwarded("1.1.1.1, 10.1.2.3, 10.0.0.2"),
                "1.1.1.1 1.1.1.1",
            ),
            (r#"{"excludedIPs": ["10.0.0.2"]}"#, forwarded("10.0.0.2,"), " -"),
            (r#"{"ipv6Subnet": 64}"#, Trial::get("/").peer("2001:db8::1:2:3:4"), "2001:db8:: 2001:db8::"),
            (r#"{"ipv6Subnet": 64}"#, Trial::get("/").peer("192.0.2.9"), "192.0.2.9 192.0.2.9"),
            (r#"{"ipv6Subnet": 128, "depth": 1}"#, forwarded("2001:db8::5"), "2001:db8::5 2001:db8::5"),
            (r#"{"ipv6Subnet": 32, "depth": 1}"#, forwarded("2001:db8:1::5"), "2001:db8:: 2001:db8::"),
            ("null", Trial::get("/").peer("::ffff:192.0.2.7"), "192.0.2.7 192.0.2.7"),
        ] {
            assert_eq!(tell(json, trial), expected, "{json}");
        }
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        for (json, path) in [
            (r#"{"depth": -1}"#, "ipStrategy.depth"),
            (r#"{"excludedIPs": ["10.0.0.1", "x"]}"#, "ipStrategy.excludedIPs[1]"),
            (r#"{"ipv6Subnet": 0}"#, "ipStrategy.ipv6Subnet"),
            (r#"{"ipv6Subnet": 129}"#, "ipStrategy.ipv6Subnet"),
        ] {
            let config: config::IpStrategy = serde_json::from_str(json).unwrap();
            assert_eq!(IpStrategy::new(Some(&config)).err().unwrap().path, path);
        }
    }
}
