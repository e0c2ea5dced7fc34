//! `docs/filters.md` and the example that it walks through: the page's code is the example's, and its commands, run one
//! after the other, print what it shows.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use crate::support::{Backend, Manifests, PATIENCE, Wire, ports, route};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// How the page starts the example.
const RUN: &str = "cargo run --example custom_filter -- ";

fn page() -> String {
    fs::read_to_string(Path::new(ROOT).join("docs/filters.md")).unwrap()
}

/// The blocks of a language.
fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let fence = format!("```{language}\n");
    page.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The commands of the page, each with the lines that it shows of what comes of it.
fn commands(page: &str) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    let indented = page.lines().filter_map(|line| if line.is_empty() { Some("") } else { line.strip_prefix("    ") });
    for line in indented {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push((command.to_owned(), Vec::new())),
            None => {
                if let Some((_, shown)) = commands.last_mut() {
                    shown.push(line.to_owned());
                }
            }
        }
    }
    for (_, shown) in &mut commands {
        while shown.last().is_some_and(String::is_empty) {
            shown.pop();
        }
    }
    commands
}

/// The example, built as the page's commands build it: beside the gateway, which is the same code.
fn example() -> PathBuf {
    let directory = Path::new(env!("CARGO_BIN_EXE_ingora")).parent().unwrap();
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--locked", "--offline", "--example", "custom_filter"]).current_dir(ROOT);
    build.arg("--target-dir").arg(directory.parent().unwrap());
    if directory.ends_with("release") {
        build.arg("--release");
    }
    if cfg!(feature = "boringssl") {
        build.args(["--no-default-features", "--features", "boringssl"]);
    }
    assert!(build.status().unwrap().success());
    directory.join("examples/custom_filter")
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether what was printed is what is shown; `…` stands for lines that aren't.
fn assert_shown(command: &str, printed: &str, shown: &[String]) {
    let printed: Vec<&str> = printed.lines().map(|line| line.trim_end_matches('\r')).collect();
    let mut rest = printed.as_slice();
    for lines in shown.split(|line| line == "…") {
        let at = rest.windows(lines.len().max(1)).position(|window| lines.is_empty() || window == lines);
        let at =
            at.unwrap_or_else(|| panic!("{command}\nshould print\n{}\nnot\n{}", shown.join("\n"), printed.join("\n")));
        rest = &rest[at + lines.len()..];
    }
}

#[test]
fn the_page_s_code_is_the_example_s() {
    let source = fs::read_to_string(Path::new(ROOT).join("examples/custom_filter.rs")).unwrap();
    let page = page();
    let blocks = blocks(page.split("## Test it").next().unwrap(), "rust");
    assert_eq!(blocks.len(), 4);
    for block in blocks {
        assert!(source.contains(block), "not in the example:\n{block}");
    }
}

#[tokio::test]
async fn the_page_s_commands_do_what_it_shows() {
    let page = page();
    let directory = TempDir::new().unwrap();
    let manifests = directory.path().join("manifests");
    fs::create_dir(&manifests).unwrap();
    let (first, second) = (Backend::echo().await, Backend::echo().await);
    let middleware = blocks(&page, "yaml")[0];
    let others: Manifests = route("greeted")
        .entry_point("web")
        .rule("Host(`greet.test`)")
        .middlewares(&["hello"])
        .to_all(&[&first, &second])
        .into();
    let write = |middleware: &str| fs::write(manifests.join("all.yaml"), format!("{middleware}{}", others.0)).unwrap();
    let (web, ping) = (ports::free(), ports::free());
    let config = format!(
        "entryPoints: {{web: {{address: '{web}'}}, traefik: {{address: '{ping}'}}}}\nping: {{}}\n\
         providers: {{manifests: {{path: manifests}}}}\n"
    );
    fs::write(directory.path().join("config.yaml"), config).unwrap();
    let example = tokio::task::spawn_blocking(example).await.unwrap();
    let mut running = None;
    let mut done = Vec::new();
    for (command, shown) in commands(&page) {
        // The last one is about a field that is misspelt.
        let misspelt = shown.iter().any(|line| line.contains("nmae"));
        write(&if misspelt { middleware.replace("name: world", "nmae: world") } else { middleware.to_owned() });
        if let Some(arguments) = command.strip_prefix(RUN) {
            let mut run = Command::new(&example);
            run.current_dir(&directory).stdin(Stdio::null()).args(arguments.trim_end_matches(" &").split(' '));
            if command.ends_with('&') {
                running = Some(Running(run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()));
                ready(ping).await;
            } else {
                let output = run.output().unwrap();
                assert_eq!(output.status.code(), Some(i32::from(misspelt)), "{command}");
                assert_shown(&command, &String::from_utf8(output.stdout).unwrap(), &shown);
            }
        } else {
            let command = command.replace("127.0.0.1:8000", &web.to_string());
            let output = tokio::process::Command::new("sh")
                .args(["-c", &format!("exec {command} --silent --max-time 20")])
                .output();
            let output = output.await.unwrap();
            assert!(output.status.success(), "{command}");
            assert_shown(&command, &String::from_utf8(output.stdout).unwrap(), &shown);
        }
        done.push(command);
    }
    drop(running);
    assert_eq!(done.len(), 5, "{done:?}");
    assert_eq!(first.requests() + second.requests(), 1, "the filter answers /hello itself");
}

/// Waits until the example serves.
async fn ready(ping: SocketAddr) {
    let start = Instant::now();
    loop {
        if let Ok(tcp) = tokio::net::TcpStream::connect(ping).await {
            let reply = Wire::new(tcp).ask("GET /ping HTTP/1.1\nHost: a\nConnection: close\n\n").await;
            if reply.status() == 200 {
                return;
            }
        }
        assert!(start.elapsed() < PATIENCE, "the example is not ready");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
