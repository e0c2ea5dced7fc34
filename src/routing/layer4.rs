//! Compiles the services of TCP and UDP: names become trees of pools, unchanged ones are carried over from the old table.
//! Called by `compile`, once per service that a router needs.

use std::collections::HashMap;
use std::sync::Arc;

use ingora_crds::duration::GoDuration;

use crate::balance::layer4::{Member, Pool, Servers, Service, Weighted};
use crate::balance::{Resolved, tcp};
use crate::dynamic::Configuration;
use crate::dynamic::http::WeightedService;
use crate::dynamic::tcp::{TcpServersLoadBalancer, TcpServersTransport, TcpService};
use crate::dynamic::udp::{UdpServersLoadBalancer, UdpService};

/// The services of a table by name.
pub(super) type Compiled<T> = HashMap<String, Arc<Service<T>>>;

/// Why a service can't serve.
pub(super) type Problem = String;

/// A section of the configuration whose services lead to addresses.
pub(super) trait Section<'a>: 'a {
    /// How its servers are spoken to.
    type Transport: Send + Sync + 'static;
    /// A set of its servers.
    type Balancer: 'a;

    /// A service by its name.
    fn find(&self, configuration: &'a Configuration, name: &str) -> Option<Kind<'a, Self::Balancer>>;

    /// Whether a pool can be carried over: the same servers, spoken to in the same way.
    fn unchanged(&self, old: &'a Configuration, before: &Self::Balancer, now: &Self::Balancer) -> bool;

    /// The servers, and how they are spoken to.
    fn members(&mut self, balancer: &'a Self::Balancer) -> Result<(Vec<Member>, Arc<Self::Transport>), Problem>;
}

/// What a service is.
pub(super) enum Kind<'a, B> {
    /// Servers.
    Balancer(&'a B),
    /// Services by weight.
    Weighted(&'a [WeightedService]),
}

/// `tcp.services`
pub(super) struct Tcp<'a> {
    configuration: &'a Configuration,
    default_transport: &'a TcpServersTransport,
    /// By name, whether a server is dialled with TLS, and what services say themselves.
    transports: HashMap<TransportKey<'a>, Result<Arc<tcp::Transport>, Problem>>,
}

/// `udp.services`
pub(super) struct Udp;

/// The name of a transport, whether for TLS, and the deprecated settings of the service.
type TransportKey<'a> = (&'a str, bool, Option<i64>, Option<i64>);

/// Compiles each service at most once.
pub(super) struct Services<'a, S: Section<'a>> {
    section: S,
    configuration: &'a Configuration,
    old: Option<(&'a Configuration, &'a Compiled<S::Transport>)>,
    resolved: &'a Arc<Resolved>,
    done: HashMap<String, Result<Arc<Service<S::Transport>>, Problem>>,
    /// The services being compiled, to find cycles.
    open: Vec<String>,
}

// === impl Services ===

impl<'a, S: Section<'a>> Services<'a, S> {
    pub(super) fn new(
        section: S,
        configuration: &'a Configuration,
        old: Option<(&'a Configuration, &'a Compiled<S::Transport>)>,
        resolved: &'a Arc<Resolved>,
    ) -> Self {
        Services { section, configuration, old, resolved, done: HashMap::new(), open: Vec::new() }
    }

    /// The service of that name.
    pub(super) fn get(&mut self, name: &str) -> Result<Arc<Service<S::Transport>>, Problem> {
        let name = bare(name);
        if let Some(done) = self.done.get(name) {
            return done.clone();
        }
        let Some(kind) = self.section.find(self.configuration, name) else {
            return Err(format!("the service {name:?} does not exist"));
        };
        if self.open.iter().any(|open| open == name) {
            return Err(format!("services refer to one another in a circle: {} → {name}", self.open.join(" → ")));
        }
        self.open.push(name.to_owned());
        let compiled = self.compile(name, kind);
        self.open.pop();
        self.done.insert(name.to_owned(), compiled.clone());
        compiled
    }

    /// All services that were compiled.
    pub(super) fn finish(self) -> Compiled<S::Transport> {
        self.done.into_iter().filter_map(|(name, service)| Some((name, service.ok()?))).collect()
    }

    fn compile(&mut self, name: &str, kind: Kind<'a, S::Balancer>) -> Result<Arc<Service<S::Transport>>, Problem> {
        let old = self.old.and_then(|(_, services)| services.get(name));
        let turn = old.map(|service| service.turn().clone());
        match kind {
            Kind::Balancer(balancer) => {
                if let Some(old) = old.filter(|_| self.unchanged(name, balancer)) {
                    return Ok(old.clone());
                }
                let (members, transport) = self.section.members(balancer)?;
                let servers = Servers::new(members, transport, self.resolved.clone());
                Ok(Arc::new(Service::Pool(Pool::new(Arc::new(servers), turn))))
            }
            Kind::Weighted(services) => {
                let children = services.iter().map(|child| Ok((self.get(&child.name)?, child.weight.unwrap_or(1))));
                let children = children.collect::<Result<_, Problem>>()?;
                Ok(Arc::new(Service::Weighted(Weighted::new(children, turn))))
            }
        }
    }

    fn unchanged(&self, name: &str, now: &S::Balancer) -> bool {
        let Some((old, _)) = self.old else { return false };
        match self.section.find(old, name) {
            Some(Kind::Balancer(before)) => self.section.unchanged(old, before, now),
            _ => false,
        }
    }
}

/// A name without our own provider's.
fn bare(name: &str) -> &str {
    name.strip_suffix("@kubernetescrd").unwrap_or(name)
}

// === impl Tcp ===

impl<'a> Tcp<'a> {
    pub(super) fn new(configuration: &'a Configuration, default_transport: &'a TcpServersTransport) -> Self {
        Tcp { configuration, default_transport, transports: HashMap::new() }
    }

    fn transport(&mut self, balancer: &'a TcpServersLoadBalancer) -> Result<Arc<tcp::Transport>, Problem> {
        let name = bare(&balancer.servers_transport);
        let tls = balancer.servers.iter().any(|server| server.tls);
        let version = balancer.proxy_protocol.as_ref().map(|p| p.version);
        let settings = match name {
            "" => Some(self.default_transport),
            name => self.configuration.tcp.servers_transports.get(name),
        };
        let build = || {
            let Some(settings) = settings else {
                return Err(format!("the servers transport {name:?} does not exist"));
            };
            let mut settings = settings.clone();
            if settings.proxy_protocol.is_none() {
                settings.proxy_protocol.clone_from(&balancer.proxy_protocol);
            }
            // The deprecated integer as it is documented: milliseconds, and negative for ever.
            if let Some(milliseconds) = balancer.termination_delay.filter(|_| name.is_empty()) {
                settings.termination_delay = Some(GoDuration::from_millis(milliseconds));
            }
            let transport = tcp::Transport::new(&settings, tls);
            transport.map(Arc::new).map_err(|e| format!("servers transport {name}: {e}"))
        };
        let key = (name, tls, version, balancer.termination_delay);
        self.transports.entry(key).or_insert_with(build).clone()
    }
}

impl<'a> Section<'a> for Tcp<'a> {
    type Transport = tcp::Transport;
    type Balancer = TcpServersLoadBalancer;

    fn find(&self, configuration: &'a Configuration, name: &str) -> Option<Kind<'a, Self::Balancer>> {
        Some(match configuration.tcp.services.get(name)? {
            TcpService::LoadBalancer(balancer) => Kind::Balancer(balancer),
            TcpService::Weighted(weighted) => Kind::Weighted(&weighted.services),
        })
    }

    fn unchanged(&self, old: &'a Configuration, before: &Self::Balancer, now: &Self::Balancer) -> bool {
        let transport = bare(&now.servers_transport);
        let of = |configuration: &'a Configuration| configuration.tcp.servers_transports.get(transport);
        before == now && of(old) == of(self.configuration)
    }

    fn members(&mut self, balancer: &'a Self::Balancer) -> Result<(Vec<Member>, Arc<Self::Transport>), Problem> {
        let transport = self.transport(balancer)?;
        let members = balancer.servers.iter().map(|server| Member::parse(&server.address, server.tls));
        Ok((members.collect::<Result<_, Problem>>()?, transport))
    }
}

// === impl Udp ===

impl<'a> Section<'a> for Udp {
    type Transport = ();
    type Balancer = UdpServersLoadBalancer;

    fn find(&self, configuration: &'a Configuration, name: &str) -> Option<Kind<'a, Self::Balancer>> {
        Some(match configuration.udp.services.get(name)? {
            UdpService::LoadBalancer(balancer) => Kind::Balancer(balancer),
            UdpService::Weighted(weighted) => Kind::Weighted(&weighted.services),
        })
    }

    fn unchanged(&self, _old: &'a Configuration, before: &Self::Balancer, now: &Self::Balancer) -> bool {
        before == now
    }

    fn members(&mut self, balancer: &'a Self::Balancer) -> Result<(Vec<Member>, Arc<()>), Problem> {
        let members = balancer.servers.iter().map(|server| Member::parse(&server.address, false));
        Ok((members.collect::<Result<_, Problem>>()?, Arc::new(())))
    }
}
