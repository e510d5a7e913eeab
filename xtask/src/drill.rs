//! `cargo xtask drill`: rolls back, in a lab on this machine, everything that can be rolled back.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::process::command;
use crate::up::{RELEASE, become_program, hubline};
use crate::{build, project, setup};

/// Builds everything and runs the drill with the given arguments in place of this process.
///
/// # Errors
///
/// When something needed is missing, does not compile, or cannot be started.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let toolchain = setup::run()?;
    let mut drill = drill()?;
    build::all(&toolchain)?;
    become_program(drill.args(arguments).env("HUBLINE", hubline(RELEASE)?))
}

/// The drill, when what it needs beside the product is there.
///
/// # Errors
///
/// When something is missing and cannot be installed.
fn drill() -> Result<Command> {
    let lab = setup::lab::find_or_install()?;
    let browser = setup::browser()?;
    build::npm_ci(&project::root().join("tests"), "installing the tests' npm packages")?;
    let mut drill = command("node");
    drill.arg(project::root().join("tests/lab/drill.mjs")).env("CHROMIUM", browser).env("LAB", lab);
    Ok(drill)
}
