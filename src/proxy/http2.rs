//! HTTP/2 connections: Pingora's, with an entry point's settings, and an end (GOAWAY) after so many requests or so long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::server::ShutdownWatch;
use pingora_proxy::HttpProxy;
use tokio::sync::watch;
use tokio::time::sleep;

use super::entry_point::Limits;
use super::http::Gateway;
use super::life_cycle::turned;
use crate::config;

/// The shared proxy with one entry point's HTTP/2 settings.
pub(super) struct Http2 {
    proxy: Arc<HttpProxy<Gateway>>,
    server: HttpServerOptions,
    options: H2Options,
    max_requests: Option<u64>,
    max_time: Option<Duration>,
}

/// A connection that ends before its client ends it.
struct Limited {
    http2: Arc<Http2>,
    served: AtomicU64,
    end: watch::Sender<bool>,
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
        let (max_requests, max_time) = (limits.keep_alive_max_requests, limits.keep_alive_max_time);
        Http2 { proxy, server, options, max_requests, max_time }
    }

    /// Serves a connection to its end. Requests that have begun are finished, whatever ends it.
    pub(super) async fn serve(self: &Arc<Self>, connection: Stream, drain: &ShutdownWatch) {
        if self.max_requests.is_none() && self.max_time.is_none() {
            self.process_new(connection, drain).await;
            return;
        }
        let (end, ended) = watch::channel(false);
        let limited = Arc::new(Limited { http2: self.clone(), served: AtomicU64::new(0), end });
        let over = async {
            let mut drain = drain.clone();
            let time = self.max_time.unwrap_or(Duration::MAX);
            tokio::select! {
                () = turned(&mut drain) => {}
                () = sleep(time), if self.max_time.is_some() => {}
            }
            limited.end.send_replace(true);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = limited.process_new(connection, &ended) => {}
            () = over => {}
        }
    }
}

#[async_trait]
impl HttpServerApp for Http2 {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        self.proxy.process_new_http(session, shutdown).await
    }

    fn h2_options(&self) -> Option<H2Options> {
        Some(self.options.clone())
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.server)
    }
}

// === impl Limited ===

#[async_trait]
impl HttpServerApp for Limited {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let served = self.served.fetch_add(1, Ordering::Relaxed) + 1;
        if self.http2.max_requests.is_some_and(|max| served >= max) {
            self.end.send_replace(true);
        }
        self.http2.proxy.process_new_http(session, shutdown).await
    }

    fn h2_options(&self) -> Option<H2Options> {
        self.http2.h2_options()
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        self.http2.server_options()
    }
}
