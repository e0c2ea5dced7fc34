//! Random damage to the golden manifests: values dropped, replaced, moved and doubled anywhere in them.
//! From decoding to the routing table nothing panics, the same objects always give the same answer, with or without a
//! table before, and the order in which files are read says nothing.

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use ingora::config::{Address, Config, EntryPoint};
use ingora::control::Recipe;
use ingora::diagnostic::Diagnostic;
use ingora::objects::Snapshot;
use ingora::objects::decode::decode;
use ingora::routing::Table;
use ingora_middleware::Registry;
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::golden;

/// A golden case, ready to be damaged.
pub struct Start {
    pub name: String,
    pub documents: Vec<Value>,
    pub recipe: Recipe,
}

/// One piece of damage; an index picks a place of the documents as they are by then.
#[derive(Debug, Clone)]
pub enum Damage {
    Drop(Index),
    Replace(Index, Value),
    /// Puts a copy of the one in the place of the other.
    Graft(Index, Index),
    /// Doubles an element of a list, or a whole document.
    Double(Index),
}

type Way = Vec<Step>;

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Item(usize),
}

pub static STARTS: LazyLock<Vec<Start>> = LazyLock::new(|| {
    golden::cases()
        .iter()
        .map(|case| {
            let mut config = match case.config() {
                Some(path) => Config::from_yaml(&fs::read_to_string(path).unwrap()).unwrap(),
                None => Config::from_yaml("").unwrap(),
            };
            for name in ["web", "tcp"] {
                config.entry_points.entry(name.to_owned()).or_insert_with(|| EntryPoint::new(Address::any(0)));
            }
            let manifests = case.manifests();
            let files = if manifests.is_dir() {
                fs::read_dir(&manifests).unwrap().map(|e| e.unwrap().path()).collect()
            } else {
                vec![manifests]
            };
            let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
            let documents = texts.flat_map(|text| {
                let documents = serde_yaml::Deserializer::from_str(&text);
                documents.map(|d| Value::deserialize(d).unwrap()).collect::<Vec<_>>()
            });
            let documents = documents.collect();
            Start { name: case.name.clone(), documents, recipe: Recipe::new(config, Registry::built_in()).unwrap() }
        })
        .collect()
});

fn values() -> impl Strategy<Value = Value> {
    let odd: Vec<Value> = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(80),
        json!(65536),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(0.5),
        json!(""),
        json!("x"),
        json!("@"),
        json!("@kubernetescrd"),
        json!("default-whoami@kubernetescrd"),
        json!("default"),
        json!("whoami"),
        json!("TraefikService"),
        json!("traefik.containo.us/v1alpha1"),
        json!("Host(`a.example`) || !HostSNI(`*`)"),
        json!("urn:k8s:secret:a:b"),
        json!("30s"),
        json!("é\u{0}\u{202e}"),
        json!("a".repeat(10_000)),
        json!([]),
        json!({}),
        json!([null]),
        json!([[[]]]),
        json!({"": {"": ""}}),
        json!({"name": "whoami", "port": 80, "namespace": "there"}),
    ];
    prop_oneof![proptest::sample::select(odd), any::<i64>().prop_map(Value::from), "[ -~]{0,12}".prop_map(Value::from)]
}

pub fn damages() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<Index>().prop_map(Damage::Drop),
        (any::<Index>(), values()).prop_map(|(at, value)| Damage::Replace(at, value)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Graft(from, to)),
        any::<Index>().prop_map(Damage::Double),
    ]
}

/// The ways to all values under one, itself included.
fn ways(value: &Value, way: &mut Way, found: &mut Vec<Way>) {
    found.push(way.clone());
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                way.push(Step::Key(key.clone()));
                ways(value, way, found);
                way.pop();
            }
        }
        Value::Array(items) => {
            for (i, value) in items.iter().enumerate() {
                way.push(Step::Item(i));
                ways(value, way, found);
                way.pop();
            }
        }
        _ => {}
    }
}

fn at<'v>(value: &'v mut Value, way: &[Step]) -> &'v mut Value {
    way.iter().fold(value, |value, step| match step {
        Step::Key(key) => &mut value[key.as_str()],
        Step::Item(i) => &mut value[*i],
    })
}

// === impl Damage ===

impl Damage {
    pub fn apply(&self, documents: &mut Value) {
        let mut all = Vec::new();
        ways(documents, &mut Vec::new(), &mut all);
        all.remove(0); // The list of documents itself stays one.
        if all.is_empty() {
            return;
        }
        let pick = |index: &Index| index.get(&all).clone();
        match self {
            Damage::Replace(index, value) => *at(documents, &pick(index)) = value.clone(),
            Damage::Graft(from, to) => {
                let copy = at(documents, &pick(from)).clone();
                *at(documents, &pick(to)) = copy;
            }
            Damage::Drop(index) => {
                let way = pick(index);
                let (last, owner) = way.split_last().unwrap();
                match (at(documents, owner), last) {
                    (Value::Object(fields), Step::Key(key)) => drop(fields.remove(key)),
                    (Value::Array(items), Step::Item(i)) => drop(items.remove(*i)),
                    _ => unreachable!(),
                }
            }
            Damage::Double(index) => {
                let way = pick(index);
                let (last, owner) = way.split_last().unwrap();
                if let (Value::Array(items), Step::Item(i)) = (at(documents, owner), last) {
                    items.insert(*i, items[*i].clone());
                }
            }
        }
    }
}

/// The objects of some documents, and whether they are all distinct.
fn snapshot<'v>(documents: impl Iterator<Item = &'v Value>) -> (Snapshot, bool) {
    let mut snapshot = Snapshot::default();
    let mut seen = BTreeSet::new();
    let mut distinct = true;
    for document in documents {
        let decoded = decode(document.clone());
        snapshot.findings.extend(decoded.findings);
        for object in decoded.objects {
            distinct &= seen.insert(format!("{:?}", object.key()));
            snapshot.insert(object);
        }
    }
    (snapshot, distinct)
}

/// What there is to compare: the configuration as it is shown, all findings, and how many routes serve.
fn answer((table, mut diagnostics): (Table, Vec<Diagnostic>)) -> (Value, Vec<Diagnostic>, usize) {
    // Those of documents without a name stand in the order of the documents.
    diagnostics.sort();
    (serde_json::to_value(table.configuration()).unwrap(), diagnostics, table.len())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(2000),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn damaged_manifests_have_one_answer(start in any::<Index>(), damage in prop::collection::vec(damages(), 1..6)) {
        let start = start.get(&STARTS);
        let mut documents = Value::Array(start.documents.clone());
        damage.iter().for_each(|damage| damage.apply(&mut documents));
        let documents = documents.as_array().unwrap();
        let (forwards, distinct) = snapshot(documents.iter());
        let (table, diagnostics) = start.recipe.cook(&forwards, None);
        let again = answer(start.recipe.cook(&forwards, None));
        let after = answer(start.recipe.cook(&forwards, Some(&table)));
        let first = answer((table, diagnostics));
        prop_assert_eq!(&first, &again, "{}: a second time", start.name);
        prop_assert_eq!(&first, &after, "{}: with a table before", start.name);
        if distinct {
            let (backwards, _) = snapshot(documents.iter().rev());
            prop_assert_eq!(&first, &answer(start.recipe.cook(&backwards, None)), "{}: backwards", start.name);
        }
    }
}

/// Undamaged, each has the routes that it is about: else the damage is to nothing.
#[test]
fn the_golden_manifests_are_read_here() {
    let routes = STARTS.iter().map(|start| start.recipe.cook(&snapshot(start.documents.iter()).0, None).0.len());
    assert!(routes.filter(|n| *n > 0).count() > 50);
    let secure = STARTS.iter().find(|s| s.name == "an-empty-tls-section-turns-tls-on").unwrap();
    assert_eq!(secure.recipe.cook(&snapshot(secure.documents.iter()).0, None).0.len(), 3); // http, tcp and web.
}
