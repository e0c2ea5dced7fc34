//! The loop that ties the rooms: snapshots come in, are translated and compiled, and the new table is swapped in.
//! Also puts the one Pingora server together. Only this room knows all others.

mod descriptors;
#[cfg(test)]
mod fixture;
mod names;
mod order;
mod report;
mod source;
mod sources;
mod writer;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use async_trait::async_trait;
use ingora_middleware::Registry;
use log::{info, warn};
use pingora::apps::HttpServerOptions;
use pingora::server::configuration::Opt;
use pingora::server::{RunArgs, Server, ShutdownWatch};
use pingora::services::background::{BackgroundService, background_service};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::config::Config;
use crate::diagnostic::{Diagnostic, Severity};
use crate::dynamic::http::{ForwardingTimeouts, ServersTransport};
use crate::dynamic::tcp::{TcpClientTls, TcpServersTransport};
use crate::feedback::{Feedback, Served};
use crate::objects::Snapshot;
use crate::observe::Observed;
use crate::proxy::life_cycle::{Signals, turned};
use crate::proxy::{EntryPoints, Gateway, LifeCycle, UdpEntryPoints};
use crate::routing::{Settings, Table, compile};
use crate::tls;
use crate::translate::{Filter, Options, Translation};

use self::writer::{Serving, Writer};

/// So many times as long as a change took is rested after it.
const REST: u32 = 6;
/// No change waits for longer than this.
const LONGEST_REST: Duration = Duration::from_millis(80);

/// How often names are looked up again. The system's resolver doesn't tell how long its answers hold.
const LOOKUP_INTERVAL: Duration = Duration::from_secs(30);
/// How often those are looked up that nothing is known of: their servers can't be reached until then.
const MISSING_INTERVAL: Duration = Duration::from_secs(2);

/// What was told already, so that it is told once.
#[derive(Default)]
struct Said {
    diagnostics: BTreeSet<Diagnostic>,
}

/// What tables are made with; the same for all tables of a process.
pub struct Recipe {
    settings: Settings,
    options: Options,
}

/// What became of a snapshot.
pub struct Cooked {
    /// What the next one starts from.
    pub translation: Translation,
    /// What serves.
    pub table: Table,
    /// What is to be said, sorted by object.
    pub diagnostics: Vec<Diagnostic>,
}

/// What one change leaves to the next.
#[derive(Default)]
struct Last {
    translation: Translation,
    said: Said,
    /// How long it took to make the table, and to tell of it.
    took: Duration,
}

/// The loop.
struct Control {
    recipe: Arc<Recipe>,
    table: Arc<ArcSwap<Table>>,
    life_cycle: Arc<LifeCycle>,
    source: source::Source,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    observed: Arc<Observed>,
    /// Where objects are a cluster's.
    told: Option<Told>,
}

/// Where it is told what becomes of objects, and which of them count.
struct Told {
    feedback: Feedback,
    filter: Arc<Filter>,
}

// === impl Recipe ===

impl Recipe {
    /// # Errors
    /// When a file that the configuration names can't be read.
    pub fn new(config: Config, registry: Registry) -> Result<Self> {
        let options = config.translate_options();
        let default_transport = default_transport(&config)?;
        let default_tcp_transport = default_tcp_transport(&config)?;
        Ok(Recipe { settings: Settings { config, registry, default_transport, default_tcp_transport }, options })
    }

    /// The static configuration.
    pub fn config(&self) -> &Config {
        &self.settings.config
    }

    /// From objects to a table, and everything that is to be said about them, sorted by object.
    pub fn cook(&self, snapshot: &Snapshot, old: Option<&Table>) -> (Table, Vec<Diagnostic>) {
        let Cooked { table, diagnostics, .. } = self.cook_next(snapshot, &Translation::default(), old);
        (table, diagnostics)
    }

    /// The same from what the last snapshot came to: only what changed since is made anew.
    pub fn cook_next(&self, snapshot: &Snapshot, before: &Translation, old: Option<&Table>) -> Cooked {
        let translation = before.next(snapshot, &self.options);
        let mut diagnostics = translation.diagnostics();
        let (table, more) = compile(Arc::new(translation.configuration().clone()), &self.settings, old);
        diagnostics.extend(more);
        order::arrange(&mut diagnostics);
        Cooked { translation, table, diagnostics }
    }
}

/// The transport of services that name none: Traefik's `default@internal`.
fn default_transport(config: &Config) -> Result<ServersTransport> {
    let settings = &config.servers_transport;
    let read = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path).with_context(|| format!("serversTransport.rootCAs: {}", path.display()))
    };
    Ok(ServersTransport {
        insecure_skip_verify: settings.insecure_skip_verify,
        root_cas: settings.root_cas.iter().map(read).collect::<Result<_>>()?,
        max_idle_conns_per_host: settings.max_idle_conns_per_host,
        forwarding_timeouts: Some(ForwardingTimeouts {
            dial_timeout: Some(settings.forwarding_timeouts.dial_timeout),
            response_header_timeout: Some(settings.forwarding_timeouts.response_header_timeout),
            idle_conn_timeout: Some(settings.forwarding_timeouts.idle_conn_timeout),
            ..Default::default()
        }),
        ..Default::default()
    })
}

/// The same for TCP.
fn default_tcp_transport(config: &Config) -> Result<TcpServersTransport> {
    let settings = &config.tcp_servers_transport;
    let read = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path).with_context(|| format!("tcpServersTransport.tls.rootCAs: {}", path.display()))
    };
    Ok(TcpServersTransport {
        dial_keep_alive: Some(settings.dial_keep_alive),
        dial_timeout: Some(settings.dial_timeout),
        proxy_protocol: None,
        termination_delay: Some(settings.termination_delay),
        tls: Some(TcpClientTls {
            insecure_skip_verify: settings.tls.insecure_skip_verify,
            root_cas: settings.tls.root_cas.iter().map(read).collect::<Result<_>>()?,
            ..Default::default()
        }),
    })
}

/// Puts the server together: its sockets are bound, its source is read. It runs when it is told to.
///
/// # Errors
/// When an address can't be bound, or the objects can't be read.
pub fn server(mut config: Config, registry: Registry, opt: Opt) -> Result<(Server, RunArgs)> {
    descriptors::raise_limit();
    config.warnings().iter().for_each(|warning| warn!("{warning}"));
    let pingora = std::mem::take(&mut config.server);
    let recipe = Arc::new(Recipe::new(config, registry)?);
    let config = recipe.config();
    let life_cycle = Arc::new(LifeCycle::default());
    // What the process itself answers is there before any object is known.
    let table = Arc::new(ArcSwap::from_pointee(recipe.cook(&Snapshot::default(), None).0));

    let inherit = opt.upgrade;
    let mut server = Server::new_with_opt_and_conf(Some(opt), pingora);
    server.bootstrap();
    let observed = Arc::new(Observed::new()?);
    let gateway = Gateway::new(table.clone(), life_cycle.clone(), observed.clone(), server.configuration.clone());
    let mut proxy = pingora_proxy::http_proxy(&server.configuration, gateway);
    let mut options = HttpServerOptions::default();
    // Not to proxy it: so that the answer to CONNECT is ours.
    options.allow_connect_method_proxying = true;
    proxy.server_options = Some(options);
    server.add_service(EntryPoints::new(config, &Arc::new(proxy), &table, &life_cycle, inherit)?);
    if let Some(udp) = UdpEntryPoints::new(config, &table, &life_cycle, inherit)? {
        server.add_service(udp);
    }

    let (snapshots, _) = watch::channel(None);
    let source = source::find(&config.providers, &snapshots)?;
    let told = source.access().map(|access| {
        let feedback = Feedback::new(observed.written.clone());
        let writer = Writer::new(config, feedback.clone(), access.clone(), life_cycle.clone());
        server.add_service(background_service("feedback", writer));
        Told { feedback, filter: writer::filter(&recipe.options) }
    });
    let control = Control { recipe, table, life_cycle: life_cycle.clone(), source, snapshots, observed, told };
    server.add_service(background_service("control", control));
    Ok((server, RunArgs { shutdown_signal: Box::new(Signals(life_cycle)) }))
}

// === impl Control ===

#[async_trait]
impl BackgroundService for Control {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let mut snapshots = self.snapshots.subscribe();
        // The one that files gave before this loop began.
        snapshots.mark_changed();
        // Followed until this loop ends.
        let cluster = match self.source.follow(&self.snapshots) {
            Ok(cluster) => cluster,
            Err(error) => return log::error!("providers.kubernetesCRD: {error:#}"),
        };
        if let Some(cluster) = &cluster {
            tokio::spawn(sources::observe(cluster.health(), self.observed.clone()));
        }
        let mut last = Last::default();
        let mut lookup = Instant::now() + MISSING_INTERVAL;
        let mut lookup_of_all = Instant::now() + LOOKUP_INTERVAL;
        let mut looking_up: Option<JoinHandle<()>> = None;
        loop {
            tokio::select! {
                changed = snapshots.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let snapshot = snapshots.borrow_and_update().clone();
                    if let Some(snapshot) = snapshot {
                        self.serve(snapshot, &mut last).await;
                        sleep(self.rest(last.took)).await;
                    }
                }
                () = sleep_until(lookup) => {
                    lookup = Instant::now() + MISSING_INTERVAL;
                    // One that is still at it would only get company.
                    if looking_up.as_ref().is_none_or(JoinHandle::is_finished) {
                        let all = lookup_of_all <= Instant::now();
                        if all {
                            lookup_of_all = Instant::now() + LOOKUP_INTERVAL;
                        }
                        looking_up = names::look_up_again(&self.table, all);
                    }
                }
                () = turned(&mut shutdown) => return,
            }
        }
    }
}

impl Control {
    /// How long to rest after a change that took so long: as told, and so that a storm of changes costs a small part of a
    /// processor; what comes meanwhile is served as one change.
    fn rest(&self, took: Duration) -> Duration {
        self.throttle().max((took * REST).min(LONGEST_REST))
    }

    /// The least time between two changes that the configuration asks for.
    fn throttle(&self) -> Duration {
        let providers = &self.recipe.config().providers;
        let manifests = providers.manifests.as_ref().map(|p| p.throttle_duration);
        let cluster = providers.kubernetes_crd.as_ref().map(|p| p.throttle_duration);
        manifests.or(cluster).and_then(|d| d.positive()).unwrap_or_default()
    }

    fn observe(&self, routes: usize, diagnostics: &[Diagnostic]) {
        let metrics = &self.observed.metrics;
        metrics.reloads.inc();
        metrics.last_reload.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64().floor());
        metrics.routes.set(i64::try_from(routes).unwrap_or(i64::MAX));
        for severity in [Severity::Error, Severity::Warning, Severity::Info] {
            let count = diagnostics.iter().filter(|d| d.severity == severity).count();
            let label = severity.to_string();
            metrics.diagnostics.with_label_values(&[&label]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Tells the cluster, which takes its time; returns what it was told before.
    fn tell(&self, snapshot: Arc<Snapshot>, diagnostics: &[Diagnostic], table: Arc<Table>) -> Option<Served> {
        let told = self.told.as_ref()?;
        let facts = Arc::new(Serving { table, filter: told.filter.clone() });
        told.feedback.served(Served { snapshot, diagnostics: diagnostics.into(), facts })
    }

    async fn serve(&self, snapshot: Arc<Snapshot>, last: &mut Last) {
        let began = Instant::now();
        let (recipe, old) = (self.recipe.clone(), self.table.load_full());
        let objects = snapshot.clone();
        let before = last.translation.clone();
        let cooked = tokio::task::spawn_blocking(move || {
            // Before the first handshake could need it.
            tls::generated();
            recipe.cook_next(&objects, &before, Some(&old))
        });
        let cooked = cooked.await;
        last.took = began.elapsed();
        let Ok(Cooked { translation, table, diagnostics }) = cooked else {
            log::error!("the configuration could not be compiled, which is a bug; the last good one keeps serving");
            return;
        };
        last.translation = translation;
        names::before_serving(&table, &self.table).await;
        let table = Arc::new(table);
        let old = self.table.swap(table.clone());
        // What was looked up just before the swap has gone to the table before.
        names::refresh(&table);
        table.watch_health();
        self.life_cycle.published();
        info!("configuration served: {} routes, made in {:?}", table.len(), last.took);
        let telling = Instant::now();
        let told = self.tell(snapshot, &diagnostics, table.clone());
        // Dropping ten thousand routes takes a while; requests may still hold them anyway.
        tokio::task::spawn_blocking(move || drop((old, told)));
        self.observe(table.len(), &diagnostics);
        report::report(diagnostics, &mut last.said.diagnostics);
        last.took += telling.elapsed();
    }
}
