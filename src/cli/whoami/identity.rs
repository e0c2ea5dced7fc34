//! Who is answering: name, host name and addresses, in the lines the three originals share.
//! Gathered once when a server starts.

use std::fmt;
use std::net::IpAddr;

/// The identity of this process.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// `--name`; an empty one counts as none.
    pub name: Option<String>,
    /// The kernel's host name; empty where it can't be read.
    pub hostname: String,
    /// The addresses of all interfaces, loopback included.
    pub addresses: Vec<IpAddr>,
}

// === impl Identity ===

impl Identity {
    /// The identity of this machine under the given name.
    pub fn here(name: Option<String>) -> Self {
        Identity {
            name: name.filter(|n| !n.is_empty()),
            hostname: hostname::get().map(|h| h.to_string_lossy().into_owned()).unwrap_or_default(),
            addresses: if_addrs::get_if_addrs().unwrap_or_default().iter().map(if_addrs::Interface::ip).collect(),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            writeln!(f, "Name: {name}")?;
        }
        writeln!(f, "Hostname: {}", self.hostname)?;
        self.addresses.iter().try_for_each(|ip| writeln!(f, "IP: {ip}"))
    }
}
