//! One call of the worker: turn after turn, until nothing is due or its time is up.
//!
//! A turn claims a job, which nobody else then has for the time of its lease, makes at most one call to the outside, and
//! commits what came of it under the number of its claim. A worker that dies leaves a job whose lease runs out; one that was
//! overtaken commits nothing any more.

mod alerts;
mod cases;
mod messages;
mod proof;
mod reminders;
mod runs;

use std::time::{Duration, Instant};

use clients::{Request, Response, Silence};
use store::{Database, StoreError};

use crate::{
    ledger::{self, JobKind, Then},
    memory::Memory,
    settings::Settings,
};

/// For how many seconds a job is claimed: longer than any turn takes.
const LEASE: i64 = 45;

/// How often a decision is made again when somebody else has committed in between.
const ATTEMPTS: u32 = 5;

/// The way to the outside.
pub trait Transport {
    /// Makes a call and waits for its answer. Redirects are not followed.
    ///
    /// # Errors
    /// Returns why there is no answer.
    fn call(&self, request: &Request) -> Result<Response, Silence>;
}

/// What a worker is there for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Duty {
    /// Everything.
    All,
    /// Telling people, and nothing else: so that no slow system ever keeps them waiting.
    Telling,
}

/// What a call of the worker has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct Progress {
    /// How many turns were taken.
    pub turns: u32,
    /// Whether nothing was left to do, but for what others are at.
    pub done: bool,
}

/// What a turn works with.
pub struct Office<'a, D, T> {
    /// The database.
    pub db: &'a D,
    /// The way to the outside.
    pub wire: &'a T,
    /// The configuration.
    pub settings: &'a Settings,
    /// Secrets that were fetched.
    pub memory: &'a Memory,
}

/// Takes turns of a duty until nothing is due, or until no more are to be begun.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say what is due. What was not committed is due again when its lease is
/// over.
pub async fn work<D: Database, T: Transport>(
    db: &D,
    wire: &T,
    settings: &Settings,
    memory: &Memory,
    duty: Duty,
    patience: Duration,
) -> Result<Progress, StoreError> {
    let office = Office { db, wire, settings, memory };
    let start = Instant::now();
    let mut progress = Progress::default();
    while start.elapsed() < patience {
        if !office.turn(duty).await? {
            progress.done = true;
            break;
        }
        progress.turns = progress.turns.saturating_add(1);
    }
    Ok(progress)
}

impl<D: Database, T: Transport> Office<'_, D, T> {
    /// Takes one turn. Whether there was anything due.
    ///
    /// # Errors
    /// Returns [`StoreError`] when the database can't say, and then nothing is known of what was not committed.
    pub async fn turn(&self, duty: Duty) -> Result<bool, StoreError> {
        let claim = match duty {
            Duty::All => ledger::claim(self.db, LEASE).await?,
            Duty::Telling => ledger::claim_of(self.db, LEASE, &[JobKind::Notify]).await?,
        };
        let Some(claim) = claim else { return Ok(false) };
        match claim.kind.clone() {
            JobKind::Step => self.run(claim).await?,
            JobKind::Clock => self.tick(claim).await?,
            JobKind::Validation => self.validate(claim).await?,
            JobKind::Triage => self.triage(claim).await?,
            JobKind::Notify => self.tell(claim).await?,
            JobKind::Alerts => self.ask_for_the_rest(claim).await?,
            JobKind::Drill => self.remind(claim).await?,
            JobKind::Unknown(word) => {
                eprintln!("nobody knows what to do about the job {word}");
                self.finish(&claim, Then::Again { seconds: 3_600.0, notes: None }).await?;
            }
        }
        Ok(true)
    }
}
