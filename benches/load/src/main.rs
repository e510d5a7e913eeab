//! `hubline-load`: two people talk, many times over, through any server that speaks the chat contract.
//!
//! It takes a URL and the secret that signs the server's tokens, makes its own service requests and users, lets them talk
//! over web sockets, and reports how much was accepted and delivered, how long that took, and whether the receivers saw
//! every message once and in order. `docs/performance.md` says how to read the figures.

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
mod socket;
mod tally;
mod target;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::options::Options;

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
    let report = runtime.block_on(measure::run(mode))?;
    print!("{report}");
    if let Some(path) = &mode.common().json {
        let text = serde_json::to_string_pretty(&report)?;
        fs::write(path, text).with_context(|| format!("{} can't be written", path.display()))?;
    }
    Ok(report.clean())
}
