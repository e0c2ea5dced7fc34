//! What ingora tells about itself: `api`, `ping`, `metrics` and `log`.
//! Source of names and defaults: Traefik's references of the same names.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use log::LevelFilter;
use serde::{Deserialize, Deserializer};

use super::{INTERNAL_ENTRY_POINT, Inert, read};

/// `api`: the API and the dashboard.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Api {
    /// Serve it on the entry point `traefik` to everyone; else only routers to `api@internal` do. Default false.
    pub insecure: bool,
    /// Serve the dashboard too; default true.
    pub dashboard: bool,
    /// Serve `/debug` too: accepted, without effect.
    pub debug: bool,
    /// Accepted, without effect: there is no advertisement.
    pub disable_dashboard_ad: bool,
    /// The path in front of `/api` and `/dashboard`; default `/`.
    pub base_path: String,
    /// A name shown on the dashboard; default empty.
    pub dashboard_name: String,
}

/// `ping`: `/ping` answers 200 while requests are accepted.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Ping {
    /// The entry point; default `traefik`.
    pub entry_point: String,
    /// Only routers to `ping@internal` serve it; default false.
    pub manual_routing: bool,
    /// The status while terminating; default 503.
    pub terminating_status_code: u16,
}

/// `metrics`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Metrics {
    /// Count requests to internal services too; default false.
    pub add_internals: bool,
    /// `/metrics` for Prometheus.
    #[serde(deserialize_with = "read::switch")]
    pub prometheus: Option<Prometheus>,
    datadog: Inert,
    #[serde(rename = "influxDB")]
    influx_db: Inert,
    #[serde(rename = "influxDB2")]
    influx_db2: Inert,
    otlp: Inert,
    #[serde(rename = "statsD")]
    stats_d: Inert,
}

/// `metrics.prometheus`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Prometheus {
    /// Upper bounds of the latency buckets, in seconds; default 0.1, 0.3, 1.2, 5.
    pub buckets: Vec<f64>,
    /// Count by entry point; default true.
    pub add_entry_points_labels: bool,
    /// Count by router; default false.
    pub add_routers_labels: bool,
    /// Count by service; default true.
    pub add_services_labels: bool,
    /// The entry point; default `traefik`.
    pub entry_point: String,
    /// Only routers to `prometheus@internal` serve it; default false.
    pub manual_routing: bool,
    /// Labels from request headers, label to header; default none.
    pub header_labels: BTreeMap<String, String>,
}

/// `log`: ingora's own log.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Log {
    /// The least level written; default INFO (Traefik's is ERROR, which hides most findings).
    pub level: Level,
    /// Default `common`.
    pub format: LogFormat,
    /// No colours even on a terminal; default false.
    pub no_color: bool,
    /// The file; default standard error.
    pub file_path: Option<PathBuf>,
    max_size: Inert,
    max_age: Inert,
    max_backups: Inert,
    compress: Inert,
    otlp: Inert,
}

/// A level of the log, in any case: TRACE, DEBUG, INFO, WARN, ERROR, FATAL or PANIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(pub LevelFilter);

/// A text that is no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a level: write TRACE, DEBUG, INFO, WARN or ERROR")]
pub struct BadLevel(String);

/// How a log line is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Common,
    /// One JSON object per line.
    Json,
}

// === impl Level ===

impl FromStr for Level {
    type Err = BadLevel;

    fn from_str(text: &str) -> Result<Self, BadLevel> {
        let level = match text.to_ascii_lowercase().as_str() {
            // There is nothing above an error here.
            "fatal" | "panic" => Ok(LevelFilter::Error),
            "warning" => Ok(LevelFilter::Warn),
            lower => lower.parse(),
        };
        level.map(Level).map_err(|_| BadLevel(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        read::text(d, "a level: TRACE, DEBUG, INFO, WARN or ERROR")
    }
}

// === Defaults ===

impl Default for Api {
    fn default() -> Self {
        Api {
            insecure: false,
            dashboard: true,
            debug: false,
            disable_dashboard_ad: false,
            base_path: "/".to_owned(),
            dashboard_name: String::new(),
        }
    }
}

impl Default for Ping {
    fn default() -> Self {
        Ping { entry_point: INTERNAL_ENTRY_POINT.to_owned(), manual_routing: false, terminating_status_code: 503 }
    }
}

impl Default for Prometheus {
    fn default() -> Self {
        Prometheus {
            buckets: vec![0.1, 0.3, 1.2, 5.0],
            add_entry_points_labels: true,
            add_routers_labels: false,
            add_services_labels: true,
            entry_point: INTERNAL_ENTRY_POINT.to_owned(),
            manual_routing: false,
            header_labels: BTreeMap::new(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log {
            level: Level(LevelFilter::Info),
            format: LogFormat::default(),
            no_color: false,
            file_path: None,
            max_size: None,
            max_age: None,
            max_backups: None,
            compress: None,
            otlp: None,
        }
    }
}
