//! `cargo xtask setup`: finds what the project needs and installs what is missing.
//!
//! Everything is looked for first, so a second run says nothing and takes no time. What belongs to the system comes from
//! its package manager; what only this project uses goes to target/toolchain.

pub mod debian;
pub mod deny;
pub mod lab;
mod packages;
mod python;
pub mod schemathesis;
pub mod signalrcore;
pub mod wasm;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::process::{answer, command};
use packages::Packages;
use wasm::Toolchain;

/// The oldest Node.js that the page's build and the end-to-end tests run on.
const OLDEST_NODE: u32 = 20;

/// Finds or installs what building and running needs.
///
/// # Errors
///
/// When something is missing and cannot be installed; the error names it.
pub fn run() -> Result<Toolchain> {
    let toolchain = wasm::find_or_install()?;
    postgres()?;
    redis()?;
    node()?;
    Ok(toolchain)
}

/// Finds or installs the browser that the end-to-end tests drive, and answers where it is.
///
/// # Errors
///
/// When it is missing and cannot be installed.
pub fn browser() -> Result<PathBuf> {
    const CHROMIUM: Packages = Packages { what: "Chromium", apt: &["chromium"], homebrew: &["--cask", "chromium"] };
    const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
    // Homebrew puts an application where macOS has its own, and nothing into the search path.
    const APPLICATION: &str = "/Applications/Chromium.app/Contents/MacOS/Chromium";
    let application = || Some(PathBuf::from(APPLICATION)).filter(|program| program.is_file());
    let find = || NAMES.iter().find_map(|name| programs::program(name)).or_else(application);
    if let Some(found) = find() {
        return Ok(found);
    }
    CHROMIUM.install()?;
    find().context("Chromium was installed, but it is neither in the search path nor among the applications")
}

/// Finds or installs the proxy that the end-to-end tests put in front, and answers where it is.
///
/// # Errors
///
/// When it is missing and cannot be installed.
pub fn proxy() -> Result<PathBuf> {
    const NGINX: Packages = Packages { what: "nginx", apt: &["nginx-light"], homebrew: &["nginx"] };
    find_or_install(&NGINX, "nginx")
}

/// Finds or installs the pooler that the end-to-end tests put between functions and PostgreSQL, and answers where it is.
///
/// # Errors
///
/// When it is missing and cannot be installed.
pub fn pooler() -> Result<PathBuf> {
    const PGBOUNCER: Packages = Packages { what: "PgBouncer", apt: &["pgbouncer"], homebrew: &["pgbouncer"] };
    find_or_install(&PGBOUNCER, "pgbouncer")
}

fn find_or_install(packages: &Packages, program: &str) -> Result<PathBuf> {
    if let Some(found) = programs::program(program) {
        return Ok(found);
    }
    packages.install()?;
    programs::program(program)
        .with_context(|| format!("{} was installed, but it is nowhere to be found", packages.what))
}

fn postgres() -> Result<()> {
    const POSTGRES: Packages =
        Packages { what: "PostgreSQL 15 or newer", apt: &["postgresql"], homebrew: &["postgresql@18"] };
    if programs::postgres().is_some() {
        return Ok(());
    }
    POSTGRES.install()?;
    let found = programs::postgres().is_some();
    ensure!(found, "the package manager's PostgreSQL is older than {}: install a newer one", programs::OLDEST_POSTGRES);
    Ok(())
}

fn redis() -> Result<()> {
    const REDIS: Packages = Packages { what: "Redis", apt: &["redis-server"], homebrew: &["redis"] };
    if programs::redis().is_some() {
        return Ok(());
    }
    REDIS.install()?;
    ensure!(programs::redis().is_some(), "Redis was installed, but redis-server is not in the search path");
    Ok(())
}

fn node() -> Result<()> {
    const NODE: Packages = Packages { what: "Node.js 20 or newer", apt: &["nodejs", "npm"], homebrew: &["node"] };
    if node_version().is_some_and(|version| version >= OLDEST_NODE) && npm_is_there() {
        return Ok(());
    }
    NODE.install()?;
    let version = node_version().context("Node.js was installed, but `node` is not in the search path")?;
    ensure!(
        version >= OLDEST_NODE,
        "Node.js {version} is too old: {OLDEST_NODE} or newer is needed, and the package manager has none; see nodejs.org"
    );
    ensure!(npm_is_there(), "npm is missing: install the one that belongs to Node.js {version}");
    Ok(())
}

fn node_version() -> Option<u32> {
    major(&answer(command("node").arg("--version"))?)
}

fn npm_is_there() -> bool {
    answer(command("npm").arg("--version")).is_some()
}

/// The major version of a text such as `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_that_node_prints() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("nonsense"), None);
    }
}
