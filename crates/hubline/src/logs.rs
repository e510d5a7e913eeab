//! Logs, on standard error.

use std::env;
use std::io::{self, IsTerminal};

use anyhow::{Context, Result, bail};
use tracing_subscriber::EnvFilter;

/// What is logged, as `tracing` filters are written: `info`, `relay=debug,info`.
const FILTER: &str = "HUBLINE_LOG";

/// How: `text` for people, `json` for machines.
const FORMAT: &str = "HUBLINE_LOG_FORMAT";

/// Starts logging, as the environment says.
///
/// # Errors
///
/// When the environment says something that is not understood.
pub fn start() -> Result<()> {
    let filter = env::var(FILTER).unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::try_new(&filter).with_context(|| format!("{FILTER} is no filter of logs: {filter}"))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match env::var(FORMAT).as_deref() {
        Ok("json") => logs.json().init(),
        Ok("text" | "") | Err(_) => logs.with_target(false).with_ansi(io::stderr().is_terminal()).compact().init(),
        Ok(other) => bail!("{FORMAT} must be text or json, not {other}"),
    }
    Ok(())
}
