//! What is wrong with a configuration file, said so that it can be put right; and the search for the key that was meant.
//! Used by every part of `config`, shown by `cli`.

use std::fmt;

/// Everything found wrong with a file; at least one problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The problems, in the file's order where that is known.
    pub problems: Vec<Problem>,
}

/// One thing wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line of the file, from 1, where known.
    pub line: Option<usize>,
    /// The key, such as `entryPoints.web.address`; empty for the whole file.
    pub path: String,
    /// What was found, and what would be accepted.
    pub message: String,
}

// === impl ConfigError ===

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            let newline = if i > 0 { "\n" } else { "" };
            write!(f, "{newline}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        ConfigError { problems: vec![problem] }
    }
}

// === impl Problem ===

impl Problem {
    /// A problem of the value at a path.
    pub(super) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Problem { line: None, path: path.into(), message: message.into() }
    }

    /// A key nobody knows, among those that would be accepted in its place.
    pub(super) fn unknown_key<S: AsRef<str>>(path: impl Into<String>, key: &str, known: &[S]) -> Self {
        let message = match nearest(key, known) {
            Some(meant) => format!("unknown key `{key}`; did you mean `{meant}`?"),
            None => {
                let known: Vec<_> = known.iter().map(AsRef::as_ref).collect();
                format!("unknown key `{key}`; the keys here are: {}", known.join(", "))
            }
        };
        Problem::new(path, message)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// The known word that `word` was probably meant to be: like it but for case and a few letters.
pub(super) fn nearest<'a, S: AsRef<str>>(word: &str, known: &'a [S]) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let distance = |k: &str| strsim::damerau_levenshtein(&lower, &k.to_lowercase());
    let (distance, meant) = known.iter().map(|k| (distance(k.as_ref()), k.as_ref())).min()?;
    (distance <= (word.chars().count() / 3).max(2)).then_some(meant)
}
