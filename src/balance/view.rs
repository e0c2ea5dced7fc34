//! The servers of a pool as requests see them, prepared for one strategy. Made anew when servers come, go, fall ill or
//! get well; a request only reads.

use std::net::IpAddr;
use std::sync::Arc;

use super::chance::scatter;
use super::cycle::Cycle;
use super::rendezvous::Rendezvous;
use super::server::Server;
use super::sticky::{Found, Keys};
use super::tournament::Tournament;

/// How the next server is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// By weight, in turn.
    #[default]
    RoundRobin,
    /// The less busy of two that chance picks.
    TwoChoices,
    /// By the client's address.
    Rendezvous,
    /// The one that answers soonest, for what it has to do.
    LeastTime,
}

/// What a view is prepared for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Needs {
    /// How new clients are placed.
    pub strategy: Strategy,
    /// Whether clients come back with cookies.
    pub sticky: bool,
}

/// The servers that are well.
#[derive(Debug, Default)]
pub(super) struct View {
    /// All of them, for the clients that stick to one.
    well: Vec<Arc<Server>>,
    /// Their cookies; empty where nobody sticks.
    keys: Keys,
    /// Those that take new clients.
    open: Vec<Arc<Server>>,
    order: Order,
}

/// What a strategy has prepared.
#[derive(Debug)]
enum Order {
    Turns(Cycle),
    TwoChoices,
    Rendezvous {
        /// Whether all weights are equal.
        equal: bool,
    },
    LeastTime(Tournament),
}

// === impl Strategy ===

impl Strategy {
    /// By Traefik's name; whatever else is written means the default, `wrr`.
    pub fn named(name: &str) -> Self {
        match name {
            "p2c" => Strategy::TwoChoices,
            "hrw" => Strategy::Rendezvous,
            "leasttime" => Strategy::LeastTime,
            _ => Strategy::RoundRobin,
        }
    }

    /// Whether it asks for the loads of servers.
    pub fn counts(self) -> bool {
        matches!(self, Strategy::TwoChoices | Strategy::LeastTime)
    }
}

// === impl View ===

impl View {
    /// A view of servers that are well.
    pub fn new(well: Vec<Arc<Server>>, needs: Needs) -> Self {
        let open: Vec<Arc<Server>> = well.iter().filter(|s| !s.fenced && s.weight > 0).cloned().collect();
        let keys = match needs.sticky {
            true => Keys::new(well.iter().map(|s| s.url.as_str()).enumerate()),
            false => Keys::default(),
        };
        let order = match needs.strategy {
            Strategy::RoundRobin => Order::Turns(Cycle::new(&open.iter().map(|s| s.weight).collect::<Vec<_>>())),
            Strategy::TwoChoices => Order::TwoChoices,
            Strategy::Rendezvous => {
                Order::Rendezvous { equal: open.windows(2).all(|two| matches!(two, [a, b] if a.weight == b.weight)) }
            }
            Strategy::LeastTime => {
                // One that is new goes on where the others are: else it would be the only one picked for a while.
                let least = open.iter().map(|s| s.load.picks()).filter(|picks| *picks > 0).min().unwrap_or(0);
                for (position, server) in open.iter().enumerate() {
                    server.load.set_position(position);
                    server.load.level_with(least);
                }
                Order::LeastTime(Tournament::new(open.len(), |n| score(&open, n)))
            }
        };
        View { well, keys, open, order }
    }

    /// Whether any server is well, terminating ones included.
    pub fn is_up(&self) -> bool {
        !self.well.is_empty()
    }

    /// The servers that take new clients.
    pub fn open(&self) -> &[Arc<Server>] {
        &self.open
    }

    /// The server that a cookie names, if it is well; and whether the cookie is outdated.
    pub fn sticking(&self, cookie: &str, turn: usize) -> Option<(&Arc<Server>, bool)> {
        let Found { position, outdated } = self.keys.find(cookie, turn)?;
        Some((self.well.get(position)?, outdated))
    }

    /// The server for a new client, whose turn is the given one.
    pub fn pick(&self, turn: usize, client: IpAddr) -> Option<&Arc<Server>> {
        let position = match &self.order {
            Order::Turns(cycle) => cycle.at(turn)?,
            Order::TwoChoices => two_choices(&self.open, turn)?,
            Order::Rendezvous { equal: true } => {
                Rendezvous::new(client).highest_of_equals(self.open.iter().map(|s| s.url.as_str()))?
            }
            Order::Rendezvous { equal: false } => {
                Rendezvous::new(client).highest(self.open.iter().map(|s| (s.url.as_str(), s.weight)))?
            }
            Order::LeastTime(tournament) => tournament.best()?,
        };
        self.open.get(position)
    }

    /// The load of a server has changed.
    pub fn changed(&self, server: &Server) {
        let Order::LeastTime(tournament) = &self.order else { return };
        let position = server.load.position();
        // Of a view made before or after this one, it may have another position.
        if self.open.get(position).is_some_and(|there| Arc::ptr_eq(&there.load, &server.load)) {
            tournament.replay(position, |n| score(&self.open, n));
        }
    }
}

impl Default for Order {
    fn default() -> Self {
        Order::Turns(Cycle::new(&[]))
    }
}

fn score(open: &[Arc<Server>], position: usize) -> Option<super::load::Score> {
    open.get(position).map(|server| server.load.score(server.weight))
}

/// The less busy of two different servers.
fn two_choices(open: &[Arc<Server>], turn: usize) -> Option<usize> {
    let count = open.len();
    let chance = scatter(turn as u64) as usize;
    let first = chance.checked_rem(count)?;
    let Some(step) = (chance >> 32).checked_rem(count - 1) else { return Some(first) };
    let second = (first + 1 + step) % count;
    let busy = |n: usize| open.get(n).map(|server| server.load.in_flight());
    Some(if busy(second) < busy(first) { second } else { first })
}

#[cfg(test)]
mod tests;
