//! `cargo xtask up`: from a fresh clone to a running system.

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
    hubline()?;
    let program = project::target().join("release/hubline");
    become_program(command(program).arg("up").args(arguments))
}

/// Builds the program `hubline`.
///
/// # Errors
///
/// When it does not compile.
pub fn hubline() -> Result<()> {
    must(
        "building hubline (the first time takes minutes)",
        cargo().args(["build", "--release", "--package", "hubline"]),
    )
    .map(|_| ())
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
