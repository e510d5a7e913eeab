//! The sweep: asking regularly what has changed, so that nothing depends on an event that was lost.
//!
//! One task asks, one call after the other, so no answer overtakes another. Between two sweeps it asks about the
//! conversations of which an event said that somebody has come or gone.

use std::sync::Arc;
use std::time::Duration;

use chat::wire::{Follower, Held, Inventory, SweepAnswer, SweepChange};
use chat::{ServiceRequestId, UserId};
use tokio::time::{Instant, sleep, sleep_until};

use super::follow_up::Urgency;
use crate::functions::{Failure, Observed};
use crate::groups::{Group, News, Standing};
use crate::metrics::seconds;
use crate::node::Node;

/// How long to wait for more before the database is asked who is there: people come and go in crowds.
const CROWD: Duration = Duration::from_millis(100);

/// A sweep lists one registration for so many conversations that this node holds, and then come the next ones. It is for what
/// nothing else finds, so it may take its time.
const INVENTORY_SHARE: usize = 8;

/// The fewest registrations that one sweep lists.
const INVENTORY_LEAST: usize = 500;

/// What one call asks about.
#[derive(Default)]
struct Questions {
    held: Vec<Held>,
    /// Who is to be registered again.
    followers: Vec<Follower>,
    inventory: Option<Inventory>,
}

impl Node {
    /// Sweeps for as long as it is polled. A node that holds nothing sweeps as well: so the others know that it is there, and
    /// the first sweep voids what an earlier run of this node has registered.
    pub(crate) async fn sweep(self: &Arc<Self>) {
        let mut inventory_after = 0;
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = sleep_until(next) => {
                    let groups = self.groups.all();
                    let made = self.sweep_all(&groups, Some(&mut inventory_after)).await;
                    for group in groups {
                        self.nudge(&group);
                    }
                    // Nodes that were started together don't ask together. After a failure it is tried again sooner: the
                    // others count on hearing of this node.
                    let share = if made { 1.0 } else { 0.25 };
                    next = Instant::now() + self.limits.sweep.mul_f64(share * rand::random_range(0.9..1.1));
                }
                () = self.inquiries.some() => {
                    sleep(CROWD.min(self.limits.sweep)).await;
                    let groups = self.inquiries.take().into_iter().filter_map(|id| self.groups.get(id.as_str()));
                    let groups: Vec<_> = groups.collect();
                    if !groups.is_empty() {
                        self.sweep_all(&groups, None).await;
                    }
                }
            }
        }
    }

    async fn sweep_all(self: &Arc<Self>, groups: &[Arc<Group>], mut inventory_after: Option<&mut i64>) -> bool {
        let mut parts = groups.chunks(self.limits.sweep_conversations.max(1));
        let mut part = parts.next().unwrap_or_default();
        loop {
            let mut questions = Questions::about(part);
            if let Some(after) = &inventory_after {
                let most = (groups.len() / INVENTORY_SHARE).max(INVENTORY_LEAST);
                questions.inventory = Some(Inventory { after: **after, most: i64::try_from(most).unwrap_or(i64::MAX) });
            }
            let asked = Instant::now();
            match self.sweep_some(questions).await {
                Ok(answer) => {
                    self.metrics.sweep.observe(seconds(asked.elapsed()));
                    if let Some(after) = inventory_after.take() {
                        *after = answer.inventory.unwrap_or_default();
                    }
                    match self.epoch.observe(&answer.epoch, asked) {
                        Observed::Current => {
                            self.take_changes(answer.changed, asked);
                            self.take_registrations(answer.registered);
                        }
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
            let Some(another) = parts.next() else { return true };
            part = another;
        }
    }

    async fn sweep_some(&self, questions: Questions) -> Result<SweepAnswer, Failure> {
        let Questions { held, followers, inventory } = questions;
        let answer = self.calls.sweep(held, followers.clone(), inventory).await;
        // Whoever left meanwhile may have been registered after the leave was posted.
        for Follower { service_request_id, user_id, .. } in followers {
            self.take_back_unless_followed(&service_request_id, user_id);
        }
        Ok(serde_json::from_slice(&answer?)?)
    }

    fn take_changes(self: &Arc<Self>, changes: Vec<SweepChange>, asked: Instant) {
        for SweepChange { id, version, last_seq, status, closed_at, who, here, elsewhere } in changes {
            let Some(group) = self.groups.get(id.as_str()) else { continue };
            self.metrics.sweep_changes.add(1);
            let Some(who) = who.filter(|_| version != SweepChange::VANISHED) else {
                let aftermath = group.vanish();
                self.follow_up(&group, aftermath, Urgency::Now);
                continue;
            };
            let news = News {
                version,
                who: who.clone(),
                standing: Standing { status, closed_at },
                last: last_seq,
                posts: Vec::new(),
                asked: Some(asked),
            };
            let aftermath = group.hear(&news);
            self.follow_up(&group, aftermath, Urgency::Now);
            let aftermath = group.hear_presence(&who, elsewhere, asked);
            self.follow_up(&group, aftermath, Urgency::Now);
            if group.needs_registering(here) {
                self.metrics.registrations_restored.add(1);
                self.inquiries.push(&id);
                // Perhaps a standby has taken over, which has no registrations: no event told of what it has stored since, and
                // as much may be stored in the place of what it lacks.
                self.verify_last(&group);
            }
        }
    }

    fn take_registrations(&self, registered: Vec<(ServiceRequestId, UserId)>) {
        for (id, user) in registered {
            if self.take_back_unless_followed(&id, user) {
                self.metrics.registrations_stray.add(1);
            }
        }
    }

    /// Has a registration taken back that is for nobody. Whether it is, and nobody has noticed before.
    pub(crate) fn take_back_unless_followed(&self, id: &ServiceRequestId, user: UserId) -> bool {
        let followed = self.groups.get(id.as_str()).is_some_and(|group| group.is_followed_by(&user));
        !followed && self.leaves.push(id, user)
    }
}

impl Questions {
    /// What to ask about these conversations, of those that somebody follows.
    fn about(groups: &[Arc<Group>]) -> Self {
        Self {
            held: groups.iter().filter_map(|group| group.held()).collect(),
            followers: groups.iter().flat_map(|group| group.unregistered()).collect(),
            inventory: None,
        }
    }
}
