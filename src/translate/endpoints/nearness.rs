//! The hints of EndpointSlices: which endpoints of a Service are for the Node or the zone that ingora runs in.
//! Source: Kubernetes' "Topology Aware Routing", and what kube-proxy makes of hints.

use k8s_openapi::api::discovery::v1::Endpoint;

use crate::objects::snapshot::ZONE_LABEL;
use crate::translate::context::Context;

/// Which endpoints are near.
pub(super) enum Nearness<'a> {
    /// All of them: there are no hints, or none for here.
    Any,
    /// Those for this Node.
    Node(&'a str),
    /// Those for this zone.
    Zone(&'a str),
}

// === impl Nearness ===

impl<'a> Nearness<'a> {
    /// Hints count where each of the `endpoints` has them, and one of them is for here. Otherwise a zone is just being
    /// added or left, and all endpoints are used.
    pub(super) fn of<'e, I: Iterator<Item = &'e Endpoint>>(cx: &Context<'a>, endpoints: impl Fn() -> I) -> Self {
        let all = |hinted: fn(&Endpoint) -> bool| endpoints().next().is_some() && endpoints().all(hinted);
        let useful = |near: &Nearness<'_>| endpoints().any(|e| near.takes(e));
        let node = Some(cx.options.node.as_str()).filter(|node| !node.is_empty());
        if all(|e| nodes(e).next().is_some())
            && let Some(near) = node.map(Nearness::Node).filter(useful)
        {
            return near;
        }
        // Nodes are looked up only where there are hints: whoever looks is translated anew when they change.
        if all(|e| zones(e).next().is_some())
            && let Some(near) = zone(cx, node).map(Nearness::Zone).filter(useful)
        {
            return near;
        }
        Nearness::Any
    }

    pub(super) fn takes(&self, endpoint: &Endpoint) -> bool {
        match self {
            Nearness::Any => true,
            Nearness::Node(here) => nodes(endpoint).any(|node| node == *here),
            Nearness::Zone(here) => zones(endpoint).any(|zone| zone == *here),
        }
    }
}

/// The zone that ingora runs in, as it is told or as its Node says.
fn zone<'a>(cx: &Context<'a>, node: Option<&str>) -> Option<&'a str> {
    match cx.options.zone.as_str() {
        "" => cx.reader.node(node?)?.metadata.labels.as_ref()?.get(ZONE_LABEL).map(String::as_str),
        zone => Some(zone),
    }
}

fn nodes(endpoint: &Endpoint) -> impl Iterator<Item = &str> {
    let hints = endpoint.hints.as_ref().and_then(|hints| hints.for_nodes.as_deref());
    hints.unwrap_or_default().iter().map(|node| node.name.as_str())
}

fn zones(endpoint: &Endpoint) -> impl Iterator<Item = &str> {
    let hints = endpoint.hints.as_ref().and_then(|hints| hints.for_zones.as_deref());
    hints.unwrap_or_default().iter().map(|zone| zone.name.as_str())
}
