//! The table against the sources: no code is missing, none is left over.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

use super::*;

/// The rooms that find something.
const ROOMS: [&str; 4] = ["src/translate", "src/routing", "src/objects", "src/control"];

fn sources(path: &Path, found: &mut String) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if !path.ends_with("tests.rs") && !path.ends_with("fixture.rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push_str(text.split("#[cfg(test)]\nmod tests {").next().unwrap());
        }
    }
}

fn all_sources() -> String {
    let mut found = String::new();
    ROOMS.iter().for_each(|room| sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(room), &mut found));
    found.push_str(&fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/routing/compile.rs")).unwrap());
    found
}

#[test]
fn every_code_of_the_sources_has_a_line() {
    let text = all_sources();
    let said = [
        // Whatever tells a finding: its code is the first literal in it.
        r#"\b(?:error|warning|info|tell|diagnostic|Doubtful|disable|diagnose|Problem::new)\(\s*(?:[\w.&]+,\s*)*"([A-Z]\w+)""#,
        r#"\(\(?"([A-Z]\w+)",\s*Field::"#,
        r#"=> "([A-Z]\w+NotFound)""#,
        r#"Format::\w+ => "([A-Z]\w+)""#,
    ];
    let in_source: BTreeSet<String> = said
        .iter()
        .flat_map(|pattern| {
            let pattern = Regex::new(pattern).unwrap();
            pattern.captures_iter(&text).map(|c| c[1].to_owned()).collect::<Vec<_>>()
        })
        .collect();
    assert!(in_source.len() > 80, "only {} codes found: how are they written now?", in_source.len());
    let known: BTreeSet<String> = CODES.iter().map(|(code, _)| (*code).to_owned()).collect();
    let missing: Vec<_> = in_source.difference(&known).collect();
    assert!(missing.is_empty(), "give these codes a line in src/feedback/condition.rs: {missing:?}");
}

#[test]
fn every_line_is_of_a_code_of_the_sources() {
    let text = all_sources();
    let stale: Vec<_> = CODES.iter().filter(|(code, _)| !text.contains(&format!("\"{code}\""))).collect();
    assert!(stale.is_empty(), "no such codes any more: {stale:?}");
}

#[test]
fn the_table_is_in_order() {
    let unordered: Vec<_> = CODES.windows(2).filter(|pair| pair[0].0 >= pair[1].0).collect();
    assert!(unordered.is_empty(), "{unordered:?}");
    for (code, aspect) in CODES {
        assert_eq!(Aspect::of(code), *aspect, "{code}");
    }
    assert_eq!(Aspect::of("SomethingNew"), Programmed);
}
