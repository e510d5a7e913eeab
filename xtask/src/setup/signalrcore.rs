//! signalrcore, the SignalR client of Python's index: an old release that people still run, and the newest.

use std::path::PathBuf;

use anyhow::Result;

use super::python;
use crate::project;

/// The old one takes callbacks as its libraries of then gave them.
const OLD: [&str; 5] =
    ["signalrcore==0.8.8", "websocket-client==0.57.0", "msgpack==1.1.2", "requests==2.32.5", "six==1.17.0"];

const NEWEST: [&str; 2] = ["signalrcore==1.0.2", "msgpack==1.1.2"];

/// Finds or installs both, and answers the folder that has one of each.
///
/// # Errors
///
/// When one is missing and cannot be installed.
pub fn find_or_install() -> Result<PathBuf> {
    let folder = project::tools().join("signalrcore");
    python::install("installing an old signalrcore", &OLD, &folder.join("old"))?;
    python::install("installing the newest signalrcore", &NEWEST, &folder.join("newest"))?;
    Ok(folder)
}
