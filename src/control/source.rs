//! Starts the source of objects that the configuration names; the newest snapshot wins.

use std::sync::Arc;

use anyhow::{Context, Result};
use log::info;
use tokio::sync::watch::Sender;

use crate::config::Providers;
use crate::objects::kube::{Access, Cluster, Selection};
use crate::objects::{Snapshot, manifests};

/// Where objects come from.
pub(super) enum Source {
    /// Watched files; they are followed until this is dropped.
    Manifests { _watch: manifests::Watch },
    /// A cluster, to be followed.
    Cluster(Box<Access>, Selection),
    /// Nothing more comes.
    Done,
}

/// Finds the source, and says why it can't be one. Files are read from now on, a cluster is once it is followed.
pub(super) fn find(providers: &Providers, sender: &Sender<Option<Arc<Snapshot>>>) -> Result<Source> {
    if let Some(settings) = &providers.kubernetes_crd {
        let access = access(&settings.endpoint, &settings.token.0, &settings.cert_auth_file_path);
        let selection = Selection {
            namespaces: settings.namespaces.clone(),
            label_selector: settings.label_selector.clone(),
            cluster_scope: !settings.disable_cluster_scope_resources,
        };
        return Ok(Source::Cluster(Box::new(access.context("providers.kubernetesCRD")?), selection));
    }
    let Some(settings) = &providers.manifests else {
        info!("no provider is configured: every request is answered with 404");
        sender.send_replace(Some(Arc::default()));
        return Ok(Source::Done);
    };
    let path = &settings.path;
    let unreadable = || format!("providers.manifests.path: {}", path.display());
    if !settings.watch {
        sender.send_replace(Some(Arc::new(manifests::read(path).with_context(unreadable)?)));
        return Ok(Source::Done);
    }
    std::fs::metadata(path).with_context(unreadable)?;
    let sender = sender.clone();
    let on_snapshot = move |snapshot| {
        sender.send_replace(Some(snapshot));
    };
    let watch = manifests::watch(path, manifests::Options::default(), on_snapshot)
        .with_context(|| format!("providers.manifests.path: {} can't be watched", path.display()))?;
    Ok(Source::Manifests { _watch: watch })
}

/// Finds a cluster, and tries whether a client can be made for it: in a runtime that ends with this.
fn access(endpoint: &str, token: &str, authority: &str) -> Result<Access> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let access = Access::find(endpoint, token, authority).await?;
        access.client()?;
        Ok(access)
    })
}

// === impl Source ===

impl Source {
    /// How the cluster is reached, where it is one.
    pub(super) fn access(&self) -> Option<&Access> {
        match self {
            Source::Cluster(access, _) => Some(access),
            _ => None,
        }
    }

    /// Follows a cluster, in the runtime that this is called from; other sources need no help.
    pub(super) fn follow(&self, sender: &Sender<Option<Arc<Snapshot>>>) -> Result<Option<Cluster>> {
        let Source::Cluster(access, selection) = self else { return Ok(None) };
        let client = access.client()?;
        info!("kubernetes: reading objects from {}", access.url());
        let sender = sender.clone();
        Ok(Some(Cluster::watch(&client, selection, move |snapshot| {
            sender.send_replace(Some(snapshot));
        })))
    }
}
