//! Reads one YAML or JSON document as a JSON value, the way Kubernetes does: any scalar as a key, merge keys,
//! the last of two equal keys. Bounded: aliases cannot make a document grow without limit.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::objects::field::Field;

/// How much of a document's values may come from aliases: this much, plus twice the document's own size.
const ALIAS_ALLOWANCE: usize = 1 << 20;

/// Reports no more keys than this as written twice.
const MAX_REPEATED: usize = 20;

/// The reading of one document.
pub(super) struct Reading {
    merge_keys: bool,
    /// What may still be read, in bytes of scalars and one for each value.
    left: Cell<usize>,
    repeated: RefCell<Vec<String>>,
}

/// One value of the document and its place.
struct Node<'r> {
    reading: &'r Reading,
    at: Field<'r>,
}

/// A key of a mapping.
struct KeyText;

// === impl Reading ===

impl Reading {
    /// Of a document of that many bytes; merge keys (`<<`) are YAML's.
    pub fn new(size: usize, merge_keys: bool) -> Self {
        // A value takes at least a byte of text of its own, beside its scalar's.
        Reading {
            merge_keys,
            left: Cell::new(size.saturating_mul(3).saturating_add(ALIAS_ALLOWANCE)),
            repeated: RefCell::default(),
        }
    }

    /// Reads the value.
    pub fn read<'de, D: serde::Deserializer<'de>>(&self, deserializer: D) -> Result<Value, D::Error> {
        Node { reading: self, at: Field::Root }.deserialize(deserializer)
    }

    /// The fields that were written twice.
    pub fn repeated(self) -> Vec<String> {
        self.repeated.into_inner()
    }

    fn charge<E: Error>(&self, size: usize) -> Result<(), E> {
        let left = self.left.get().checked_sub(size);
        self.left.set(left.ok_or_else(|| E::custom("aliases make this document too large"))?);
        Ok(())
    }

    fn repeats(&self, at: Field<'_>) {
        let mut repeated = self.repeated.borrow_mut();
        if repeated.len() < MAX_REPEATED {
            repeated.push(at.to_string());
        }
    }
}

// === impl Node ===

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON can hold")
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Value, E> {
        self.scalar(Value::Bool(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        self.scalar(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        self.scalar(number.into())
    }

    fn visit_i128<E: Error>(self, number: i128) -> Result<Value, E> {
        self.visit_f64(number as f64)
    }

    fn visit_u128<E: Error>(self, number: u128) -> Result<Value, E> {
        self.visit_f64(number as f64)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("not a number that JSON can hold"))?;
        self.scalar(Value::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.reading.charge(text.len())?;
        self.scalar(text.into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        self.reading.charge(text.len())?;
        self.scalar(Value::String(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.scalar(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    /// A tag of the user's own says nothing here.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Value, A::Error> {
        let (_tag, content): (String, _) = tagged.variant()?;
        content.newtype_variant_seed(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.reading.charge(1)?;
        let mut list = Vec::new();
        while let Some(item) =
            items.next_element_seed(Node { reading: self.reading, at: Field::Item(&self.at, list.len()) })?
        {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.reading.charge(1)?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key_seed(KeyText)? {
            self.reading.charge(key.len())?;
            let at = Field::Key(&self.at, &key);
            let value = entries.next_value_seed(Node { reading: self.reading, at })?;
            if map.contains_key(&key) {
                self.reading.repeats(at);
            }
            map.insert(key, value);
        }
        if self.reading.merge_keys {
            merge(&mut map);
        }
        Ok(Value::Object(map))
    }
}

impl Node<'_> {
    fn scalar<E: Error>(self, value: Value) -> Result<Value, E> {
        self.reading.charge(1)?;
        Ok(value)
    }
}

/// `<<: *defaults`: the keys of another mapping, or of several, where the mapping has none of its own.
fn merge(map: &mut Map<String, Value>) {
    let sources = match map.remove("<<") {
        None => return,
        Some(Value::Object(source)) => vec![Value::Object(source)],
        Some(Value::Array(sources)) if sources.iter().all(Value::is_object) => sources,
        Some(other) => {
            map.insert("<<".to_owned(), other);
            return;
        }
    };
    for source in sources {
        let Value::Object(source) = source else { continue };
        for (key, value) in source {
            map.entry(key).or_insert(value);
        }
    }
}

// === impl KeyText ===

impl<'de> DeserializeSeed<'de> for KeyText {
    type Value = String;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for KeyText {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number or a boolean as the key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<String, E> {
        Ok(text)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<String, E> {
        Ok(truth.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }
}
