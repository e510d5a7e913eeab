//! `cargo xtask up`: from a fresh clone to a running system.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::process::{cargo, command};
use crate::progress::must;
use crate::project;
use crate::{build, setup};

/// Builds everything and runs `hubline up` with the given arguments in place of this process.
///
/// # Errors
///
/// When something needed is missing, does not compile, or cannot be started.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let toolchain = setup::run()?;
    build::all(&toolchain)?;
    become_program(command(hubline(RELEASE)?).arg("up").args(arguments))
}

/// The profile of what people run: optimised as a whole, which takes minutes more to build.
pub const RELEASE: &str = "release";

/// Builds the program `hubline` in a profile, and says where it is.
///
/// # Errors
///
/// When it does not compile.
pub fn hubline(profile: &str) -> Result<PathBuf> {
    must(
        "building hubline (the first time takes minutes)",
        cargo().args(["build", "--profile", profile, "--package", "hubline"]),
    )?;
    Ok(project::target().join(profile).join("hubline"))
}

/// Replaces this process, so that signals and the terminal are the program's own.
///
/// # Errors
///
/// When the program cannot be started; otherwise this does not return.
#[cfg(unix)]
pub fn become_program(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec()).with_context(|| format!("cannot start {}", command.get_program().display()))
}
