//! Services made of services: by weight, with a cookie or without, and by the client's address.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Service;
use super::choice::{Asker, Choice};
use super::cycle::Cycle;
use super::rendezvous::Rendezvous;
use super::sticky::{Keys, Sticky, Value};

/// Services by weight.
#[derive(Debug)]
pub struct Weighted {
    children: Vec<Child>,
    cycle: Cycle,
    turn: Arc<AtomicUsize>,
    sticky: Option<(Sticky, Keys)>,
    pub(super) acts_around: bool,
}

/// Services by the client's address.
#[derive(Debug)]
pub struct Hashed {
    children: Vec<Child>,
    pub(super) acts_around: bool,
}

/// A service among others.
#[derive(Debug)]
pub struct Child {
    /// Its name without the provider, which cookies are made of.
    pub name: String,
    /// Itself.
    pub service: Arc<Service>,
    /// Its share; with 0 or less it is never chosen.
    pub weight: i64,
}

fn any_acts_around(children: &[Child]) -> bool {
    children.iter().any(|child| child.service.acts_around())
}

// === impl Weighted ===

impl Weighted {
    /// Children that take turns; `turn` is where the service that this one replaces had come to.
    pub fn new(children: Vec<Child>, sticky: Option<Sticky>, turn: Option<Arc<AtomicUsize>>) -> Self {
        let weights: Vec<i64> = children.iter().map(|child| child.weight).collect();
        let named = children.iter().enumerate().filter(|(_, c)| c.weight > 0).map(|(n, c)| (n, c.name.as_str()));
        let sticky = sticky.map(|sticky| (sticky, Keys::new(named)));
        let acts_around = any_acts_around(&children);
        Weighted { cycle: Cycle::new(&weights), turn: turn.unwrap_or_default(), sticky, children, acts_around }
    }

    /// The child that the client sticks to, else the one whose turn it is.
    /// A child keeps its share even where its servers are down, as in Traefik: those requests get 503.
    pub(super) fn choose(&self, asker: &Asker<'_>, choice: &mut Choice) -> Option<&Arc<Service>> {
        let Some((sticky, keys)) = &self.sticky else { return Some(&self.next()?.service) };
        let found = sticky.read(asker.headers).and_then(|cookie| keys.find(cookie, 0));
        let outdated = found.as_ref().is_none_or(|found| found.outdated);
        let child = match found.and_then(|found| self.children.get(found.position)) {
            Some(child) => child,
            None => self.next()?,
        };
        if outdated {
            choice.place_service(sticky, Value::of(&child.name));
        }
        Some(&child.service)
    }

    pub(super) fn turn(&self) -> &Arc<AtomicUsize> {
        &self.turn
    }

    fn next(&self) -> Option<&Child> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.children.get(self.cycle.at(turn)?)
    }
}

// === impl Hashed ===

impl Hashed {
    /// Children, each of which has its own clients.
    pub fn new(children: Vec<Child>) -> Self {
        Hashed { acts_around: any_acts_around(&children), children }
    }

    /// The client's child.
    pub(super) fn choose(&self, asker: &Asker<'_>) -> Option<&Arc<Service>> {
        let children = self.children.iter().map(|child| (child.name.as_str(), child.weight));
        Some(&self.children.get(Rendezvous::new(asker.client).highest(children)?)?.service)
    }
}
