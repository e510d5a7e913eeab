//! Getting what followers miss from history.

use std::sync::Arc;
use std::time::Duration;

use chat::ErrorCode;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep};

use crate::answers::{HistoryPage, page};
use crate::calls::Failure;
use crate::door::{Door, History, Wanted};
use crate::metrics::seconds;
use crate::relay::{Inner, Urgency};

/// How long to wait before history is asked again after it didn't answer.
const PAUSE: Duration = Duration::from_millis(500);

impl Inner {
    /// Looks after what is missing at a door until nothing is.
    pub(crate) async fn repair(self: Arc<Self>, door: Arc<Door>, urgency: Urgency) {
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
        let failure = {
            let Ok(_turn) = self.catch_ups.acquire().await else { return };
            let began = Instant::now();
            match self.history(door, &wanted).await {
                Ok(page) => {
                    self.metrics.catch_up.observe(seconds(began.elapsed()));
                    door.fill(&wanted, &page);
                    return;
                }
                Err(failure) => failure,
            }
        };
        if let Failure::Refused(refusal) = &failure
            && matches!(refusal.code, ErrorCode::NotFound | ErrorCode::Forbidden)
        {
            let aftermath = door.expel(&wanted);
            self.follow_up(door, aftermath, Urgency::Soon);
            return;
        }
        self.metrics.catch_up_failures.add(1);
        tracing::warn!(%failure, "history can't be read");
        door.fail(&wanted);
        sleep(PAUSE).await;
        self.nudge(door);
    }

    async fn history(&self, door: &Door, wanted: &Wanted) -> Result<History, Failure> {
        let Some((asker, _)) = wanted.for_whom.first() else {
            return Ok(History { messages: Vec::new(), purged_through: 0, last: 0 });
        };
        let answer = self.calls.history(&asker.token, &door.id, wanted.after).await?;
        let HistoryPage { messages, last_seq, purged_through } = serde_json::from_slice(&answer)?;
        Ok(page(&messages, purged_through, last_seq, &asker.actor)?)
    }
}
