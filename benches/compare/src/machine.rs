//! What the figures were measured on; without it they say nothing.

use std::fs;
use std::process::Command;

use rustix::process::{Resource, getrlimit, setrlimit};
use serde::Serialize;

use crate::pin::pinned;

/// The machine and the state of the project.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The processors' model.
    processor: Option<String>,
    /// How many of them we may use.
    processors: usize,
    /// Which ones, where the system tells.
    pinned: Option<Vec<usize>>,
    /// The system's kernel.
    kernel: Option<String>,
    /// The commit that is checked out.
    commit: Option<String>,
}

impl Machine {
    /// Finds out what it can.
    pub fn describe() -> Self {
        let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        Self {
            processor: model,
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            pinned: pinned(),
            kernel: answer("uname", &["-sr"]),
            commit: answer("git", &["rev-parse", "--short", "HEAD"]),
        }
    }
}

/// Allows us and whatever we start as many open files as the system lets us: a connection is one on each side.
pub fn allow_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that is refused, the smaller limit may still do; if not, the generator says so.
    _ = setrlimit(Resource::Nofile, limit);
}

fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
