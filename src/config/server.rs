//! Pingora's own keys: read strictly, with the two defaults changed that would cripple a proxy.
//! Source: `pingora_core::server::configuration::ServerConf`.

use std::num::NonZero;
use std::thread::available_parallelism;

use pingora::server::configuration::ServerConf;
use serde_yaml::Value;

use super::error::Problem;
use super::read;

/// Idle connections kept to servers, per thread. Pingora's 128 is too few for a cluster's many pods, each of which would
/// cost a new connection nearly each time; Traefik has no limit on all of them.
const KEEPALIVE_POOL_SIZE: usize = 16_384;

/// Reads Pingora's keys; `document` is the same text, parsed.
pub(super) fn read(text: &str, document: &Value) -> Result<ServerConf, Problem> {
    let mut server: ServerConf = read::strict(text)?;
    if document.get("threads").is_none() {
        // Pingora's default is 1 thread, whatever the machine. This respects a container's CPU limit.
        server.threads = available_parallelism().map_or(1, NonZero::get);
    }
    if document.get("upstream_keepalive_pool_size").is_none() {
        server.upstream_keepalive_pool_size = KEEPALIVE_POOL_SIZE;
    }
    if server.threads == 0 {
        return Err(Problem::new("threads", "must be 1 or more; leave it out for the number of cores"));
    }
    server.validate().map_err(|e| Problem::new("", e.context.as_ref().map_or("", |c| c.as_str())))
}
