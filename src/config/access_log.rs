//! `accessLog`: a line per request, which of them, and with which fields.
//! Source of names and defaults: Traefik's "Access logs" reference.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use ingora_crds::duration::GoDuration;
use serde::{Deserialize, Deserializer};

use super::{Inert, read};

/// `accessLog`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct AccessLog {
    /// The file; default standard output.
    pub file_path: Option<PathBuf>,
    /// Default `common`.
    pub format: AccessLogFormat,
    /// Which requests are written; default all.
    pub filters: Filters,
    /// Which fields a JSON line has.
    pub fields: Fields,
    /// Lines that may wait to be written; default 0, each is written at once.
    pub buffering_size: usize,
    /// Write requests to internal services too; default false.
    pub add_internals: bool,
    dual_output: Inert,
    otlp: Inert,
}

/// How a line is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AccessLogFormat {
    /// The Common Log Format with Traefik's additions.
    #[default]
    Common,
    /// The Common Log Format without them.
    #[serde(rename = "genericCLF")]
    GenericClf,
    /// One JSON object per line.
    Json,
}

/// `filters`: a request is written if one of them holds, or if there is none.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Filters {
    /// Its status is in one of the ranges.
    pub status_codes: Vec<StatusRange>,
    /// It was retried.
    pub retry_attempts: bool,
    /// It took longer; 0, the default, is no filter.
    pub min_duration: GoDuration,
}

/// `200`, or `500-599`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusRange {
    /// The first status.
    pub from: u16,
    /// The last one.
    pub to: u16,
}

/// A text that is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a status nor a range of them: write \"200\" or \"500-599\"")]
pub struct BadStatusRange(String);

/// `fields`: of a JSON line.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Fields {
    /// What happens to a field without a mode of its own; default `keep`.
    pub default_mode: FieldMode,
    /// Modes by field.
    pub names: BTreeMap<String, FieldMode>,
    /// The same for headers.
    pub headers: HeaderFields,
}

/// `fields.headers`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct HeaderFields {
    /// What happens to a header without a mode of its own; default `drop`.
    pub default_mode: FieldMode,
    /// Modes by header.
    pub names: BTreeMap<String, FieldMode>,
}

/// What happens to a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldMode {
    /// It is written.
    #[default]
    Keep,
    /// It is left out.
    Drop,
    /// `REDACTED` is written.
    Redact,
}

// === impl StatusRange ===

impl StatusRange {
    /// Whether the status is in the range.
    pub fn contains(&self, status: u16) -> bool {
        (self.from..=self.to).contains(&status)
    }
}

impl FromStr for StatusRange {
    type Err = BadStatusRange;

    fn from_str(text: &str) -> Result<Self, BadStatusRange> {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        match (from.parse(), to.parse()) {
            (Ok(from), Ok(to)) if (100..=to).contains(&from) && to <= 999 => Ok(StatusRange { from, to }),
            _ => Err(BadStatusRange(text.to_owned())),
        }
    }
}

impl<'de> Deserialize<'de> for StatusRange {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        read::text(d, "a status or a range of them in quotes, such as \"500-599\"")
    }
}

// === impl HeaderFields ===

impl Default for HeaderFields {
    fn default() -> Self {
        HeaderFields { default_mode: FieldMode::Drop, names: BTreeMap::new() }
    }
}
