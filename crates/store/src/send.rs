//! Sending messages.

use chat::{Actor, Draft, ErrorCode, Message, wire::Outcome};
use spin_sdk::pg::ParameterValue;
use uuid::Uuid;

use crate::{
    Conversation, Database, StoreError,
    columns::{Columns, PartiesColumns, parsed, time},
    query::{int4s, one_row, texts},
    sql,
};

/// A message to store, and who sends it.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The sender.
    pub actor: &'a Actor,
    /// The message.
    pub draft: &'a Draft,
}

/// What became of a batch.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The database's history.
    pub epoch: String,
    /// In the order of the items.
    pub outcomes: Vec<Outcome>,
    /// The conversations of the messages that are stored now, whether by this call or by an earlier one.
    pub conversations: Vec<Conversation>,
}

/// Stores a batch of messages in one transaction.
///
/// Strangers, closed conversations and repetitions are outcomes: the rest of the batch is stored all the same. A batch
/// whose outcome is not known may be sent again, as it is or in parts: what it stored the first time is found again.
///
/// # Errors
/// Returns [`StoreError`] when the outcome of the whole batch is not known, or nothing was stored.
pub async fn send(db: &impl Database, items: &[Item<'_>]) -> Result<Sent, StoreError> {
    if items.is_empty() {
        return Ok(Sent { epoch: String::new(), outcomes: Vec::new(), conversations: Vec::new() });
    }
    // Version 7: whoever stores messages by their id stores them near their neighbours in time.
    let ids: Vec<Uuid> = items.iter().map(|_| Uuid::now_v7()).collect();
    let row = one_row(db, sql::SEND, parameters(items, &ids)).await?;
    answer(row.ok_or_else(|| StoreError::shape("row"))?, items, &ids)
}

/// The parameters name each conversation and each sender once; the items say which by their place.
fn parameters(items: &[Item<'_>], ids: &[Uuid]) -> Vec<ParameterValue> {
    let conversations = Distinct::of(items.iter().map(|item| &item.draft.service_request_id));
    let actors = Distinct::of(items.iter().map(|item| item.actor));
    vec![
        texts(conversations.values.iter().map(Some)),
        texts(actors.values.iter().map(|actor| Some(&actor.user))),
        texts(actors.values.iter().map(|actor| actor.as_customer())),
        texts(actors.values.iter().map(|actor| actor.as_technician())),
        texts(actors.values.iter().map(|actor| actor.as_center())),
        int4s(conversations.places),
        int4s(actors.places),
        texts(ids.iter().map(|id| Some(id.to_string()))),
        texts(items.iter().map(|item| Some(item.draft.client_message_id.to_string()))),
        texts(items.iter().map(|item| Some(item.draft.body.as_str()))),
    ]
}

/// Values without their repetitions, and for each of the original ones its place among them, counted from 1.
struct Distinct<'a, T> {
    values: Vec<&'a T>,
    places: Vec<i32>,
}

impl<'a, T: PartialEq> Distinct<'a, T> {
    fn of(all: impl Iterator<Item = &'a T>) -> Self {
        let mut distinct = Self { values: Vec::new(), places: Vec::new() };
        for value in all {
            // A batch is short: comparing is cheaper than hashing.
            let known = (1..).zip(&distinct.values).find(|(_, known)| **known == value).map(|(place, _)| place);
            let place = known.unwrap_or_else(|| {
                distinct.values.push(value);
                distinct.places.iter().max().map_or(1, |last| last + 1)
            });
            distinct.places.push(place);
        }
        distinct
    }
}

/// Reads the row: outcomes in the order of the items, what was stored before in the order of its items, conversations.
fn answer(mut row: Columns, items: &[Item<'_>], ids: &[Uuid]) -> Result<Sent, StoreError> {
    let epoch = row.text()?;
    let sent_at = time(row.int8()?)?;
    let mut kinds = row.int4s()?;
    let mut seqs = row.int8s()?;
    let mut roles = row.texts()?;
    let mut earlier_ids = row.texts()?;
    let mut earlier_times = row.int8s()?;
    let mut earlier_bodies = row.texts()?;
    let mut outcomes = Vec::with_capacity(items.len());
    for (item, id) in items.iter().zip(ids) {
        let kind = kinds.value()?;
        let seq = seqs.maybe().flatten();
        let role = roles.maybe().flatten();
        let message = || {
            Ok::<_, StoreError>(Box::new(Message {
                id: *id,
                service_request_id: item.draft.service_request_id.clone(),
                seq: seq.ok_or_else(|| StoreError::shape("seq"))?,
                sender_id: item.actor.user.clone(),
                sender_role: parsed(role.as_deref().ok_or_else(|| StoreError::shape("role"))?)?,
                client_message_id: item.draft.client_message_id,
                body: String::new(),
                sent_at,
            }))
        };
        outcomes.push(match kind {
            NEW => {
                let mut message = message()?;
                item.draft.body.as_str().clone_into(&mut message.body);
                Outcome::Stored { new: true, message }
            }
            EARLIER => {
                let mut message = message()?;
                message.id = earlier_ids.parsed()?;
                message.sent_at = time(earlier_times.value()?)?;
                message.body = earlier_bodies.maybe().flatten().unwrap_or_default();
                Outcome::Stored { new: false, message }
            }
            STRANGER => Outcome::Refused { error: ErrorCode::NotFound.refusal("there is no such service request") },
            CLOSED => {
                Outcome::Refused { error: ErrorCode::Closed.refusal("the service request is closed to new messages") }
            }
            _ => return Err(StoreError::shape("outcome")),
        });
    }
    Ok(Sent { epoch, outcomes, conversations: conversations(row)? })
}

// What `hubline.send` calls the outcomes.
const NEW: i32 = 0;
const EARLIER: i32 = 1;
const STRANGER: i32 = 2;
const CLOSED: i32 = 3;

fn conversations(mut row: Columns) -> Result<Vec<Conversation>, StoreError> {
    let mut ids = row.texts()?;
    let mut versions = row.int8s()?;
    let mut parties = PartiesColumns::read(&mut row)?;
    let mut statuses = row.texts()?;
    let mut closed_ats = row.int8s()?;
    let mut nodes = row.texts()?;
    let mut conversations = Vec::new();
    while let Some(id) = ids.maybe() {
        conversations.push(Conversation {
            id: parsed(&id.ok_or_else(|| StoreError::shape("id"))?)?,
            version: versions.value()?,
            parties: parties.maybe()?.ok_or_else(|| StoreError::shape("parties"))?,
            status: statuses.parsed()?,
            closed_at: closed_ats.maybe_time()?,
            nodes: nodes.nodes()?,
        });
    }
    Ok(conversations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_named_by_their_place() {
        let distinct = Distinct::of(["a", "b", "a", "c", "b"].iter());
        assert_eq!(distinct.values, [&"a", &"b", &"c"]);
        assert_eq!(distinct.places, [1, 2, 1, 3, 2]);
    }
}
