//! Joining a conversation.

use std::sync::Arc;

use chat::{ErrorCode, PartyPresence, Refusal, ServiceRequestId, Status, UserId};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::caller::Caller;
use crate::functions::{Failure, JoinAnswer, Observed, read_page};
use crate::groups::{Group, Joined, Standing};
use crate::node::Node;
use crate::upkeep::Urgency;

/// How often a join is tried: it is idempotent.
const ATTEMPTS: usize = 2;

/// A function that was given up has ended after this many times the longest call, most probably.
const LATE: u32 = 3;

/// A client's wish to join.
pub(crate) struct Join {
    /// Which conversation, as the client says it.
    pub(crate) id: Box<str>,
    /// Names the answer.
    pub(crate) invocation_id: Option<Box<str>>,
    /// The last number that the client has.
    pub(crate) after: Option<i64>,
    /// The epoch that this number is of.
    pub(crate) epoch: Option<Box<str>>,
}

/// A join under way, which ends for its connection however its task ends.
struct Attempt {
    node: Arc<Node>,
    caller: Arc<Caller>,
    group: Option<Arc<Group>>,
    join: Join,
    ended: bool,
}

impl Attempt {
    fn new(node: &Arc<Node>, caller: &Arc<Caller>, group: Option<Arc<Group>>, join: Join) -> Self {
        caller.begin();
        Self { node: Arc::clone(node), caller: Arc::clone(caller), group, join, ended: false }
    }

    fn end(mut self, result: Result<(), Refusal>) {
        self.ended = true;
        if let Err(refusal) = result {
            self.refuse(&refusal);
        }
    }

    fn refuse(&self, refusal: &Refusal) {
        self.caller.refuse(self.join.invocation_id.as_deref(), &refusal.to_string());
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.ended {
            // Only a panic leads here, or the end of the process: nobody knows how far the join has come.
            self.refuse(&ErrorCode::Unavailable.refusal("the join broke off; try again"));
            if let Some(group) = self.group.as_ref().filter(|_| Handle::try_current().is_ok()) {
                let aftermath = group.leave(&self.caller);
                self.node.follow_up(group, aftermath, Urgency::Soon);
            }
        }
        if let Some(group) = &self.group {
            self.caller.end_join(&group.id);
        }
        self.caller.finish();
    }
}

/// What the client hears.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    service_request_id: &'a ServiceRequestId,
    first_seq: i64,
    last_seq: i64,
    /// Whether messages that the client lacks are deleted.
    truncated: bool,
    epoch: &'a str,
    status: Status,
    /// Whether what the client has is of another history: everything follows, from the first number on.
    restarted: bool,
    parties: &'a [PartyPresence],
}

impl Node {
    /// Begins to join. What else the client wants of this conversation waits until the join has ended.
    pub(crate) fn begin_join(self: &Arc<Self>, caller: &Arc<Caller>, join: Join) {
        let node = Arc::clone(self);
        let caller = Arc::clone(caller);
        let group = ServiceRequestId::parse(&join.id).ok().map(|id| {
            self.groups.with(&id, |group| {
                group.begin_join(&caller);
                caller.begin_join(&group.id);
                Arc::clone(group)
            })
        });
        let attempt = Attempt::new(&node, &caller, group, join);
        tokio::spawn(async move {
            let result = match &attempt.group {
                Some(group) => node.join(&caller, group, &attempt.join).await,
                None => node.refuse_to_join(&caller, &attempt.join).await,
            };
            attempt.end(result);
        });
    }

    async fn join(self: &Arc<Self>, caller: &Arc<Caller>, group: &Arc<Group>, join: &Join) -> Result<(), Refusal> {
        self.leaves.cancel(&group.id, &caller.actor.user).await;
        let mut result = Ok(());
        for _ in 0..ATTEMPTS {
            result = self.try_to_join(caller, group, join).await;
            let unknown = matches!(&result, Err(refusal) if refusal.code == ErrorCode::Unavailable);
            if !unknown {
                break;
            }
        }
        if let Err(refusal) = &result {
            let aftermath = group.leave(caller);
            self.follow_up(group, aftermath, Urgency::Soon);
            if refusal.code == ErrorCode::Unavailable {
                self.take_back_late(group.id.clone(), caller.actor.user.clone());
            }
        }
        result
    }

    /// A function that was given up may still be at work, and register the user after the leave was posted.
    fn take_back_late(self: &Arc<Self>, id: ServiceRequestId, user: UserId) {
        let node = Arc::clone(self);
        let late = self.limits.call * LATE;
        tokio::spawn(async move {
            sleep(late).await;
            node.take_back_unless_followed(&id, user);
        });
    }

    async fn try_to_join(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        group: &Arc<Group>,
        join: &Join,
    ) -> Result<(), Refusal> {
        // First among the user's own, so that one user's joins leave room for others'.
        let (Ok(_own), Ok(_turn)) = (caller.accounts.user().joins.acquire().await, self.joins.acquire().await) else {
            return Err(ErrorCode::Unavailable.refusal("the server is stopping; try another"));
        };
        let asked = Instant::now();
        let call = self.calls.join(caller, &join.id, join.after, join.epoch.as_deref());
        let bytes = call.await.map_err(told)?;
        let answer: JoinAnswer<'_> = serde_json::from_slice(&bytes).map_err(|error| told(error.into()))?;
        if let Some(voucher) = answer.voucher {
            caller.take_voucher(voucher);
        }
        match self.epoch.observe(&answer.epoch, asked) {
            Observed::Current => {}
            Observed::Renewed => self.renew(),
            Observed::Outdated => {
                return Err(ErrorCode::Unavailable.refusal("the database is being restored; try again"));
            }
        }
        if answer.restarted && join.after.is_some_and(|after| after > answer.last_seq) {
            self.metrics.ahead.add(1);
            let (after, last) = (join.after, answer.last_seq);
            tracing::warn!(conversation = %group.id, after, last, "a client has messages that the database has not");
        }
        let at = if answer.restarted { 0 } else { join.after.unwrap_or(answer.last_seq) };
        let truncated = join.after.is_some() && at.saturating_add(1) < answer.first_seq;
        let page = read_page(&answer.messages, answer.first_seq, answer.last_seq, &caller.actor)
            .map_err(|error| told(error.into()))?;
        let joined = Joined {
            at,
            page,
            version: answer.version,
            who: answer.who,
            standing: Standing { status: answer.status, closed_at: answer.closed_at },
            elsewhere: answer.elsewhere,
            asked,
        };
        let tell = |parties: &[PartyPresence]| {
            let told = Answer {
                service_request_id: &group.id,
                first_seq: answer.first_seq,
                last_seq: answer.last_seq,
                truncated,
                epoch: &answer.epoch,
                status: answer.status,
                restarted: answer.restarted,
                parties,
            };
            caller.answer(join.invocation_id.as_deref(), &told);
        };
        let (result, aftermath) = group.finish_join(caller, joined, tell);
        self.follow_up(group, aftermath, Urgency::Now);
        result.map_err(|code| code.refusal("there is no such service request"))
    }

    /// The function says what is wrong with an id that can't be one.
    async fn refuse_to_join(&self, caller: &Caller, join: &Join) -> Result<(), Refusal> {
        let answer = self.calls.join(caller, &join.id, join.after, join.epoch.as_deref()).await;
        Err(answer.err().map_or_else(|| ErrorCode::NotFound.refusal("there is no such service request"), told))
    }
}

/// A failure as the client sees it. What only the operator can mend goes to the log.
fn told(failure: Failure) -> Refusal {
    if !matches!(failure, Failure::Refused(_)) {
        tracing::warn!(%failure, "a join failed");
    }
    failure.into_refusal()
}
