//! The place of a field in a value, held on the stack while a value is walked.
//! Written the way diagnostics name fields: `spec.routes[0].match`, `data[tls.crt]`.

use std::fmt;

/// A field's place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field<'a> {
    /// The whole value.
    Root,
    /// A key of the mapping at that place.
    Key(&'a Field<'a>, &'a str),
    /// An item of the list at that place.
    Item(&'a Field<'a>, usize),
}

// === impl Field ===

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Root => Ok(()),
            Field::Item(list, index) => write!(f, "{list}[{index}]"),
            Field::Key(Field::Root, key) => f.write_str(key),
            Field::Key(mapping, key) if is_plain(key) => write!(f, "{mapping}.{key}"),
            Field::Key(mapping, key) => write!(f, "{mapping}[{key}]"),
        }
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '$'))
}

/// The known word that was probably meant, if one is near enough.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    let distance = |candidate: &str| strsim::osa_distance(&word, &candidate.to_lowercase());
    let (distance, candidate) = known.into_iter().map(|k| (distance(k), k)).min_by_key(|(d, _)| *d)?;
    (distance <= 1.max(candidate.len() / 3)).then_some(candidate)
}
