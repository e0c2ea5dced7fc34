//! Wrong input, through the real binary: every mistake is told with a code, an object and what to do, the exit code says
//! how bad it is, nothing hangs or panics, and the neighbours of what is broken are served.
//! Files and their text here, objects in `objects`, options of Middlewares in `middlewares`, rules and circles in `heavy`, the command line in `commands`.

mod commands;
mod heavy;
mod middlewares;
mod objects;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::checking::{ingora, lines};

/// A route and its Service, which lie beside everything here.
const GOOD: &str = "\
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: good}
spec: {entryPoints: [web], routes: [{match: Host(`good.example`), services: [{name: good, port: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: good}
spec: {ports: [{name: web, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: good-1, labels: {kubernetes.io/service-name: good}}
addressType: IPv4
ports: [{name: web, port: 8080}]
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]
";
const GOOD_ROUTER: &str = "default-good-de31bf2459b88f4acd35";

/// What `check` says about a directory.
struct Checked {
    exit: i32,
    report: Value,
    /// A diagnostic on each, with `DIR` for the directory.
    lines: Vec<String>,
}

fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("good.yaml"), GOOD).unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

/// Checks a directory of manifests.
fn check(dir: &Path) -> Checked {
    let manifests = dir.to_str().unwrap();
    let json = ingora(&["check", "--manifests", manifests, "--format", "json"]);
    assert_eq!(json.stderr, "");
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    let lines = lines(&report).into_iter().map(|line| line.replace(manifests, "DIR")).collect();
    Checked { exit: json.code.unwrap(), report, lines }
}

/// One more file beside the good one: it must be told of in these words, exactly one line for each, and the good one be
/// served. `told` holds how a line begins and what it contains.
fn expect(what: &str, name: &str, bytes: &[u8], told: &[(&str, &str)]) {
    let dir = directory(&[(name, bytes)]);
    let checked = check(dir.path());
    checked.expect(what, told);
}

// === impl Checked ===

impl Checked {
    fn expect(&self, what: &str, told: &[(&str, &str)]) {
        let missing =
            told.iter().filter(|(start, part)| !self.lines.iter().any(|l| l.starts_with(start) && l.contains(part)));
        let missing: Vec<_> = missing.collect();
        assert!(
            missing.is_empty() && self.lines.len() == told.len(),
            "{what}\nexpected {told:#?}\nfound    {:#?}",
            self.lines
        );
        let errors = told.iter().any(|(start, _)| start.starts_with("error"));
        assert_eq!(self.exit, i32::from(errors), "{what}: exit code");
        let routers = &self.report["configuration"]["http"]["routers"];
        assert!(routers.get(GOOD_ROUTER).is_some(), "{what}: the good route is gone from {routers}");
    }
}

#[test]
fn text_that_is_no_manifest_is_told_by_file_and_line() {
    let bomb = (1..20).fold("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
        format!("{text}a{n}: &a{n} [{}]\n", format!("*a{}, ", n - 1).repeat(10))
    });
    let wide = format!("a: &a [{}]\nb: [{}]", "x, ".repeat(20_000), "*a, ".repeat(20_000));
    let noise: Vec<u8> = (0_u32..100_000).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let yaml = "error[InvalidYaml] File DIR/bad.yaml";
    for (what, text, start, part) in [
        ("an open list", &b"a:\n  b: [1\nc: 2\n"[..], yaml, "line 3"),
        ("a mapping in a scalar", b"a: 1\nb: c: d\n", yaml, "line 2 column 5"),
        ("a tab", b"a:\n\tb: c\n", yaml, "no tabs"),
        ("a template", b"a:\n  {{ .Values.x }}: y\n", yaml, "render it first"),
        ("an unknown alias", b"a: *b\n", yaml, "unknown anchor"),
        ("a NUL", b"a: 1\nb: \0\n", yaml, "control characters"),
        ("noise", &noise, yaml, "not UTF-8 text at line 1"),
        ("Latin-1", b"a: 1\nb: 2\nc: caf\xe9\n", yaml, "not UTF-8 text at line 3"),
        ("UTF-16", b"\xff\xfea\0:\0 \x001\0", yaml, "not UTF-8 text at line 1"),
        ("a bomb of aliases", bomb.as_bytes(), yaml, ""),
        ("wide aliases", wide.as_bytes(), yaml, "too large"),
        ("a million brackets", "[".repeat(1_000_000).as_bytes(), yaml, "brackets are open"),
        ("a million dashes", "- ".repeat(1_000_000).as_bytes(), yaml, "recursion"),
        ("a word", b"hello\n", "error[InvalidObject] File DIR/bad.yaml", "expected an object with apiVersion and kind"),
        ("a list", b"- a\n- b\n", "error[InvalidObject] File DIR/bad.yaml", "found a list"),
        ("a number", b"42\n", "error[InvalidObject] File DIR/bad.yaml", "found the number 42"),
    ] {
        expect(what, "bad.yaml", text, &[(start, part)]);
    }
    let json = "error[InvalidJson] File DIR/bad.json";
    for (what, text, part) in [
        ("JSON without an end", &b"{\"apiVersion\": \"v1\",\n"[..], "line 2"),
        ("YAML in a JSON file", b"a: 1\n", "line 1 column 1"),
        (
            "deep JSON",
            ("\n".to_owned() + &"[".repeat(1_000_000) + &"]".repeat(1_000_000)).as_bytes(),
            "recursion limit exceeded at line 2",
        ),
        ("open JSON", "[".repeat(1_000_000).as_bytes(), "EOF"),
        ("Latin-1 in JSON", b"\"\xe9\"", "not UTF-8"),
    ] {
        expect(what, "bad.json", text, &[(json, part)]);
    }
}

#[test]
fn text_without_objects_is_no_mistake() {
    for (what, text) in [
        ("nothing", &b""[..]),
        ("spaces", b" \n\n  \n"),
        ("comments", b"# one\n---\n# two\n"),
        ("nulls", b"---\n~\n---\nnull\n"),
        ("a byte order mark", b"\xef\xbb\xbf# one\n"),
        ("CRLF", b"apiVersion: v1\r\nkind: ConfigMap\r\nmetadata: {name: a}\r\n"),
        ("an empty list", b"apiVersion: v1\nkind: List\nitems: []\n"),
        ("somebody else's", b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: 5\n"),
    ] {
        expect(what, "empty.yaml", text, &[]);
    }
}

#[test]
fn a_broken_document_does_not_hide_the_others_of_its_file() {
    let text = format!("{GOOD}---\na: [\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: 5}}\n");
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("one.yaml");
    fs::write(&file, text).unwrap();
    let checked = check(&file);
    let line = GOOD.lines().count() + 2;
    checked.expect(
        "a file",
        &[
            ("error[InvalidYaml] File DIR", &format!("line {}", line + 1)),
            ("error[InvalidObject] ConfigMap default/ metadata.name", "expected a string, found the number 5 (DIR:"),
        ],
    );
}

#[test]
fn links_that_lead_in_circles_or_nowhere() {
    let dir = directory(&[]);
    let at = |name: &str| dir.path().join(name);
    fs::create_dir_all(at("a/b")).unwrap();
    symlink(dir.path(), at("a/b/up")).unwrap();
    symlink(at("a"), at("a/b/again")).unwrap();
    symlink(at("good.yaml"), at("a/second.yaml")).unwrap();
    check(dir.path()).expect("loops", &[]);
    symlink(at("nothing"), at("gone.yaml")).unwrap();
    symlink("self.yaml", at("self.yaml")).unwrap();
    check(dir.path()).expect(
        "links to nothing",
        &[
            ("error[UnreadableFile] File DIR/gone.yaml", "No such file"),
            ("error[UnreadableFile] File DIR/self.yaml", "Too many levels of symbolic links"),
        ],
    );
}

#[test]
fn the_text_tells_the_same() {
    let (route, _) = GOOD.split_once("---").unwrap();
    let other = route.replace("name: good", "name: other").replace("good.example", "other.example");
    let dir = directory(&[("bad.yaml", b"a: ["), ("other.yaml", other.as_bytes()), ("empty.yaml", b"")]);
    let manifests = dir.path().to_str().unwrap();
    let json = check(dir.path());
    let text = ingora(&["check", "--manifests", manifests]);
    assert_eq!((json.exit, text.code), (1, Some(1)));
    assert_eq!(text.stderr, "");
    for diagnostic in json.report["diagnostics"].as_array().unwrap() {
        for part in ["/code", "/object/kind", "/object/name", "/path", "/message"] {
            let part = diagnostic.pointer(part).unwrap().as_str().unwrap();
            assert!(text.stdout.contains(part), "{part:?} is not in\n{}", text.stdout);
        }
    }
    assert!(text.stdout.contains(&format!("{GOOD_ROUTER}  web")), "{}", text.stdout);
    assert!(text.stdout.contains("2 errors, 0 warnings, "), "{}", text.stdout);
}

#[test]
fn a_directory_without_manifests_is_doubtful() {
    let dir = TempDir::new().unwrap();
    let checked = check(dir.path());
    assert_eq!(checked.exit, 0);
    assert!(
        checked.lines.len() == 1 && checked.lines[0].starts_with("warning[NoManifests] File"),
        "{:?}",
        checked.lines
    );
}
