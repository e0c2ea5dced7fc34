//! Buckets in a Redis server or cluster, shared by all routers and replicas that use the middleware.
//! One script per request; it reads Redis' own clock, so clocks that differ between replicas don't matter.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ingora_crds::duration::GoDuration;
use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, RedisResult, Script, ScriptInvocation, TlsCertificates, TlsMode,
};
use tokio::sync::Mutex;

use super::bucket::{Decision, Rate};
use crate::client;
use crate::config::{ClientTls, Redis};
use crate::registry::BadConfig;

/// Connections where `poolSize` says nothing: each carries any number of requests at a time.
const CONNECTIONS: i64 = 1;

/// More connections than this are a mistake.
const MOST_CONNECTIONS: i64 = 1024;

/// KEYS: the bucket. ARGV: tokens per microsecond, burst, memory in seconds, longest delay in microseconds.
/// Returns the delay in microseconds, negative where it is refused. Numbers are written with all their digits: Lua's
/// own way of writing rounds a time in microseconds.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local rate, burst, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])
        local clock = redis.call('TIME')
        local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
        local bucket = redis.call('HMGET', KEYS[1], 'at', 'tokens')
        local at, tokens = tonumber(bucket[1]) or now, tonumber(bucket[2]) or burst
        now = math.max(at, now)
        tokens = math.min(burst, tokens + (now - at) * rate)
        local delay = math.max(0, (1 - tokens) / rate)
        if delay > longest then
            redis.call('EXPIRE', KEYS[1], ARGV[3])
            return string.format('%.17g', -delay)
        end
        redis.call('HSET', KEYS[1], 'at', string.format('%.17g', now), 'tokens', string.format('%.17g', tokens - 1))
        redis.call('EXPIRE', KEYS[1], ARGV[3])
        return string.format('%.17g', delay)",
    )
});

/// Buckets elsewhere.
pub(super) struct Shared {
    /// What the buckets' keys begin with: the middleware's name.
    name: Box<str>,
    server: Server,
    places: Box<[Mutex<Place>]>,
    next: AtomicUsize,
}

/// How connections are made.
enum Server {
    One(Box<Client>, Box<AsyncConnectionConfig>),
    Cluster(Box<ClusterClient>),
}

/// A place for one connection.
#[derive(Default)]
struct Place {
    connection: Option<Connection>,
    /// Grows with each connection: a request that fails takes away the one it had, not its successor.
    generation: usize,
}

#[derive(Clone)]
enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

// === impl Shared ===

impl Shared {
    pub(super) fn new(config: &Redis, name: &str) -> Result<Self, BadConfig> {
        let numbers = [
            ("db", config.db),
            ("poolSize", config.pool_size),
            ("minIdleConns", config.min_idle_conns),
            ("maxActiveConns", config.max_active_conns),
        ];
        for (field, value) in numbers {
            if value < 0 {
                return Err(BadConfig::new(field, format!("{value} is negative: 0 or more is accepted")));
            }
        }
        let most = if config.max_active_conns == 0 { MOST_CONNECTIONS } else { config.max_active_conns };
        let wanted = if config.pool_size == 0 { CONNECTIONS } else { config.pool_size };
        if wanted > MOST_CONNECTIONS {
            let message =
                format!("{wanted} is too much: up to {MOST_CONNECTIONS} is accepted, each is shared by requests");
            return Err(BadConfig::new("poolSize", message));
        }
        Ok(Shared {
            name: name.into(),
            server: Server::new(config)?,
            places: (0..wanted.min(most)).map(|_| Mutex::default()).collect(),
            next: AtomicUsize::new(0),
        })
    }

    /// Takes a token of a source, unless the wait for it would be too long.
    pub(super) async fn take(&self, rate: &Rate, source: &str) -> RedisResult<Decision> {
        let mut call = TAKE.key(format!("{}:{source}", self.name));
        call.arg(rate.per_second / 1e6).arg(rate.burst).arg(rate.memory.as_secs());
        call.arg(rate.longest_delay.as_micros().min(u64::MAX.into()) as u64);
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(place) = self.places.get(turn % self.places.len().max(1)) else {
            return Err(RedisError::from((redis::ErrorKind::InvalidClientConfig, "no connection is allowed")));
        };
        let delay: f64 = match self.ask(place, &call).await {
            // It was closed since the last request, or its server is gone: once more, with a new one.
            Err(e) if e.is_connection_dropped() || e.is_io_error() && !e.is_timeout() => self.ask(place, &call).await?,
            answer => answer?,
        };
        let micros = |delay: f64| Duration::try_from_secs_f64(delay / 1e6).unwrap_or(Duration::MAX);
        Ok(match micros(delay.abs()) {
            delay if delay.is_zero() => Decision::Now,
            refused if delay < 0.0 => Decision::Refused(refused),
            delay => Decision::After(delay),
        })
    }

    async fn ask(&self, place: &Mutex<Place>, call: &ScriptInvocation<'_>) -> RedisResult<f64> {
        let (mut connection, generation) = {
            let mut place = place.lock().await;
            match &place.connection {
                Some(connection) => (connection.clone(), place.generation),
                None => {
                    let connection = self.server.connect().await?;
                    place.connection = Some(connection.clone());
                    place.generation += 1;
                    (connection, place.generation)
                }
            }
        };
        let answer = match &mut connection {
            Connection::One(connection) => call.invoke_async(connection).await,
            Connection::Cluster(connection) => call.invoke_async(connection).await,
        };
        if answer.as_ref().is_err_and(|e: &RedisError| e.is_unrecoverable_error() || e.is_io_error()) {
            let mut place = place.lock().await;
            if place.generation == generation {
                place.connection = None;
            }
        }
        answer
    }
}

// === impl Server ===

impl Server {
    fn new(config: &Redis) -> Result<Self, BadConfig> {
        let dial = timeout("dialTimeout", config.dial_timeout, 5)?;
        let response =
            timeout("readTimeout", config.read_timeout, 3)? + timeout("writeTimeout", config.write_timeout, 3)?;
        let nodes = endpoints(config)?;
        config.tls.as_ref().map_or(Ok(()), |tls| client::tls::check(tls).map_err(|bad| bad.under("tls")))?;
        let certificates = config.tls.as_ref().map(certificates);
        let bad_tls = |e: RedisError| BadConfig::new("tls", format!("can't be used: {e}"));
        let password = config.password.as_ref().map(|password| password.0.as_str());
        if nodes.len() > 1 {
            let mut builder =
                ClusterClientBuilder::new(nodes).connection_timeout(dial).response_timeout(response).retries(2);
            if !config.username.is_empty() {
                builder = builder.username(&config.username);
            }
            if let Some(password) = password {
                builder = builder.password(password);
            }
            if let Some((tls, certificates)) = config.tls.as_ref().zip(certificates) {
                let mode = if tls.insecure_skip_verify { TlsMode::Insecure } else { TlsMode::Secure };
                builder = builder.tls(mode).certs(certificates);
            }
            return builder.build().map(|client| Server::Cluster(Box::new(client))).map_err(bad_tls);
        }
        let mut settings = RedisConnectionInfo::default().set_db(config.db);
        if !config.username.is_empty() {
            settings = settings.set_username(&config.username);
        }
        if let Some(password) = password {
            settings = settings.set_password(password);
        }
        let node = nodes.into_iter().next().ok_or_else(|| BadConfig::new("endpoints", "are none: one is needed"))?;
        let node = node.set_redis_settings(settings);
        let client = match certificates {
            Some(certificates) => Client::build_with_tls(node, certificates),
            None => Client::open(node),
        };
        let times =
            AsyncConnectionConfig::new().set_connection_timeout(Some(dial)).set_response_timeout(Some(response));
        Ok(Server::One(Box::new(client.map_err(bad_tls)?), Box::new(times)))
    }

    async fn connect(&self) -> RedisResult<Connection> {
        Ok(match self {
            Server::One(client, times) => {
                Connection::One(client.get_multiplexed_async_connection_with_config(times).await?)
            }
            Server::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
        })
    }
}

/// The servers; several are a cluster's.
fn endpoints(config: &Redis) -> Result<Vec<ConnectionInfo>, BadConfig> {
    let default = ["127.0.0.1:6379".to_owned()];
    let given = if config.endpoints.is_empty() { &default[..] } else { &config.endpoints };
    let parse = |(i, endpoint): (usize, &String)| {
        let bad = || {
            BadConfig::new(
                format!("endpoints[{i}]"),
                format!("{endpoint:?} is no address with a port: such as redis.example:6379 is accepted"),
            )
        };
        let (host, port) = endpoint.rsplit_once(':').ok_or_else(bad)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._:%".contains(c);
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?;
        if host.is_empty() || !host.chars().all(fits) {
            return Err(bad());
        }
        let host = host.to_owned();
        let address = match &config.tls {
            Some(tls) => ConnectionAddr::TcpTls { host, port, insecure: tls.insecure_skip_verify, tls_params: None },
            None => ConnectionAddr::Tcp(host, port),
        };
        address.into_connection_info().map_err(|_| bad())
    };
    given.iter().enumerate().map(parse).collect()
}

fn certificates(tls: &ClientTls) -> TlsCertificates {
    let pem = |text: &str| (!text.is_empty()).then(|| text.as_bytes().to_vec());
    let key = tls.key.as_ref().and_then(|key| pem(&key.0));
    let pair = pem(&tls.cert).zip(key).map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
    TlsCertificates { client_tls: pair, root_cert: pem(&tls.ca) }
}

/// 0 is the default, as in Go's client.
fn timeout(field: &str, given: Option<GoDuration>, default: u64) -> Result<Duration, BadConfig> {
    match given {
        Some(given) if given.as_nanos() < 0 => {
            Err(BadConfig::new(field, format!("{given} is negative: such as 3s is accepted")))
        }
        given => Ok(given.and_then(GoDuration::positive).unwrap_or(Duration::from_secs(default))),
    }
}
