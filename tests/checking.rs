//! What `ingora` says about manifests, asked in two ways: of the library, by the call that `check` makes, and of the real
//! binary, which has ten seconds to end. Used by `golden`, `document`, `input` and `e2e`.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ingora::cli::check::Report;
use ingora::cli::inputs::{Format, Inputs};
use ingora_middleware::Registry;
use serde_json::Value;

use crate::support::gateway::{binary, signal};

/// Longer is hanging.
const DEADLINE: Duration = Duration::from_secs(10);

/// What a process left behind.
pub struct Ended {
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// What `ingora check --format json` prints.
pub fn report(manifests: &Path, config: Option<&Path>) -> String {
    let inputs = Inputs { manifests: manifests.to_owned(), config: config.map(Path::to_owned), format: Format::Json };
    let cooked = inputs.cook(Registry::built_in()).unwrap_or_else(|e| panic!("{}: {e:#}", manifests.display()));
    let report = Report { configuration: cooked.table.configuration(), diagnostics: &cooked.diagnostics };
    let mut out = Vec::new();
    report.write(&mut out, Format::Json).unwrap();
    String::from_utf8(out).unwrap()
}

/// Runs the binary to its end.
pub fn ingora<S: AsRef<OsStr>>(arguments: &[S]) -> Ended {
    let shown = arguments.iter().map(|a| a.as_ref().to_string_lossy()).collect::<Vec<_>>().join(" ");
    let mut command = Command::new(binary());
    command.args(arguments).env_remove("RUST_LOG");
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let process = child.id();
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(DEADLINE) else {
        signal(process, "KILL");
        panic!("ingora {shown} did not end within {DEADLINE:?}");
    };
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8 output");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(!stderr.contains("panicked"), "ingora {shown} panicked:\n{stderr}");
    assert!(output.status.code().is_some(), "ingora {shown} was ended by a signal: {}\n{stderr}", output.status);
    Ended { code: output.status.code(), stdout, stderr }
}

/// A diagnostic on a line: `error[Code] Kind namespace/name path: message`.
pub fn line(diagnostic: &Value) -> String {
    let text = |pointer: &str| diagnostic.pointer(pointer).and_then(Value::as_str).unwrap_or("?").to_owned();
    let object = format!("{} {}/{}", text("/object/kind"), text("/object/namespace"), text("/object/name"));
    format!("{}[{}] {object} {}: {}", text("/severity"), text("/code"), text("/path"), text("/message"))
}

/// The diagnostics of a report, a line each.
pub fn lines(report: &Value) -> Vec<String> {
    report["diagnostics"].as_array().unwrap().iter().map(line).collect()
}

/// Where two values differ, by their places.
pub fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let mut list = Vec::new();
    differ(expected, found, String::new(), &mut list);
    list
}

fn differ(expected: &Value, found: &Value, at: String, list: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                match b.get(key) {
                    Some(other) => differ(value, other, format!("{at}/{key}"), list),
                    None => list.push(format!("{at}/{key} is missing: {value}")),
                }
            }
            list.extend(
                b.iter().filter(|(key, _)| !a.contains_key(*key)).map(|(k, v)| format!("{at}/{k} is new: {v}")),
            );
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                differ(a, b, format!("{at}/{i}"), list);
            }
        }
        (a, b) if a == b => {}
        (a, b) => list.push(format!("{at} should be {a}, is {b}")),
    }
}

#[test]
fn differences_are_found_by_place() {
    let expected = serde_json::json!({"a": {"b": [1, {"c": 2}]}, "gone": 1, "same": [1]});
    let found = serde_json::json!({"a": {"b": [1, {"c": 3}]}, "new": 2, "same": [1]});
    assert_eq!(differences(&expected, &found), ["/a/b/1/c should be 2, is 3", "/gone is missing: 1", "/new is new: 2"]);
    assert_eq!(differences(&expected, &expected), Vec::<String>::new());
    assert_eq!(differences(&serde_json::json!([1]), &serde_json::json!([1, 2])), [" should be [1], is [1,2]"]);
}
