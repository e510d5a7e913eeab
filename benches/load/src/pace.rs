//! The clock of an open loop: says when each send is due, whatever became of the earlier ones.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::mpsc::UnboundedSender;

use crate::tally::Run;

/// Starts a thread that calls the parties up in turn, `rate` sends a second in all, until the window ends.
///
/// A thread of its own, since the timers of the event loop are too coarse for latencies below a millisecond. A party that
/// is called up late still counts from when it was due: nothing is left out because the system was slow.
///
/// # Errors
/// The thread can't be started.
pub fn start(run: Arc<Run>, rate: f64, parties: Vec<UnboundedSender<u64>>) -> Result<()> {
    thread::Builder::new().name("pace".to_owned()).spawn(move || {
        let end = run.window().end;
        for (number, party) in parties.iter().cycle().enumerate() {
            let due = (number as f64 * 1e9 / rate) as u64;
            if due >= end {
                break;
            }
            let wait = run.at(due).saturating_duration_since(Instant::now());
            if wait > Duration::ZERO {
                thread::sleep(wait);
            }
            // A party whose connection is lost takes nothing any more; that is noted where it was lost.
            _ = party.send(due);
        }
    })?;
    Ok(())
}
