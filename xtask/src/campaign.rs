//! `cargo xtask campaign`: tests of the suite in their long forms, which take minutes to an hour each.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::process::command;
use crate::up::{RELEASE, become_program, hubline};
use crate::{build, project, setup};

/// A test in its long form.
struct Campaign {
    /// The test's file, without its ending.
    test: &'static str,
    /// What makes it long.
    variable: &'static str,
    value: &'static str,
}

const fn of(test: &'static str, variable: &'static str, value: &'static str) -> Campaign {
    Campaign { test, variable, value }
}

const CAMPAIGNS: [Campaign; 6] = [
    of("client-order", "ORDER_RUNS", "20000"),
    of("failover", "FAILOVER_ROUNDS", "20"),
    of("hostile", "HOSTILE", "full"),
    of("issuer", "ISSUER_AWAY", "600"),
    of("presence", "PRESENCE_ROUNDS", "20"),
    of("repeats", "REPEATS_SECONDS", "60"),
];

/// Builds everything and runs the named campaign in place of this process.
///
/// # Errors
///
/// When there is no campaign of that name, or something needed is missing, does not compile, or cannot be started.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let named = |name: &String| CAMPAIGNS.iter().find(|campaign| campaign.test == name);
    let Some(campaign) = arguments.first().and_then(named) else {
        let names: Vec<_> = CAMPAIGNS.iter().map(|campaign| campaign.test).collect();
        bail!("there are the campaigns {}", names.join(", "));
    };
    let toolchain = setup::run()?;
    build::all(&toolchain)?;
    let hubline = hubline(RELEASE)?;
    let tests = project::root().join("tests");
    build::npm_ci(&tests, "installing the tests' npm packages")?;
    let mut test = command("node");
    test.arg("--test").arg(tests.join(format!("e2e/{}.test.mjs", campaign.test)));
    become_program(test.env("HUBLINE", hubline).env(campaign.variable, campaign.value))
}
