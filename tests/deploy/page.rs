//! `docs/from-traefik.md` does what it says: each row of its table is true, and `check` reads what `kubectl get` prints.

use std::fs;
use std::process::{Command, Stdio};

use ingora::config::Config;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Objects;
use super::tools::helm;
use crate::support::gateway::binary;
use crate::support::manifests::yaml;

const PAGE: &str = "docs/from-traefik.md";

#[test]
fn flags_are_settings_and_values() {
    let page = fs::read_to_string(PAGE).unwrap();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `--")).collect();
    assert!(rows.len() > 10, "{rows:?}");
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect();
        let [flags, setting, values] = cells.as_slice() else { panic!("{row}") };
        Config::from_yaml(setting).unwrap_or_else(|e| panic!("{row}\n{e}"));
        let setting = yaml(setting);
        for flag in flags.split(' ') {
            let (path, value) =
                flag.trim_start_matches("--").split_once('=').unwrap_or((flag.trim_start_matches("--"), ""));
            let found = setting.pointer(&format!("/{}", path.replace('.', "/")));
            assert!(found.is_some_and(|found| says(found, value)), "{row}: {path} is {found:?}");
        }
        let objects = helm(values).unwrap_or_else(|e| panic!("{row}\n{e}"));
        let rendered = yaml(objects.only("ConfigMap")["data"]["ingora.yaml"].as_str().unwrap());
        assert!(holds(&rendered, &setting), "{row}\nrendered:\n{rendered:#}");
    }
}

/// Whether a setting is what a flag says: `true` switches on, lists are separated by commas.
fn says(setting: &Value, flag: &str) -> bool {
    match setting {
        Value::Object(_) => flag.is_empty() || flag == "true",
        Value::Array(items) => items.iter().zip(flag.split(',')).all(|(item, part)| says(item, part)),
        Value::String(text) => text == flag,
        Value::Bool(on) => flag.parse() == Ok(*on),
        Value::Null | Value::Number(_) => false,
    }
}

/// Whether all of a value is in another one.
fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|found| holds(found, value)))
        }
        (whole, part) => whole == part,
    }
}

#[test]
fn check_reads_what_kubectl_prints() {
    let directory = "deploy/quickstart";
    let mut items = Vec::new();
    for file in ["endpoints.yaml", "routes.yaml", "services.yaml"] {
        items.extend(Objects::parse(&fs::read_to_string(format!("{directory}/{file}")).unwrap()).0);
    }
    for (i, item) in items.iter_mut().enumerate() {
        item["metadata"]["uid"] = json!(format!("00000000-0000-0000-0000-{i:012}"));
        item["metadata"]["resourceVersion"] = json!(i.to_string());
        item["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
        item["metadata"]["generation"] = json!(1);
        item["metadata"]["managedFields"] =
            json!([{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {}}}]);
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}});
    let list = serde_yaml::to_string(&list).unwrap();

    let expected = check(&["--manifests", directory], None);
    assert!(expected["configuration"]["http"]["routers"].as_object().is_some_and(|r| !r.is_empty()), "{expected:#}");
    let home = TempDir::new().unwrap();
    let file = home.path().join("cluster.yaml");
    fs::write(&file, &list).unwrap();
    assert_eq!(check(&["--manifests", file.to_str().unwrap()], None), expected);
    assert_eq!(check(&["--manifests", "/dev/stdin"], Some(&list)), expected);
}

/// What `ingora check` prints as JSON.
fn check(arguments: &[&str], input: Option<&str>) -> Value {
    let home = TempDir::new().unwrap();
    let given = home.path().join("input");
    fs::write(&given, input.unwrap_or_default()).unwrap();
    // Through a pipe, as from kubectl.
    let mut cat = Command::new("cat").arg(&given).stdout(Stdio::piped()).spawn().unwrap();
    let mut command = Command::new(binary());
    command.args(["check", "--format", "json"]).args(arguments).stdin(cat.stdout.take().unwrap());
    let output = command.output().unwrap();
    cat.wait().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}
