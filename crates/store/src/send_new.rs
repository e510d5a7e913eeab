//! Storing one message that is new, which most messages are.

use chat::{Message, Status, wire::Outcome};
use uuid::Uuid;

use crate::{
    Conversation, Database, Item, Sent, StoreError,
    columns::{Columns, time},
    query::{one_row, text},
    sql,
};

/// Stores a message that is new, of a party, in an open conversation that nobody else is at; `None`, and nothing is done,
/// when it is anything else.
///
/// # Errors
/// Returns [`StoreError`] when the outcome is not known, or nothing was stored.
pub(crate) async fn send_new(db: &impl Database, item: &Item<'_>) -> Result<Option<Sent>, StoreError> {
    let id = Uuid::now_v7();
    let Item { actor, draft } = item;
    let parameters = vec![
        text(Some(&draft.service_request_id)),
        text(Some(&actor.user)),
        text(actor.as_customer()),
        text(actor.as_technician()),
        text(actor.as_center()),
        text(Some(id.to_string())),
        text(Some(draft.client_message_id.to_string())),
        text(Some(draft.body.as_str())),
    ];
    match one_row(db, sql::SEND_NEW, parameters).await {
        Ok(row) => sent(item, id, row.ok_or_else(|| StoreError::shape("row"))?),
        // It came before: that is for the statement which finds it.
        Err(StoreError::Taken(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn sent(Item { actor, draft }: &Item<'_>, id: Uuid, mut row: Columns) -> Result<Option<Sent>, StoreError> {
    let Some(epoch) = row.maybe_text()? else { return Ok(None) };
    let sent_at = time(row.int8()?)?;
    let seq = row.int8()?;
    let message = Message {
        id,
        service_request_id: draft.service_request_id.clone(),
        seq,
        sender_id: actor.user.clone(),
        sender_role: row.parsed()?,
        client_message_id: draft.client_message_id,
        body: draft.body.as_str().to_owned(),
        sent_at,
    };
    let conversation = Conversation {
        id: draft.service_request_id.clone(),
        version: row.int8()?,
        last_seq: seq,
        parties: row.parties()?,
        status: Status::Open,
        closed_at: None,
        nodes: row.maybe_nodes()?,
    };
    let outcomes = vec![Outcome::Stored { new: true, message: Box::new(message) }];
    Ok(Some(Sent { epoch, outcomes, conversations: vec![conversation] }))
}
