//! Starts ingora's own log as the configuration's `log` says; RUST_LOG wins over its level.

use std::fs::OpenOptions;
use std::io::Write;

use anyhow::Context;
use env_logger::{Builder, Target, WriteStyle};
use log::LevelFilter;

use crate::config::Log;
use crate::config::admin::LogFormat;

/// Starts the log of the process; a second start has no effect.
///
/// # Errors
/// When the file cannot be opened.
pub(super) fn start(log: &Log) -> anyhow::Result<()> {
    let mut builder = Builder::new();
    // Pingora tells every step of its start at the level of information; that is for those who look for it.
    builder.filter_level(log.level.0).filter_module("pingora", log.level.0.min(LevelFilter::Warn));
    // What goes wrong between the client and the API server is told once by the source, in words that help.
    let client = if log.level.0 >= LevelFilter::Debug { log.level.0 } else { LevelFilter::Off };
    builder.filter_module("kube", client).parse_default_env();
    if log.no_color {
        builder.write_style(WriteStyle::Never);
    }
    if let Some(path) = &log.file_path {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("log.filePath: {}", path.display()))?;
        builder.target(Target::Pipe(Box::new(file)));
    }
    if log.format == LogFormat::Json {
        builder.format(|out, record| {
            let line = serde_json::json!({
                "level": record.level().as_str().to_ascii_lowercase(),
                "msg": record.args().to_string(),
                "target": record.target(),
                "time": out.timestamp_millis().to_string(),
            });
            writeln!(out, "{line}")
        });
    }
    // Already started by whoever embeds this: theirs stays.
    let _ = builder.try_init();
    Ok(())
}
