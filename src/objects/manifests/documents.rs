//! Splits a text into its documents and decodes each, so that a broken one does not hide the others.
//! Unchanged documents of a file read before are taken over, not decoded again.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use regex::{Captures, Regex};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::value::Reading;
use crate::diagnostic::Diagnostic;
use crate::objects::decode::{Decoded, decode, reference};

/// One document of a file.
#[derive(Debug)]
pub(super) struct Document {
    /// The line of the file on which it starts, from 1; with comments and the `---` before it.
    pub start: usize,
    /// The line on which its content starts.
    pub line: usize,
    /// What it holds; the same wherever the text stands.
    pub outcome: Arc<Outcome>,
    hash: u64,
}

/// What a document holds.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Its objects and what is wrong with them.
    pub decoded: Decoded,
    /// Why it, or its rest, cannot be read at all; lines in the message count from the document's first.
    pub fault: Option<String>,
}

/// Flow collections (`[`, `{`) nest no deeper than this. The reader itself takes 128, but only after a time that grows
/// with the square of the depth. Far more than the brackets that texts leave open.
const MAX_OPEN_BRACKETS: usize = 1000;

/// Directives (`%TAG …`) before one document, for the same reason.
const MAX_DIRECTIVES: usize = 100;

/// The two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Yaml,
    Json,
}

/// A part of a text with the lines on which it and its content start.
#[derive(Debug)]
struct Part<'t> {
    start: usize,
    line: usize,
    text: &'t str,
}

/// Decodes a text's documents. `before` are those of the same file, read before with the same `hasher`.
pub(super) fn documents(text: &str, format: Format, hasher: &RandomState, before: &[Document]) -> Vec<Document> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let known: HashMap<u64, &Arc<Outcome>> = before.iter().map(|d| (d.hash, &d.outcome)).collect();
    let parts = match format {
        Format::Yaml => split(text),
        // Values in a row need no separator, so only the reader can tell them apart.
        Format::Json => vec![Part { start: 1, line: 1, text }],
    };
    let document = |part: &Part| {
        let hash = hasher.hash_one(part.text);
        let outcome = known.get(&hash).map_or_else(|| Arc::new(outcome(part.text, format)), |&known| known.clone());
        Document { start: part.start, line: part.line, outcome, hash }
    };
    parts.iter().map(document).collect()
}

/// Moves the lines that a message speaks of from a document's to its file's.
pub(super) fn in_file(message: &str, document_line: usize) -> String {
    static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bline (\d+)").ok());
    let Some(line) = LINE.as_ref() else { return message.to_owned() };
    let moved = |found: &Captures| {
        let line: usize = found.get(1).and_then(|n| n.as_str().parse().ok()).unwrap_or(1);
        format!("line {}", line.saturating_add(document_line).saturating_sub(1))
    };
    line.replace_all(message, moved).into_owned()
}

/// YAML's documents. A line that begins with `---` or `...` ends one wherever it stands: YAML allows such a line
/// neither in a block scalar nor in quotes.
fn split(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut start = (0, 1); // Of the current document: byte and line.
    let (mut content, mut opened) = (None, false); // The line of its first content, and whether a `---` was seen.
    let mut end = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let from = end;
        end += line.len();
        let begins = marker(line, "---");
        if begins || marker(line, "...") {
            if content.is_some() || opened {
                parts.extend(part(text, start.0..from, start.1, content));
                start = (from, index + 1);
                content = None;
            }
            opened = begins;
            if !begins {
                start = (end, index + 2);
            }
        }
        let rest = if begins { line.get(3..).unwrap_or_default() } else { line };
        let directive = !opened && content.is_none() && line.starts_with('%');
        let blank = matches!(rest.trim_start().chars().next(), None | Some('#'));
        if !blank && !directive && !marker(line, "...") {
            content = content.or(Some(index + 1));
        }
    }
    parts.extend(part(text, start.0..end, start.1, content));
    parts
}

/// The part of the text; none if it has no content.
fn part(text: &str, range: Range<usize>, start: usize, content: Option<usize>) -> Option<Part<'_>> {
    Some(Part { start, line: content?, text: text.get(range)? })
}

/// Whether a line is that marker, alone or followed by a space.
fn marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace))
}

fn outcome(text: &str, format: Format) -> Outcome {
    let mut decoded = Decoded::default();
    let fault = match format {
        Format::Yaml => too_intricate(text).or_else(|| {
            let reading = Reading::new(text.len(), true);
            match reading.read(serde_yaml::Deserializer::from_str(text)) {
                Ok(value) => {
                    take(value, reading, &mut decoded);
                    None
                }
                Err(error) => {
                    let (line, column) = error.location().map_or((1, 1), |l| (l.line(), l.column()));
                    let message = error.to_string();
                    // The reader is silent of the place where it is the very first.
                    let place = match message.contains(" at line ") {
                        true => String::new(),
                        false => format!(" at line {line} column {column}"),
                    };
                    Some(format!("{message}{place}{}", hint(text, line)))
                }
            }
        }),
        Format::Json => {
            // Cut apart first: to ask the reader between two values whether more follows takes time for all before.
            let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
            let (mut start, mut line) = (0, 1);
            loop {
                match values.next() {
                    None => break None,
                    Some(Err(error)) => break Some(error.to_string()),
                    Some(Ok(IgnoredAny)) => {}
                }
                let part = text.get(start..values.byte_offset()).unwrap_or_default();
                let reading = Reading::new(part.len(), false);
                match reading.read(&mut serde_json::Deserializer::from_str(part)) {
                    Ok(value) => take(value, reading, &mut decoded),
                    Err(error) => break Some(in_file(&error.to_string(), line)),
                }
                start = values.byte_offset();
                line += part.matches('\n').count();
            }
        }
    };
    Outcome { decoded, fault }
}

fn take(value: Value, reading: Reading, decoded: &mut Decoded) {
    let about = reference(&value);
    decoded.append(decode(value));
    for field in reading.repeated() {
        let message = "is written twice: the last one is used";
        decoded.findings.push(Diagnostic::warning("DuplicateKey", &about, field, message));
    }
}

/// What would take the reader forever.
fn too_intricate(text: &str) -> Option<String> {
    let mut open = 0_usize;
    let mut line = 1;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            b'\n' => line += 1,
            _ => {}
        }
        if open > MAX_OPEN_BRACKETS {
            return Some(format!("more than {MAX_OPEN_BRACKETS} brackets are open at line {line}"));
        }
    }
    let head = text.lines().take_while(|line| !marker(line, "---"));
    (head.filter(|line| line.starts_with('%')).count() > MAX_DIRECTIVES)
        .then(|| format!("more than {MAX_DIRECTIVES} directives at line 1"))
}

/// What often lies behind an error that YAML words obscurely.
fn hint(text: &str, line: usize) -> &'static str {
    let line = line.checked_sub(1).and_then(|index| text.lines().nth(index)).unwrap_or_default();
    if line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t') {
        " (YAML takes no tabs for indentation)"
    } else if line.contains("{{") {
        " (this looks like a template: render it first)"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Instant;

    use super::*;

    #[test]
    fn splits_where_yaml_does() {
        let cases: [(&str, &[(usize, &str)]); 14] = [
            ("", &[]),
            ("# only a comment\n---\n---\n\n", &[]),
            ("a: 1", &[(1, "a: 1")]),
            ("a: 1\n---\nb: 2\n", &[(1, "a: 1\n"), (2, "---\nb: 2\n")]),
            ("---\na: 1\n--- # second\nb: 2\n", &[(1, "---\na: 1\n"), (3, "--- # second\nb: 2\n")]),
            ("a: |\n  ---\n  x\n---\nb: 2", &[(1, "a: |\n  ---\n  x\n"), (4, "---\nb: 2")]),
            ("%YAML 1.1\n---\na: 1\n", &[(1, "%YAML 1.1\n---\na: 1\n")]),
            ("a: 1\n...\n%YAML 1.2\n---\nb: 2\n", &[(1, "a: 1\n"), (3, "%YAML 1.2\n---\nb: 2\n")]),
            ("a: 1\n...\nb: 2\n", &[(1, "a: 1\n"), (3, "b: 2\n")]),
            ("a: 1\r\n---\r\nb: 2\r\n", &[(1, "a: 1\r\n"), (2, "---\r\nb: 2\r\n")]),
            ("--- {a: 1}\n--- {b: 2}\n", &[(1, "--- {a: 1}\n"), (2, "--- {b: 2}\n")]),
            ("---a: 1\n----\n", &[(1, "---a: 1\n----\n")]),
            ("a: 1\n---\n# gone\n---\nb: 2", &[(1, "a: 1\n"), (4, "---\nb: 2")]),
            ("# licence\n\na: 1\n", &[(1, "# licence\n\na: 1\n")]),
        ];
        for (text, expected) in cases {
            let parts: Vec<_> = split(text).into_iter().map(|p| (p.start, p.text)).collect();
            assert_eq!(parts, expected, "{text:?}");
        }
    }

    #[test]
    fn reads_yaml_as_kubernetes_does() {
        let cases = [
            ("{80: a, true: b, 1.5: c}", r#"{"80":"a","true":"b","1.5":"c"}"#),
            ("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3", r#"{"a":{"x":1,"y":2},"b":{"x":1,"y":3}}"#),
            ("a: !custom {x: 1}\nb: !custom [2]\nc: !custom d", r#"{"a":{"x":1},"b":[2],"c":"d"}"#),
            ("a: !!str 80", r#"{"a":"80"}"#),
            ("a: 1\na: 2", r#"{"a":2}"#),
            ("a: 99999999999999999999999", r#"{"a":1e23}"#),
            ("a: ~\nb:\nc: null", r#"{"a":null,"b":null,"c":null}"#),
            ("a: |\n  x\n  ---\n  y\n", r#"{"a":"x\n---\ny\n"}"#),
        ];
        for (text, expected) in cases {
            let value = Reading::new(text.len(), true).read(serde_yaml::Deserializer::from_str(text)).unwrap();
            assert_eq!(value, serde_json::from_str::<Value>(expected).unwrap(), "{text}");
        }
    }

    #[test]
    fn faults_are_told_not_panicked_over() {
        let bomb = (1..12).fold("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
            let previous = format!("*a{}, ", n - 1).repeat(10);
            format!("{text}a{n}: &a{n} [{previous}]\n")
        });
        let wide = format!("a: &a [{}]\nb: [{}]", "x, ".repeat(20_000), "*a, ".repeat(20_000));
        let long = format!("a: &a {}\nb: [{}]", "x".repeat(1_000_000), "*a, ".repeat(1_000_000));
        let cases = [
            ("a: b: c", "line 1 column 5"),
            ("a:\n\tb: c", "no tabs"),
            ("a: {{ .Values.x }}: y", "template"),
            ("a: \u{0}", "control characters"),
            (": :\n- a\n  b: [", "line"),
            ("a: .nan", "JSON"),
            ("a: [1, 2", "line"),
            ("*unknown", "unknown anchor"),
            ("{[1]: 2}", "key"),
            (&"[".repeat(1_000_000), "brackets"),
            (&"{a: ".repeat(1_000_000), "brackets"),
            (&"[".repeat(900), "line 1"),
            (&"- ".repeat(100_000), "recursion"),
            (&"? ".repeat(100_000), ""),
            (&format!("a: \"{}", "x\n".repeat(1_000_000)), ""),
            (&"!a ".repeat(100_000), ""),
            (&"&a ".repeat(100_000), ""),
            (&"%TAG ! tag:x,2000:\n".repeat(1_000_000), "directives"),
            (&bomb, ""),
            (&wide, "too large"),
            (&long, "too large"),
        ];
        for (text, expected) in cases {
            let shown: String = text.chars().take(60).collect();
            let started = Instant::now();
            let fault = outcome(text, Format::Yaml).fault.expect(&shown);
            assert!(fault.contains(expected), "{shown}: {fault}");
            assert!(started.elapsed().as_secs() < 20, "{shown} took {:?}", started.elapsed());
        }
    }

    #[test]
    fn json_values_in_a_row() {
        let text = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}
            {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"}} {"broken" "#;
        let outcome = outcome(text, Format::Json);
        assert_eq!(outcome.decoded.objects.len(), 2);
        assert!(outcome.fault.unwrap().contains("line 2"));
        let deep = format!("{text}]]", text = text.replace("{\"broken\" ", &format!("\n{}", "[".repeat(200))));
        let fault = super::outcome(&deep, Format::Json).fault.unwrap();
        assert!(fault.contains("line 3"), "{fault}");
    }

    #[test]
    fn unchanged_documents_are_taken_over() {
        let map = |name: &str| format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
        let hasher = RandomState::new();
        let before = documents(&(map("a") + &map("b")), Format::Yaml, &hasher, &[]);
        let after = documents(&(map("c") + &map("b")), Format::Yaml, &hasher, &before);
        assert!(Arc::ptr_eq(&before[1].outcome, &after[1].outcome));
        assert!(!Arc::ptr_eq(&before[0].outcome, &after[0].outcome));
    }
}
