//! The sweep: asking regularly what has changed, so that nothing depends on a ring that was lost.

use std::sync::Arc;

use chat::ServiceRequestId;
use chat::wire::{SweepAnswer, SweepChange};
use tokio::time::{Instant, sleep};

use crate::calls::Failure;
use crate::door::{News, Standing};
use crate::epoch::Observed;
use crate::metrics::seconds;
use crate::relay::{Inner, Urgency};

impl Inner {
    /// Sweeps for as long as it is polled.
    pub(crate) async fn sweep(self: &Arc<Self>) {
        // The first one also voids what an earlier run of this node has registered, so it is made even for nothing.
        let mut made = false;
        loop {
            let conversations = self.synced();
            if !made || !conversations.is_empty() {
                made = self.sweep_all(conversations).await;
            }
            for door in self.doors.all() {
                self.nudge(&door);
            }
            // Nodes that were started together don't ask together.
            sleep(self.limits.sweep.mul_f64(rand::random_range(0.9..1.1))).await;
        }
    }

    fn synced(&self) -> Vec<(ServiceRequestId, i64)> {
        let doors = self.doors.all();
        doors.iter().filter_map(|door| door.synced().map(|version| (door.id.clone(), version))).collect()
    }

    async fn sweep_all(self: &Arc<Self>, conversations: Vec<(ServiceRequestId, i64)>) -> bool {
        let mut rest = conversations;
        loop {
            let some = rest.split_off(rest.len().saturating_sub(self.limits.sweep_conversations.max(1)));
            let asked = Instant::now();
            match self.sweep_some(some).await {
                Ok(answer) => {
                    self.metrics.sweep.observe(seconds(asked.elapsed()));
                    match self.epoch.observe(&answer.epoch, asked) {
                        Observed::Current => self.take_changes(answer.changed),
                        Observed::Outdated => {}
                        Observed::Renewed => {
                            self.renew();
                            return true;
                        }
                    }
                }
                Err(failure) => {
                    self.metrics.sweep_failures.add(1);
                    tracing::warn!(%failure, "the sweep can't be made");
                    return false;
                }
            }
            if rest.is_empty() {
                return true;
            }
        }
    }

    async fn sweep_some(&self, conversations: Vec<(ServiceRequestId, i64)>) -> Result<SweepAnswer, Failure> {
        let answer = self.calls.sweep(conversations).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    fn take_changes(self: &Arc<Self>, changes: Vec<SweepChange>) {
        for SweepChange { id, version, last_seq, status, closed_at, who } in changes {
            let Some(door) = self.doors.get(id.as_str()) else { continue };
            self.metrics.sweep_changes.add(1);
            let aftermath = match who {
                Some(who) if version != SweepChange::VANISHED => door.hear(&News {
                    version,
                    who,
                    standing: Some(Standing { status, closed_at }),
                    posts: Vec::new(),
                    last: Some(last_seq),
                }),
                _ => door.vanish(),
            };
            self.follow_up(&door, aftermath, Urgency::Now);
        }
    }
}
