//! The least a Pingora proxy can do: one upstream, no routing, no filters. What `benches/compare.sh` measures ingora against.
//!
//! `bare_pingora LISTEN UPSTREAM [THREADS]`, for example `bare_pingora 127.0.0.1:8000 127.0.0.1:9000 1`

use std::net::SocketAddr;

use anyhow::{Context, Result};
use async_trait::async_trait;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sends every request to this address.
struct Fixed(SocketAddr);

#[async_trait]
impl ProxyHttp for Fixed {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, _: &mut ()) -> pingora::Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.0, false, String::new())))
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (listen, upstream, threads) = match args.as_slice() {
        [listen, upstream] => (listen, upstream, "1"),
        [listen, upstream, threads] => (listen, upstream, threads.as_str()),
        _ => anyhow::bail!("usage: bare_pingora LISTEN UPSTREAM [THREADS]"),
    };
    let conf =
        ServerConf { threads: threads.parse().with_context(|| format!("threads {threads:?}"))?, ..Default::default() };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let upstream = upstream.parse().with_context(|| format!("upstream {upstream:?}: not an address and port"))?;
    let mut proxy = http_proxy_service(&server.configuration, Fixed(upstream));
    proxy.add_tcp(listen);
    server.add_service(proxy);
    server.run_forever()
}
