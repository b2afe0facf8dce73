//! Log lines, on stderr.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::Error;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What the command line says about logs.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// A filter, as `tracing_subscriber::EnvFilter` reads it.
    pub filter: Option<String>,
    /// The format.
    pub format: Option<LogFormat>,
}

impl LogOptions {
    /// Starts logging, with these defaults where the command line says nothing.
    pub fn init(&self, filter: &str, format: LogFormat) -> Result<(), Error> {
        let filter = self.filter.as_deref().unwrap_or(filter);
        let filter = EnvFilter::builder()
            .parse(filter)
            .map_err(|e| Error::argument("--log", format!("{filter:?} is no log filter: {e}")))?;
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        // an error means that a test in this process has started it before
        let _ = match self.format.unwrap_or(format) {
            LogFormat::Text => builder.with_ansi(colour).try_init(),
            LogFormat::Json => builder.json().flatten_event(true).try_init(),
        };
        Ok(())
    }
}
