//! What is told of the watchers of a cluster: their health, as `/ready` and the metrics show it.

use std::sync::Arc;

use tokio::sync::watch::Receiver;

use crate::objects::kube::{Health, State};
use crate::observe::{Observed, Source};

/// Keeps what is observed up to date, for as long as there are watchers.
pub(super) async fn observe(mut health: Receiver<Arc<[Health]>>, observed: Arc<Observed>) {
    loop {
        let sources = health.borrow_and_update().iter().map(source).collect();
        observed.sources.store(Arc::new(sources));
        if health.changed().await.is_err() {
            return;
        }
    }
}

fn source(health: &Health) -> Source {
    let problem: Option<Arc<str>> = match &health.state {
        State::Syncing | State::Watching | State::Absent => None,
        State::Forbidden => Some("this account must not list and watch it".into()),
        State::Failing(why) => Some(format!("the API server does not answer as it should: {why}").into()),
    };
    Source {
        resource: health.resource.clone(),
        namespace: health.namespace.clone().unwrap_or_default(),
        state: health.state.word(),
        problem,
        missing: health.lists == 0 && matches!(health.state, State::Syncing | State::Failing(_)),
        objects: health.objects,
        lists: health.lists,
        failures: health.failures,
    }
}
