//! Which of Traefik's kinds a cluster has at the moment: asked when a watcher was told that its kind doesn't exist.
//! One answer serves all watchers for a while, so that twenty missing kinds cost one request.

use std::collections::HashMap;
use std::time::Duration;

use kube::Client;
use kube::api::ApiResource;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long an answer holds.
const FRESH: Duration = Duration::from_secs(2);

/// What the API server said of groups.
pub(super) struct Discovery {
    client: Client,
    /// By `group/version`: when it was asked, and the plurals that there are.
    answers: Mutex<HashMap<String, (Instant, Vec<String>)>>,
}

// === impl Discovery ===

impl Discovery {
    pub(super) fn new(client: Client) -> Self {
        Discovery { client, answers: Mutex::default() }
    }

    /// Whether the cluster has that kind; no, as long as nobody can tell.
    pub(super) async fn has(&self, api: &ApiResource) -> bool {
        let mut answers = self.answers.lock().await;
        let answer = match answers.get(&api.api_version) {
            Some((asked, plurals)) if asked.elapsed() < FRESH => plurals,
            _ => {
                let plurals = self.ask(api).await;
                &answers.entry(api.api_version.clone()).insert_entry((Instant::now(), plurals)).into_mut().1
            }
        };
        answer.contains(&api.plural)
    }

    async fn ask(&self, api: &ApiResource) -> Vec<String> {
        let listed = match api.group.as_str() {
            "" => self.client.list_core_api_resources(&api.version).await,
            _ => self.client.list_api_group_resources(&api.api_version).await,
        };
        match listed {
            Ok(listed) => listed.resources.into_iter().map(|resource| resource.name).collect(),
            Err(error) => {
                log::debug!("kubernetes: {}: {error}", api.api_version);
                Vec::new()
            }
        }
    }
}
