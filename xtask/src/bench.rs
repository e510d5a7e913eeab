//! `cargo xtask bench chat` measures Hubline beside other servers, `cargo xtask bench retention` a purge beside sends.

use std::process::ExitCode;

use anyhow::Result;

use crate::process::{cargo, command};
use crate::progress::must;
use crate::up::{RELEASE, become_program, hubline};
use crate::{build, project, setup};

/// Builds everything that is measured and all that measures it, and runs what was asked for with the given arguments in
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
    let programs = project::target().join(RELEASE);
    if let Some(("retention", rest)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        let tests = project::root().join("tests");
        build::npm_ci(&tests, "installing the tests' npm packages")?;
        let campaign = tests.join("campaigns/retention.mjs");
        return become_program(command("node").arg(campaign).args(rest).env("HUBLINE", programs.join("hubline")));
    }
    become_program(command(programs.join("hubline-compare")).args(arguments))
}
