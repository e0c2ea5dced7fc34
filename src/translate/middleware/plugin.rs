//! Filters of one's own: their configuration, with `urn:k8s:secret:` texts resolved.
//! What is shown stays as written; only the filter gets to see the Secrets' values.

use std::collections::BTreeMap;

use ingora_middleware::config::{Plugin, Resolved};
use serde_json::Value;

use super::{Refused, Scope};
use crate::translate::context::Context;
use crate::translate::secret;

/// Resolves each plugin's configuration; one that can't be resolved refuses the Middleware.
pub(super) fn translate(
    cx: &mut Context<'_>,
    scope: &Scope<'_>,
    given: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Plugin>, Refused> {
    let mut plugins = BTreeMap::new();
    for (name, shown) in given {
        match secret::resolve(&cx.reader, scope.namespace(), shown) {
            Ok(resolved) => {
                plugins.insert(name.clone(), Plugin { shown: shown.clone(), resolved: Resolved(resolved) });
            }
            Err((at, problem)) => {
                problem.report(cx, scope.object, &format!("spec.plugin.{name}{at}"));
                return Err(Refused);
            }
        }
    }
    Ok(plugins)
}
