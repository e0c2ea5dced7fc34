//! The servers behind a Kubernetes Service: which port, which scheme, which addresses.
//! Serves HTTP, TCP and UDP references alike; what doesn't work is reported and `None`.

mod nearness;

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use rustc_hash::FxHashSet;

use self::nearness::Nearness;
use super::context::Context;
use super::names;
use crate::diagnostic::ObjectRef;
use crate::dynamic::http::Server;
use crate::objects::Group;

/// What a reference wants of a Kubernetes Service.
pub(super) struct Wanted<'r> {
    /// The Service's namespace.
    pub namespace: &'r str,
    /// The Service's name.
    pub name: &'r str,
    /// Number or name of its port.
    pub port: Option<&'r IntOrString>,
    /// The Service's own address instead of its endpoints'; with the provider's default already applied.
    pub native_lb: bool,
    /// The nodes' addresses instead of the endpoints'; for Services of type NodePort.
    pub node_port_lb: bool,
}

/// Servers of one Service.
struct Servers<'a> {
    port: Port<'a>,
    list: Vec<Address>,
}

/// The port of a Service that a reference means.
struct Port<'a> {
    number: i32,
    name: &'a str,
    node_port: i32,
}

/// A server: `host:port`, IPv6 in brackets.
struct Address {
    text: String,
    /// Terminating, for clients that stick to it only.
    fenced: bool,
}

/// Which kind of traffic is for the servers: it decides on the order of the ways, and on endpoints that count.
#[derive(Clone, Copy, PartialEq)]
enum Traffic {
    Http,
    Stream,
}

/// The servers of an HTTP reference, with URLs. `scheme` is `http`, `https`, `h2c` or empty.
/// `path` is the reference; `None` where there are no servers, which is reported.
pub(super) fn http_servers(
    cx: &mut Context<'_>,
    wanted: &Wanted<'_>,
    scheme: &str,
    object: &ObjectRef,
    path: &str,
) -> Option<Vec<Server>> {
    if !matches!(scheme, "" | "http" | "https" | "h2c") {
        let message = format!("scheme {scheme:?} is not known: accepted are http, https and h2c, or none");
        cx.error("InvalidScheme", object, format!("{path}.scheme"), message);
        return None;
    }
    let servers = find(cx, wanted, Traffic::Http, object, path)?;
    let scheme = match scheme {
        "" if servers.port.number == 443 || servers.port.name.starts_with("https") => "https",
        "" => "http",
        given => given,
    };
    let server = |a: Address| Server { url: format!("{scheme}://{}", a.text), weight: None, fenced: a.fenced };
    Some(servers.list.into_iter().map(server).collect())
}

/// The servers of a TCP or UDP reference, as `host:port`. `path` is the reference; `None` where there are none,
/// which is reported.
pub(super) fn addresses(
    cx: &mut Context<'_>,
    wanted: &Wanted<'_>,
    object: &ObjectRef,
    path: &str,
) -> Option<Vec<String>> {
    Some(find(cx, wanted, Traffic::Stream, object, path)?.list.into_iter().map(|a| a.text).collect())
}

/// The port that a reference of group `traefik.containo.us` means where it has none: the Service's only one, as the
/// Traefik v2.3 document's examples have it. `None` where the reference has one, or it can't be told.
pub(super) fn only_port(
    cx: &mut Context<'_>,
    group: Group,
    (namespace, name): (&str, &str),
    port: Option<&IntOrString>,
    object: &ObjectRef,
    path: &str,
) -> Option<IntOrString> {
    if group != Group::ContainoUs || port.is_some() {
        return None;
    }
    let [only] = ports(cx.service(namespace, name)?) else { return None };
    let message = format!("no port given: Service {namespace}/{name} has only port {}, which is used", only.port);
    cx.info("PortAssumed", object, format!("{path}.port"), message);
    Some(IntOrString::Int(only.port))
}

fn find<'a>(
    cx: &mut Context<'a>,
    wanted: &Wanted<'_>,
    traffic: Traffic,
    object: &ObjectRef,
    path: &str,
) -> Option<Servers<'a>> {
    let Wanted { namespace, name, .. } = *wanted;
    let Some(service) = cx.service(namespace, name) else {
        let hint = if name.contains('@') {
            "a name with @ needs kind: TraefikService"
        } else if cx.filter.watches(namespace) {
            "create it, or correct the name"
        } else {
            "its namespace is not among the provider's namespaces"
        };
        let message = format!("Service {namespace}/{name} does not exist: {hint}");
        cx.error("ServiceNotFound", object, format!("{path}.name"), message);
        return None;
    };
    let kind = service.spec.as_ref().and_then(|s| s.type_.as_deref()).unwrap_or("ClusterIP");
    let external = kind == "ExternalName";
    if external && !cx.options.allow_external_name_services {
        let message = format!(
            "Service {namespace}/{name} is of type ExternalName: that needs the provider's option \
             allowExternalNameServices: true"
        );
        cx.error("ExternalNameNotAllowed", object, format!("{path}.name"), message);
        return None;
    }
    let port = find_port(cx, wanted, service, external, object, path)?;
    let node_port = wanted.node_port_lb && kind == "NodePort";
    let native = wanted.native_lb && !(traffic == Traffic::Stream && node_port);
    if wanted.node_port_lb && !node_port {
        let message = format!("has no effect: Service {namespace}/{name} is of type {kind}, not NodePort");
        cx.warning("NodePortLBIgnored", object, format!("{path}.nodePortLB"), message);
    }
    let list = if external {
        vec![external_name(cx, wanted, service, &port, object, path)?]
    } else if native {
        vec![cluster_ip(cx, wanted, service, &port, object, path)?]
    } else if node_port {
        nodes(cx, wanted, &port, object, path)?
    } else {
        endpoints(cx, wanted, service, &port, traffic, object, path)?
    };
    Some(Servers { port, list })
}

fn find_port<'a>(
    cx: &mut Context<'_>,
    wanted: &Wanted<'_>,
    service: &'a Service,
    external: bool,
    object: &ObjectRef,
    path: &str,
) -> Option<Port<'a>> {
    let Wanted { namespace, name, .. } = *wanted;
    let field = format!("{path}.port");
    let declared = ports(service);
    let port = match wanted.port {
        None | Some(IntOrString::Int(0)) => None,
        Some(IntOrString::String(text)) if text.is_empty() => None,
        given => given,
    };
    let Some(port) = port else {
        let message = format!("no port given for Service {namespace}/{name}: {}", accepted(declared));
        cx.error("PortMissing", object, &field, message);
        return None;
    };
    let matching = declared.iter().find(|p| match port {
        IntOrString::Int(number) => p.port == *number,
        IntOrString::String(text) => p.name.as_deref().unwrap_or_default() == text,
    });
    if let Some(p) = matching {
        let name = p.name.as_deref().unwrap_or_default();
        return Some(Port { number: p.port, name, node_port: p.node_port.unwrap_or_default() });
    }
    match port {
        IntOrString::Int(number) if external => {
            if declared.iter().any(|p| p.port != 0) {
                let message = format!(
                    "port {number} is not among those of ExternalName Service {namespace}/{name}, but is used: {}",
                    accepted(declared)
                );
                cx.warning("PortNotDeclared", object, &field, message);
            }
            Some(Port { number: *number, name: "", node_port: 0 })
        }
        _ => {
            let quoted = match port {
                IntOrString::String(text) if text.parse::<u16>().is_ok() => {
                    " (text is a port's name; write the number without quotes)"
                }
                _ => "",
            };
            let message = format!(
                "Service {namespace}/{name} has no port {}{quoted}: {}",
                names::port_text(port),
                accepted(declared)
            );
            cx.error("PortNotFound", object, &field, message);
            None
        }
    }
}

fn external_name(
    cx: &mut Context<'_>,
    wanted: &Wanted<'_>,
    service: &Service,
    port: &Port<'_>,
    object: &ObjectRef,
    path: &str,
) -> Option<Address> {
    match service.spec.as_ref().and_then(|s| s.external_name.as_deref()) {
        Some(host) if !host.is_empty() => Some(Address::new(host, port.number)),
        _ => {
            let message = format!("ExternalName Service {}/{} has no spec.externalName", wanted.namespace, wanted.name);
            cx.error("ExternalNameMissing", object, format!("{path}.name"), message);
            None
        }
    }
}

fn cluster_ip(
    cx: &mut Context<'_>,
    wanted: &Wanted<'_>,
    service: &Service,
    port: &Port<'_>,
    object: &ObjectRef,
    path: &str,
) -> Option<Address> {
    match service.spec.as_ref().and_then(|s| s.cluster_ip.as_deref()) {
        Some(ip) if !ip.is_empty() && ip != "None" => Some(Address::new(ip, port.number)),
        found => {
            let what = if found == Some("None") { "is headless" } else { "has no spec.clusterIP" };
            let message = format!(
                "nativeLB needs the Service's cluster IP, but {}/{} {what}: set nativeLB: false",
                wanted.namespace, wanted.name
            );
            cx.error("NoClusterIP", object, format!("{path}.nativeLB"), message);
            None
        }
    }
}

fn nodes(
    cx: &mut Context<'_>,
    wanted: &Wanted<'_>,
    port: &Port<'_>,
    object: &ObjectRef,
    path: &str,
) -> Option<Vec<Address>> {
    let nodes = cx.reader.nodes().filter_map(|n| n.status.as_ref()?.addresses.as_ref()).flatten();
    let ips = nodes.filter(|a| a.type_ == "InternalIP").map(|a| a.address.as_str());
    let list: Vec<Address> = ips.map(|ip| Address::new(ip, port.node_port)).collect();
    let problem = if cx.options.disable_cluster_scope_resources {
        "no Nodes are read with the provider's option disableClusterScopeResources: true"
    } else if list.is_empty() {
        "there is no Node with an InternalIP"
    } else if port.node_port == 0 {
        "its port has no nodePort"
    } else {
        return Some(list);
    };
    let message = format!("nodePortLB of Service {}/{} doesn't work: {problem}", wanted.namespace, wanted.name);
    cx.error("NodesNotFound", object, format!("{path}.nodePortLB"), message);
    None
}

fn endpoints<'a>(
    cx: &mut Context<'a>,
    wanted: &Wanted<'_>,
    service: &Service,
    port: &Port<'_>,
    traffic: Traffic,
    object: &ObjectRef,
    path: &str,
) -> Option<Vec<Address>> {
    let slices = cx.reader.slices(wanted.namespace, wanted.name);
    let on_port = |slice: &'a EndpointSlice| Some((slice_port(slice, port.name)?, slice.endpoints.as_deref()?));
    let usable = || {
        let all = slices.into_iter().flat_map(|s| s.iter()).filter_map(|slice| on_port(slice));
        all.flat_map(|(number, list)| list.iter().map(move |e| (number, e))).filter(|(_, e)| traffic.takes(e))
    };
    let near = Nearness::of(cx, || usable().map(|(_, e)| e).filter(|e| !terminates(e)));
    let mut seen = FxHashSet::default();
    let mut list = Vec::new();
    for (number, endpoint) in usable() {
        let far = !near.takes(endpoint);
        if far && traffic == Traffic::Stream {
            continue;
        }
        // Clients that stick to a server of another zone, where another replica sent them, may stay.
        let fenced = traffic == Traffic::Http && (far || terminates(endpoint));
        // Not by address alone, as Traefik: two ports of one host are two servers.
        let new = endpoint.addresses.iter().filter(|a| seen.insert((a.as_str(), number)));
        list.extend(new.map(|a| Address { fenced, ..Address::new(a, number) }));
    }
    if !list.is_empty() {
        return Some(list);
    }
    let Wanted { namespace, name, .. } = *wanted;
    let none_at_all = slices.is_none_or(|s| s.is_empty());
    if none_at_all && service.spec.as_ref().and_then(|s| s.selector.as_ref()).is_some_and(|s| !s.is_empty()) {
        let message = format!(
            "Service {namespace}/{name} has a selector, but no EndpointSlice: a cluster makes them, a directory of \
             manifests has nobody who does; write one with the label kubernetes.io/service-name: {name}"
        );
        cx.warning("NoEndpointSlices", object, format!("{path}.name"), message);
    }
    let why = if none_at_all {
        "it has no EndpointSlice".to_owned()
    } else if slices.into_iter().flat_map(|s| s.iter()).all(|s| slice_port(s, port.name).is_none()) {
        format!("none of its EndpointSlices has a port named {:?}", port.name)
    } else {
        let counts = if traffic == Traffic::Http { "conditions.serving" } else { "conditions.ready: true" };
        format!("none of its endpoints is ready ({counts} counts)")
    };
    let message = format!("Service {namespace}/{name} has no servers: {why}");
    let field = format!("{path}.name");
    if cx.options.allow_empty_services {
        let until = match traffic {
            Traffic::Http => "it answers 503",
            Traffic::Stream => "nobody gets through",
        };
        cx.warning("NoEndpoints", object, &field, format!("{message}; {until} until there is one"));
        return Some(list);
    }
    cx.error("NoEndpoints", object, &field, message);
    None
}

/// The number of the slice's port of that name. A nameless port's name is "", as the API server would write it.
fn slice_port(slice: &EndpointSlice, name: &str) -> Option<i32> {
    let ports = slice.ports.as_deref().unwrap_or_default();
    let port = ports.iter().find(|p| p.name.as_deref().unwrap_or_default() == name)?;
    port.port.filter(|number| *number != 0)
}

fn condition(
    endpoint: &Endpoint,
    field: impl Fn(&k8s_openapi::api::discovery::v1::EndpointConditions) -> Option<bool>,
) -> Option<bool> {
    endpoint.conditions.as_ref().and_then(field)
}

fn terminates(endpoint: &Endpoint) -> bool {
    condition(endpoint, |c| c.terminating) == Some(true)
}

fn ports(service: &Service) -> &[ServicePort] {
    service.spec.as_ref().and_then(|s| s.ports.as_deref()).unwrap_or_default()
}

/// Which ports there are, for messages.
fn accepted(ports: &[ServicePort]) -> String {
    if ports.is_empty() {
        return "the Service declares no ports".to_owned();
    }
    let text = |p: &ServicePort| match p.name.as_deref() {
        Some(name) if !name.is_empty() => format!("{} ({name})", p.port),
        _ => p.port.to_string(),
    };
    format!("it has {}", ports.iter().map(text).collect::<Vec<_>>().join(", "))
}

// === impl Traffic ===

impl Traffic {
    /// Whether an endpoint counts. HTTP keeps those that still serve while they terminate.
    fn takes(self, endpoint: &Endpoint) -> bool {
        match self {
            Traffic::Http => condition(endpoint, |c| c.serving).unwrap_or(true),
            Traffic::Stream => condition(endpoint, |c| c.ready).unwrap_or(false),
        }
    }
}

// === impl Address ===

impl Address {
    /// Go's `net.JoinHostPort`.
    fn new(host: &str, port: i32) -> Self {
        let text = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        Address { text, fenced: false }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
