//! `cargo xtask test`: builds everything and runs every test.
//!
//! What does not build ends the run. Of what does, every suite runs, whatever failed before it, and the last line of the
//! output is the sum.

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};
use std::{thread, vec};

use anyhow::{Context, Result};

use crate::process::{cargo, command};
use crate::progress::{Finished, beside, must, step};
use crate::tally::Tally;
use crate::{build, check, project, setup, up};

/// The profile of what is tested from outside, and of what holds wasmtime: as fast as tests expect it, and built sooner than
/// a release.
const SUITE: &str = "suite";

/// Crates whose tests hold wasmtime: tested in the suite's profile, whose build of it is there already.
const HEAVY: [&str; 3] = ["hubline", "runtime", "tests"];

/// Where the end-to-end tests find what they run besides Hubline.
struct Tools {
    browser: PathBuf,
    lab: PathBuf,
    pooler: PathBuf,
    proxy: PathBuf,
    schemathesis: PathBuf,
    signalrcore: PathBuf,
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
        pooler: setup::pooler()?,
        proxy: setup::proxy()?,
        schemathesis: setup::schemathesis::find_or_install()?,
        signalrcore: setup::signalrcore::find_or_install()?,
    };
    build::npm_ci(&project::root().join("tests"), "installing the tests' npm packages")?;
    build::with_tests(&toolchain)?;
    let hubline = up::hubline(SUITE)?;

    let mut tally = Tally::default();
    if filter.is_empty() {
        check::all(&mut tally, &toolchain)?;
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
    let mut test = cargo();
    test.args(["test", "--profile", SUITE, "--no-fail-fast"]);
    // As one, so that what they have in common is built once.
    for name in HEAVY {
        test.args(["--package", name]);
    }
    tally.add("heavy", &step("tests of what holds wasmtime", test.arg("--").args(filter))?);
    Ok(())
}

/// The tests that take longest, for a minute and more: they begin first.
const LONGEST: [&str; 4] = ["drill", "operations-page", "schemathesis", "notifications"];

/// The tests that do little but wait for time to pass: one of them at a time, beside the others.
const WAITING: [&str; 2] = ["issuer", "keep-alive"];

/// The tests that compare how quick something is with how quick it was before: each is alone, after all others.
const MEASURING: [&str; 2] = ["hostile", "redis-outage"];

/// How many of the others run at once: they work as much as they wait.
const AT_ONCE: usize = 2;

fn end_to_end(tally: &mut Tally, filter: &[String], hubline: &Path, tools: &Tools) -> Result<()> {
    let folder = project::root().join("tests/e2e");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".test.mjs")?.to_owned()))
        .collect();
    names.sort_by_key(|name| {
        let place = LONGEST.iter().position(|long| long == name).unwrap_or(LONGEST.len());
        (place, name.clone())
    });
    let title = |name: &str| format!("end to end: {name}");
    let test = |name: &str| {
        let mut test = command("node");
        test.args(["--test", "--test-reporter=tap", "--test-timeout=600000"])
            .args(filter.iter().map(|it| format!("--test-name-pattern={it}")))
            .arg(folder.join(format!("{name}.test.mjs")))
            .env("HUBLINE", hubline)
            .env("CHROMIUM", &tools.browser)
            .env("LAB", &tools.lab)
            .env("NGINX", &tools.proxy)
            .env("PGBOUNCER", &tools.pooler)
            // Examples are built with the unit tests.
            .env("ROOM", project::target().join("debug/examples/room"))
            .env("SCHEMATHESIS", &tools.schemathesis)
            .env("SIGNALRCORE", &tools.signalrcore);
        test
    };
    let is_one_of = |list: &'static [&str]| move |name: &mut String| list.contains(&name.as_str());
    let measuring: Vec<String> = names.extract_if(.., is_one_of(&MEASURING)).collect();
    let waiting: Vec<String> = names.extract_if(.., is_one_of(&WAITING)).collect();
    let (names, waiting) = (Mutex::new(names.into_iter()), Mutex::new(waiting.into_iter()));
    let tally = Mutex::new(tally);
    let work = |names: &Mutex<vec::IntoIter<String>>, run: fn(&str, &mut Command) -> Result<Finished>| {
        // Who takes the next one does not hold it while the test runs.
        let take = || names.lock().unwrap_or_else(PoisonError::into_inner).next();
        while let Some(name) = take() {
            let finished = run(&title(&name), &mut test(&name));
            tally.lock().unwrap_or_else(PoisonError::into_inner).end(&name, finished);
        }
    };
    thread::scope(|scope| {
        let mut silent: Vec<_> = (1..AT_ONCE).map(|_| scope.spawn(|| work(&names, beside))).collect();
        silent.push(scope.spawn(|| work(&waiting, beside)));
        work(&names, step);
        for one in silent {
            one.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    for name in measuring {
        tally.end(&name, step(&title(&name), &mut test(&name)));
    }
    Ok(())
}
