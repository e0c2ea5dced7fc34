//! Manifests and what they amount to: each directory of `tests/golden` is a case, and its name the sentence that it holds.
//! `in.yaml` (or the files of `in/`), served with `config.yaml` where there is one, makes `out.json`: what
//! `ingora check --format json` prints. `UPDATE_GOLDEN=1` writes the answers; read the difference before you commit it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value;

use crate::checking::{differences, report};

/// Findings that no manifest can bring about through `check`, and why.
const UNREACHABLE: [(&str, &str); 2] = [
    ("InvalidKind", "the schema of IngressRoute refuses another kind than Rule before translation sees it"),
    ("InvalidStrategy", "the schema of IngressRoute refuses an unknown strategy before translation sees it"),
];

/// A directory of `tests/golden`. Paths are relative, as they are shown in diagnostics.
pub struct Case {
    pub name: String,
    directory: PathBuf,
}

/// All cases, by name.
pub fn cases() -> Vec<Case> {
    let entries = fs::read_dir("tests/golden").unwrap().map(|e| e.unwrap().path());
    let case =
        |directory: PathBuf| Case { name: directory.file_name().unwrap().to_str().unwrap().to_owned(), directory };
    let mut cases: Vec<Case> = entries.map(case).collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

// === impl Case ===

impl Case {
    pub fn manifests(&self) -> PathBuf {
        let file = self.directory.join("in.yaml");
        if file.exists() { file } else { self.directory.join("in") }
    }

    pub fn config(&self) -> Option<PathBuf> {
        Some(self.directory.join("config.yaml")).filter(|path| path.exists())
    }

    fn expected(&self) -> PathBuf {
        self.directory.join("out.json")
    }
}

#[test]
fn manifests_amount_to_what_they_should() {
    let mut wrong = String::new();
    let cases = cases();
    assert!(cases.len() >= 60, "only {} cases found", cases.len());
    for case in cases {
        let found = report(&case.manifests(), case.config().as_deref());
        if updating() {
            fs::write(case.expected(), &found).unwrap();
            continue;
        }
        let expected = fs::read_to_string(case.expected()).unwrap_or_else(|_| "null".to_owned());
        let (expected, found): (Value, Value) = (json(&expected), json(&found));
        let list = differences(&expected, &found);
        if !list.is_empty() {
            wrong += &format!("{}\n  {}\n", case.name, list.join("\n  "));
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nIf this is right: UPDATE_GOLDEN=1, then read `git diff tests/golden`.");
}

/// A finding without a case is one whose words, path and effect nobody has looked at.
#[test]
fn every_finding_of_translation_has_a_case() {
    if updating() {
        return; // The answers are being written.
    }
    let code =
        Regex::new(r#"(?:error|warning|info|tell|Problem::new)\(\s*"([A-Z][A-Za-z]+)"|=> "([A-Z][A-Za-z]+NotFound)""#);
    let code = code.unwrap();
    let mut known = BTreeSet::new();
    for file in sources(Path::new("src/translate")) {
        let text = fs::read_to_string(&file).unwrap();
        known.extend(code.captures_iter(&text).map(|c| c.get(1).or(c.get(2)).unwrap().as_str().to_owned()));
    }
    assert!(known.len() > 50, "the pattern finds too few codes: {known:?}");
    let answers: Vec<Value> = cases().iter().map(|c| json(&fs::read_to_string(c.expected()).unwrap())).collect();
    let findings = answers.iter().flat_map(|a| a["diagnostics"].as_array().unwrap());
    let shown: BTreeSet<&str> = findings.map(|f| f["code"].as_str().unwrap()).collect();
    for (code, why) in UNREACHABLE {
        assert!(known.contains(code) && !shown.contains(code), "{code} is no longer unreachable ({why})");
    }
    let excused = |code: &str| UNREACHABLE.iter().any(|(c, _)| *c == code);
    let missing: Vec<&String> = known.iter().filter(|c| !shown.contains(c.as_str()) && !excused(c)).collect();
    assert!(missing.is_empty(), "no case of tests/golden has {missing:?}");
}

#[test]
fn a_case_is_a_sentence_and_shows_no_secret() {
    if updating() {
        return;
    }
    for case in cases() {
        let words = case.name.split('-').count();
        assert!(
            words >= 3 && case.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "{}",
            case.name
        );
        let answer = fs::read_to_string(case.expected()).unwrap();
        for secret in ["PRIVATE KEY", "$apr1$", "very secret", "a2688e031edb4be6a3797f3882655c05"] {
            assert!(!answer.contains(secret), "{} shows {secret:?}", case.name);
        }
    }
}

fn updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The Rust files of a directory, tests left out.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()) {
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") && path.file_stem().is_some_and(|n| n != "tests") {
            found.push(path);
        }
    }
    found
}
