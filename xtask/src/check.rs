//! `cargo xtask check`: what holds of the code without running it.

use std::process::ExitCode;

use anyhow::Result;

use crate::process::{cargo, command};
use crate::progress::{Finished, step};
use crate::project;
use crate::setup::deny;
use crate::setup::wasm::{self, Toolchain};
use crate::tally::Tally;

/// Runs every check and says which failed.
///
/// # Errors
///
/// When a check cannot be started.
pub fn run() -> Result<ExitCode> {
    let mut tally = Tally::default();
    all(&mut tally, &wasm::find_or_install()?)?;
    tally.add("tidy", &step("tidy", cargo().args(["test", "--package", "xtask", "--", "tidy"]))?);
    Ok(tally.close())
}

/// The checks, each counted as one that passed or failed: formatting, lints, dependencies.
///
/// # Errors
///
/// When a check cannot be started.
pub fn all(tally: &mut Tally, toolchain: &Toolchain) -> Result<()> {
    tally.check("formatting", &step("formatting", cargo().args(["fmt", "--all", "--check"]))?);
    let mut clippy = cargo();
    clippy.args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]);
    tally.check("clippy", &step("clippy", &mut clippy)?);
    // What is left out elsewhere than in WebAssembly is not seen by the above.
    if let Some(mut clippy) = toolchain.clippy(&project::component_names()?) {
        tally.check("clippy of the components", &step("clippy of the components", &mut clippy)?);
    }
    tally.check("cargo-deny", &dependencies()?);
    Ok(())
}

/// Licences, sources and duplicates always; known vulnerabilities where their database can be fetched.
fn dependencies() -> Result<Finished> {
    let program = deny::find_or_install()?;
    let deny = |arguments: &[&str]| {
        let mut deny = command(&program);
        deny.args(["--workspace", "--all-features"]).args(arguments);
        deny
    };
    if step("fetching the advisory database", &mut deny(&["fetch", "db"]))?.success {
        step("cargo-deny", &mut deny(&["check"]))
    } else {
        step("cargo-deny without advisories", &mut deny(&["check", "bans", "licenses", "sources"]))
    }
}
