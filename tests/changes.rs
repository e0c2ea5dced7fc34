//! Changes one after the other, each made from what was there before it: configuration, findings and the way of requests
//! are the same as from the beginning. Objects come, change and go at random, two golden cases at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::HeaderMap;
use ingora::config::Config;
use ingora::control::{Cooked, Recipe};
use ingora::diagnostic::Diagnostic;
use ingora::objects::decode::decode;
use ingora::objects::{Key, Object, Snapshot};
use ingora::routing::Table;
use ingora::rule::RequestView;
use ingora::translate::Translation;
use ingora_middleware::Registry;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::mutation::{Damage, STARTS, damages};

/// What happens between two looks at the objects.
#[derive(Debug, Clone)]
enum Step {
    Damage(Damage),
    Remove(Index),
    /// Puts one in as it was at the beginning, in place of itself if it is still there.
    Restore(Index),
}

/// The objects of some documents: each with the text that it comes from, and its place there.
#[derive(Default)]
struct Objects {
    by_key: BTreeMap<Key<'static>, (String, usize, Object)>,
    findings: Vec<Diagnostic>,
}

/// Decodes each text once, so that what is unchanged is the same object.
#[derive(Default)]
struct Decoder(HashMap<String, (Vec<Object>, Vec<Diagnostic>)>);

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => damages().prop_map(Step::Damage),
        2 => any::<Index>().prop_map(Step::Remove),
        2 => any::<Index>().prop_map(Step::Restore),
    ]
}

// === impl Step ===

impl Step {
    fn apply(&self, documents: &mut Value, beginning: &[Value]) {
        if let Step::Damage(damage) = self {
            return damage.apply(documents);
        }
        let Value::Array(documents) = documents else { unreachable!() };
        match self {
            Step::Remove(index) if !documents.is_empty() => drop(documents.remove(index.index(documents.len()))),
            Step::Restore(index) => {
                let document = index.get(beginning);
                documents
                    .retain(|other| (&other["kind"], &other["metadata"]) != (&document["kind"], &document["metadata"]));
                documents.push(document.clone());
            }
            _ => {}
        }
    }
}

// === impl Decoder ===

impl Decoder {
    fn objects(&mut self, documents: &Value) -> Objects {
        let mut objects = Objects::default();
        for document in documents.as_array().unwrap() {
            let text = document.to_string();
            let (decoded, findings) = self.0.entry(text.clone()).or_insert_with(|| {
                let decoded = decode(document.clone());
                (decoded.objects, decoded.findings)
            });
            for (place, object) in decoded.iter().enumerate() {
                objects.by_key.insert(object.key().to_owned(), (text.clone(), place, object.clone()));
            }
            objects.findings.extend_from_slice(findings);
        }
        objects
    }
}

// === impl Objects ===

impl Objects {
    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        self.by_key.values().for_each(|(_, _, object)| snapshot.insert(object.clone()));
        snapshot.findings = self.findings.clone();
        snapshot
    }

    /// Changes a snapshot of what was before by what differs.
    fn follow(&self, before: &Objects, snapshot: &mut Snapshot) {
        for key in before.by_key.keys().filter(|key| !self.by_key.contains_key(key)) {
            // A slice that names no Service is nowhere.
            assert!(snapshot.remove(key) || key.kind == "EndpointSlice", "{key:?}");
        }
        for (key, (text, place, object)) in &self.by_key {
            if before.by_key.get(key).is_none_or(|(t, p, _)| (t, p) != (text, place)) {
                snapshot.insert(object.clone());
            }
        }
        snapshot.findings = self.findings.clone();
    }
}

/// What there is to compare: the configuration, all findings, and where requests go and why.
fn answer(recipe: &Recipe, table: &Table, diagnostics: &[Diagnostic]) -> (Value, Vec<Diagnostic>, Vec<Value>) {
    let headers = HeaderMap::new();
    let client_ip = [127, 0, 0, 1].into();
    let request =
        |path| RequestView { host: "example.com", path, method: "GET", headers: &headers, query: "", client_ip };
    let entry_points = 0..recipe.config().tcp_entry_points().count();
    let ways = entry_points.flat_map(|e| [(e, false, "/"), (e, true, "/"), (e, false, "/api")]);
    let explained = ways.map(|(e, tls, path)| serde_json::to_value(table.explain(e, tls, &request(path))).unwrap());
    (serde_json::to_value(table.configuration()).unwrap(), diagnostics.to_vec(), explained.collect())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(500),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn changes_come_to_the_same_as_a_new_beginning(
        (first, second) in (any::<Index>(), any::<Index>()),
        steps in prop::collection::vec(prop::collection::vec(steps(), 1..3), 1..8),
    ) {
        let (first, second) = (first.get(&STARTS), second.get(&STARTS));
        let recipe = &first.recipe;
        let beginning: Vec<Value> = first.documents.iter().chain(&second.documents).cloned().collect();
        let mut documents = Value::Array(beginning.clone());
        let mut decoder = Decoder::default();
        let mut objects = decoder.objects(&documents);
        let mut snapshot = objects.snapshot();
        let mut last = recipe.cook_next(&snapshot, &Translation::default(), None);
        for step in steps {
            step.iter().for_each(|step| step.apply(&mut documents, &beginning));
            let now = decoder.objects(&documents);
            now.follow(&objects, &mut snapshot);
            objects = now;
            last = recipe.cook_next(&snapshot.clone(), &last.translation, Some(&last.table));
            let (table, diagnostics) = recipe.cook(&objects.snapshot(), None);
            let Cooked { table: changed, diagnostics: told, .. } = &last;
            prop_assert_eq!(
                answer(recipe, changed, told),
                answer(recipe, &table, &diagnostics),
                "{} with {}",
                first.name,
                second.name
            );
            prop_assert_eq!(changed.configuration(), table.configuration(), "and where its elements come from");
        }
    }
}

/// A route, its Service, which is a name, and a Middleware that counts.
fn route(n: usize, address: &str, prefix: &str) -> [Object; 2] {
    let metadata = json!({"name": format!("r-{n}"), "namespace": "default"});
    let rule = format!("Host(`r-{n}.example`) && PathPrefix(`{prefix}`)");
    let services = json!([{"name": format!("r-{n}"), "port": 80}]);
    let routes = json!([{"match": rule, "kind": "Rule", "services": services, "middlewares": [{"name": "limit"}]}]);
    [
        json!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": metadata, "spec": {"routes": routes}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata,
               "spec": {"type": "ExternalName", "externalName": address, "ports": [{"port": 80}]}}),
    ]
    .map(|value| decode(value).objects.remove(0))
}

#[test]
fn only_what_changed_is_made_again() {
    let config = "{entryPoints: {web: {address: ':80'}}, \
                  providers: {manifests: {path: x, allowExternalNameServices: true}}}";
    let recipe = Recipe::new(Config::from_yaml(config).unwrap(), Registry::built_in()).unwrap();
    let limit = json!({"apiVersion": "traefik.io/v1alpha1", "kind": "Middleware",
                       "metadata": {"name": "limit", "namespace": "default"}, "spec": {"inFlightReq": {"amount": 5}}});
    let mut snapshot = Snapshot::default();
    snapshot.insert(decode(limit).objects.remove(0));
    (0..200).flat_map(|n| route(n, &format!("s-{n}.example"), "/")).for_each(|object| snapshot.insert(object));
    let first = recipe.cook_next(&snapshot, &Translation::default(), None);
    assert!(first.diagnostics.is_empty() && first.table.len() == 200, "{:?}", first.diagnostics.first());
    let names = |cooked: &Cooked| cooked.table.named_members().count();
    let routes = |cooked: &Cooked| cooked.table.routes(0, false).unwrap().iter().cloned().collect::<Vec<_>>();
    let kept = |before: &Cooked, now: &Cooked| {
        let before = routes(before);
        routes(now).iter().filter(|route| before.iter().any(|other| Arc::ptr_eq(route, other))).count()
    };

    // Another server: one route is made anew, with its filter.
    let [_, service] = route(7, "other.example", "/");
    snapshot.insert(service);
    let second = recipe.cook_next(&snapshot, &first.translation, Some(&first.table));
    assert_eq!((kept(&first, &second), second.table.len(), names(&second)), (199, 200, 200));
    let filter = |cooked: &Cooked, name: &str| {
        let routes = routes(cooked);
        let route = routes.iter().find(|route| route.name.contains(name)).unwrap();
        route.chain.links()[0].filter.clone()
    };
    assert!(Arc::ptr_eq(&filter(&first, "r-7-"), &filter(&second, "r-7-")));

    // Another rule, and one route less: what nobody needs goes.
    let [ingress_route, _] = route(7, "other.example", "/api");
    snapshot.insert(ingress_route);
    snapshot.remove(&route(8, "", "/")[0].key());
    let third = recipe.cook_next(&snapshot, &second.translation, Some(&second.table));
    assert_eq!((kept(&second, &third), third.table.len(), names(&third)), (198, 199, 199));
}
