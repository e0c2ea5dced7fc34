//! Strict reading of YAML into types: errors name the path, the line and, for an unknown key, the nearest known one.
//! Below the top level the types themselves deny unknown keys; the top level is shared with Pingora and checked here.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use pingora::server::configuration::ServerConf;
use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_yaml::Value;

use super::error::{ConfigError, Problem};

/// Parses the text and refuses top-level keys that neither Pingora nor `Ours` knows. Null for an empty file.
pub(super) fn document<Ours: DeserializeOwned>(text: &str) -> Result<Value, ConfigError> {
    let document: Value = serde_yaml::from_str(text).map_err(|e| problem("", &e))?;
    let keys = match &document {
        Value::Null => return Ok(document),
        Value::Mapping(keys) => keys.keys(),
        _ => return Err(Problem::new("", "the file must be a mapping: lines such as `entryPoints:`").into()),
    };
    let known = [keys_of::<Ours>(), keys_of::<ServerConf>()].concat();
    let unknown = keys.filter(|key| !key.as_str().is_some_and(|k| known.contains(&k)));
    let problems: Vec<_> = unknown
        .map(|key| {
            let key = key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned);
            Problem { line: top_level_line(text, &key), ..Problem::unknown_key("", &key, &known) }
        })
        .collect();
    if problems.is_empty() { Ok(document) } else { Err(ConfigError { problems }) }
}

/// Reads a whole text as one type.
pub(super) fn strict<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_path_to_error::deserialize(serde_yaml::Deserializer::from_str(text)).map_err(|error| {
        let path = error.path().to_string();
        problem(if path == "." { "" } else { &path }, error.inner())
    })
}

/// For a section that is turned on by being there: an empty value is neither on nor off, so it is refused.
pub(super) fn switch<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    match Option::deserialize(d)? {
        Some(section) => Ok(Some(section)),
        None => Err(de::Error::custom("is empty: write `{}` to turn it on with its defaults, or remove the key")),
    }
}

/// Reads a type from its text; `expecting` says what would be accepted where something else than text is found.
pub(super) fn text<'de, D, T>(d: D, expecting: &'static str) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    struct Text<T>(&'static str, PhantomData<T>);
    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }
    d.deserialize_str(Text(expecting, PhantomData))
}

/// The keys that a struct accepts.
pub(super) fn keys_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    // Always an error: the type only says what it would read.
    let _ = T::deserialize(KeysOf(&mut keys));
    keys
}

/// A deserializer that has nothing to give and notes what is asked for.
struct KeysOf<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for KeysOf<'_> {
    type Error = de::value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(de::Error::custom("nothing to read"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("not a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// serde_yaml's error without what is said elsewhere: its path in front, its line at the end.
fn problem(path: &str, error: &serde_yaml::Error) -> Problem {
    let text = error.to_string();
    let mut message = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
    let parent = path.rfind('.').map_or("", |dot| &path[..dot]);
    for prefix in [path, parent] {
        let rest = message.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(": "));
        message = rest.unwrap_or(message);
    }
    let line = error.location().map(|l| l.line());
    let problem = match unknown_field(message) {
        Some((key, known)) => Problem::unknown_key(path, key, &known),
        None => Problem::new(path, message),
    };
    Problem { line, ..problem }
}

/// The key and its alternatives in serde's "unknown field `a`, expected one of `b`, `c`".
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let mut quoted = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    Some((quoted.next()?, quoted.collect()))
}

/// The line, from 1, that a top-level key begins.
fn top_level_line(text: &str, key: &str) -> Option<usize> {
    let starts = |line: &str| {
        let line = line.trim_start_matches(['"', '\'']);
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
    };
    Some(text.lines().position(starts)? + 1)
}
