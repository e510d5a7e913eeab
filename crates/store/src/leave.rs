//! Leaving conversations on a node.

use chat::{NodeName, wire::Leave};
use uuid::Uuid;

use crate::{
    Database, StoreError,
    query::{one_row, text, texts},
    sql,
};

/// Takes back registrations of a node. What an earlier run of its relay says no longer counts.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say. A registration that stays costs a ring for nothing.
pub async fn leave(db: &impl Database, node: &NodeName, incarnation: Uuid, left: &[Leave]) -> Result<(), StoreError> {
    if left.is_empty() {
        return Ok(());
    }
    let parameters = vec![
        text(Some(node)),
        text(Some(incarnation.to_string())),
        texts(left.iter().map(|leave| Some(&leave.service_request_id))),
        texts(left.iter().map(|leave| Some(&leave.user_id))),
    ];
    one_row(db, sql::LEAVE, parameters).await?;
    Ok(())
}
