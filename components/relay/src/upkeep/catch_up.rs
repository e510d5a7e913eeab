//! Reading from history what members of groups lack.

use std::sync::Arc;
use std::time::Duration;

use chat::ErrorCode;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep};

use super::follow_up::Urgency;
use crate::functions::{Failure, HistoryPage, read_page};
use crate::groups::{Doubt, Group, History, Wanted};
use crate::hub::Caller;
use crate::metrics::seconds;
use crate::node::Node;

/// How long to wait before history is asked again after it didn't answer.
const PAUSE: Duration = Duration::from_millis(500);

/// A catch-up under way. When its task panics, another task may begin one.
struct CatchUp<'d> {
    group: &'d Group,
    done: bool,
}

impl Drop for CatchUp<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.group.abandon_catch_up();
        }
    }
}

/// A page of history that is asked for. Whoever lacks it asks again when this breaks off.
struct Asking<'d> {
    group: &'d Group,
    wanted: Wanted,
    answered: bool,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.group.fail(&self.wanted);
        }
    }
}

impl Node {
    /// Reads what members of a group lack until they lack nothing.
    pub(crate) async fn catch_up(self: Arc<Self>, group: Arc<Group>, urgency: Urgency) {
        let mut under_way = CatchUp { group: &group, done: false };
        if urgency == Urgency::Soon && !self.event_watch.is_late() {
            self.await_late(&group).await;
        }
        let mut reads = FuturesUnordered::new();
        loop {
            for wanted in group.questions() {
                reads.push(self.read(&group, wanted));
            }
            if reads.is_empty() {
                if group.end_catch_up() {
                    under_way.done = true;
                    break;
                }
                continue;
            }
            tokio::select! {
                _ = reads.next() => {}
                () = group.missing.notified() => {}
            }
        }
        self.groups.remove_if_empty(&group);
    }

    /// Waits for messages that are probably on their way: those of two nodes overtake each other all the time.
    async fn await_late(&self, group: &Group) {
        let mut gaps = group.gaps();
        while !gaps.is_empty() {
            tokio::select! {
                () = sleep(self.limits.gap) => {}
                () = group.urgent.notified() => return,
            }
            let now = group.gaps();
            if now.iter().any(|gap| gaps.contains(gap)) {
                self.event_watch.missed();
                return;
            }
            gaps = now;
        }
    }

    /// Reads one page for those who lack it.
    async fn read(self: &Arc<Self>, group: &Arc<Group>, wanted: Wanted) {
        let mut asking = Asking { group, wanted, answered: false };
        let wanted = &asking.wanted;
        let failure = {
            // First among the asker's own, so that one user's reads leave room for others'.
            let asker = wanted.for_whom.first().map(|(asker, _)| Arc::clone(asker));
            let _own = match &asker {
                Some(asker) => asker.accounts.user().reads.acquire().await.ok(),
                None => None,
            };
            let Ok(_turn) = self.catch_ups.acquire().await else { return };
            let began = Instant::now();
            match self.history(group, wanted).await {
                Ok(page) => {
                    self.metrics.catch_up.observe(seconds(began.elapsed()));
                    let aftermath = group.fill(wanted, &page);
                    asking.answered = true;
                    self.follow_up(group, aftermath, Urgency::Now);
                    return;
                }
                Err(failure) => failure,
            }
        };
        if let Failure::Refused(refusal) = &failure
            && matches!(refusal.code, ErrorCode::NotFound | ErrorCode::Forbidden)
        {
            let aftermath = group.expel(wanted);
            asking.answered = true;
            self.follow_up(group, aftermath, Urgency::Soon);
            return;
        }
        self.metrics.catch_up_failures.add(1);
        tracing::warn!(%failure, "history can't be read");
        drop(asking);
        sleep(PAUSE).await;
        self.nudge(group);
    }

    /// Finds out whether the database has another message than this node under the latest number that is known here.
    pub(crate) async fn resolve(self: Arc<Self>, group: Arc<Group>, doubt: Doubt) {
        let page = match self.catch_ups.acquire().await {
            Ok(_turn) => self.page(&group, &doubt.asker, doubt.seq - 1).await,
            Err(_) => return,
        };
        if let Err(failure) = &page {
            tracing::warn!(%failure, "history can't be read");
        }
        let aftermath = group.resolve(&doubt, page.as_ref().ok());
        self.follow_up(&group, aftermath, Urgency::Now);
    }

    async fn history(&self, group: &Group, wanted: &Wanted) -> Result<History, Failure> {
        match wanted.for_whom.first() {
            // With the last message that they have: if it is another one now, so is all that was known.
            Some((asker, _)) => self.page(group, asker, (wanted.after - 1).max(0)).await,
            None => Ok(History { messages: Vec::new(), first: 1, last: i64::MAX }),
        }
    }

    async fn page(&self, group: &Group, asker: &Caller, after: i64) -> Result<History, Failure> {
        let answer = self.calls.history(&asker.token, &group.id, after).await?;
        let HistoryPage { messages, first_seq, last_seq } = serde_json::from_slice(&answer)?;
        Ok(read_page(&messages, first_seq, last_seq, &asker.actor)?)
    }
}
