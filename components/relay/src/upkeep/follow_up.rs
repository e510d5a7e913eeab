//! What follows from a change of a group, beyond the group.

use std::sync::Arc;

use chat::ErrorCode;
use signalr::Close;
use tokio::time::Instant;

use crate::groups::{Aftermath, Group};
use crate::node::Node;

/// Whether a missing message may be on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Urgency {
    /// It may be: another node's event overtaken by something else.
    Soon,
    /// It is not: it must be fetched.
    Now,
}

impl Node {
    /// Does what is left to do after a group has changed.
    pub(crate) fn follow_up(self: &Arc<Self>, group: &Arc<Group>, aftermath: Aftermath, urgency: Urgency) {
        let Aftermath { departed, lacking, inquire, empty, restarted, doubtful } = aftermath;
        if restarted {
            self.metrics.restarted.add(1);
            tracing::warn!(conversation = %group.id, "the database has lost messages: the conversation starts over");
        }
        if doubtful {
            self.verify_last(group);
        }
        for user in departed {
            self.leaves.push(&group.id, user);
        }
        if inquire {
            self.inquiries.push(&group.id);
        }
        if lacking {
            if group.begin_catch_up() {
                tokio::spawn(Arc::clone(self).catch_up(Arc::clone(group), urgency));
            } else {
                group.missing.notify_one();
                if urgency == Urgency::Now {
                    group.urgent.notify_waiters();
                }
            }
        }
        if empty {
            self.groups.remove_if_empty(group);
        }
    }

    /// Finds out whether the database still has the latest message that a group knows.
    pub(crate) fn verify_last(self: &Arc<Self>, group: &Arc<Group>) {
        if let Some(doubt) = group.doubt() {
            tokio::spawn(Arc::clone(self).resolve(Arc::clone(group), doubt));
        }
    }

    /// Asks again for what members of a group lack, and gives up the sends that wait too long for it.
    pub(crate) fn nudge(self: &Arc<Self>, group: &Arc<Group>) {
        let (overdue, aftermath) = group.nudge(Instant::now());
        for pending in overdue {
            self.metrics.unknown.add(1);
            pending
                .refuse(&ErrorCode::Unavailable.refusal("what comes before the message can't be read; send it again"));
        }
        self.follow_up(group, aftermath, Urgency::Now);
    }

    /// The database has another history: whoever follows anything comes back and starts over.
    pub(crate) fn renew(&self) {
        tracing::warn!("the database was restored: every client joins again");
        for group in self.groups.all() {
            for caller in group.forget() {
                caller.cut_off(&Close::failed("the database was restored; join again"));
            }
        }
    }
}
