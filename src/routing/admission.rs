//! Who may connect: `MiddlewareTCP`s, ready to be asked about a connection.
//! Built by `compile` for each router; what they count is carried over from the old table.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::table::Table;
use crate::config::IpRange;
use crate::dynamic::Configuration;
use crate::dynamic::tcp::TcpMiddleware;

/// Why a middleware can't serve.
pub(super) type Problem = String;

/// A middleware and the router that uses it, by name: each counts for itself, as in Traefik.
type Key = (String, String);

/// What the middlewares of a table count.
pub(super) type Compiled = HashMap<Key, Arc<Counts>>;

/// A middleware of a TCP router.
#[derive(Debug)]
pub enum Admission {
    /// Addresses that may connect.
    Listed(Vec<IpRange>),
    /// So many connections of an address at a time.
    InFlight {
        /// The most.
        amount: usize,
        /// How many there are.
        counts: Arc<Counts>,
    },
}

/// Connections at this moment by address; addresses without any are not held.
#[derive(Debug, Default)]
pub struct Counts(Mutex<HashMap<IpAddr, usize>>);

/// One connection that counts, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    ip: IpAddr,
    counts: Arc<Counts>,
}

/// Builds the middlewares of routers.
pub(super) struct Admissions<'a> {
    configuration: &'a Configuration,
    old: Option<&'a Table>,
    counts: Compiled,
}

// === impl Admission ===

impl Admission {
    /// Lets a connection in, or says no. What is given must be kept as long as the connection is.
    ///
    /// # Errors
    /// What the client has too much of, or isn't; for the log.
    pub fn admit(&self, ip: IpAddr) -> Result<Option<Permit>, &'static str> {
        match self {
            Admission::Listed(ranges) if ranges.iter().any(|range| range.contains(ip)) => Ok(None),
            Admission::Listed(_) => Err("its address is not among those that may connect"),
            Admission::InFlight { amount, counts } => counts.one_more(ip.to_canonical(), *amount).map(Some),
        }
    }
}

// === impl Counts ===

impl Counts {
    fn one_more(self: &Arc<Self>, ip: IpAddr, most: usize) -> Result<Permit, &'static str> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&ip).copied().unwrap_or_default();
        if count >= most {
            return Err("its address has as many connections as it may");
        }
        counts.insert(ip, count + 1);
        Ok(Permit { ip, counts: self.clone() })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&self.ip) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.ip)),
        }
    }
}

// === impl Admissions ===

impl<'a> Admissions<'a> {
    pub(super) fn new(configuration: &'a Configuration, old: Option<&'a Table>) -> Self {
        Admissions { configuration, old, counts: Compiled::new() }
    }

    /// The middleware of that name, for a router.
    pub(super) fn build(&mut self, router: &str, name: &str) -> Result<Admission, Problem> {
        let name = name.strip_suffix("@kubernetescrd").unwrap_or(name);
        let Some(settings) = self.configuration.tcp.middlewares.get(name) else {
            return Err(format!(
                "the middleware {name:?} does not exist, or could not be used (see its own diagnostic)"
            ));
        };
        let TcpMiddleware { ip_allow_list, ip_white_list, in_flight_conn } = settings;
        if let Some(list) = ip_allow_list.as_ref().or(ip_white_list.as_ref()) {
            if list.source_range.is_empty() {
                return Err(format!(
                    "middleware {name}: sourceRange: is empty: at least one address or CIDR is needed"
                ));
            }
            let ranges = list.source_range.iter().map(|text| text.parse());
            let ranges =
                ranges.collect::<Result<_, _>>().map_err(|e| format!("middleware {name}: sourceRange: {e}"))?;
            return Ok(Admission::Listed(ranges));
        }
        let Some(limit) = in_flight_conn else {
            return Err(format!("middleware {name}: is empty: set one of ipAllowList and inFlightConn"));
        };
        let amount = usize::try_from(limit.amount)
            .map_err(|_| format!("middleware {name}: inFlightConn.amount: {} is negative", limit.amount))?;
        let key = (name.to_owned(), router.to_owned());
        let carried = || self.old.and_then(|old| old.admissions.get(&key)).cloned().unwrap_or_default();
        let counts = match self.counts.get(&key) {
            Some(counts) => counts.clone(),
            None => carried(),
        };
        self.counts.insert(key, counts.clone());
        Ok(Admission::InFlight { amount, counts })
    }

    /// What all of them count.
    pub(super) fn finish(self) -> Compiled {
        self.counts
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lets_the_listed_in() {
        let listed = Admission::Listed(vec!["10.0.0.0/8".parse().unwrap(), "fd00::1".parse().unwrap()]);
        for (ip, good) in
            [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("11.0.0.1", false), ("fd00::1", true), ("fd00::2", false)]
        {
            assert_eq!(listed.admit(ip.parse().unwrap()).is_ok(), good, "{ip}");
        }
    }

    #[test]
    fn counts_by_address_until_permits_are_dropped() {
        let counts = Arc::new(Counts::default());
        let limit = Admission::InFlight { amount: 2, counts: counts.clone() };
        let (a, b) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let first = limit.admit(a).unwrap();
        let second = limit.admit("::ffff:10.0.0.1".parse().unwrap()).unwrap();
        assert!(limit.admit(a).is_err());
        let other = limit.admit(b).unwrap();
        drop(first);
        let third = limit.admit(a).unwrap();
        assert!(limit.admit(a).is_err());
        drop((second, third, other));
        assert!(counts.0.lock().unwrap().is_empty());
        let nobody = Admission::InFlight { amount: 0, counts };
        assert!(nobody.admit(a).is_err());
    }
}
