//! `cargo xtask test`: builds everything and runs every test.
//!
//! What does not build ends the run. Of what does, every suite runs, whatever failed before it, and the last line of the
//! output is the sum.

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result};

use crate::process::{cargo, command};
use crate::progress::{beside, must, step};
use crate::tally::Tally;
use crate::{build, check, project, setup, up};

/// The profile of what is tested from outside, and of what holds wasmtime: as fast as tests expect it, and built sooner than
/// a release.
const SUITE: &str = "suite";

/// Crates that hold wasmtime: tested in the suite's profile, whose build of it is there already.
const HEAVY: [&str; 2] = ["hubline", "runtime"];

/// Where the end-to-end tests find what they run besides Hubline.
struct Tools {
    browser: PathBuf,
    lab: PathBuf,
    schemathesis: PathBuf,
}

/// Runs the checks and the tests, or only the tests whose name contains the filter.
///
/// # Errors
///
/// When something needed is missing or does not build.
pub fn run(filter: &[String]) -> Result<ExitCode> {
    let toolchain = setup::run()?;
    let tools = Tools {
        browser: setup::browser()?,
        lab: setup::lab::find_or_install()?,
        schemathesis: setup::schemathesis::find_or_install()?,
    };
    build::npm_ci(&project::root().join("tests"), "installing the tests' npm packages")?;
    build::with_tests(&toolchain)?;
    let hubline = up::hubline(SUITE)?;

    let mut tally = Tally::default();
    if filter.is_empty() {
        check::all(&mut tally)?;
    }
    unit(&mut tally, filter)?;
    heavy(&mut tally, filter)?;
    end_to_end(&mut tally, filter, &hubline, &tools)?;
    Ok(tally.close())
}

fn unit(tally: &mut Tally, filter: &[String]) -> Result<()> {
    let mut scope = vec!["--workspace"];
    for name in HEAVY {
        scope.extend(["--exclude", name]);
    }
    must("building the tests", cargo().args(["test", "--no-run"]).args(&scope))?;
    let mut test = cargo();
    test.args(["test", "--no-fail-fast"]).args(&scope).arg("--").args(filter);
    tally.add("unit", &step("unit tests", &mut test)?);
    Ok(())
}

fn heavy(tally: &mut Tally, filter: &[String]) -> Result<()> {
    for name in HEAVY {
        let mut test = cargo();
        test.args(["test", "--profile", SUITE, "--no-fail-fast", "--package", name, "--"]).args(filter);
        tally.add(name, &step(&format!("tests of {name}"), &mut test)?);
    }
    Ok(())
}

/// The test that waits more than it works, for minutes: the others run beside it.
const LONGEST: &str = "drill";

fn end_to_end(tally: &mut Tally, filter: &[String], hubline: &Path, tools: &Tools) -> Result<()> {
    let folder = project::root().join("tests/e2e");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".test.mjs")?.to_owned()))
        .filter(|name| name != LONGEST)
        .collect();
    names.sort();
    let title = |name: &str| format!("end to end: {name}");
    let test = |name: &str| {
        let mut test = command("node");
        test.args(["--test", "--test-reporter=tap", "--test-timeout=600000"])
            .args(filter.iter().map(|it| format!("--test-name-pattern={it}")))
            .arg(folder.join(format!("{name}.test.mjs")))
            .env("HUBLINE", hubline)
            .env("CHROMIUM", &tools.browser)
            .env("LAB", &tools.lab)
            .env("SCHEMATHESIS", &tools.schemathesis);
        test
    };
    thread::scope(|scope| {
        let longest = scope.spawn(|| beside(&title(LONGEST), &mut test(LONGEST)));
        for name in &names {
            tally.add(name, &step(&title(name), &mut test(name))?);
        }
        let finished = longest.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        tally.add(LONGEST, &finished);
        Ok(())
    })
}
