//! Joining a conversation.

use std::sync::Arc;

use chat::{ErrorCode, PartyPresence, Refusal, ServiceRequestId, Status};
use serde::Serialize;
use tokio::time::Instant;

use crate::answers::{JoinAnswer, page};
use crate::calls::Failure;
use crate::connection::Connection;
use crate::door::{Door, Joined, Standing, milliseconds_now};
use crate::epoch::Observed;
use crate::relay::{Inner, Urgency};

/// How often a join is tried: it is idempotent.
const ATTEMPTS: usize = 2;

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

/// What the client hears.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    service_request_id: &'a ServiceRequestId,
    last_seq: i64,
    epoch: &'a str,
    status: Status,
    parties: &'a [PartyPresence],
}

impl Inner {
    /// Begins to join. What else the client wants of this conversation waits until the join has ended.
    pub(crate) fn begin_join(self: &Arc<Self>, connection: &Arc<Connection>, join: Join) {
        let relay = Arc::clone(self);
        let connection = Arc::clone(connection);
        connection.begin();
        let door = ServiceRequestId::parse(&join.id).ok().map(|id| {
            self.doors.at(&id, |door| {
                door.begin_join(&connection);
                connection.begin_join(door);
                Arc::clone(door)
            })
        });
        tokio::spawn(async move {
            let result = match &door {
                Some(door) => relay.join(&connection, door, &join).await,
                None => relay.refuse_to_join(&connection, &join).await,
            };
            if let Err(refusal) = result {
                connection.refuse(join.invocation_id.as_deref(), &refusal.to_string());
            }
            if let Some(door) = &door {
                connection.end_join(door);
            }
            connection.finish();
        });
    }

    async fn join(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        door: &Arc<Door>,
        join: &Join,
    ) -> Result<(), Refusal> {
        self.leaves.settle(&door.id, &connection.actor.user).await;
        let mut result = Ok(());
        for _ in 0..ATTEMPTS {
            result = self.try_to_join(connection, door, join).await;
            let unknown = matches!(&result, Err(refusal) if refusal.code == ErrorCode::Unavailable);
            if !unknown {
                break;
            }
        }
        if result.is_err() {
            let aftermath = door.leave(connection);
            self.follow_up(door, aftermath, Urgency::Soon);
        }
        result
    }

    async fn try_to_join(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        door: &Arc<Door>,
        join: &Join,
    ) -> Result<(), Refusal> {
        let Ok(_turn) = self.joins.acquire().await else {
            return Err(ErrorCode::Unavailable.refusal("the server is stopping; try another"));
        };
        let (asked, asked_at) = (Instant::now(), milliseconds_now());
        let call = self.calls.join(&connection.token, &join.id, join.after, join.epoch.as_deref());
        let bytes = call.await.map_err(told)?;
        let answer: JoinAnswer<'_> = serde_json::from_slice(&bytes).map_err(|error| told(error.into()))?;
        match self.epoch.observe(&answer.epoch, asked) {
            Observed::Current => {}
            Observed::Renewed => self.renew(),
            Observed::Outdated => {
                return Err(ErrorCode::Unavailable.refusal("the database is being restored; try again"));
            }
        }
        let at = if answer.replay { 0 } else { join.after.unwrap_or(answer.last_seq) };
        let page = page(&answer.messages, answer.purged_through, answer.last_seq, &connection.actor)
            .map_err(|error| told(error.into()))?;
        let joined = Joined {
            at,
            page,
            version: answer.version,
            who: answer.who,
            standing: Standing { status: answer.status, closed_at: answer.closed_at },
            presence: answer.parties,
            asked_at,
        };
        let tell = |parties: &[PartyPresence]| {
            let (last_seq, epoch, status) = (answer.last_seq, &*answer.epoch, answer.status);
            let told = Answer { service_request_id: &door.id, last_seq, epoch, status, parties };
            connection.answer(join.invocation_id.as_deref(), &told);
        };
        let (result, aftermath) = door.finish_join(connection, joined, tell);
        self.follow_up(door, aftermath, Urgency::Now);
        result.map_err(|code| code.refusal("there is no such service request"))
    }

    /// The function says what is wrong with an id that can't be one.
    async fn refuse_to_join(&self, connection: &Connection, join: &Join) -> Result<(), Refusal> {
        let answer = self.calls.join(&connection.token, &join.id, join.after, join.epoch.as_deref()).await;
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
