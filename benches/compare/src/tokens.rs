//! Tokens: what it costs that an issuer signs them, for many users.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::budget::Budget;
use crate::contestant::{self, Contestant};
use crate::databases::Databases;
use crate::issuer::Issuer;
use crate::load::{Case, Load};
use crate::machine::Machine;
use crate::median::median;
use crate::options::Tokens;
use crate::results::Run;
use crate::rounds::Arena;
use crate::{QUICK, ROUNDS, keep, settle, sibling};

/// Measures many users with RS256 and few with HS256 by turns, on a node each; whether no run was at fault.
///
/// # Errors
/// Something can't be started or measured.
pub fn measure(options: &Tokens) -> Result<bool> {
    ensure!(options.rounds >= ROUNDS || options.quick && options.rounds > 0, "fewer than {ROUNDS} rounds need --quick");
    ensure!((2..=options.users).contains(&options.few), "there are at least two users, and more of the issuer");
    settle(&options.pin)?;
    let caveat = (options.rounds < ROUNDS).then_some(QUICK);
    fs::create_dir_all(&options.results).with_context(|| format!("{} can't be made", options.results.display()))?;
    eprintln!("starting the databases");
    let databases = Databases::open(options.data.as_deref())?;
    let hubline = sibling("hubline")?;
    contestant::migrate(&hubline, databases.postgres_url(), &databases.folder("hubline"))?;
    let issuer = Issuer::start(&options.results)?;
    let load = Load {
        program: sibling("hubline-load")?,
        folder: options.results.clone(),
        seconds: options.seconds,
        warm_up: options.warm_up,
        rsa_key: Some(issuer.rsa_key.clone()),
    };
    let arena = Arena { databases: &databases, manifest: &options.manifest, logs: &options.results, load: &load };
    let contestants = [Contestant::Hubline(hubline.clone()), Contestant::ByIssuer(hubline, issuer.keys.clone())];
    let entrants = arena.enter(&contestants, 1)?;
    let case =
        |users: usize, by_issuer| Case::Turns { conversations: users / 2, at_once: options.few / 2 * 2, by_issuer };
    let cases = [case(options.few, false), case(options.users, true)];

    let mut runs = Vec::new();
    for round in 0..options.rounds {
        for turn in 0..entrants.len() {
            let place = (round + turn) % entrants.len();
            let (Some(entrant), Some(case)) = (entrants.get(place), cases.get(place)) else { continue };
            let run = arena.measure(entrant, *case)?;
            eprintln!("round {} of {} · {run}", round + 1, options.rounds);
            runs.push(run);
        }
    }
    let of = |case: &Case| median(runs.iter().filter(|run| run.case == *case).map(Run::accepted).collect());
    let [few, many] = cases.map(|case| of(&case));
    let budget = Budget::tokens(many / few);
    let held = budget.held;
    if let Some(caveat) = caveat {
        println!("*** {caveat} ***");
    }
    println!("{}: {few:.0} messages/s\n{}: {many:.0} messages/s\n{budget}", cases[0], cases[1]);
    keep(
        &options.results.join("tokens.json"),
        &json!({"machine": Machine::describe(), "caveat": caveat, "budgets": [budget], "runs": runs}),
    )?;
    Ok(held && runs.iter().all(|run| run.complaint.is_none()))
}
