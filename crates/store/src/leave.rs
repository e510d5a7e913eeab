//! Leaving conversations on a node.

use chat::{NodeName, ServiceRequestId, wire::Leave};
use uuid::Uuid;

use crate::{
    Database, StoreError,
    columns::{Columns, parsed},
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
    /// The conversation.
    pub id: ServiceRequestId,
    /// The nodes to ring: for them the party is nowhere else.
    pub nodes: Vec<NodeName>,
}

/// Takes back registrations of a node. What an earlier run of its relay says no longer counts.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say. What stays registered is found by the node's inventory.
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
    let mut nodes = row.texts()?;
    let mut departures = Vec::new();
    while let Some(id) = ids.maybe() {
        let id = parsed(&id.ok_or_else(|| StoreError::shape("id"))?)?;
        departures.push(Departure { id, nodes: nodes.maybe_nodes()? });
    }
    Ok(Departures { epoch, departures })
}
