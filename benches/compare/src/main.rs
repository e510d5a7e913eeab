//! `hubline-compare`: measures Hubline beside other servers that do the same.
//!
//! It starts private databases and every contestant, gives each its turn under the same load, round after round, looks at
//! where the processor time went, and prints medians and ratios. `docs/performance.md` says how to read them.

mod accounting;
mod budget;
mod contestant;
mod databases;
mod first;
mod http;
mod issuer;
mod load;
mod machine;
mod median;
mod metrics;
mod node;
mod options;
mod pin;
mod results;
mod rounds;
mod shares;
mod table;
mod tokens;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde_json::{Value, json};

use crate::contestant::{Build, Contestant};
use crate::databases::Databases;
use crate::first::First;
use crate::load::{Case, Load};
use crate::machine::Machine;
use crate::options::{Chat, Options, Subject};
use crate::results::{Run, Summary};
use crate::rounds::Arena;
use crate::table::Table;

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter("warn").with_writer(std::io::stderr).init();
    let clean = match Options::parse().subject {
        Subject::Chat(options) => chat(&options),
        Subject::Tokens(options) => tokens::measure(&options),
    };
    match clean {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Fewer rounds than that show chance as much as anything else.
const ROUNDS: usize = 3;

/// What stands above and below the figures of fewer rounds.
const QUICK: &str = "THIS IS NO RESULT: fewer than three rounds, of which nobody can tell chance from the rest";

/// Messages of a batch, as the budget has it.
const BATCH: usize = 64;

/// Measures the chat; whether no run was at fault.
fn chat(options: &Chat) -> Result<bool> {
    let contestants = contestants(options)?;
    settle(&options.pin)?;
    let caveat = (options.rounds < ROUNDS).then_some(QUICK);
    if let Some(caveat) = caveat {
        eprintln!("*** {caveat} ***");
    }
    fs::create_dir_all(&options.results).with_context(|| format!("{} can't be made", options.results.display()))?;
    eprintln!("starting the databases");
    let databases = Databases::open(options.data.as_deref())?;
    // Hubline does it by itself; its twin and the functions without a relay do not.
    if contestants.iter().any(|contestant| !matches!(contestant, Contestant::Peer(_))) {
        contestant::migrate(&sibling("hubline")?, databases.postgres_url(), &databases.folder("hubline"))?;
    }
    for contestant in &contestants {
        if let Contestant::Before(Build { program, .. }) = contestant {
            contestant::migrate(program, databases.other_postgres_url(), &databases.folder("before"))?;
        }
    }
    let load = Load {
        program: sibling("hubline-load")?,
        folder: options.results.clone(),
        seconds: options.seconds,
        warm_up: options.warm_up,
        rsa_key: None,
    };
    let arena = Arena { databases: &databases, manifest: &options.manifest, logs: &options.results, load: &load };

    let mut runs = batches(options, &arena, &contestants)?;
    for &nodes in &options.nodes {
        runs.extend(measure(options, &arena, &contestants, nodes)?);
    }
    let hubline = contestants.iter().find(|contestant| matches!(contestant, Contestant::Hubline(_)));
    let firsts = match hubline.filter(|_| !options.no_first) {
        Some(hubline) => arena.first_requests(hubline, options.rounds)?,
        None => Vec::new(),
    };
    let memory = if options.idle > 0 { arena.memory(&contestants, options.idle)? } else { Vec::new() };
    let summaries = Summary::all(&runs);
    print!("{}", Table { summaries: &summaries, firsts: &firsts, memory: &memory, caveat });
    let ours = summaries.iter().filter(|summary| summary.contestant == "hubline");
    let budgets: Vec<_> = ours.filter_map(Summary::budget).chain(First::budget(&firsts)).collect();
    keep(
        &options.results.join("chat.json"),
        &json!({
            "machine": Machine::describe(),
            "caveat": caveat,
            "budgets": budgets,
            "summaries": summaries,
            "firstRequests": firsts,
            "memory": memory,
            "runs": runs,
        }),
    )?;
    Ok(runs.iter().all(|run| run.complaint.is_none()) && memory.iter().all(|memory| memory.complaint.is_none()))
}

/// Writes the results for programs.
fn keep(path: &Path, results: &Value) -> Result<()> {
    fs::write(path, serde_json::to_string_pretty(results)?)
        .with_context(|| format!("{} can't be written", path.display()))?;
    println!("\nall of it: {}", path.display());
    Ok(())
}

/// Prepares this process, and with it all that it starts.
fn settle(processors: &[usize]) -> Result<()> {
    // Before anything is started: threads and processes run where the one that starts them does.
    if !processors.is_empty() {
        pin::pin(processors)?;
    }
    let is_pinned = !processors.is_empty();
    if let Some(processors) = pin::pinned() {
        let how = if !is_pinned { "not pinned: everything may run" } else { "pinned: everything runs" };
        eprintln!("{how} on processors {}", pin::list(&processors));
    }
    machine::allow_open_files();
    Ok(())
}

/// Measures batches through the functions alone.
fn batches(options: &Chat, arena: &Arena<'_>, contestants: &[Contestant]) -> Result<Vec<Run>> {
    let contestants: Vec<_> = contestants.iter().filter_map(Contestant::functions).collect();
    let mut runs = Vec::new();
    if options.no_batches || contestants.is_empty() {
        return Ok(runs);
    }
    eprintln!("starting the functions");
    let entrants = arena.enter(&contestants, 1)?;
    for &in_flight in &options.in_flight {
        let case = Case::Batches { conversations: options.batch_conversations, messages: BATCH, in_flight };
        if runs.is_empty() {
            arena.prime(&entrants, case)?;
        }
        runs.extend(arena.rounds(&entrants, case, options.rounds)?);
    }
    Ok(runs)
}

/// Measures everything on so many nodes: first what the contestants can do, then how long they take at lower rates.
fn measure(options: &Chat, arena: &Arena<'_>, contestants: &[Contestant], nodes: usize) -> Result<Vec<Run>> {
    let conversations = options.conversations;
    eprintln!("starting {nodes} of each");
    let entrants = arena.enter(contestants, nodes)?;
    let closed = Case::Closed { conversations };
    arena.prime(&entrants, closed)?;
    let mut runs = arena.rounds(&entrants, closed, options.rounds)?;
    let mut rates = options.rate.clone();
    let peer = Summary::all(&runs).into_iter().find(|summary| summary.contestant == "peer");
    rates.extend(peer.map(|peer| (peer.delivered / 2.0).round()));
    for rate in rates {
        runs.extend(arena.rounds(&entrants, Case::Open { conversations, rate }, options.rounds)?);
    }
    Ok(runs)
}

fn contestants(options: &Chat) -> Result<Vec<Contestant>> {
    ensure!(options.rounds > 0, "there must be a round");
    ensure!(
        options.rounds >= ROUNDS || options.quick,
        "fewer than {ROUNDS} rounds are no result: take more, or say --quick to look at figures that are none"
    );
    ensure!(options.nodes.iter().all(|nodes| (1..=2).contains(nodes)), "measure on 1 or 2 nodes");
    let mut contestants = Vec::new();
    if !options.no_hubline {
        contestants.push(Contestant::Hubline(sibling("hubline")?));
    }
    if !options.no_native {
        contestants.push(Contestant::Native(sibling("hubline-native")?));
    }
    contestants.extend(options.against.as_deref().map(build).transpose()?.map(Contestant::Before));
    contestants.extend(options.peer.clone().map(Contestant::Peer));
    ensure!(!contestants.is_empty(), "nobody is left to measure");
    Ok(contestants)
}

/// What was built in another checkout, in the profile of this program.
fn build(folder: &Path) -> Result<Build> {
    let here = env::current_exe()?;
    let profile = here.parent().and_then(Path::file_name).context("this program is in no folder of a profile")?;
    let build =
        Build { program: folder.join("target").join(profile).join("hubline"), manifest: folder.join("spin.toml") };
    for file in [&build.program, &build.manifest] {
        ensure!(file.is_file(), "{} is missing: build Hubline there first, in the same profile", file.display());
    }
    Ok(build)
}

/// A program that is built together with this one.
fn sibling(name: &str) -> Result<PathBuf> {
    let path = env::current_exe()?.with_file_name(name);
    ensure!(path.is_file(), "{} is missing: `cargo xtask bench chat` builds everything first", path.display());
    Ok(path)
}
