//! Which servers of a service are well: by probes of our own (active), by the answers to requests (passive).
//! Outlives the tables, so that what is known of a server isn't forgotten with a change elsewhere. Members and their
//! enablement are `pingora-load-balancing`'s `Backends`, the probe is its `HealthCheck`; the schedule is ours, because its
//! own has one interval for all servers.

pub mod probe;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use ingora_crds::duration::GoDuration;
use log::{info, warn};
use pingora_load_balancing::Backend;
use pingora_load_balancing::health_check::HealthCheck;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use self::probe::Probe;
use super::chance;
use super::pool::Membership;
use super::server::Server;
use crate::dynamic::http::{PassiveServerHealthCheck, ServerHealthCheck};

/// What is asked for, with Traefik's defaults.
const INTERVAL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(5);
const FAILURE_WINDOW: Duration = Duration::from_secs(10);

/// What a service asks to be known of its servers.
#[derive(Debug, Clone, PartialEq)]
pub struct Checks {
    /// Probes.
    pub active: Option<ServerHealthCheck>,
    /// Answers.
    pub passive: Option<PassiveServerHealthCheck>,
}

/// What is known of the servers of a service.
pub struct Health {
    service: String,
    checks: Checks,
    active: Option<Active>,
    passive: Option<Passive>,
    servers: Mutex<HashMap<Place, Status>>,
    /// The members of this table, and of those before that are still in use.
    members: Mutex<Vec<Weak<Membership>>>,
    /// Where the probes run, once they do.
    runtime: OnceLock<Handle>,
}

/// A server, whatever table it is in.
type Place = (String, SocketAddr);

/// Probes and their schedule.
struct Active {
    probe: Arc<Probe>,
    interval: Duration,
    unhealthy_interval: Duration,
    timeout: Duration,
}

/// When failures count.
struct Passive {
    window: Duration,
    most: usize,
}

/// What is known of a server; nothing bad at first.
#[derive(Default)]
struct Status {
    /// Its last probe failed.
    down: bool,
    /// Its last failures to answer.
    failures: VecDeque<Instant>,
    /// Until when it is left alone for them.
    left_alone: Option<Instant>,
    /// Its probes.
    task: Option<AbortHandle>,
}

// === impl Health ===

impl Health {
    /// For a service; what `old` knows is carried over. The error says what can't be asked for.
    pub fn new(service: &str, checks: Checks, old: Option<&Health>) -> Result<Arc<Self>, String> {
        let active = checks.active.as_ref().map(Active::new).transpose()?;
        let carried = old.map(|old| old.carried(&checks)).unwrap_or_default();
        Ok(Arc::new(Health {
            service: service.to_owned(),
            active,
            passive: checks.passive.as_ref().map(Passive::new),
            checks,
            servers: Mutex::new(carried),
            members: Mutex::default(),
            runtime: OnceLock::new(),
        }))
    }

    /// What was asked for.
    pub fn checks(&self) -> &Checks {
        &self.checks
    }

    /// Begins with the probes of servers that have none yet. To be called in a runtime, for each table that serves.
    pub fn start(self: &Arc<Self>) {
        self.runtime.get_or_init(Handle::current);
        self.probe_all();
    }

    /// Members whose view is made anew when the health of one of them changes.
    pub(super) fn attach(&self, members: &Arc<Membership>) {
        let mut all = locked(&self.members);
        all.retain(|members| members.strong_count() > 0);
        all.push(Arc::downgrade(members));
    }

    /// Whether a server takes requests.
    pub(super) fn is_well(&self, server: &Server) -> bool {
        locked(&self.servers).get(&server.place()).is_none_or(Status::is_well)
    }

    /// A server failed to answer, or answered 5xx.
    pub(super) fn failed(self: &Arc<Self>, server: &Server) {
        let Some(passive) = &self.passive else { return };
        let now = Instant::now();
        {
            let mut servers = locked(&self.servers);
            let status = servers.entry(server.place()).or_default();
            status.failures.retain(|failure| now.duration_since(*failure) < passive.window);
            status.failures.push_back(now);
            if status.left_alone.is_some() || status.failures.len() < passive.most {
                return;
            }
            status.failures.clear();
            status.left_alone = Some(now + passive.window);
        }
        warn!("service {}: {server:?} is left alone for {:?} for its failures", self.service, passive.window);
        self.prepare();
        self.return_after(passive.window);
    }

    /// Prepares the views again when a server has been left alone for long enough.
    fn return_after(self: &Arc<Self>, window: Duration) {
        let Some(runtime) = self.runtime.get() else { return };
        let health = Arc::downgrade(self);
        runtime.spawn(async move {
            sleep(window).await;
            if let Some(health) = health.upgrade() {
                let now = Instant::now();
                locked(&health.servers).values_mut().for_each(|status| {
                    status.left_alone = status.left_alone.filter(|until| *until > now);
                });
                health.prepare();
            }
        });
    }

    /// Gives each server its probes, and forgets those that are gone.
    pub(super) fn probe_all(self: &Arc<Self>) {
        let Some(runtime) = self.runtime.get() else { return };
        let there: HashMap<Place, ()> = self.backends().iter().filter_map(|b| Some((place(b)?, ()))).collect();
        let mut servers = locked(&self.servers);
        servers.retain(|place, status| {
            let stays = there.contains_key(place);
            if !stays && let Some(task) = &status.task {
                task.abort();
            }
            stays
        });
        if self.active.is_none() {
            return;
        }
        for place in there.into_keys() {
            let status = servers.entry(place.clone()).or_default();
            if status.task.as_ref().is_none_or(AbortHandle::is_finished) {
                status.task = Some(runtime.spawn(probe_one(Arc::downgrade(self), place)).abort_handle());
            }
        }
    }

    /// Notes the outcome of a probe.
    fn probed(&self, place: &Place, failure: Option<String>) {
        let down = failure.is_some();
        match locked(&self.servers).get_mut(place) {
            Some(status) if status.down != down => status.down = down,
            _ => return,
        }
        let (url, address) = place;
        // One of the addresses of a name.
        let at = if url.contains(&address.to_string()) { String::new() } else { format!(" at {address}") };
        match failure {
            Some(why) => warn!("service {}: {url}{at} is down: {why}", self.service),
            None => info!("service {}: {url}{at} is up", self.service),
        }
        self.prepare();
    }

    fn prepare(&self) {
        self.all_members().iter().for_each(|members| members.prepare());
    }

    /// A server as the newest table has it.
    fn backend(&self, wanted: &Place) -> Option<Backend> {
        self.backends().into_iter().rev().find(|backend| place(backend).as_ref() == Some(wanted))
    }

    /// The servers of all members, the newest last.
    fn backends(&self) -> Vec<Backend> {
        self.all_members().iter().flat_map(|members| members.backends().iter().cloned().collect::<Vec<_>>()).collect()
    }

    fn all_members(&self) -> Vec<Arc<Membership>> {
        locked(&self.members).iter().filter_map(Weak::upgrade).collect()
    }

    /// What goes on to whoever comes after it, where that asks for the like.
    fn carried(&self, checks: &Checks) -> HashMap<Place, Status> {
        let servers = locked(&self.servers);
        let carry = |(place, status): (&Place, &Status)| {
            let down = status.down && checks.active.is_some();
            (place.clone(), Status { down, ..Status::default() })
        };
        servers.iter().map(carry).filter(|(_, status)| status.down).collect()
    }
}

impl Drop for Health {
    fn drop(&mut self) {
        locked(&self.servers).values().filter_map(|status| status.task.as_ref()).for_each(AbortHandle::abort);
    }
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health").field("service", &self.service).field("checks", &self.checks).finish()
    }
}

/// Probes a server for as long as somebody wants to know.
async fn probe_one(health: Weak<Health>, place: Place) {
    let mut chance = super::rendezvous::fnv1a(place.0.as_bytes());
    let Some(interval) = health.upgrade().and_then(|health| Some(health.active.as_ref()?.interval)) else { return };
    // Not all at once, however many were made at once.
    sleep(interval.mul_f64(chance::share(chance))).await;
    loop {
        let Some(asked) = health.upgrade() else { return };
        let (Some(active), Some(backend)) = (&asked.active, asked.backend(&place)) else { return };
        let (probe, limit) = (active.probe.clone(), active.timeout);
        drop(asked);
        let failure = match timeout(limit, probe.check(&backend)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {limit:?}")),
        };
        let Some(told) = health.upgrade() else { return };
        let Some(active) = &told.active else { return };
        let interval = if failure.is_some() { active.unhealthy_interval } else { active.interval };
        told.probed(&place, failure);
        drop(told);
        chance = chance.wrapping_add(1);
        sleep(interval.mul_f64(0.95 + chance::share(chance) / 10.0)).await;
    }
}

fn place(backend: &Backend) -> Option<Place> {
    Some(backend.ext.get::<Arc<Server>>()?.place())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Active ===

impl Active {
    fn new(settings: &ServerHealthCheck) -> Result<Self, String> {
        let interval = positive(settings.interval, INTERVAL);
        Ok(Active {
            probe: Arc::new(Probe::new(settings)?),
            interval,
            unhealthy_interval: positive(settings.unhealthy_interval, interval),
            timeout: positive(settings.timeout, TIMEOUT),
        })
    }
}

// === impl Passive ===

impl Passive {
    fn new(settings: &PassiveServerHealthCheck) -> Self {
        let most = settings.max_failed_attempts.unwrap_or(1).max(1);
        Passive {
            window: positive(settings.failure_window, FAILURE_WINDOW),
            most: usize::try_from(most).unwrap_or(usize::MAX),
        }
    }
}

/// As Traefik: what isn't a time means the default.
fn positive(given: Option<GoDuration>, default: Duration) -> Duration {
    given.and_then(GoDuration::positive).unwrap_or(default)
}

// === impl Status ===

impl Status {
    fn is_well(&self) -> bool {
        !self.down && self.left_alone.is_none_or(|until| until <= Instant::now())
    }
}
