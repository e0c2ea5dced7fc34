//! Looks up the names of servers, beside the loop: DNS never holds a change up for longer than [`FIRST_LOOKUP`].
//! The answers are in the table's [`Resolved`](crate::balance::Resolved), which the next table goes on with.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use log::{Level, info, log};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::balance::Resolved;
use crate::balance::resolved::{Name, Named};
use crate::routing::Table;

/// How long a new table waits for names that were never looked up; after it, they follow.
const FIRST_LOOKUP: Duration = Duration::from_millis(200);

/// Looks up the names of a new table whose addresses aren't known. Waits only where some were never asked for.
pub(super) async fn before_serving(table: &Table, current: &Arc<ArcSwap<Table>>) {
    let (names, resolved) = (names(table), table.resolved());
    let missing = resolved.missing(&names);
    if missing.is_empty() {
        return;
    }
    let wait = resolved.is_new(&names);
    let look_up = tokio::spawn(look_up(missing, table.resolved().clone(), current.clone(), Level::Warn));
    if !wait {
        return;
    }
    if timeout(FIRST_LOOKUP, look_up).await.is_err() {
        info!("names of servers are still being looked up");
    }
    refresh(table);
}

/// Looks up the names of the table that serves, in a task of its own: all of them, or those that nothing is known of, if
/// there are any.
pub(super) fn look_up_again(current: &Arc<ArcSwap<Table>>, all: bool) -> Option<JoinHandle<()>> {
    let table = current.load_full();
    let (mut names, resolved) = (names(&table), table.resolved().clone());
    // What is still missing has been told, and is told again with all of them.
    let level = if all { Level::Warn } else { Level::Debug };
    if all {
        resolved.keep(&names);
    } else {
        names = resolved.missing(&names);
    }
    (!names.is_empty()).then(|| tokio::spawn(look_up(names, resolved, current.clone(), level)))
}

/// Gives the pools of a table the addresses that are known now.
pub(super) fn refresh(table: &Table) {
    table.named_members().for_each(Named::refresh);
}

/// Looks names up, and lets the table that serves by then know.
async fn look_up(names: BTreeSet<Name>, resolved: Arc<Resolved>, current: Arc<ArcSwap<Table>>, level: Level) {
    for ((host, _), error) in resolved.look_up(names).await {
        log!(level, "the server {host} is not found: {error}");
    }
    refresh(&current.load_full());
}

fn names(table: &Table) -> BTreeSet<Name> {
    table.named_members().flat_map(|members| members.names()).cloned().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::control::fixture;
    use crate::routing::Target;

    const ROUTE: &str = "
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: r, namespace: default}
spec:
  routes:
    - {match: Host(`a`), kind: Rule, services: [{name: s, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: s, namespace: default}
spec: {type: ExternalName, externalName: localhost, ports: [{port: 80}]}
";

    #[tokio::test]
    async fn a_changed_pool_begins_with_known_addresses() {
        let recipe = fixture::recipe("providers: {manifests: {path: x, allowExternalNameServices: true}}");
        let current = Arc::new(ArcSwap::from_pointee(Table::default()));
        let (table, _) = recipe.cook(&fixture::snapshot(ROUTE), Some(&current.load()));
        assert_eq!(names(&table), BTreeSet::from([("localhost".to_owned(), 80)]));
        assert!(table.resolved().is_new(&names(&table)));
        before_serving(&table, &current).await;
        assert!(table.resolved().missing(&names(&table)).is_empty());

        let changed = ROUTE.replace("name: s, port: 80", "name: s, port: 80, passHostHeader: false");
        let (changed, _) = recipe.cook(&fixture::snapshot(&changed), Some(&table));
        let route = changed.routes(0, false).and_then(|routes| routes.iter().next()).unwrap();
        let Target::Service(service) = &route.target else { panic!("{}", route.service) };
        assert!(format!("{service:?}").contains("localhost"), "{service:?}");
    }
}
