//! The container image, as far as it can be held without a container engine: what the Dockerfile copies is there and
//! enough to build, and the binary works with nothing around it but what `deploy/root.sh` lays out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::pod;
use super::root::{Root, Running, get};
use super::tools::{ROOT, kustomize};
use crate::support::gateway::binary;
use crate::support::ports;

/// The instructions of a stage of the Dockerfile (0 builds, 1 is the image): the word, and the rest without line breaks.
fn instructions(stage: usize) -> Vec<(String, String)> {
    let text = fs::read_to_string("deploy/Dockerfile").unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    let whole = lines.replace("\\\n", " ");
    let all = whole.lines().filter_map(|line| line.split_once(' '));
    let mut stages: Vec<Vec<(String, String)>> = Vec::new();
    for (word, rest) in all {
        if word == "FROM" {
            stages.push(Vec::new());
        }
        if let Some(stage) = stages.last_mut() {
            stage.push((word.to_owned(), rest.trim().to_owned()));
        }
    }
    assert_eq!(stages.len(), 2);
    stages.swap_remove(stage)
}

/// What one stage copies from the project.
fn copied(stage: usize) -> Vec<String> {
    let copies = instructions(stage).into_iter().filter(|(word, rest)| word == "COPY" && !rest.starts_with("--from"));
    let mut sources = Vec::new();
    for (_, rest) in copies {
        let mut words: Vec<_> = rest.split_whitespace().map(str::to_owned).collect();
        words.pop();
        sources.extend(words);
    }
    sources
}

#[test]
fn what_is_copied_is_there() {
    for source in copied(0).into_iter().chain(copied(1)) {
        assert!(Path::new(ROOT).join(&source).exists(), "deploy/Dockerfile copies {source}, which isn't there");
    }
}

/// A tree of what the Dockerfile copies, and nothing else, compiles.
#[test]
fn what_is_copied_is_enough() {
    // At the same place always, and with the files' times, so that only what changed is checked again.
    let tree = Path::new(ROOT).join("target/image-source");
    let _ = fs::remove_dir_all(&tree);
    for source in copied(0) {
        let to = tree.join(&source);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let copy = Command::new("cp").args(["-r", "-p"]).arg(Path::new(ROOT).join(&source)).arg(&to).status().unwrap();
        assert!(copy.success());
    }
    let runs: Vec<_> = instructions(0).into_iter().filter(|(word, _)| word == "RUN").collect();
    let build = "cargo build --release --locked --bin ingora ";
    assert!(runs.iter().any(|(_, rest)| rest.contains(build)), "{runs:?}");
    // Not compiled to the end: that would take minutes, and find no more.
    let target = binary_directory().parent().unwrap().to_owned();
    let check = Command::new(env!("CARGO"))
        .args(["check", "--locked", "--offline", "--quiet", "--bin", "ingora"])
        .current_dir(&tree)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}

fn binary_directory() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_ingora")).parent().unwrap().to_owned()
}

/// What `.ci/deps` wants for building, the image installs.
#[test]
fn what_building_needs_is_installed() {
    let deps = fs::read_to_string(".ci/deps").unwrap();
    let missing = deps.split_once("missing() {").unwrap().1.split_once("\n}").unwrap().0;
    let wanted = missing.lines().filter_map(|line| line.split_once("|| echo \""));
    let wanted = wanted.filter_map(|(_, package_and_why)| package_and_why.split_once(' '));
    let wanted: BTreeSet<_> = wanted.filter(|(_, why)| !why.starts_with("the tests")).map(|(name, _)| name).collect();
    let runs = instructions(0).into_iter().find(|(word, rest)| word == "RUN" && rest.contains("apt-get")).unwrap().1;
    let installed: BTreeSet<_> = runs.split_whitespace().collect();
    assert!(wanted.len() > 3, "{wanted:?}");
    let missing: Vec<_> = wanted.difference(&installed).collect();
    assert!(missing.is_empty(), "deploy/Dockerfile does not install {missing:?}");
}

/// The compiler is not older than the one that the project asks for.
#[test]
fn the_compiler_is_new_enough() {
    let version = |text: &str, before: &str| -> Vec<u32> {
        let line = text.lines().find_map(|line| line.strip_prefix(before)).unwrap();
        line.trim_matches('"').split('.').map(|n| n.parse().unwrap()).collect()
    };
    let wanted = version(&fs::read_to_string("Cargo.toml").unwrap(), "rust-version = ");
    let used = version(&fs::read_to_string("deploy/Dockerfile").unwrap(), "ARG RUST=");
    assert!(used >= wanted, "{used:?} < {wanted:?}");
}

/// The pods and the image agree on who runs, what is started, and on which ports.
#[test]
fn the_pods_fit_the_image() {
    let image = instructions(1);
    let of = |word: &str| image.iter().find(|(w, _)| w == word).unwrap_or_else(|| panic!("{word}")).1.clone();
    assert_eq!(of("FROM"), "scratch");
    assert_eq!(of("ENTRYPOINT"), "[\"/ingora\"]");
    let pod = pod(&kustomize("deploy/base"), "Deployment");
    let user = &pod["spec"]["securityContext"];
    assert_eq!(of("USER"), format!("{}:{}", user["runAsUser"], user["runAsGroup"]));
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["args"], json!(["run", "--config", "/etc/ingora/ingora.yaml"]));
    assert_eq!(container["command"], json!(null));
    let declared = container["ports"].as_array().unwrap();
    let declared: BTreeSet<_> = declared.iter().map(|port| port["containerPort"].to_string()).collect();
    let exposed = of("EXPOSE");
    assert_eq!(exposed.split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>(), declared);
}

#[test]
fn the_image_has_the_libraries_that_are_linked_and_no_other() {
    let linked = Command::new("ldd").arg(binary()).output().unwrap();
    let linked = String::from_utf8(linked.stdout).unwrap();
    let linked = linked.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    let linked: BTreeSet<_> = linked.map(str::to_owned).collect();
    assert!(linked.iter().any(|library| library.contains("/libc.so")), "{linked:?}");
    assert!(linked.iter().all(|library| !library.contains("ssl")), "OpenSSL is linked in: {linked:?}");
    let other = ["/ingora", "/etc/group", "/etc/nsswitch.conf", "/etc/passwd", "/etc/ssl/certs/ca-certificates.crt"];
    let expected: BTreeSet<_> = linked.into_iter().chain(other.map(str::to_owned)).collect();
    let root = Root::lay_out();
    assert_eq!(root.files(), expected);
    assert!(fs::metadata(root.path("/etc/ssl/certs/ca-certificates.crt")).unwrap().len() > 10_000);
}

#[tokio::test]
async fn the_binary_serves_with_nothing_else_around_it() {
    let root = Root::lay_out();
    let version = root.command(65532, 65532).arg("--version").output().unwrap();
    let text = String::from_utf8_lossy(&version.stdout).into_owned() + &String::from_utf8_lossy(&version.stderr);
    assert_eq!(text.trim(), concat!("ingora ", env!("CARGO_PKG_VERSION")));

    let address = ports::free();
    let config = json!({
        "entryPoints": {"traefik": {"address": address.to_string()}, "web": {"address": ports::free().to_string()}},
        "ping": {}, "providers": {"manifests": {"path": "/etc/ingora/none.yaml"}},
    });
    root.write("/etc/ingora/ingora.yaml", &config.to_string());
    root.write("/etc/ingora/none.yaml", "# nothing\n");
    let mut command = root.command(65532, 65532);
    command.args(["run", "--config", "/etc/ingora/ingora.yaml"]);
    let running = Running::start(command, root);
    running.until("/ping says 200", async || get(address, "/ping").await == Some(200)).await;
}
