//! Highest random weight: each client has an order of its own over the children, which changes as little as it can when
//! children come and go. Also the FNV hashes that it is made with.

use std::io::Write;
use std::net::IpAddr;

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// The hash of a client, which the names of children are appended to.
#[derive(Debug, Clone, Copy)]
pub struct Rendezvous(u64);

// === impl Rendezvous ===

impl Rendezvous {
    /// For a client.
    pub fn new(client: IpAddr) -> Self {
        let mut text = [0; 46];
        let mut rest = &mut text[..];
        // No address is longer.
        let _ = write!(rest, "{}", client.to_canonical());
        let length = 46 - rest.len();
        Rendezvous(continue_fnv1a(OFFSET, text.get(..length).unwrap_or_default()))
    }

    /// The child with the highest score: weight / -ln(hash / 2^64). Those with a weight of 0 or less have none.
    /// FNV mixes the last bytes little, so shares of children with like names are only near their weights: Traefik's
    /// hash, and so Traefik's places.
    pub fn highest<'n>(self, children: impl Iterator<Item = (&'n str, i64)>) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for (position, (name, weight)) in children.enumerate() {
            if weight <= 0 {
                continue;
            }
            let share = (continue_fnv1a(self.0, name.as_bytes()) as f64 + 1.0) / (u64::MAX as f64 + 2.0);
            let score = weight as f64 / -share.ln();
            if best.is_none_or(|(_, highest)| score > highest) {
                best = Some((position, score));
            }
        }
        best.map(|(position, _)| position)
    }

    /// The same for children of equal weight, among which the hash alone decides.
    pub fn highest_of_equals<'n>(self, children: impl Iterator<Item = &'n str>) -> Option<usize> {
        let hashes = children.map(|name| continue_fnv1a(self.0, name.as_bytes())).enumerate();
        // The first of equal ones, as above.
        hashes.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(position, _)| position)
    }
}

/// FNV-1a, 64 bits.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    continue_fnv1a(OFFSET, bytes)
}

/// FNV-1, 64 bits.
pub fn fnv1(bytes: &[u8]) -> u64 {
    bytes.iter().fold(OFFSET, |hash, byte| hash.wrapping_mul(PRIME) ^ u64::from(*byte))
}

fn continue_fnv1a(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn clients() -> impl Iterator<Item = Rendezvous> {
        (0..10_000u32).map(|n| Rendezvous::new(IpAddr::from(0x0a00_0000u32.wrapping_add(n).to_be_bytes())))
    }

    fn shares(children: &[(&str, i64)]) -> Vec<usize> {
        let mut shares = vec![0; children.len()];
        clients().for_each(|c| shares[c.highest(children.iter().copied()).unwrap()] += 1);
        shares
    }

    #[test]
    fn hashes_as_the_published_vectors() {
        for (text, one, one_a) in [
            ("", OFFSET, OFFSET),
            ("a", 0xaf63_bd4c_8601_b7be, 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x340d_8765_a4dd_a9c2, 0x8594_4171_f739_67e8),
        ] {
            assert_eq!((fnv1(text.as_bytes()), fnv1a(text.as_bytes())), (one, one_a), "{text:?}");
        }
    }

    #[test]
    fn weights_are_shares_of_the_clients() {
        let shares = shares(&[("default-a-80", 1), ("default-b-80", 3), ("default-never-80", 0)]);
        assert_eq!(shares[2], 0);
        assert!((2000..4000).contains(&shares[0]), "{shares:?}");
    }

    #[test]
    fn only_the_clients_of_a_child_move_when_it_goes() {
        let all = [("a", 1), ("b", 1), ("c", 1)];
        for client in clients() {
            let before = client.highest(all.iter().copied()).unwrap();
            assert_eq!(client.highest_of_equals(all.iter().map(|(name, _)| *name)), Some(before));
            let after = client.highest(all[..2].iter().copied()).unwrap();
            assert!(before == 2 || before == after);
        }
        assert_eq!(Rendezvous::new([10, 0, 0, 1].into()).highest(std::iter::empty()), None);
    }

    #[test]
    fn an_address_of_version_four_is_one_however_it_is_written() {
        let [v4, v6] = ["10.0.0.1", "::ffff:10.0.0.1"].map(|ip| Rendezvous::new(ip.parse().unwrap()).0);
        assert_eq!((v4, v6), (fnv1a(b"10.0.0.1"), fnv1a(b"10.0.0.1")));
        assert_eq!(Rendezvous::new("fd00::1".parse().unwrap()).0, fnv1a(b"fd00::1"));
    }
}
