//! One run, from the first connection to the report.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use parking_lot::Mutex;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::ledger::Ledger;
use crate::options::Mode;
use crate::party::{Pace, Party};
use crate::report::Report;
use crate::scene::Scene;
use crate::tally::Run;
use crate::turns::Turns;
use crate::{pace, processor};

/// How long answers and messages may still arrive after the last send.
pub const SETTLING: Duration = Duration::from_secs(10);

/// Sets the scene, lets the parties talk, and sums up.
///
/// `measuring` and `measured` on standard error tell a caller when to look at the server.
///
/// # Errors
/// A system that can't be reached or doesn't let the parties in. What goes wrong later is in
/// the report.
pub async fn run(mode: &Mode) -> Result<Report> {
    let common = mode.common();
    let (target, (warm_up, measured)) = (common.target()?, common.times()?);
    let Scene { ledgers, parties } = Scene::set(&target, mode.conversations()).await?;
    eprintln!("joined: {} connections", parties.len());

    let run = Arc::new(Run::start(warm_up, measured, "x".repeat(common.length))?);
    let mut talking = talk(mode, &run, parties)?;
    let processor = watch(&run).await;
    settle(&ledgers).await;
    talking.shutdown().await;

    let ledgers: Vec<_> = ledgers.iter().map(|ledger| ledger.lock()).collect();
    Ok(Report::new(mode.name(), &run, ledgers.iter().map(|ledger| &**ledger), processor))
}

/// Lets the measured time pass; the processor time that the generator has used in it.
pub async fn watch(run: &Run) -> Option<Duration> {
    let window = run.window();
    sleep_until(run.at(window.start).into()).await;
    eprintln!("measuring");
    let before = processor::time();
    sleep_until(run.at(window.end).into()).await;
    let after = processor::time();
    eprintln!("measured");
    before.zip(after).map(|(before, after)| after.saturating_sub(before))
}

/// Starts everyone.
fn talk(mode: &Mode, run: &Arc<Run>, parties: Vec<Party>) -> Result<JoinSet<()>> {
    let (mut talking, mut calls) = (JoinSet::new(), Vec::new());
    let turns = Arc::new(Turns::default());
    for party in parties {
        let pace = match mode {
            Mode::Closed { at_once: Some(_), .. } => Pace::Turns(turns.take_a_place(), Arc::clone(&turns)),
            Mode::Closed { outstanding, .. } => Pace::Closed(*outstanding),
            Mode::Idle { .. } | Mode::Batches { .. } => Pace::Closed(0),
            Mode::Open { .. } => {
                let (call, dues) = unbounded_channel();
                calls.push(call);
                Pace::Open(dues)
            }
        };
        talking.spawn(party.talk(Arc::clone(run), pace));
    }
    match mode {
        Mode::Open { rate, .. } => pace::start(Arc::clone(run), *rate, calls)?,
        Mode::Closed { at_once: Some(at_once), .. } => (0..*at_once).for_each(|_| turns.call(run.now())),
        _ => {}
    }
    Ok(talking)
}

/// Waits until everything is answered and received, within reason.
async fn settle(ledgers: &[Arc<Mutex<Ledger>>]) {
    let deadline = Instant::now() + SETTLING;
    while Instant::now() < deadline && !ledgers.iter().all(|ledger| ledger.lock().settled()) {
        sleep(Duration::from_millis(20)).await;
    }
}
