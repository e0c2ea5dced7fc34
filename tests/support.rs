//! What the end-to-end tests are written with: a gateway (the real binary), backends, manifests, and a client
//! that shows every byte. Nothing here waits for a fixed time where something can be waited for.

pub mod backend;
pub mod certificates;
pub mod cluster;
pub mod gate;
pub mod gateway;
pub mod http2;
pub mod layer4;
pub mod manifests;
pub mod message;
pub mod namespace;
pub mod ports;
pub mod protocol;
pub mod redis;
pub mod tls;
pub mod whoami;
pub mod wire;

use std::future::Future;
use std::time::Duration;

pub use backend::Backend;
pub use cluster::Cluster;
pub use gate::Gate;
pub use gateway::Gateway;
pub use layer4::{tcp, udp};
pub use manifests::{Manifests, middleware, object, route, secret};
pub use message::Message;
pub use namespace::isolated;
pub use whoami::Whoami;
pub use wire::Wire;

/// How long anything may take that should come at once: generous, for a machine under load.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something that must happen.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}
