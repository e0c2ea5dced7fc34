//! What units come to: the elements that they make, what was told of them, and what they read on the way.
//! A unit is translated alone, as if there were no other; where several make the same name, they are translated together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::class::Filter;
use super::context::{Context, Options};
use super::reader::Marks;
use super::unit::{Kind, Unit};
use super::{
    ingress_route, ingress_route_tcp, ingress_route_udp, middleware, middleware_tcp, servers_transport, tls,
    traefik_service,
};
use crate::diagnostic::Diagnostic;
use crate::dynamic::{Element, Origin, Section};
use crate::objects::Snapshot;

/// What translations start from.
#[derive(Clone, Copy)]
pub(super) struct World<'a> {
    pub snapshot: &'a Snapshot,
    pub options: &'a Options,
    pub filter: &'a Filter,
}

/// What one unit comes to.
#[derive(Debug, Clone)]
pub(super) struct Fragment {
    pub marks: Marks,
    /// By section and name.
    pub parts: Arc<[Part]>,
    /// Absent where there is nothing.
    pub asks: Option<Arc<[Ask]>>,
    /// Absent where there is nothing.
    pub told: Option<Arc<[Diagnostic]>>,
}

/// What several units come to, the first of which has the names that they all want.
#[derive(Debug, Default)]
pub(super) struct Together {
    pub units: BTreeSet<Arc<Unit>>,
    pub parts: BTreeMap<(Section, Arc<str>), Part>,
    pub told: Vec<Diagnostic>,
}

/// A name, and mostly an element that bears it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub section: Section,
    pub name: Arc<str>,
    /// Absent where nothing came of it, but the name still counts as wanted.
    pub element: Option<Element>,
    /// What made it, and still counts as having made it where the element was refused.
    pub origin: Option<Arc<Origin>>,
    /// Whether others may have the same, if it is equal.
    pub shared: bool,
}

/// A certificate that a unit names; it is loaded once for all that do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ask {
    /// Its Secret, in the unit's namespace.
    pub secret: Arc<str>,
    /// The field that names it.
    pub path: String,
    /// The store that it is for; `None` for a route's.
    pub store: Option<String>,
}

// === impl World ===

impl<'a> World<'a> {
    /// Translates a unit as if there were no other; `None` where its object isn't there, or doesn't count.
    pub(super) fn alone(self, unit: &Unit) -> Option<Fragment> {
        let mut cx = Context::new(self);
        translate(&mut cx, unit)?;
        Some(cx.fragment())
    }

    /// Translates units one after the other, each in sight of those before.
    pub(super) fn together(self, units: BTreeSet<Arc<Unit>>) -> Together {
        let mut cx = Context::new(self);
        for unit in &units {
            translate(&mut cx, unit);
        }
        tls::refuse_duplicates(&mut cx);
        let Fragment { parts, told, .. } = cx.fragment();
        let parts = parts.iter().map(|part| ((part.section, part.name.clone()), part.clone())).collect();
        Together { units, parts, told: told.map(|told| told.to_vec()).unwrap_or_default() }
    }

    /// Loads the certificate in a Secret for the units that ask for it, which come in order.
    pub(super) fn certificate(self, unit: &Unit, asks: &[(&Unit, &Ask)]) -> Fragment {
        let mut cx = Context::new(self);
        tls::load(&mut cx, unit, asks);
        cx.fragment()
    }
}

/// `None` where there is nothing to translate.
fn translate(cx: &mut Context<'_>, unit: &Unit) -> Option<()> {
    let (namespace, name) = (&*unit.namespace, &*unit.name);
    cx.about = Arc::new(unit.reference());
    match unit.kind {
        Kind::TlsStore => tls::translate_store(cx, namespace, name),
        Kind::TlsOption => tls::translate_options(cx, namespace, name),
        Kind::IngressRoute => ingress_route::translate(cx, namespace, name),
        Kind::IngressRouteTcp => ingress_route_tcp::translate(cx, namespace, name),
        Kind::IngressRouteUdp => ingress_route_udp::translate(cx, namespace, name),
        Kind::Middleware => middleware::translate(cx, namespace, name),
        Kind::MiddlewareTcp => middleware_tcp::translate(cx, namespace, name),
        Kind::TraefikService => traefik_service::translate(cx, namespace, name),
        Kind::ServersTransport => servers_transport::translate_http(cx, namespace, name),
        Kind::ServersTransportTcp => servers_transport::translate_tcp(cx, namespace, name),
        Kind::Certificate => None,
    }
}

// === impl Fragment ===

impl Fragment {
    /// Whether it read one of the objects that these marks are for.
    pub(super) fn read(&self, marks: &rustc_hash::FxHashSet<super::unit::Mark>) -> bool {
        self.marks.iter().any(|mark| marks.contains(mark))
    }

    /// Its part of that name.
    pub(super) fn part(&self, section: Section, name: &str) -> Option<&Part> {
        let place = self.parts.binary_search_by(|part| (part.section, &*part.name).cmp(&(section, name))).ok()?;
        self.parts.get(place)
    }

    /// Keeps the elements of an older fragment where they are equal, so that whoever compares sees it at once.
    pub(super) fn keep(&mut self, old: &Fragment) {
        if self.parts == old.parts {
            self.parts = old.parts.clone();
            return;
        }
        let keep = |part: &Part| match old.part(part.section, &part.name) {
            Some(old) if old == part => old.clone(),
            Some(old) if old.element == part.element => Part { element: old.element.clone(), ..part.clone() },
            _ => part.clone(),
        };
        self.parts = self.parts.iter().map(keep).collect();
    }
}

// === impl Part ===

impl Part {
    /// Whether both put the very same into the configuration.
    pub(super) fn same(&self, other: &Part) -> bool {
        let element = match (&self.element, &other.element) {
            (Some(a), Some(b)) => a.same(b),
            (None, None) => true,
            _ => false,
        };
        element && self.shared == other.shared && self.origin == other.origin
    }
}
