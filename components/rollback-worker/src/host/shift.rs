//! One call of the worker, whoever calls.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use futures_util::FutureExt;

use super::{database::Connection, variable::variable, wire::Wire};
use crate::{
    memory::Memory,
    settings::Settings,
    work::{self, Duty, Progress},
};

/// For how long turns are begun by a ring or a request, which the host lets take ten seconds: the last turn's call may take
/// six.
pub(super) const SHORT: Duration = Duration::from_secs(3);

/// A call that begins so soon after another one was waiting behind it, and the host counts its time from then.
const BEHIND: Duration = Duration::from_millis(100);

thread_local! {
    /// Secrets that were fetched.
    static MEMORY: Memory = Memory::default();

    /// Since when this instance has worked without a pause, and until when.
    static BUSY: Cell<Option<(Instant, Instant)>> = const { Cell::new(None) };
}

/// Does what is due. `patience` bounds when turns are begun: rings that come while the instance is at work wait behind it,
/// and are given only what is left of the time, so that none of them is ended in the middle of a turn.
pub(super) fn work(patience: Duration) -> Result<Progress, String> {
    let now = Instant::now();
    let since = BUSY.get().filter(|(_, until)| now.duration_since(*until) < BEHIND).map_or(now, |(since, _)| since);
    let outcome = match patience.checked_sub(now.duration_since(since)) {
        Some(left) => shift(left),
        // There is something due perhaps; the clock comes in a moment.
        None => Ok(Progress::default()),
    };
    BUSY.set(Some((since, Instant::now())));
    outcome
}

fn shift(patience: Duration) -> Result<Progress, String> {
    let url = variable("operations_database_url");
    if url.is_empty() {
        return Ok(Progress::default());
    }
    let settings = Settings::read(variable).map_err(|error| error.to_string())?;
    let connection = Connection::open(&url).map_err(|error| error.to_string())?;
    // Every call below is over when it returns, so there is nothing to wait for.
    let duty = if variable("duty") == "telling" { Duty::Telling } else { Duty::All };
    let outcome =
        MEMORY.with(|memory| work::work(&connection, &Wire, &settings, memory, duty, patience).now_or_never());
    outcome.ok_or("the database made a call wait")?.map_err(|error| error.to_string())
}
