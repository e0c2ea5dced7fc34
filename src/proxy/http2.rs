//! HTTP/2 connections: Pingora's, with an entry point's settings, and an end (GOAWAY) after so many requests or so long.

use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use log::debug;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::server::ShutdownWatch;
use pingora_proxy::HttpProxy;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::entry_point::Limits;
use super::http::Gateway;
use super::life_cycle::turned;
use crate::config;

/// How long a connection without a request takes to say good-bye.
const FAREWELL: Duration = Duration::from_secs(1);

/// The shared proxy with one entry point's HTTP/2 settings.
pub(super) struct Http2 {
    proxy: Arc<HttpProxy<Gateway>>,
    server: HttpServerOptions,
    options: H2Options,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    max_requests: Option<u64>,
    max_time: Option<Duration>,
    /// How long a client may say nothing at all. From its first word on Pingora's clock counts, so this one may be late.
    silence: Option<Duration>,
}

/// A connection.
struct Connection {
    http2: Arc<Http2>,
    served: AtomicU64,
    /// Set when the connection is to end.
    end: watch::Sender<bool>,
}

tokio::task_local! {
    /// Whether the body of a request is all here.
    static RECEIVED: Cell<bool>;
}

/// Tells that the body of the request that this task serves is all here: it has no deadline any more.
pub(super) fn received() {
    // Other tasks serve HTTP/1, where Pingora looks at the clock.
    let _ = RECEIVED.try_with(|received| received.set(true));
}

// === impl Http2 ===

impl Http2 {
    pub(super) fn new(proxy: Arc<HttpProxy<Gateway>>, settings: &config::EntryPoint, limits: &Limits) -> Self {
        let mut server = HttpServerOptions::default();
        // Only connections known to be HTTP/2 come here.
        server.h2c = true;
        server.h2_idle_timeout = limits.idle_timeout;
        let mut options = default_h2_options();
        options.max_concurrent_streams(settings.http2.max_concurrent_streams);
        options.max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX));
        // The default of 64 KiB would hold uploads to one window a round trip.
        options.initial_window_size(1 << 20);
        options.initial_connection_window_size(1 << 20);
        Http2 {
            proxy,
            server,
            options,
            read_timeout: limits.read_timeout,
            write_timeout: limits.write_timeout,
            max_requests: limits.keep_alive_max_requests,
            max_time: limits.keep_alive_max_time,
            silence: limits.idle_timeout.map(|idle| limits.opening + idle),
        }
    }

    /// Serves a connection to its end. Requests that have begun are finished, whatever ends it.
    pub(super) async fn serve(self: &Arc<Self>, stream: Stream, drain: &ShutdownWatch) {
        let (end, ended) = watch::channel(false);
        let connection = Arc::new(Connection { http2: self.clone(), served: AtomicU64::new(0), end });
        let mut serving = pin!(connection.process_new(stream, &ended));
        tokio::select! {
            _ = &mut serving => return,
            () = connection.over(drain) => {}
        }
        connection.end.send_replace(true);
        if connection.is_unused() {
            // A client that has not said its first word is not told: Pingora waits for that word without looking up.
            drop(timeout(FAREWELL, serving).await);
        } else {
            drop(serving.await);
        }
    }

    async fn serve_stream(&self, mut session: ServerSession, shutdown: &ShutdownWatch) -> Option<ReusedHttpStream> {
        session.set_write_timeout(self.write_timeout);
        let Some(limit) = self.read_timeout.filter(|_| !session.is_body_done()) else {
            return self.proxy.process_new_http(session, shutdown).await;
        };
        RECEIVED
            .scope(Cell::new(false), async {
                let mut served = pin!(self.proxy.process_new_http(session, shutdown));
                tokio::select! {
                    served = &mut served => return served,
                    () = sleep(limit) => {}
                }
                if RECEIVED.with(Cell::get) {
                    return served.await;
                }
                debug!("the body of a request took longer than readTimeout: its stream is reset");
                None
            })
            .await
    }
}

// === impl Connection ===

impl Connection {
    /// When the connection is to end, apart from when its client wants it to.
    async fn over(&self, drain: &ShutdownWatch) {
        let mut drain = drain.clone();
        let (time, silence) = (self.http2.max_time, self.http2.silence);
        let mut ended = self.end.subscribe();
        let silent = async {
            sleep(silence.unwrap_or_default()).await;
            if !self.is_unused() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = turned(&mut drain) => {}
            () = turned(&mut ended) => {}
            () = sleep(time.unwrap_or_default()), if time.is_some() => {}
            () = silent, if silence.is_some() => {}
        }
    }

    /// Whether there was no request yet.
    fn is_unused(&self) -> bool {
        self.served.load(Ordering::Relaxed) == 0
    }
}

#[async_trait]
impl HttpServerApp for Connection {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let served = self.served.fetch_add(1, Ordering::Relaxed) + 1;
        if self.http2.max_requests.is_some_and(|max| served >= max) {
            self.end.send_replace(true);
        }
        self.http2.serve_stream(session, shutdown).await
    }

    fn h2_options(&self) -> Option<H2Options> {
        Some(self.http2.options.clone())
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.http2.server)
    }
}
