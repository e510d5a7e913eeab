//! What the parts of a relay have in common.

use std::sync::Arc;

use chat::ErrorCode;
use chat::wire::DeliveryKey;
use signalr::Close;
use signalr_server::{Connections, Counts};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::Limits;
use crate::accounts::Accounts;
use crate::caller::Caller;
use crate::calls::Calls;
use crate::door::{Aftermath, Door};
use crate::doorbell::Doorbell;
use crate::doors::Doors;
use crate::epoch::Epoch;
use crate::inquiries::Inquiries;
use crate::lanes::Lanes;
use crate::leaves::Leaves;
use crate::metrics::Metrics;
use crate::origin::Origins;
use crate::proxy::Proxies;
use crate::tokens::Tokens;

/// Everything that the parts of a relay have in common.
pub(crate) struct Node {
    pub(crate) limits: Limits,
    pub(crate) asides: Semaphore,
    pub(crate) accounts: Accounts,
    pub(crate) calls: Calls,
    pub(crate) catch_ups: Semaphore,
    pub(crate) connections: Arc<Connections<Caller>>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) delivery_key: DeliveryKey,
    pub(crate) doorbell: Doorbell,
    pub(crate) doors: Doors,
    pub(crate) epoch: Epoch,
    pub(crate) inquiries: Inquiries,
    pub(crate) joins: Semaphore,
    pub(crate) lanes: Lanes,
    pub(crate) leaves: Leaves,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) origins: Origins,
    pub(crate) proxies: Proxies,
    pub(crate) tokens: Tokens,
}

/// Whether a missing message may be on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Urgency {
    /// It may be: another node's event overtaken by something else.
    Soon,
    /// It is not: it must be fetched.
    Now,
}

impl Node {
    /// Does what is left to do after something came in at a door.
    pub(crate) fn follow_up(self: &Arc<Self>, door: &Arc<Door>, aftermath: Aftermath, urgency: Urgency) {
        let Aftermath { departed, lacking, inquire, deserted, restarted, doubtful } = aftermath;
        if restarted {
            self.metrics.restarted.add(1);
            tracing::warn!(conversation = %door.id, "the database has lost messages: the conversation starts over");
        }
        if doubtful {
            self.verify_last(door);
        }
        for user in departed {
            self.leaves.push(&door.id, user);
        }
        if inquire {
            self.inquiries.push(&door.id);
        }
        if lacking {
            if door.begin_repair() {
                tokio::spawn(Arc::clone(self).repair(Arc::clone(door), urgency));
            } else {
                door.missing.notify_one();
                if urgency == Urgency::Now {
                    door.urgent.notify_waiters();
                }
            }
        }
        if deserted {
            self.doors.tidy(door);
        }
    }

    /// Finds out whether the database still has the latest message that is known at a door.
    pub(crate) fn verify_last(self: &Arc<Self>, door: &Arc<Door>) {
        if let Some(doubt) = door.doubt() {
            tokio::spawn(Arc::clone(self).resolve(Arc::clone(door), doubt));
        }
    }

    /// Asks again for what is missing at a door, and gives up the sends that wait too long for it.
    pub(crate) fn nudge(self: &Arc<Self>, door: &Arc<Door>) {
        let (overdue, aftermath) = door.nudge(Instant::now());
        for ticket in overdue {
            self.metrics.unknown.add(1);
            ticket
                .refuse(&ErrorCode::Unavailable.refusal("what comes before the message can't be read; send it again"));
        }
        self.follow_up(door, aftermath, Urgency::Now);
    }

    /// The database has another history: whoever follows anything comes back and starts over.
    pub(crate) fn renew(&self) {
        tracing::warn!("the database was restored: every client joins again");
        for door in self.doors.all() {
            for connection in door.forget() {
                connection.cut_off(&Close::failed("the database was restored; join again"));
            }
        }
    }
}
