//! `cargo xtask bench chat`: measures Hubline beside other servers.

use std::process::ExitCode;

use anyhow::Result;

use crate::process::{cargo, command};
use crate::progress::must;
use crate::up::{RELEASE, become_program, hubline};
use crate::{build, project, setup};

/// Builds everything that is measured and all that measures it, and runs `hubline-compare` with the given arguments in
/// place of this process.
///
/// # Errors
///
/// When something needed is missing, does not compile, or cannot be started.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let toolchain = setup::run()?;
    build::all(&toolchain)?;
    hubline(RELEASE)?;
    let measuring = ["--package", "load", "--package", "native", "--package", "compare"];
    must("building the benchmark", cargo().args(["build", "--profile", RELEASE]).args(measuring))?;
    let program = project::target().join(RELEASE).join("hubline-compare");
    become_program(command(program).args(arguments))
}
