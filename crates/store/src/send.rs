//! Sending messages.

use std::{collections::HashMap, hash::Hash};

use chat::{Actor, ErrorCode, Message, ServiceRequestId, Status, wire::Outcome};
use spin_sdk::pg::ParameterValue;
use uuid::Uuid;

use crate::{
    Conversation, Database, Item, Sent, StoreError,
    columns::{Columns, PartiesColumns, parsed, time},
    query::{int4s, int8, one_row, texts},
    send_new::send_new,
    sql,
};

/// Stores a batch of messages in one transaction.
///
/// Strangers, closed conversations and repetitions are outcomes: the rest of the batch is stored all the same. A batch
/// whose outcome is not known may be sent again, as it is or in parts: what it stored the first time is found again.
///
/// `patience` is how long to wait for a conversation that another transaction holds, in milliseconds; what is still held then
/// is [`Outcome::Busy`], and the rest is stored. Without it everything waits for as long as the role may.
///
/// # Errors
/// Returns [`StoreError`] when the outcome of the whole batch is not known, or nothing was stored.
pub async fn send(db: &impl Database, items: &[Item<'_>], patience: Option<i64>) -> Result<Sent, StoreError> {
    match items {
        [] => return Ok(Sent { epoch: String::new(), outcomes: Vec::new(), conversations: Vec::new() }),
        [item] => {
            if let Some(sent) = send_new(db, item).await? {
                return Ok(sent);
            }
        }
        _ => {}
    }
    let batch = Batch::of(items);
    match (batch.send(db, patience).await, patience) {
        // Nothing is stored: now the others go first, and wait for nobody.
        (Err(StoreError::Held(_)), Some(1..)) => batch.send(db, Some(0)).await,
        (answer, _) => answer,
    }
}

/// Items as the statement takes them: each conversation and each sender named once.
struct Batch<'a> {
    items: &'a [Item<'a>],
    /// The ids of the messages that turn out to be new. Version 7: whoever stores messages by their id stores them near
    /// their neighbours in time.
    ids: Vec<Uuid>,
    conversations: Distinct<'a, ServiceRequestId>,
    actors: Distinct<'a, Actor>,
}

impl<'a> Batch<'a> {
    fn of(items: &'a [Item<'a>]) -> Self {
        Self {
            items,
            ids: items.iter().map(|_| Uuid::now_v7()).collect(),
            conversations: Distinct::of(items.iter().map(|item| &item.draft.service_request_id), |id| *id),
            // Who is read from one token is one value here; by another token of theirs they are named once more.
            actors: Distinct::of(items.iter().map(|item| item.actor), |actor| std::ptr::from_ref(*actor)),
        }
    }

    async fn send(&self, db: &impl Database, patience: Option<i64>) -> Result<Sent, StoreError> {
        let row = one_row(db, sql::SEND, self.parameters(patience)).await?;
        self.answer(row.ok_or_else(|| StoreError::shape("row"))?)
    }

    fn parameters(&self, patience: Option<i64>) -> Vec<ParameterValue> {
        let (items, actors) = (self.items, &self.actors.values);
        vec![
            texts(self.conversations.values.iter().map(Some)),
            texts(actors.iter().map(|actor| Some(&actor.user))),
            texts(actors.iter().map(|actor| actor.as_customer())),
            texts(actors.iter().map(|actor| actor.as_technician())),
            texts(actors.iter().map(|actor| actor.as_center())),
            int4s(self.conversations.places.iter().copied()),
            int4s(self.actors.places.iter().copied()),
            texts(self.ids.iter().map(|id| Some(id.to_string()))),
            texts(items.iter().map(|item| Some(item.draft.client_message_id.to_string()))),
            texts(items.iter().map(|item| Some(item.draft.body.as_str()))),
            int8(patience),
        ]
    }

    fn answer(&self, mut row: Columns) -> Result<Sent, StoreError> {
        let epoch = row.text()?;
        let outcomes = self.outcomes(&mut row)?;
        let mut stored = HashMap::new();
        for (place, outcome) in self.conversations.places.iter().zip(&outcomes) {
            if let Outcome::Stored { message, .. } = outcome {
                let last = stored.entry(*place).or_insert(message.seq);
                *last = message.seq.max(*last);
            }
        }
        let conversations = self.conversations(&mut row, &stored)?;
        Ok(Sent { epoch, outcomes, conversations })
    }

    /// Reads the outcomes in the order of the items; what earlier calls stored comes apart, in the order of its items.
    fn outcomes(&self, row: &mut Columns) -> Result<Vec<Outcome>, StoreError> {
        let taken_at = time(row.int8()?)?;
        let mut kinds = row.int4s()?;
        let mut seqs = row.int8s()?;
        let mut roles = row.texts()?;
        let mut earlier_ids = row.texts()?;
        let mut earlier_times = row.int8s()?;
        let mut earlier_bodies = row.texts()?;
        let mut outcomes = Vec::with_capacity(self.items.len());
        for (Item { actor, draft }, id) in self.items.iter().zip(&self.ids) {
            let kind = kinds.value()?;
            let (seq, role) = (seqs.maybe().flatten(), roles.maybe().flatten());
            let (new, id, sent_at, body) = match kind {
                NEW => (true, *id, taken_at, draft.body.as_str().to_owned()),
                EARLIER => {
                    let body = earlier_bodies.maybe().flatten().unwrap_or_default();
                    (false, earlier_ids.parsed()?, time(earlier_times.value()?)?, body)
                }
                STRANGER => {
                    outcomes.push(refused(ErrorCode::NotFound, "there is no such service request"));
                    continue;
                }
                CLOSED => {
                    outcomes.push(refused(ErrorCode::Closed, "the service request is closed to new messages"));
                    continue;
                }
                HELD => {
                    outcomes.push(Outcome::BUSY);
                    continue;
                }
                _ => return Err(StoreError::shape("outcome")),
            };
            let message = Message {
                id,
                service_request_id: draft.service_request_id.clone(),
                seq: seq.ok_or_else(|| StoreError::shape("seq"))?,
                sender_id: actor.user.clone(),
                sender_role: parsed(&role.ok_or_else(|| StoreError::shape("role"))?)?,
                client_message_id: draft.client_message_id,
                body,
                sent_at,
            };
            outcomes.push(Outcome::Stored { new, message: Box::new(message) });
        }
        Ok(outcomes)
    }

    /// Reads the conversations in which something is stored, given by their places and the highest number of it.
    fn conversations(&self, row: &mut Columns, stored: &HashMap<i32, i64>) -> Result<Vec<Conversation>, StoreError> {
        let mut versions = row.int8s()?;
        let mut parties = PartiesColumns::read(row)?;
        let mut closed_ats = row.int8s()?;
        let mut nodes = row.texts()?;
        let mut last_seqs = row.int8s()?;
        let mut conversations = Vec::with_capacity(self.conversations.values.len());
        for (place, id) in (1..).zip(&self.conversations.values) {
            let version = versions.maybe().flatten();
            let parties = parties.maybe()?;
            let closed_at = closed_ats.maybe_time()?;
            let nodes = nodes.maybe_nodes()?;
            // As they were before the batch, whose new messages are the last ones.
            let last_seq = last_seqs.maybe().flatten();
            if let (Some(version), Some(parties), Some(stored)) = (version, parties, stored.get(&place)) {
                let last_seq = last_seq.map_or(*stored, |last| last.max(*stored));
                let status = if closed_at.is_some() { Status::Closed } else { Status::Open };
                let id = (*id).clone();
                conversations.push(Conversation { id, version, last_seq, parties, status, closed_at, nodes });
            }
        }
        Ok(conversations)
    }
}

// What `hubline.send` calls the outcomes.
const NEW: i32 = 0;
const EARLIER: i32 = 1;
const STRANGER: i32 = 2;
const CLOSED: i32 = 3;
const HELD: i32 = 4;

fn refused(code: ErrorCode, detail: &str) -> Outcome {
    Outcome::Refused { error: code.refusal(detail) }
}

/// Values without their repetitions, and for each of the original ones its place among them, counted from 1.
struct Distinct<'a, T> {
    values: Vec<&'a T>,
    places: Vec<i32>,
}

impl<'a, T> Distinct<'a, T> {
    /// Values with equal keys count as repetitions.
    fn of<K: Eq + Hash>(all: impl Iterator<Item = &'a T>, key: impl Fn(&&'a T) -> K) -> Self {
        let mut distinct = Self { values: Vec::new(), places: Vec::with_capacity(all.size_hint().0) };
        let mut known = HashMap::new();
        let mut places = 1..;
        for value in all {
            let place = *known.entry(key(&value)).or_insert_with(|| {
                distinct.values.push(value);
                places.next().unwrap_or(i32::MAX)
            });
            distinct.places.push(place);
        }
        distinct
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_named_by_their_place() {
        let distinct = Distinct::of(["a", "b", "a", "c", "b"].iter(), |text| **text);
        assert_eq!(distinct.values, [&"a", &"b", &"c"]);
        assert_eq!(distinct.places, [1, 2, 1, 3, 2]);
    }
}
