//! Leaving conversations on a node.

use chat::{NodeName, UserId, wire::Leave};
use uuid::Uuid;

use crate::{
    Conversation, Database, StoreError,
    columns::{Columns, PartiesColumns, parsed},
    query::{one_row, text, texts},
    sql,
};

/// Who is there no longer, as far as other nodes are to hear of it.
#[derive(Clone, Debug, Default)]
pub struct Departures {
    /// The database's history.
    pub epoch: String,
    /// One for each party of a conversation.
    pub departures: Vec<Departure>,
}

/// A party of a conversation is there no longer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Departure {
    /// The party: a person of the service centre is the centre.
    pub user: UserId,
    /// The conversation. Its nodes are those to tell: for them the party is nowhere else.
    pub conversation: Conversation,
}

/// Takes back registrations of a node. What an earlier run of its relay says no longer counts.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say. A registration that stays costs a ring for nothing.
pub async fn leave(
    db: &impl Database,
    node: &NodeName,
    incarnation: Uuid,
    left: &[Leave],
) -> Result<Departures, StoreError> {
    if left.is_empty() {
        return Ok(Departures::default());
    }
    let parameters = vec![
        text(Some(node)),
        text(Some(incarnation.to_string())),
        texts(left.iter().map(|leave| Some(&leave.service_request_id))),
        texts(left.iter().map(|leave| Some(&leave.user_id))),
    ];
    let row = one_row(db, sql::LEAVE, parameters).await?;
    answer(row.ok_or_else(|| StoreError::shape("row"))?)
}

fn answer(mut row: Columns) -> Result<Departures, StoreError> {
    let epoch = row.text()?;
    let mut ids = row.texts()?;
    let mut versions = row.int8s()?;
    let mut parties = PartiesColumns::read(&mut row)?;
    let mut statuses = row.texts()?;
    let mut closed_ats = row.int8s()?;
    let mut users = row.texts()?;
    let mut nodes = row.texts()?;
    let mut departures = Vec::new();
    while let Some(id) = ids.maybe() {
        departures.push(Departure {
            user: users.parsed()?,
            conversation: Conversation {
                id: parsed(&id.ok_or_else(|| StoreError::shape("id"))?)?,
                version: versions.value()?,
                parties: parties.maybe()?.ok_or_else(|| StoreError::shape("parties"))?,
                status: statuses.parsed()?,
                closed_at: closed_ats.maybe_time()?,
                nodes: nodes.maybe_nodes()?,
            },
        });
    }
    Ok(Departures { epoch, departures })
}
