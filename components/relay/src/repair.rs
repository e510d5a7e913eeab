//! Getting what followers miss from history.

use std::sync::Arc;
use std::time::Duration;

use chat::ErrorCode;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep};

use crate::answers::{HistoryPage, page};
use crate::caller::Caller;
use crate::calls::Failure;
use crate::door::{Door, Doubt, Wanted};
use crate::metrics::seconds;
use crate::node::{Node, Urgency};
use crate::post::History;

/// How long to wait before history is asked again after it didn't answer.
const PAUSE: Duration = Duration::from_millis(500);

/// The care for what is missing at a door, which is free for another task again when this one panics.
struct Duty<'d> {
    door: &'d Door,
    done: bool,
}

impl Drop for Duty<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.door.abandon_repair();
        }
    }
}

/// A page of history that is asked for. Whoever lacks it asks again when this breaks off.
struct Asking<'d> {
    door: &'d Door,
    wanted: Wanted,
    answered: bool,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.door.fail(&self.wanted);
        }
    }
}

impl Node {
    /// Looks after what is missing at a door until nothing is.
    pub(crate) async fn repair(self: Arc<Self>, door: Arc<Door>, urgency: Urgency) {
        let mut duty = Duty { door: &door, done: false };
        if urgency == Urgency::Soon && !self.doorbell.is_late() {
            self.await_late(&door).await;
        }
        let mut reads = FuturesUnordered::new();
        loop {
            for wanted in door.questions() {
                reads.push(self.read(&door, wanted));
            }
            if reads.is_empty() {
                if door.end_repair() {
                    duty.done = true;
                    break;
                }
                continue;
            }
            tokio::select! {
                _ = reads.next() => {}
                () = door.missing.notified() => {}
            }
        }
        self.doors.tidy(&door);
    }

    /// Waits for messages that are on their way, probably: those of two nodes overtake each other all the time.
    async fn await_late(&self, door: &Door) {
        let mut gaps = door.gaps();
        while !gaps.is_empty() {
            tokio::select! {
                () = sleep(self.limits.gap) => {}
                () = door.urgent.notified() => return,
            }
            let now = door.gaps();
            if now.iter().any(|gap| gaps.contains(gap)) {
                self.doorbell.is_missed();
                return;
            }
            gaps = now;
        }
    }

    /// Reads one page for those who lack it.
    async fn read(self: &Arc<Self>, door: &Arc<Door>, wanted: Wanted) {
        let mut asking = Asking { door, wanted, answered: false };
        let wanted = &asking.wanted;
        let failure = {
            // First among the asker's own, so that one user's reads leave room for others'.
            let asker = wanted.for_whom.first().map(|(asker, _)| Arc::clone(asker));
            let _own = match &asker {
                Some(asker) => asker.guest.user().reads.acquire().await.ok(),
                None => None,
            };
            let Ok(_turn) = self.catch_ups.acquire().await else { return };
            let began = Instant::now();
            match self.history(door, wanted).await {
                Ok(page) => {
                    self.metrics.catch_up.observe(seconds(began.elapsed()));
                    let aftermath = door.fill(wanted, &page);
                    asking.answered = true;
                    self.follow_up(door, aftermath, Urgency::Now);
                    return;
                }
                Err(failure) => failure,
            }
        };
        if let Failure::Refused(refusal) = &failure
            && matches!(refusal.code, ErrorCode::NotFound | ErrorCode::Forbidden)
        {
            let aftermath = door.expel(wanted);
            asking.answered = true;
            self.follow_up(door, aftermath, Urgency::Soon);
            return;
        }
        self.metrics.catch_up_failures.add(1);
        tracing::warn!(%failure, "history can't be read");
        drop(asking);
        sleep(PAUSE).await;
        self.nudge(door);
    }

    /// Finds out whether the database has another message than this node under the latest number that is known here.
    pub(crate) async fn resolve(self: Arc<Self>, door: Arc<Door>, doubt: Doubt) {
        let page = match self.catch_ups.acquire().await {
            Ok(_turn) => self.page(&door, &doubt.asker, doubt.seq - 1).await,
            Err(_) => return,
        };
        if let Err(failure) = &page {
            tracing::warn!(%failure, "history can't be read");
        }
        let aftermath = door.resolve(&doubt, page.as_ref().ok());
        self.follow_up(&door, aftermath, Urgency::Now);
    }

    async fn history(&self, door: &Door, wanted: &Wanted) -> Result<History, Failure> {
        match wanted.for_whom.first() {
            // With the last message that they have: if it is another one now, so is all that was known.
            Some((asker, _)) => self.page(door, asker, (wanted.after - 1).max(0)).await,
            None => Ok(History { messages: Vec::new(), first: 1, last: i64::MAX }),
        }
    }

    async fn page(&self, door: &Door, asker: &Caller, after: i64) -> Result<History, Failure> {
        let answer = self.calls.history(&asker.token, &door.id, after).await?;
        let HistoryPage { messages, first_seq, last_seq } = serde_json::from_slice(&answer)?;
        Ok(page(&messages, first_seq, last_seq, &asker.actor)?)
    }
}
