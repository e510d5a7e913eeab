//! The sweep: what has changed of what a node holds.

use chat::{
    Attendance, ServiceRequestId, UserId,
    wire::{Held, SweepAnswer, SweepChange, SweepRequest},
};

use crate::{
    Database, StoreError,
    columns::{Columns, PartiesColumns, parsed},
    query::{int4s, int8, int8s, one_row, text, texts},
    sql,
};

/// Counts the node as alive, registers who is not registered, compares what the node knows with what is, and lists what it
/// may have registered for nothing.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn sweep(db: &impl Database, request: &SweepRequest) -> Result<SweepAnswer, StoreError> {
    let SweepRequest { node, incarnation, conversations, followers, inventory } = request;
    let parameters = vec![
        text(Some(node)),
        text(Some(incarnation.to_string())),
        texts(conversations.iter().map(|held| Some(&held.id))),
        int8s(conversations.iter().map(|held| held.version)),
        int4s(conversations.iter().map(attendances)),
        texts(followers.iter().map(|follower| Some(&follower.service_request_id))),
        texts(followers.iter().map(|follower| Some(&follower.user_id))),
        texts(followers.iter().map(|follower| Some(follower.role.as_str()))),
        int8(inventory.map(|inventory| inventory.after)),
        int8(inventory.map(|inventory| inventory.most)),
    ];
    let row = one_row(db, sql::SWEEP, parameters).await?;
    answer(row.ok_or_else(|| StoreError::shape("row"))?)
}

/// Three sets of parties in one number, three bits each: here, coming, elsewhere.
fn attendances(held: &Held) -> i32 {
    let bits = |attendance: Attendance| i32::from(attendance.bits());
    bits(held.here) | bits(held.coming) << 3 | bits(held.elsewhere) << 6
}

fn answer(mut row: Columns) -> Result<SweepAnswer, StoreError> {
    let epoch = row.text()?;
    let mut ids = row.texts()?;
    let mut versions = row.int8s()?;
    let mut last_seqs = row.int8s()?;
    let mut statuses = row.texts()?;
    let mut closed_ats = row.int8s()?;
    let mut parties = PartiesColumns::read(&mut row)?;
    let mut here = row.int4s()?;
    let mut elsewhere = row.int4s()?;
    let mut changed = Vec::new();
    while let Some(id) = ids.maybe() {
        changed.push(SweepChange {
            id: parsed(&id.ok_or_else(|| StoreError::shape("id"))?)?,
            version: versions.value()?,
            last_seq: last_seqs.value()?,
            status: statuses.parsed()?,
            closed_at: closed_ats.maybe_time()?,
            who: parties.maybe()?,
            here: here.attendance()?,
            elsewhere: elsewhere.attendance()?,
        });
    }
    let registered = registrations(&mut row)?;
    let inventory = row.maybe_int8()?;
    Ok(SweepAnswer { epoch, changed, registered, inventory })
}

fn registrations(row: &mut Columns) -> Result<Vec<(ServiceRequestId, UserId)>, StoreError> {
    let mut ids = row.texts()?;
    let mut users = row.texts()?;
    let mut registered = Vec::new();
    while let Some(id) = ids.maybe() {
        registered.push((parsed(&id.ok_or_else(|| StoreError::shape("id"))?)?, users.parsed()?));
    }
    Ok(registered)
}
