//! The sweep: what has changed of what a node holds.

use chat::wire::{SweepAnswer, SweepChange, SweepRequest};

use crate::{
    Database, StoreError,
    columns::{Columns, PartiesColumns, parsed},
    query::{int8s, one_row, text, texts},
    sql,
};

/// Compares the versions that a node knows with the current ones, counts the node as alive, and restores registrations
/// that a crash of the database has lost.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn sweep(db: &impl Database, request: &SweepRequest) -> Result<SweepAnswer, StoreError> {
    let parameters = vec![
        text(Some(&request.node)),
        text(Some(request.incarnation.to_string())),
        texts(request.conversations.iter().map(|(id, _)| Some(id))),
        int8s(request.conversations.iter().map(|(_, version)| *version)),
    ];
    let row = one_row(db, sql::SWEEP, parameters).await?;
    answer(row.ok_or_else(|| StoreError::shape("row"))?)
}

fn answer(mut row: Columns) -> Result<SweepAnswer, StoreError> {
    let epoch = row.text()?;
    let mut ids = row.texts()?;
    let mut versions = row.int8s()?;
    let mut last_seqs = row.int8s()?;
    let mut statuses = row.texts()?;
    let mut closed_ats = row.int8s()?;
    let mut parties = PartiesColumns::read(&mut row)?;
    let mut changed = Vec::new();
    while let Some(id) = ids.maybe() {
        changed.push(SweepChange {
            id: parsed(&id.ok_or_else(|| StoreError::shape("id"))?)?,
            version: versions.value()?,
            last_seq: last_seqs.value()?,
            status: statuses.parsed()?,
            closed_at: closed_ats.maybe_time()?,
            who: parties.maybe()?,
        });
    }
    Ok(SweepAnswer { epoch, changed })
}
