//! `hubline-load`: two people talk, many times over, through any server that speaks the chat contract.
//!
//! It takes a URL and the secret that signs the server's tokens, makes its own service requests and users, lets them talk
//! over web sockets, and reports how much was accepted and delivered, how long that took, and whether the receivers saw
//! every message once and in order. Or it takes a relay's place and posts batches to the functions themselves.
//! `docs/performance.md` says how to read the figures.

mod batches;
mod frame;
mod http;
mod hub;
mod ledger;
mod measure;
mod options;
mod pace;
mod party;
mod processor;
mod report;
mod scene;
mod signer;
mod socket;
mod tally;
mod target;
mod turns;

use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use serde::Serialize;

use crate::options::{Mode, Options};

/// The messages' memory is allocated and freed all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code when there is no report; with one, it is 0 or 1.
const NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(clean) if clean => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(NOT_RUN)
        }
    }
}

/// Whether the system did all that it was asked, correctly.
fn run(Options { mode }: &Options) -> Result<bool> {
    // One thread: the parties never wait for each other, and the server has the other processors.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    mode.check()?;
    let json = mode.common().json.as_deref();
    if let Mode::Batches { batching, .. } = mode {
        let report = runtime.block_on(batches::run(mode, batching))?;
        tell(&report, json)?;
        return Ok(report.clean());
    }
    let report = runtime.block_on(measure::run(mode))?;
    tell(&report, json)?;
    Ok(report.clean())
}

/// Prints a report for people, and writes it for programs where that is asked for.
fn tell(report: &(impl Display + Serialize), json: Option<&Path>) -> Result<()> {
    print!("{report}");
    let Some(path) = json else { return Ok(()) };
    fs::write(path, serde_json::to_string_pretty(report)?)
        .with_context(|| format!("{} can't be written", path.display()))
}
