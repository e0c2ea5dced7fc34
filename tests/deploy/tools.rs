//! kustomize and Helm, built by `make tools` where that has not been done yet.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::objects::Objects;

/// The project's root, where all commands run.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

const CHART: &str = "deploy/helm/ingora";

/// What kustomize makes of a directory.
pub fn kustomize(directory: impl AsRef<Path>) -> Objects {
    let output = run("kustomize", ["build".as_ref(), directory.as_ref().as_os_str()]);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "kustomize build {:?}: {}", directory.as_ref(), text(&output.stderr));
    Objects::parse(&text(&output.stdout))
}

/// What Helm makes of the chart with these values, in YAML: a release `ingora` in the namespace `ingora`; or what it says
/// of them.
pub fn helm(values: &str) -> Result<Objects, String> {
    rendered(values, &["template"]).map(|text| Objects::parse(&text))
}

/// The same with the CRDs.
pub fn helm_with_crds(values: &str) -> Objects {
    Objects::parse(&rendered(values, &["template", "--include-crds"]).unwrap_or_else(|e| panic!("{e}")))
}

/// What Helm tells who installs the chart.
pub fn notes(values: &str) -> String {
    let text = rendered(values, &["install", "--dry-run=client"]).unwrap_or_else(|e| panic!("{e}"));
    text.split_once("NOTES:\n").expect("notes").1.to_owned()
}

fn rendered(values: &str, command: &[&str]) -> Result<String, String> {
    let home = TempDir::new().unwrap();
    let file = home.path().join("values.yaml");
    fs::write(&file, values).unwrap();
    let file = file.to_str().unwrap();
    let arguments = [command, &["ingora", CHART, "--namespace", "ingora", "--values", file]].concat();
    let output = run("helm", arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn run<S: AsRef<OsStr>>(tool: &str, arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(directory().join(tool)).args(arguments).current_dir(ROOT).output().unwrap()
}

/// Builds them where that has not been done: which can't be done in a namespace without a network.
pub fn prepare() {
    directory();
}

/// Where the tools are.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let made = Command::new("make").args(["--silent", "tools"]).current_dir(ROOT).output().expect("make");
        assert!(made.status.success(), "make tools: {}", String::from_utf8_lossy(&made.stderr));
        Path::new(ROOT).join("target/tools")
    })
}
