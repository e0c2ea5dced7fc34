//! Starts the source of objects that the configuration names; the newest snapshot wins.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use log::info;
use tokio::sync::watch::Sender;

use crate::config::Providers;
use crate::objects::{Snapshot, manifests};

/// A running source; stops when dropped.
pub(super) enum Source {
    /// Watched files.
    Manifests { _watch: manifests::Watch },
    /// Nothing more comes.
    Done,
}

/// Starts the source; it sends its first snapshot as soon as all objects are read.
pub(super) fn start(providers: &Providers, sender: Sender<Option<Arc<Snapshot>>>) -> Result<Source> {
    if providers.kubernetes_crd.is_some() {
        bail!("providers.kubernetesCRD: this version reads objects from files only; use providers.manifests");
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
    let on_snapshot = move |snapshot| {
        sender.send_replace(Some(snapshot));
    };
    let watch = manifests::watch(path, manifests::Options::default(), on_snapshot)
        .with_context(|| format!("providers.manifests.path: {} can't be watched", path.display()))?;
    Ok(Source::Manifests { _watch: watch })
}
