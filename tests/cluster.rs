//! The real binary with a real API server behind it, one for each test, in a network namespace of its own.
//! Needs Go (or `KUBEBUILDER_ASSETS`); `INGORA_SKIP_CLUSTER_TESTS=1` goes without, and says so.

mod failures;
mod feedback;
mod source;

use std::future::Future;

use crate::support::isolated;

/// Runs a test that starts an API server.
pub fn in_cluster(test: impl Future<Output = ()>) {
    if std::env::var_os("INGORA_SKIP_CLUSTER_TESTS").is_some() {
        eprintln!("SKIPPED, because INGORA_SKIP_CLUSTER_TESTS is set: {:?}", std::thread::current().name());
        return;
    }
    crate::support::cluster::prepare();
    isolated(test);
}
