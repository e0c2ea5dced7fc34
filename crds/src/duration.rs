//! Go's durations, as every Traefik field of that type reads and writes them.
//! A leaf: used by the custom resources, the dynamic configuration and the static configuration.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A signed span of time in nanoseconds, Go's `time.Duration`.
///
/// Read from an integer or a string of digits (seconds), or from Go's notation (`1m30s`, `500ms`, `-1s`);
/// written in Go's notation. Traefik's `ptypes.Duration`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GoDuration(i64);

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration: write seconds (`30`) or units (`500ms`, `1m30s`; units are ns, us, ms, s, m, h)")]
pub struct BadDuration(pub String);

const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

// === impl GoDuration ===

impl GoDuration {
    /// A span of whole seconds; saturates at Go's limit of about 292 years.
    pub const fn from_secs(secs: i64) -> Self {
        GoDuration(secs.saturating_mul(1_000_000_000))
    }

    /// A span of milliseconds; saturates likewise.
    pub const fn from_millis(millis: i64) -> Self {
        GoDuration(millis.saturating_mul(1_000_000))
    }

    /// A span of nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        GoDuration(nanos)
    }

    /// The span in nanoseconds, negative where it was written so.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The span for a clock: `None` where zero or negative, which Traefik's fields take for "no limit".
    pub fn positive(self) -> Option<Duration> {
        u64::try_from(self.0).ok().filter(|n| *n > 0).map(Duration::from_nanos)
    }
}

impl From<Duration> for GoDuration {
    fn from(d: Duration) -> Self {
        GoDuration(i64::try_from(d.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl FromStr for GoDuration {
    type Err = BadDuration;

    fn from_str(text: &str) -> Result<Self, BadDuration> {
        let bad = || BadDuration(text.chars().take(64).collect());
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            Some(_) => (false, text),
            None => return Err(bad()),
        };
        let sign = if negative { -1 } else { 1 };
        if !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()) {
            let secs: i64 = rest.parse().map_err(|_| bad())?;
            return Ok(GoDuration(secs.checked_mul(sign * 1_000_000_000).ok_or_else(bad)?));
        }
        if rest.is_empty() {
            return Err(bad());
        }
        let mut total: i64 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
            let (number, tail) = rest.split_at(digits);
            let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(end);
            let scale = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(bad)?.1;
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
                return Err(bad());
            }
            let mut nanos = match whole {
                "" => 0,
                w => w.parse::<i64>().ok().and_then(|w| w.checked_mul(scale)).ok_or_else(bad)?,
            };
            // Digits past what a nanosecond of the largest unit can hold are cut off, as Go does.
            let fraction = &fraction[..fraction.len().min(14)];
            if !fraction.is_empty() {
                let part: i128 = fraction.parse().map_err(|_| bad())?;
                nanos += (part * i128::from(scale) / 10_i128.pow(fraction.len() as u32)) as i64;
            }
            total = total.checked_add(nanos).ok_or_else(bad)?;
            rest = tail;
        }
        Ok(GoDuration(total * sign))
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.unsigned_abs();
        if n == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if n < 1_000_000_000 {
            let (scale, unit) = match n {
                1_000_000.. => (1_000_000, "ms"),
                1_000.. => (1_000, "µs"),
                _ => (1, "ns"),
            };
            return write!(f, "{}{unit}", decimal(n, scale));
        }
        let (minutes, rest) = (n / 60_000_000_000, n % 60_000_000_000);
        match (minutes / 60, minutes % 60) {
            (0, 0) => {}
            (0, m) => write!(f, "{m}m")?,
            (h, m) => write!(f, "{h}h{m}m")?,
        }
        write!(f, "{}s", decimal(rest, 1_000_000_000))
    }
}

/// `n / scale` in decimal, without trailing zeros.
fn decimal(n: u64, scale: u64) -> String {
    let width = scale.ilog10() as usize;
    if n.is_multiple_of(scale) {
        return (n / scale).to_string();
    }
    let fraction = format!("{:0width$}", n % scale);
    format!("{}.{}", n / scale, fraction.trim_end_matches('0'))
}

impl fmt::Debug for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = GoDuration;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration: seconds (30), or text with units (\"500ms\", \"1m30s\")")
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<GoDuration, E> {
                Ok(GoDuration::from_secs(v))
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<GoDuration, E> {
                Ok(GoDuration::from_secs(i64::try_from(v).unwrap_or(i64::MAX)))
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<GoDuration, E> {
                v.parse().map_err(E::custom)
            }
        }
        d.deserialize_any(Text)
    }
}

impl JsonSchema for GoDuration {
    fn schema_name() -> Cow<'static, str> {
        "GoDuration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "x-kubernetes-int-or-string": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_seconds_and_go_notation() {
        for (text, nanos) in [
            ("30", 30_000_000_000),
            ("500ms", 500_000_000),
            ("1m30s", 90_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("-1s", -1_000_000_000),
            ("10us", 10_000),
            ("10µs", 10_000),
            (".5s", 500_000_000),
            ("0", 0),
        ] {
            assert_eq!(text.parse::<GoDuration>().map(GoDuration::as_nanos), Ok(nanos), "{text}");
        }
        assert_eq!(serde_json::from_str::<GoDuration>("30").ok(), Some(GoDuration::from_secs(30)));
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", "-", "x", "1x", "1.s.", "ms", "1s2", " 1s", "9223372036854775807h", "1..5s", ".s"] {
            assert!(text.parse::<GoDuration>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn writes_go_notation() {
        for text in ["0s", "100ms", "1m30s", "1h0m0s", "1.5s", "2.5µs", "7ns", "-3s", "24h0m0.001s"] {
            assert_eq!(text.parse::<GoDuration>().map(|d| d.to_string()).as_deref(), Ok(text));
        }
    }
}
