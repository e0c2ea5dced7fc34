//! Compiles services: names become trees of pools, unchanged ones are carried over from the old table.
//! Called by `compile`, once per service that a router needs.

use std::collections::HashMap;
use std::sync::Arc;

use super::table::Table;
use crate::balance::failover::Errors;
use crate::balance::health::Checks;
use crate::balance::mirroring::{BodyCopy, Mirror};
use crate::balance::server::{Location, Member};
use crate::balance::sticky::Sticky;
use crate::balance::transport::Transport;
use crate::balance::view::{Needs, Strategy};
use crate::balance::{
    Child, Failover, Hashed, Health, Members, Membership, Mirroring, Pool, Resolved, Service, Weighted,
};
use crate::dynamic::Configuration;
use crate::dynamic::http::{self, Server, ServersLoadBalancer, ServersTransport, WeightedService};
use crate::persistent::Map;

/// The services of a table by name.
pub(super) type Compiled = Map<Arc<str>, Arc<Service>>;

/// The names of services.
pub(super) type Names = Map<Arc<str>, ()>;

/// Why a service can't serve.
pub(super) type Problem = String;

/// Services of services end here: far more than anyone writes, few enough for the stack.
const DEEPEST: usize = 64;

/// Servers, the name of their transport, whether they see the client's Host, and what their view is prepared for.
type MembershipKey<'a> = (&'a [Server], &'a str, bool, Needs);

/// Compiles each service at most once.
pub(super) struct Services<'a> {
    configuration: &'a Configuration,
    default_transport: &'a ServersTransport,
    old: Option<&'a Table>,
    resolved: &'a Arc<Resolved>,
    done: HashMap<&'a str, Result<Arc<Service>, Problem>>,
    transports: HashMap<&'a str, Result<Arc<Transport>, Problem>>,
    memberships: HashMap<MembershipKey<'a>, Arc<Membership>>,
    /// The services being compiled, to find cycles.
    open: Vec<&'a str>,
    /// Those of the old table that aren't needed any more.
    released: Vec<String>,
}

// === impl Services ===

impl<'a> Services<'a> {
    pub(super) fn new(
        configuration: &'a Configuration,
        default_transport: &'a ServersTransport,
        old: Option<&'a Table>,
        resolved: &'a Arc<Resolved>,
    ) -> Self {
        Services {
            configuration,
            default_transport,
            old,
            resolved,
            done: HashMap::new(),
            transports: HashMap::new(),
            memberships: HashMap::new(),
            open: Vec::new(),
            released: Vec::new(),
        }
    }

    /// The service of that name.
    pub(super) fn get(&mut self, name: &str) -> Result<Arc<Service>, Problem> {
        if let Some(done) = self.done.get(name) {
            return done.clone();
        }
        let services = &self.configuration.http.services;
        let Some((name, settings)) = services.get_key_value(name) else {
            return Err(format!("the service {name:?} does not exist"));
        };
        if self.open.len() > DEEPEST {
            return Err(format!("services refer to one another more than {DEEPEST} levels deep: remove some levels"));
        }
        if self.open.contains(&&**name) {
            return Err(format!("services refer to one another in a circle: {} → {name}", self.open.join(" → ")));
        }
        self.open.push(name);
        let compiled = self.compile(name, settings).map_err(|problem| match problem.starts_with("service") {
            true => problem,
            false => format!("service {name}: {problem}"),
        });
        self.open.pop();
        self.done.insert(name, compiled.clone());
        compiled
    }

    /// Says that no router needs a service any more.
    pub(super) fn release(&mut self, name: &str) {
        self.released.push(name.to_owned());
    }

    /// All services: those that were compiled, and those of the old table that are still needed. Also which of them are
    /// to be looked after.
    pub(super) fn finish(self) -> (Compiled, Names) {
        let old = self.old.map(|old| (old.services.clone(), old.attended.clone()));
        let (mut all, mut attended) = old.unwrap_or_default();
        for name in &self.released {
            all.remove(&**name);
            attended.remove(&**name);
        }
        for (name, service) in self.done {
            attended.remove(name);
            let Ok(service) = service else {
                all.remove(name);
                continue;
            };
            let name: Arc<str> = name.into();
            let members = service.pool().map(|pool| pool.membership());
            if members.is_some_and(|members| !members.names().is_empty() || members.health().is_some()) {
                attended.insert(name.clone(), ());
            }
            all.insert(name, service);
        }
        (all, attended)
    }

    fn compile(&mut self, name: &'a str, settings: &'a http::Service) -> Result<Arc<Service>, Problem> {
        let old = self.old.and_then(|table| table.services.get(name));
        let turn = old.and_then(|service| service.turn()).cloned();
        Ok(match settings {
            http::Service::LoadBalancer(servers) => match old.filter(|_| self.unchanged(name, servers)) {
                Some(old) => {
                    if let Some(pool) = old.pool().filter(|pool| pool.membership().health().is_none()) {
                        self.memberships.entry(membership_key(servers)).or_insert_with(|| pool.membership().clone());
                    }
                    old.clone()
                }
                None => {
                    let membership = self.membership(name, servers, old)?;
                    let pool = Pool::new(membership, sticky(name, stickiness(servers)), turn);
                    Arc::new(Service::Pool(match servers.middlewares.is_empty() {
                        true => pool,
                        false => pool.filtered_as(name),
                    }))
                }
            },
            http::Service::Weighted(weighted) => {
                let children = self.children(&weighted.services)?;
                Arc::new(Service::Weighted(Weighted::new(children, sticky(name, weighted.sticky.as_ref()), turn)))
            }
            http::Service::HighestRandomWeight(hashed) => {
                Arc::new(Service::Hashed(Hashed::new(self.children(&hashed.services)?)))
            }
            http::Service::Mirroring(mirroring) => Arc::new(Service::Mirroring(self.mirroring(mirroring, old)?)),
            http::Service::Failover(failover) => {
                let (main, fallback) = (self.get(&failover.service)?, self.get(&failover.fallback)?);
                let errors = failover.errors.as_ref().filter(|errors| !errors.status.is_empty());
                let errors =
                    errors.map(|e| Errors::new(&e.status, e.max_request_body_bytes.unwrap_or(-1))).transpose()?;
                Arc::new(Service::Failover(Failover::new(main, fallback, errors)?))
            }
        })
    }

    /// Whether a pool can be carried over: the same servers, spoken to in the same way.
    fn unchanged(&self, name: &str, servers: &ServersLoadBalancer) -> bool {
        let Some(old) = self.old else { return false };
        let same = match old.configuration.http.services.get(name) {
            Some(http::Service::LoadBalancer(before)) => **before == *servers,
            _ => false,
        };
        let transport = transport_name(&servers.servers_transport);
        let (before, now) = (&old.configuration.http.servers_transports, &self.configuration.http.servers_transports);
        same && before.get(transport) == now.get(transport)
    }

    fn children(&mut self, services: &[WeightedService]) -> Result<Vec<Child>, Problem> {
        let child = |child: &WeightedService| {
            let service = self.get(&child.name)?;
            Ok(Child { name: child.name.clone(), service, weight: child.weight.unwrap_or(1) })
        };
        services.iter().map(child).collect()
    }

    /// Where the old service had the same mirrors, their counters go on.
    fn mirroring(&mut self, settings: &http::Mirroring, old: Option<&Arc<Service>>) -> Result<Mirroring, Problem> {
        let body = match (settings.mirror_body.unwrap_or(true), settings.max_body_size.unwrap_or(-1)) {
            (false, _) => BodyCopy::Nothing,
            (true, limit) => BodyCopy::UpTo(u64::try_from(limit).unwrap_or(u64::MAX)),
        };
        let percents = || settings.mirrors.iter().map(|mirror| u64::try_from(mirror.percent).unwrap_or(0).min(100));
        let old = old.and_then(|service| service.mirroring());
        let old = old.filter(|old| old.mirrors().iter().map(|mirror| mirror.percent).eq(percents()));
        let sent = |n: usize| old.and_then(|old| Some(old.mirrors().get(n)?.sent.clone())).unwrap_or_default();
        let main = self.get(&settings.service)?;
        let mirrors = settings.mirrors.iter().zip(percents()).enumerate();
        let mirrors = mirrors
            .map(|(n, (mirror, percent))| Ok(Mirror { service: self.get(&mirror.name)?, percent, sent: sent(n) }))
            .collect::<Result<_, Problem>>()?;
        let requests = old.map(|old| old.requests().clone()).unwrap_or_default();
        Ok(Mirroring::new(main, body, mirrors, requests))
    }

    /// The servers of a load balancer: the same for all that have the same, and speak to them in the same way.
    /// What the old service knows of servers that are still there is carried over.
    fn membership(
        &mut self,
        name: &str,
        settings: &'a ServersLoadBalancer,
        old: Option<&Arc<Service>>,
    ) -> Result<Arc<Membership>, Problem> {
        let key = membership_key(settings);
        let old = old.and_then(|service| service.pool()).map(|pool| &**pool.membership());
        let health = health(name, settings, old)?;
        // Servers whose health is asked for are a service's own.
        if let Some(membership) = self.memberships.get(&key).filter(|_| health.is_none()) {
            return Ok(membership.clone());
        }
        let transport = self.transport(&settings.servers_transport)?;
        let member = |server: &Server| {
            let (weight, fenced) = (server.weight.unwrap_or(1), server.fenced);
            Ok(Member { location: Location::parse(&server.url)?, weight, fenced })
        };
        let members = settings.servers.iter().map(member).collect::<Result<_, Problem>>()?;
        let members = Members { members, transport, pass_host_header: key.2, resolved: self.resolved.clone() };
        let shared = health.is_none();
        let membership = Membership::new(members, key.3, health, old);
        if shared {
            self.memberships.insert(key, membership.clone());
        }
        Ok(membership)
    }

    fn transport(&mut self, name: &'a str) -> Result<Arc<Transport>, Problem> {
        let name = transport_name(name);
        let settings = match name {
            "" => Some(self.default_transport),
            name => self.configuration.http.servers_transports.get(name),
        };
        self.transports
            .entry(name)
            .or_insert_with(|| match settings {
                None => Err(format!("the servers transport {name:?} does not exist")),
                Some(settings) => {
                    Transport::new(settings).map(Arc::new).map_err(|e| format!("servers transport {name}: {e}"))
                }
            })
            .clone()
    }
}

fn membership_key(settings: &ServersLoadBalancer) -> MembershipKey<'_> {
    let needs = Needs { strategy: Strategy::named(&settings.strategy), sticky: cookie(stickiness(settings)).is_some() };
    let pass_host_header = settings.pass_host_header.unwrap_or(true);
    (&settings.servers, transport_name(&settings.servers_transport), pass_host_header, needs)
}

/// What is known of the health of a service's servers: as before, where the same is asked for.
fn health(
    service: &str,
    settings: &ServersLoadBalancer,
    old: Option<&Membership>,
) -> Result<Option<Arc<Health>>, Problem> {
    let checks = Checks { active: settings.health_check.clone(), passive: settings.passive_health_check.clone() };
    if checks.active.is_none() && checks.passive.is_none() {
        return Ok(None);
    }
    let old = old.and_then(|members| members.health());
    if let Some(same) = old.filter(|old| *old.checks() == checks) {
        return Ok(Some(same.clone()));
    }
    Health::new(service, checks, old.map(|old| &**old)).map(Some)
}

/// How clients of a load balancer stick to servers; where their addresses place them, they do without cookies.
fn stickiness(settings: &ServersLoadBalancer) -> Option<&http::Sticky> {
    settings.sticky.as_ref().filter(|_| Strategy::named(&settings.strategy) != Strategy::Rendezvous)
}

/// The stickiness of a service, whose name has its provider in cookies.
fn sticky(service: &str, settings: Option<&http::Sticky>) -> Option<Sticky> {
    Some(Sticky::new(cookie(settings)?, &format!("{service}@kubernetescrd")))
}

fn cookie(settings: Option<&http::Sticky>) -> Option<&http::Cookie> {
    settings?.cookie.as_ref()
}

/// The name that a transport is found by; empty is the default one.
fn transport_name(name: &str) -> &str {
    name.strip_suffix("@kubernetescrd").unwrap_or(name)
}
