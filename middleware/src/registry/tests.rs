//! Tests of the registry: exactly one key, plugins, paths of errors.

#![allow(clippy::unwrap_used)]

use ingora_crds::middleware::{AddPrefix, StripPrefix};
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::config::{Chain, Resolved};
use crate::filter::{Fault, ResponseCx};
use crate::testing::Trial;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Greet {
    names: Vec<String>,
}

impl Filter for Greet {
    fn response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
        cx.response.insert_header("X-Greet", self.names.join(" ")).map_err(Fault::internal)
    }
}

impl Kind for Greet {
    const NAME: &'static str = "greet";
    type Config = Self;
    fn build(config: Self) -> Result<impl Filter, BadConfig> {
        if config.names.is_empty() { Err(BadConfig::new("names", "nobody to greet")) } else { Ok(config) }
    }
}

fn plugin(name: &str, value: Value) -> Middleware {
    let config = Plugin { shown: Value::Null, resolved: Resolved(value) };
    Middleware { plugin: [(name.to_owned(), config)].into(), ..Default::default() }
}

fn error(middleware: &Middleware) -> String {
    Registry::built_in().plugin::<Greet>().build(middleware).err().unwrap().to_string()
}

#[test]
fn builds_exactly_one_key() {
    let prefix = Some(AddPrefix { prefix: "/a".into() });
    let one = Middleware { add_prefix: prefix.clone(), ..Default::default() };
    let built = Registry::built_in().build(&one).unwrap();
    assert_eq!(Trial::get("/b").run_built(built).target(), "/a/b");

    let two = Middleware { strip_prefix: Some(StripPrefix::default()), ..one.clone() };
    assert_eq!(
        error(&two),
        "addPrefix and stripPrefix are configured: exactly one is accepted; make a middleware of each"
    );
    let with_plugin = Middleware { add_prefix: prefix, ..plugin("x", json!({})) };
    assert!(error(&with_plugin).starts_with("addPrefix and plugin.x are"));
    assert_eq!(Registry::built_in().build(&Middleware::default()).err(), Some(BuildError::Nothing));
    let chain = Middleware { chain: Some(Chain::default()), ..Default::default() };
    assert_eq!(Registry::built_in().build(&chain).err(), Some(BuildError::Unsupported("chain")));
}

#[test]
fn errors_name_the_field_from_the_key_on() {
    let empty = Middleware { add_prefix: Some(AddPrefix::default()), ..Default::default() };
    assert_eq!(error(&empty), "addPrefix.prefix: is empty: a path such as /api is needed");
    assert_eq!(error(&plugin("greet", json!({"names": []}))), "plugin.greet.names: nobody to greet");
    let wrong = error(&plugin("greet", json!({"names": ["a", 1]})));
    assert!(wrong.starts_with("plugin.greet.names[1]: invalid type: integer `1`"), "{wrong}");
    let unknown = error(&plugin("greet", json!({"nmes": []})));
    assert!(unknown.contains("unknown field `nmes`"), "{unknown}");
}

#[test]
fn builds_plugins_by_name() {
    let registry = Registry::built_in().plugin::<Greet>();
    let built = registry.build(&plugin("greet", json!({"names": ["Ann", "Bob"]}))).unwrap();
    assert_eq!(Trial::get("/").run_built(built).got("X-Greet"), "Ann Bob");
    assert_eq!(
        error(&plugin("great", json!({}))),
        "plugin.great: no filter of this name is registered; registered are greet"
    );
    let none = Registry::built_in().build(&plugin("x", json!({}))).err().unwrap().to_string();
    assert_eq!(none, "plugin.x: no filter of this name is registered; none is");
}

#[test]
#[should_panic(expected = "two filters are registered as \"greet\"")]
fn a_name_is_registered_once() {
    let _ = Registry::built_in().plugin::<Greet>().plugin::<Greet>();
}
