//! The functions by themselves: batches as relays send them, and nothing of a relay.

mod batch;
mod chair;
mod report;

use std::sync::Arc;

use anyhow::{Context, Result};
use http::HeaderValue;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::batches::chair::Chair;
use crate::batches::report::Report;
use crate::http::Connection;
use crate::ledger::{Faults, Seat};
use crate::measure::{SETTLING, watch};
use crate::options::{Batching, Mode};
use crate::scene::report_all;
use crate::tally::Run;
use crate::target::{Node, Target};

/// Reports the service requests, posts batches until the time is over, and sums up.
///
/// # Errors
/// A system that can't be reached or doesn't know the platform's token; a key that can't stand in a header. What goes
/// wrong later is in the report.
pub async fn run(mode: &Mode, batching: &Batching) -> Result<Report> {
    let common = mode.common();
    let (target, (warm_up, measured)) = (common.target()?, common.times()?);
    let mut key = HeaderValue::from_str(&batching.key).context("the key can't stand in a header")?;
    key.set_sensitive(true);
    report_all(&target, mode.conversations()).await?;
    let chairs = (0..batching.in_flight).map(|place| seat(&target, mode.conversations(), batching, place));
    let chairs = chairs.collect::<Result<Vec<_>>>()?;

    let run = Arc::new(Run::start(warm_up, measured, "x".repeat(common.length))?);
    let mut posting = JoinSet::new();
    for (node, chair) in chairs {
        posting.spawn(post(node, key.clone(), chair, Arc::clone(&run)));
    }
    let processor = watch(&run).await;
    let mut faults = Faults::default();
    // Each stops by itself when the time is over and its last batch is answered.
    while let Ok(Some(posted)) = timeout(SETTLING, posting.join_next()).await {
        faults.add(&posted?);
    }
    let unanswered = posting.len() as u64;
    posting.shutdown().await;
    Ok(Report::new(&run, mode.conversations(), batching, faults, unanswered, processor))
}

/// The part of the conversations that one connection posts to, and the node that it connects to.
fn seat(target: &Target, conversations: usize, batching: &Batching, place: usize) -> Result<(Node, Chair)> {
    let own = (place..conversations).step_by(batching.in_flight);
    Ok((target.node(place, Seat::Customer)?.clone(), Chair::new(target, own, batching.batch)?))
}

/// Posts batch after batch; the faults that it saw.
async fn post(node: Node, key: HeaderValue, mut chair: Chair, run: Arc<Run>) -> Faults {
    if let Err(error) = post_all(&node, &key, &mut chair, &run).await {
        run.failed(format!("connection lost: {error:#}"));
    }
    chair.faults()
}

async fn post_all(node: &Node, key: &HeaderValue, chair: &mut Chair, run: &Run) -> Result<()> {
    let mut connection = Connection::open(node).await?;
    while run.now() < run.window().end {
        let batch = chair.next(&run.body)?;
        let due = run.now();
        let answer = connection.post_batch(key, batch).await?;
        let stored = chair.check(&answer, |refusal| run.failed(refusal))?;
        run.accepted(due, stored);
    }
    Ok(())
}
